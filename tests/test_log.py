"""A log keeps what happens, and nothing happens because of it."""

import io
import logging
import math
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from lab import log as module
from lab.errors import ConfigError
from lab.log import LINES, TEXT, read_log, start_logs

LAB = logging.getLogger("lab.sweep")


def screen(**options: Any) -> Console:
    return Console(file=io.StringIO(), width=60, color_system=None, **options)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def fields(event: str, **more: Any) -> dict[str, Any]:
    return {"fields": {"event": event, **more}}


def messages(folder: Path) -> list[str]:
    return [record["message"] for record in read_log(folder / LINES)]


def record_alone(folder: Path, patch: pytest.MonkeyPatch, *said: Any, **more: Any) -> None:
    """Without the handlers of pytest, which take less than ours."""
    patch.setattr(logging.getLogger(), "handlers", [])
    with start_logs(folder):
        LAB.info(*said, **more)


def test_a_record_stands_in_both_files(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with start_logs(tmp_path):
        LAB.info("%s has started", "rope-1", extra=fields("started", run="rope-1", step=4))
        LAB.debug("nobody needs this")
    (record,) = read_log(tmp_path / LINES)
    time = datetime.fromisoformat(record.pop("time"))
    assert before < time <= datetime.now(UTC)
    assert record == {
        "level": "INFO",
        "logger": "lab.sweep",
        "message": "rope-1 has started",
        "event": "started",
        "run": "rope-1",
        "step": 4,
    }
    stamp, rest = (tmp_path / TEXT).read_text().split(" ", 1)
    assert datetime.fromisoformat(stamp) == time
    assert rest == "INFO lab.sweep: rope-1 has started\n"


def test_only_the_block_is_logged_and_everything_is_given_back(tmp_path: Path) -> None:
    def state() -> tuple[Any, ...]:
        root, lab = logging.getLogger(), logging.getLogger("lab")
        return [*root.handlers], lab.level, warnings.showwarning, threading.excepthook

    before = state()
    with start_logs(tmp_path, console=screen()) as logs:
        assert state() != before
        LAB.info("inside")
    assert state() == before
    LAB.warning("outside")
    logs.close()
    assert state() == before
    assert messages(tmp_path) == ["inside"]


def test_no_message_can_pass_for_two(tmp_path: Path) -> None:
    with start_logs(tmp_path):
        LAB.info("one\n2026-01-01T00:00:00Z INFO lab.sweep: two\r\nthree")
    assert len((tmp_path / LINES).read_text().splitlines()) == 1
    first, *others = (tmp_path / TEXT).read_text().splitlines()
    assert first.endswith("INFO lab.sweep: one")
    assert len(others) == 2
    assert all(line.startswith("    ") for line in others)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (Path("a"), "a"),
        ((1, {2: {3.5}}), [1, {"2": "{3.5}"}]),
        ("\ud800é", "\ud800é"),
        (True, True),
        (None, None),
    ],
)
def test_any_field_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any, kept: Any
) -> None:
    odd = fields("x", value=value, message="never over the real one")
    record_alone(tmp_path, monkeypatch, "\ud800é", extra=odd)
    text = (tmp_path / TEXT).read_text()
    (record,) = read_log(tmp_path / LINES)
    assert record["value"] == kept
    assert record["message"] == "\ud800é"
    assert text.endswith("lab.sweep: \\ud800é\n")


def test_a_message_whose_arguments_do_not_fit_is_kept_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_alone(tmp_path, monkeypatch, "%d steps", "many")
    assert messages(tmp_path) == ["%d steps ('many',)"]


@pytest.mark.parametrize("torn", [b'{"time": "2026-01-', b'{"time": 1}\n{"ti', b"\n\n\0\0\0"])
def test_a_torn_line_is_one_line(tmp_path: Path, torn: bytes) -> None:
    for name in (TEXT, LINES):
        (tmp_path / name).write_bytes(torn)
    with start_logs(tmp_path):
        LAB.info("next")
    for name in (TEXT, LINES):
        assert (tmp_path / name).read_bytes().startswith(torn + b"\n")
    assert list(read_log(tmp_path / LINES))[-1]["message"] == "next"


