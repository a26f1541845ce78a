"""Whatever a process prints, and however, is kept as far as there is space."""

import subprocess
import sys
from pathlib import Path

import pytest

PROLOGUE = """
import os, sys, time
from pathlib import Path
import lab.log, lab.printed
from lab.printed import print_to
"""


def run(program: str, *, folder: Path) -> "subprocess.CompletedProcess[str]":
    repository = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", PROLOGUE + program],
        cwd=folder,
        env={"PYTHONPATH": str(repository), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_python_and_what_lies_beneath_it_are_heard(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("earlier\n")
    done = run(
        """
print("before", flush=True)
print_to(Path("log.txt"))
print("one")
os.write(2, b"two\\n")
print("three \\ud800", file=sys.stderr)
os.system("echo four")
sys.exit("five")
""",
        folder=tmp_path,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("before\n", "", 1)
    expected = ["earlier", "one", "two", "three \\ud800", "four", "five"]
    assert (tmp_path / "log.txt").read_text().splitlines() == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_printing_on_a_full_disk_is_no_error(tmp_path: Path) -> None:
    done = run(
        """
print_to(Path("/dev/full"))
print("one", flush=True)
print("two", file=sys.stderr)
sys.stdout.flush()
Path("reached").touch()
""",
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert (tmp_path / "reached").exists()


def test_a_file_that_cannot_be_had_is_no_error(tmp_path: Path) -> None:
    done = run(
        "print_to(Path('missing/log.txt')); print(1); Path('reached').touch()", folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "reached").exists()


def test_output_without_end_is_cut(tmp_path: Path) -> None:
    done = run(
        """
lab.printed.LIMIT = 5000
lab.printed.SECONDS = 0.01
print_to(Path("log.txt"))
while os.fstat(1).st_ino == os.stat("log.txt").st_ino:
    print("x" * 999)
    time.sleep(0.001)
print("nobody hears this")
""",
        folder=tmp_path,
    )
    assert done.returncode == 0
    kept = (tmp_path / "log.txt").read_text()
    assert len(kept) >= 5000
    assert "here is the limit of this log" in kept
    assert "nobody" not in kept
