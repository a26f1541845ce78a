"""Jobs as processes of this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from lab.sweep.apart import begun
from lab.sweep.launchers.protocol import Job
from lab.sweep.worker import work


@dataclass(frozen=True)
class LocalJob:
    waits = False
    lost = None

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

    outlives = False

    def __init__(self, *, workers: int, devices: Sequence[int] = ()) -> None:
        """With `devices`, each job has one GPU to itself and there is a slot for each."""
        self.slots = len(devices) or workers
        self._free: list[int | None] = list(devices) or [None] * workers
        self._running: list[LocalJob] = []

    def found(self) -> Sequence[LocalJob]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> LocalJob:
        self._reclaim()
        job = LocalJob(folders, begun(work, list(folders), self._free[0]), self._free.pop(0))
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
