"""Processes that work for this one: how they end, and what happens when their server is killed."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest

from lab.errors import ConfigError, SweepError
from lab.sweep.apart import ask_apart
from lab.sweep.launchers.local import LocalLauncher
from lab.sweep.signals import ASKING


def server() -> int:
    pid: int = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    return pid


def wait_for_death(pid: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} lives on")


def kill_once(marker: Path, who: str) -> str:
    """Kills itself, or its fork server, the first time."""
    if not marker.exists():
        marker.write_text(str(os.getpid()))
        os.kill(os.getpid() if who == "itself" else os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return "answered"


def leave(code: int) -> None:
    os._exit(code)


def blocked() -> set[int]:
    return {*signal.pthread_sigmask(signal.SIG_BLOCK, ())}


@pytest.mark.parametrize("who", ["itself", "server"])
def test_an_answer_is_asked_for_again_where_a_kill_took_it(tmp_path: Path, who: str) -> None:
    marker = tmp_path / "marker"
    assert ask_apart(kill_once, marker, who) == "answered"
    wait_for_death(int(marker.read_text()))


def test_a_process_that_leaves_without_an_answer_is_told_of() -> None:
    with pytest.raises(SweepError, match="leave ended with code 7; see what it printed above"):
        ask_apart(leave, 7)


def test_an_error_of_the_user_comes_back() -> None:
    with pytest.raises(ConfigError, match="as it was raised"):
        ask_apart(refuse)


def refuse() -> None:
    raise ConfigError("as it was raised")


def test_what_asks_a_sweep_to_end_is_no_business_of_the_server() -> None:
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= ask_apart(blocked)
    assert signal.SIGTERM not in blocked()


def test_the_first_server_of_a_process_is_deaf_too() -> None:
    """Also while it imports what its workers need, to a Ctrl-C that means its whole group."""
    script = (
        "from lab.sweep.apart import ask_apart; from tests.sweep.test_launcher import blocked; "
        "print(*sorted(map(int, ask_apart(blocked))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert [*map(int, done.stdout.split())] == sorted(map(int, ASKING))


def test_a_job_tells_how_it_ended_and_frees_its_slot(tmp_path: Path) -> None:
    """A folder without an order: the worker says so, and ends with a code of its own."""
    launcher = LocalLauncher(workers=1)
    for _ in range(2):
        job = launcher.start([tmp_path])
        while job.is_alive():
            launcher.wait([job], timeout=1)
        assert job.exit_code == 1
    assert "order.json" in (tmp_path / "failure.json").read_text()


def test_a_worker_ends_with_its_server_and_the_next_has_another(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.txt")  # where it waits
    launcher = LocalLauncher(workers=1)
    job = launcher.start([tmp_path])
    first, pid = server(), job.process.pid
    assert job.is_alive()
    assert pid
    time.sleep(0.5)
    os.kill(first, signal.SIGKILL)
    wait_for_death(pid)
    while job.is_alive():
        launcher.wait([job], timeout=1)
    assert job.exit_code == 255
    assert ask_apart(os.getppid) == server() != first


def test_a_stopped_worker_is_killed_with_its_supervisor(tmp_path: Path) -> None:
    """Else it would hold its folder, and every later attempt of its run would wait in vain."""
    os.mkfifo(tmp_path / "log.txt")  # where it waits
    script = (
        "import sys; from pathlib import Path; "
        "from lab.sweep.launchers.local import LocalLauncher; "
        "job = LocalLauncher(workers=1).start([Path(sys.argv[1])]); "
        "print(job.process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout
        worker = int(supervisor.stdout.readline())
        while len(list(Path(f"/proc/{worker}/task").iterdir())) < 2:  # until it has its lifeline
            time.sleep(0.01)
        os.kill(worker, signal.SIGSTOP)
        supervisor.kill()
        wait_for_death(worker)
