"""A sweep's report in the real wandb: read back offline, and met by a server of our own."""

import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.config.tracking import WandbConfig
from lab.track.wandb_report import ReportRun, record_report
from tests.track.fake_wandb import FakeWandb, fail
from tests.track.leet import leet, of_kind
from tests.track.server import Server

OFFLINE = WandbConfig(mode="offline", project="lab-tests")
ROWS = [
    {"variant": "rope", "kind": "decided", "difference": -0.25, "p_value": None, "n": 4},
    {"variant": "alibi", "kind": "undecided", "difference": None, "p_value": 0.5, "n": 8},
]
SUMMARY = {"kind/rope": "decided", "difference/rope": -0.25, "kind/alibi": "undecided"}


def png() -> bytes:
    """One white dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head, dot = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(b"\0\xff")
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", dot) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.fixture
def report(tmp_path: Path) -> ReportRun:
    """What a sweep left, and what is told of it."""
    folder, package = tmp_path / "experiments" / "posenc", tmp_path / "artifacts" / "rope-1-3f2a"
    (folder / "report").mkdir(parents=True)
    package.mkdir(parents=True)
    (package / "manifest.json").write_text("{}")
    (folder / "report" / "index.html").write_text("<title>Which is best?</title>")
    (folder / "report" / "report.json").write_text('{"schema": 2}')
    (folder / "report" / "differences.png").write_bytes(png())
    return ReportRun(
        sweep="posenc",
        plan="0123456789abcdef",
        folder=folder,
        step=12,
        config={"plan": "0123456789abcdef", "rule": "Four seeds.", "question": "Which is best?"},
        summary=SUMMARY,
        verdicts=ROWS,
        figures={"differences": "A dot a seed."},
        packages=[package],
    )


def logs(folder: Path) -> list[list[dict[str, Any]]]:
    """The records of each offline run of a sweep, oldest first."""
    files = sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda f: f.stat().st_mtime_ns)
    return [[json.loads(line) for line in leet("--json", file).splitlines()] for file in files]


def test_everything_is_in_one_offline_run(report: ReportRun) -> None:
    assert record_report(OFFLINE, report) is None
    (records,) = logs(report.folder)
    (run,) = of_kind(records, "run")
    place = ("run_id", "display_name", "run_group", "job_type", "project")
    expected = ["posenc-report-01234567", "report", "posenc", "report", "lab-tests"]
    assert [run[key] for key in place] == expected
    config = run["config"]["update"]
    assert {key: config[key] for key in report.config} == report.config
    (row,) = of_kind(records, "history")
    assert row["step"]["num"] == 12
    assert row["item"]["figures/differences.caption"] == "A dot a seed."
    (file,) = report.folder.glob("wandb/offline-run-*/*.wandb")
    found = json.loads(leet("--summary", "--json", file))
    assert {key: found["summary"].get(key) for key in SUMMARY} == SUMMARY
    assert found["exit_code"] == 0


def test_the_table_and_the_figures_are_there_whole(report: ReportRun) -> None:
    assert record_report(OFFLINE, report) is None
    (image,) = report.folder.glob("wandb/offline-run-*/files/media/images/figures/*.png")
    assert image.read_bytes() == png()
    (table,) = report.folder.glob("wandb/offline-run-*/files/media/table/*.json")
    assert json.loads(table.read_text()) == {
        "columns": ["variant", "kind", "difference", "p_value", "n"],
        "data": [["rope", "decided", -0.25, None, 4], ["alibi", "undecided", None, 0.5, 8]],
    }


def test_packages_are_recorded_where_they_are_and_the_report_is_copied(report: ReportRun) -> None:
    assert record_report(OFFLINE, report) is None
    (records,) = logs(report.folder)
    found = {artifact["type"]: artifact for artifact in of_kind(records, "artifact")}
    assert found["model"]["name"] == "posenc-rope-1-3f2a"  # as its own run has named it
    (content,) = found["model"]["manifest"]["contents"]
    assert content["local_path"] == str(report.packages[0] / "manifest.json")
    copies = {c["path"]: Path(c["local_path"]) for c in found["report"]["manifest"]["contents"]}
    assert copies.keys() == {"index.html", "report.json"}
    (report.folder / "report" / "index.html").write_text("the next one")
    assert copies["index.html"].read_text() == "<title>Which is best?</title>"
    assert all(path.is_relative_to(report.folder / "wandb") for path in copies.values())


def test_a_sweep_that_goes_on_updates_its_report(report: ReportRun) -> None:
    assert record_report(OFFLINE, report) is None
    assert record_report(OFFLINE, report) is None  # the same again is not recorded again
    assert len(logs(report.folder)) == 1
    (report.folder / "report" / "index.html").write_text("rope is best")
    assert (
        record_report(OFFLINE, replace(report, step=14, summary={"kind/alibi": "decided"})) is None
    )
    first, second = logs(report.folder)
    ids = [of_kind(records, "run")[0]["run_id"] for records in (first, second)]
    assert ids == ["posenc-report-01234567"] * 2
    steps = [of_kind(records, "history")[0]["step"]["num"] for records in (first, second)]
    assert steps == [12, 14]
    assert report.run_id != replace(report, plan="another plan").run_id


def test_a_sweep_without_verdicts_or_figures_has_a_report_too(report: ReportRun) -> None:
    bare = replace(report, verdicts=[], figures={}, summary={}, packages=[])
    assert record_report(OFFLINE, bare) is None
    (records,) = logs(report.folder)
    assert of_kind(records, "history") == []
    assert [artifact["type"] for artifact in of_kind(records, "artifact")] == ["report"]


def test_it_arrives_at_the_server(
    server: Server, report: ReportRun, capfd: pytest.CaptureFixture[str]
) -> None:
    assert record_report(WandbConfig(entity="me"), report) is None
    assert capfd.readouterr() == ("", "")
    asked = dict(reversed(server.asked))  # the first of each
    run = asked["UpsertBucket"]
    assert (run["name"], run["groupName"]) == ("posenc-report-01234567", "posenc")
    assert (run["displayName"], run["jobType"]) == ("report", "report")
    inputs = [body["input"] for name, body in server.asked if name == "CreateArtifact"]
    assert sorted(i["artifactTypeName"] for i in inputs) == ["model", "report", "run_table"]
    sent = [name for name, _ in server.asked]
    assert any(name.endswith(".png") for name in sent)


@pytest.mark.parametrize("at", ["init", "log", "add_file", "log_artifact", "finish"])
def test_what_goes_wrong_is_told_and_not_remembered_as_done(
    at: str, report: ReportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeWandb(at, fail)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    before = dict(os.environ)
    assert record_report(OFFLINE, report) == "OSError: no space left on device"
    assert fake.calls[-1] == "teardown"  # parting with its helper process
    assert dict(os.environ) == before
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb("", fail))
    assert record_report(OFFLINE, report) is None


def test_a_call_that_hangs_is_left_behind(
    report: ReportRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    fake = FakeWandb("log_artifact", lambda: never.wait() and None)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    trouble = record_report(OFFLINE, report, finish_timeout=0.1)
    assert trouble is not None
    assert trouble.startswith("TimeoutError: not finished in 0.1 s; `wandb sync ")
    never.set()


def test_a_silent_server_holds_up_no_process(server: Server, report: ReportRun) -> None:
    server.silent.set()
    program = (
        "import wandb\n"
        "from pathlib import Path\n"
        "from lab.config.tracking import WandbConfig\n"
        "from lab.track.wandb_report import ReportRun, record_report\n"
        f"report = ReportRun('s', 'p', Path({str(report.folder)!r}), 1, {{}}, {{}}, [], {{}}, [])\n"
        "print(record_report(WandbConfig(mode='online'), report, finish_timeout=2))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "TimeoutError: not finished in 2 s" in done.stdout


def test_nothing_is_recorded_where_the_report_is_missing(report: ReportRun) -> None:
    (report.folder / "report" / "index.html").unlink()
    trouble = record_report(OFFLINE, report)
    assert trouble is not None
    assert trouble.startswith("FileNotFoundError")
    assert not list(report.folder.glob("wandb/offline-run-*"))
