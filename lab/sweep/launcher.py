"""Where work orders are carried out. The supervisor knows this interface and nothing behind it.

The unit of work is a batch of run folders, usually one.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from lab.config.run import RunConfig
from lab.errors import LabError, SweepError
from lab.sweep.attempts import ending
from lab.sweep.lifeline import end_with_parents
from lab.sweep.server import running_server
from lab.sweep.worker import work

TRIES = 3  # of asking a process that is killed
PATIENCE = 30.0  # seconds in which a process can be started


class Job(Protocol):
    """Some work orders under way."""

    @property
    def folders(self) -> Sequence[Path]: ...

    def is_alive(self) -> bool: ...

    @property
    def exit_code(self) -> int | None:
        """0 where it ended well, below 0 minus the signal that killed it; None while it lives."""
        ...

    def stop(self) -> None:
        """Ask for a checkpoint and an end."""

    def kill(self) -> None:
        """End at once."""


class Launcher(Protocol):
    @property
    def slots(self) -> int:
        """How many jobs may run at a time."""
        ...

    def start(self, folders: Sequence[Path]) -> Job: ...

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        """Return when a job has ended, or after `timeout` seconds."""


@dataclass(frozen=True)
class LocalJob:
    folders: Sequence[Path]
    process: BaseProcess
    device: int | None

    def is_alive(self) -> bool:
        return self.process.is_alive()

    @property
    def exit_code(self) -> int | None:
        return self.process.exitcode

    def stop(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


class LocalLauncher:
    """Processes on this machine, forked from a server that has imported torch already."""

    def __init__(self, *, workers: int, devices: Sequence[int] = ()) -> None:
        """With `devices`, each job has one GPU to itself and there is a slot for each."""
        self.slots = len(devices) or workers
        self._free: list[int | None] = list(devices) or [None] * workers
        self._running: list[LocalJob] = []

    def start(self, folders: Sequence[Path]) -> LocalJob:
        self._reclaim()
        job = LocalJob(folders, _process(work, list(folders), self._free[0]), self._free.pop(0))
        self._running.append(job)
        return job

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        wait([job.process.sentinel for job in self._running], timeout)
        self._reclaim()

    def _reclaim(self) -> None:
        ended = [job for job in self._running if not job.is_alive()]
        for job in ended:
            job.process.join()
            self._free.append(job.device)
            self._running.remove(job)


def ask_apart(function: Callable[..., Any], *args: Any) -> Any:
    """The value of a function called in a process of its own, so that this one stays free of torch.

    Raises the `LabError` that the function raises, and `SweepError` where that process dies; one
    that was killed is followed by another first.
    """
    for _ in range(TRIES):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = _process(_answer, sender, function, args)
        sender.close()
        try:
            answer = receiver.recv()
        except (EOFError, ConnectionError):
            process.join()
            if process.exitcode == 1:  # an error of its own, which it printed
                break
            continue
        finally:
            receiver.close()
            process.kill()  # it has answered, or nobody waits for an answer any more
            process.join()
        if isinstance(answer, LabError):
            raise answer
        return answer
    how = ending(process.exitcode)
    raise SweepError(f"{function.__name__} {how}; see what it printed above, and try again")


def count_gpus() -> int:
    """CUDA devices; call through `ask_apart`."""
    import torch

    return torch.cuda.device_count()


def seconds_a_token(config: RunConfig, data: Path | None, threads: int) -> float:
    """Seconds that a training token takes here; call through `ask_apart`."""
    from lab.run import time_steps

    return time_steps(config, data, threads=threads)


def _answer(sender: Any, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    end_with_parents()
    try:
        sender.send(function(*args))
    except LabError as error:
        sender.send(error)


def _process(target: Callable[..., None], *args: Any) -> BaseProcess:
    """A process under way, from another fork server where the last one has died.

    One that was killed may take a while to be gone, and is deaf until then.
    """
    patience = time.monotonic() + PATIENCE
    while True:
        process = running_server().Process(target=target, args=args)
        try:
            process.start()
            return process
        except (OSError, EOFError) as error:
            if time.monotonic() > patience:
                raise SweepError(
                    f"no process can be started ({error}); make room for one and try again"
                ) from None
            time.sleep(0.05)
