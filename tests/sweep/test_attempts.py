"""What goes wrong is told in a sentence, kept, and counted since the run was last given up."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lab.files import read_json
from lab.sweep.attempts import (
    OUT_OF_MEMORY,
    SERVER_DIED,
    Attempts,
    Mishap,
    ending,
    last_lines,
    oom_kills,
    raised,
)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended before it was done"),
        (None, "ended before it was done"),
        (1, "ended with code 1"),
        (-signal.SIGKILL, "killed by SIGKILL"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-77, "killed by signal 77"),
        (SERVER_DIED, "ended with its fork server"),
    ],
)
def test_a_death_is_told_by_its_code(code: int | None, words: str) -> None:
    assert ending(code) == words


def test_a_kill_is_for_memory_where_the_kernel_counted_one() -> None:
    assert ending(-signal.SIGKILL, kernel_killed=True).startswith(OUT_OF_MEMORY)
    assert ending(SERVER_DIED, kernel_killed=True).startswith(OUT_OF_MEMORY)
    assert ending(-signal.SIGTERM, kernel_killed=True) == "killed by SIGTERM"
    assert ending(3, kernel_killed=True) == "ended with code 3"


def too_much(where: str) -> None:
    if where == "torch":
        torch.empty(2**55)
    elif where == "numpy":
        np.empty(2**55)
    elif where == "Python":
        bytearray(2**60)
    elif where == "CUDA":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 …")
    else:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@pytest.mark.parametrize("where", ["torch", "numpy", "Python", "CUDA", "the system"])
def test_running_out_of_memory_is_recognised_and_has_a_remedy(where: str) -> None:
    with pytest.raises((RuntimeError, MemoryError, OSError)) as caught:
        too_much(where)
    told = raised(caught.value)
    assert told.startswith(f"{OUT_OF_MEMORY}: take a smaller train.micro_batch_size")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("boom"), "RuntimeError: boom"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (KeyError(), "KeyError"),
        (OSError(errno.EACCES, "no"), "PermissionError: [Errno 13] no"),
    ],
)
def test_any_other_error_is_told_on_one_line(error: Exception, words: str) -> None:
    assert raised(error) == words


def test_a_long_error_is_cut() -> None:
    assert len(raised(RuntimeError("x" * 10_000))) == 400


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (Mishap("boom", 7), "boom at step 7"),
        (Mishap("boom", None, ("Error: boom",)), "boom; log.txt ends with “Error: boom”"),
        (Mishap("Error: boom", 0, ("  Error: boom",)), "Error: boom at step 0"),
        (Mishap("boom", None, ("2026-01-01T00:00:00.0Z INFO lab.run: begun",)), "boom"),
    ],
)
def test_a_log_is_quoted_where_it_says_more(mishap: Mishap, words: str) -> None:
    assert mishap.in_words == words


def test_of_a_log_the_lines_of_this_attempt_count(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert last_lines(log, since=0) == ()
    log.write_text("before\n")
    since = log.stat().st_size
    assert last_lines(log, since=since) == ()
    log.write_bytes(
        log.read_bytes() + b"".join(b"line %d\n\n" % k for k in range(50)) + b"\xff torn"
    )
    assert last_lines(log, since=since) == (*(f"line {k}" for k in range(31, 50)), "� torn")
    log.write_text("x" * 10**6)
    assert [len(line) for line in last_lines(log, since=0)] == [8192]


def test_attempts_are_kept_and_counted_since_the_run_was_given_up(tmp_path: Path) -> None:
    numbers = [Attempts(tmp_path).add(Mishap(f"{k}", k, ("a", "b")), allowed=3) for k in range(7)]
    assert numbers == [1, 2, 3, 1, 2, 3, 1]
    kept = read_json(tmp_path / "attempts.json")
    assert kept[1] == {"error": "1", "step": 1, "log": ["a", "b"]}
    assert [k for k, attempt in enumerate(kept) if attempt.get("given_up")] == [2, 5]


def test_fewer_attempts_than_there_were_give_a_run_up_at_once(tmp_path: Path) -> None:
    """A question that was edited in the meantime."""
    for _ in range(3):
        Attempts(tmp_path).add(Mishap("x", None), allowed=9)
    assert Attempts(tmp_path).add(Mishap("x", None), allowed=2) == 4
    assert Attempts(tmp_path).add(Mishap("x", None), allowed=2) == 1


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", "null"])
def test_a_damaged_file_of_attempts_counts_for_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "attempts.json").write_text(content)
    assert Attempts(tmp_path).add(Mishap("x", None), allowed=3) == 1
    assert len(read_json(tmp_path / "attempts.json")) == 1


def test_the_kernel_is_asked_in_this_group_before_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str] = {"/proc/vmstat": "pgfault 12\noom_kill 9\n"}

    def read_text(path: Path, *args: Any, **more: Any) -> str:
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert oom_kills() == 9
    files["/proc/self/cgroup"] = "12:memory:/old\n0::/jobs/7\n"
    assert oom_kills() == 9
    files["/sys/fs/cgroup/jobs/7/memory.events"] = "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"
    assert oom_kills() == 2
    files.clear()
    assert oom_kills() == 0