def test_lines_between_those_of_another_writer_stay_whole(tmp_path: Path) -> None:
    """A library prints into log.txt while we log, and does not end its line."""
    with start_logs(tmp_path), (tmp_path / TEXT).open("ab", buffering=0) as printed:
        printed.write(b"loading")
        LAB.info("a")
        printed.write(b"...")
        LAB.info("b")
    lines = (tmp_path / TEXT).read_text().splitlines()
    assert [line.split(": ")[-1] for line in lines] == ["loading", "a", "...", "b"]


def test_a_file_that_is_none_gives_no_records(tmp_path: Path) -> None:
    assert list(read_log(tmp_path / LINES)) == []
    (tmp_path / LINES).write_text('[1]\nnull\n"a"\n' + "[" * 100_000 + '\n{"message": "a"}\n{"b": ')
    assert list(read_log(tmp_path / LINES)) == [{"message": "a"}]


class Full:
    """`os.write` on a disk without space: writes so many bytes and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, space: int) -> None:
        self.write, self.space = module.os.write, space
        monkeypatch.setattr(module.os, "write", self)

    def __call__(self, handle: int, content: bytes) -> int:
        if content and not self.space:
            raise OSError(28, "No space left on device")
        n = self.write(handle, content[: self.space])
        self.space -= n
        return n


def test_a_full_disk_loses_lines_and_says_so_when_there_is_space_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with start_logs(tmp_path):
        LAB.info("first")
        with monkeypatch.context() as patch:
            Full(patch, 20)
            for _ in range(3):
                LAB.info("lost")
        LAB.info("last")
    lost = "3 lines before this one could not be written"
    assert messages(tmp_path) == ["first", lost, "last"]
    assert (tmp_path / TEXT).read_text().count("\n") == 4  # one of them torn
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("obstacle", ["missing", "a file", "a folder each"])
def test_a_place_where_nothing_can_be_written_is_no_error(
    tmp_path: Path, obstacle: str, capfd: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "run"
    if obstacle == "a file":
        place.write_text("")
    if obstacle == "a folder each":
        for name in (TEXT, LINES):
            (place / name).mkdir(parents=True)
    with start_logs(place):
        LAB.info("lost")
        if obstacle == "missing":
            place.mkdir()
            LAB.info("kept")
    assert messages(place) == (
        ["1 lines before this one could not be written", "kept"] if obstacle == "missing" else []
    )
    assert capfd.readouterr() == ("", "")


def test_a_log_has_a_limit_an_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 2000)
    for attempt in (1, 2):
        with start_logs(tmp_path):
            for i in range(100):
                LAB.info("line %d", i)
        found = messages(tmp_path)
        assert found.count("line 0") == attempt
        assert found[-1] == "here is the limit of 2000 bytes; no more follows"
        for name in (TEXT, LINES):
            assert 1500 * attempt < (tmp_path / name).stat().st_size < 2200 * attempt


def test_warnings_and_other_libraries_are_heard(tmp_path: Path) -> None:
    with start_logs(tmp_path), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("the rates are odd", UserWarning, stacklevel=1)
        logging.getLogger("elsewhere").warning("beware")
        logging.getLogger("elsewhere").info("a detail")
    first, second = read_log(tmp_path / LINES)
    assert first["message"].startswith("UserWarning: the rates are odd (")
    assert first["message"].split(":")[-2].endswith("test_log.py")
    assert (first["level"], first["logger"]) == ("WARNING", "lab.log")
    assert (second["message"], second["logger"]) == ("beware", "elsewhere")


def test_a_thread_that_ends_in_an_error_is_heard(tmp_path: Path) -> None:
    console = screen()
    with start_logs(tmp_path, console=console):
        thread = threading.Thread(target=lambda: [][0], name="spare")
        thread.start()
        thread.join()
    (record,) = read_log(tmp_path / LINES)
    assert record["message"] == "the thread spare ended"
    assert record["traceback"].endswith("IndexError: list index out of range")
    line = "error: the thread spare ended: IndexError: list index out of range\n"
    assert shown(console) == line


def test_a_defect_has_its_traceback_in_the_files_and_a_line_on_the_terminal(tmp_path: Path) -> None:
    console = screen()
    with pytest.raises(SystemExit) as end, start_logs(tmp_path, console=console):
        raise ValueError("7 is no prime\nof course")
    assert end.value.code == 1
    assert isinstance(end.value.__cause__, ValueError)
    (record,) = read_log(tmp_path / LINES)
    assert record["level"] == "CRITICAL"
    assert "test_log.py" in record["traceback"]
    assert "ValueError: 7 is no prime" in (tmp_path / TEXT).read_text()
    assert shown(console) == (
        f"error: a defect of the lab; traceback in {tmp_path / TEXT}: "
        "ValueError: 7 is no prime of course\n"
    )


@pytest.mark.parametrize(
    ("error", "traced"),
    [(ConfigError("d_model=65"), False), (OSError(28, "full"), True), (KeyboardInterrupt(), False)],
)
def test_an_end_that_the_command_has_a_sentence_for_is_left_to_it(
    tmp_path: Path, error: BaseException, traced: bool
) -> None:
    console = screen()
    with pytest.raises(type(error)), start_logs(tmp_path, console=console):
        raise error
    (record,) = read_log(tmp_path / LINES)
    assert record["message"].startswith(f"ended by {type(error).__name__}")
    assert ("traceback" in record) == traced
    assert shown(console) == ""


def test_an_exit_is_no_event(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="28"), start_logs(tmp_path):
        raise SystemExit(28)
    assert messages(tmp_path) == []


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        (-1, "rope-1 has started\nwarning: it is slow\nerror: it is lost\n"),
        (0, "warning: it is slow\nerror: it is lost\n"),
        (1, "warning: it is slow\nerror: it is lost\n"),
    ],
)
def test_what_a_terminal_shows(tmp_path: Path, quiet: int, expected: str) -> None:
    console = screen()
    with start_logs(tmp_path, quiet=quiet, console=console, told=["ended"]):
        LAB.info("rope-1 has started", extra=fields("started"))
        LAB.warning("it is slow\nsee below")
        LAB.error("it is lost")
        LAB.warning("rope-1 has failed", extra=fields("ended"))  # the display has said so
    assert shown(console) == expected
    assert len(messages(tmp_path)) == 4


def test_a_line_is_not_wrapped_nor_read_as_markup(tmp_path: Path) -> None:
    console = screen()
    text = "see [runs/a-1]/log.txt " + "x" * 100
    with start_logs(tmp_path, console=console):
        LAB.warning(text)
    assert shown(console) == f"warning: {text}\n"


def test_lines_stand_once_and_above_the_bars(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    console = screen(force_terminal=True)
    with Progress(console=console) as bars, start_logs(tmp_path, console=console):
        bars.add_task("sweep", total=3)
        LAB.warning("it is slow")
    assert shown(console).count("it is slow") == 1
    assert shown(console).index("it is slow") < shown(console).rindex("sweep")
    assert capfd.readouterr() == ("", "")


def test_a_terminal_that_has_gone_is_no_error(tmp_path: Path) -> None:
    console = screen()
    console.file.close()
    with start_logs(tmp_path, console=console):
        LAB.warning("heard by nobody")
    assert messages(tmp_path) == ["heard by nobody"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    with start_logs(tmp_path):
        threads = [
            threading.Thread(target=lambda i=i: [LAB.info("%d %d", i, j) for j in range(20)])
            for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(messages(tmp_path)) == sorted(f"{i} {j}" for i in range(8) for j in range(20))
    assert len((tmp_path / LINES).read_text().splitlines()) == 160


def test_wandb_has_its_own_log(tmp_path: Path) -> None:
    with start_logs(tmp_path):
        logging.getLogger("wandb.sdk").error("an exception of mine")
        logging.getLogger("wandbering").error("of another")
    assert messages(tmp_path) == ["of another"]
