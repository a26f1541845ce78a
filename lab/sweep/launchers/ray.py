"""Jobs as actors of a Ray cluster, which shares no disk with this process.

Design choices:
- an actor has a job's files brought to its node, and brings back what changes there: see `parcel`,
  for what travels, and `ray_node`, for how the work is done;
- of every job one question is open, for news of it, and this process sleeps until an answer comes:
  what it costs grows with what happens, not with how long it takes;
- a few jobs more than there is room for wait at Ray, so that a place that becomes free is taken at
  once, also one of a node that has joined since;
- what did not come back is lost with a node; the run goes on from its last checkpoint that did.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.config.launcher import Ray
from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import read_json
from lab.run_folder import ORDER
from lab.sweep.launchers.parcel import pack
from lab.sweep.launchers.protocol import Job
from lab.sweep.launchers.ray_cluster import joined, needs, require_room, room
from lab.sweep.launchers.ray_job import RayJob
from lab.sweep.launchers.ray_node import Node, code_here
from lab.sweep.launchers.ray_tokens import Tokens, hand_in

ROOM_FOR = 2.0  # seconds for which the number of slots holds
SHARE_WAITING = 8  # one job more than there is room for, for so many that there is
PATIENCE = 10.0  # seconds for an actor to end its child


def check(config: Ray, *, threads: int = 1) -> None:
    """Raise `ConfigError` where the cluster cannot be used, or has no node for a run."""
    require_room(joined(config), needs(config, threads=threads))


class RayLauncher:
    """Actors, as many as there is room for, and a few that wait."""

    outlives = False

    def __init__(
        self,
        config: Ray,
        *,
        folder: Path,
        tokens: Sequence[Path],
        threads: int,
        jobs: int | None,
    ) -> None:
        """`tokens` are the folders that runs may read; `jobs`, else the config's, are the most."""
        self._ray = joined(config)
        self._need = needs(config, threads=threads)
        require_room(self._ray, self._need)
        self._most = jobs or config.jobs
        self._tokens, self._handed_in = {path.name: path for path in tokens}, dict[str, Tokens]()
        self._jobs: list[RayJob] = []
        self._slots, self._looked = 1, -ROOM_FOR
        self._actor = _actor(self._ray, self._need)

    @property
    def slots(self) -> int:
        if time.monotonic() - self._looked > ROOM_FOR:
            there = max(1, room(self._ray, self._need))
            self._slots, self._looked = there + 1 + there // SHARE_WAITING, time.monotonic()
        return min(self._slots, self._most or self._slots)

    def found(self) -> Sequence[RayJob]:
        return ()

    def gathers(self, seconds: float | None) -> int:
        return 1

    def start(self, folders: Sequence[Path]) -> RayJob:
        ray, orders = self._ray, [_order(folder) for folder in folders]
        tokens = {Path(order.data).name for order in orders if order.data}
        actor = self._actor.remote()
        begun = actor.begin.remote(
            {folder.name: pack(folder) for folder in folders},
            [self._sent(name) for name in sorted(tokens)],
            code=code_here(),
            gpus="GPU" in self._need,
        )
        job = RayJob(folders, orders, ray, actor, begun)
        self._jobs.append(job)
        return job

    def wait(self, jobs: Sequence[Job], *, timeout: float) -> None:
        until = time.monotonic() + timeout
        while not any(job.ended for job in self._jobs):
            left = max(0.0, until - time.monotonic())
            answered = self._answered(left)
            for job in answered:
                if fault := job.hear():
                    self._give_up(fault)
            self._bury()
            if time.monotonic() >= until:
                break
        self._jobs = [job for job in self._jobs if not job.ended]

    def _sent(self, name: str) -> Tokens:
        """Tokens in the object store, where they are brought once."""
        if name not in self._handed_in:
            self._handed_in[name] = hand_in(self._tokens[name], self._ray.put)
        return self._handed_in[name]

    def _answered(self, seconds: float) -> list[RayJob]:
        """The jobs whose question has an answer, at the latest after so many seconds."""
        asked: Mapping[Any, RayJob] = {job.open: job for job in self._jobs if not job.ended}
        if not asked:
            time.sleep(seconds)
            return []
        first, rest = self._ray.wait(list(asked), num_returns=1, timeout=seconds)
        more = self._ray.wait(rest, num_returns=len(rest), timeout=0)[0] if first and rest else []
        return [asked[reference] for reference in (*first, *more)]

    def _bury(self) -> None:
        """End actors that should have ended their child long ago."""
        for job in self._jobs:
            if job.killed is not None and time.monotonic() - job.killed > PATIENCE:
                job.end(code=-9)

    def _give_up(self, fault: str) -> None:
        """No run can be carried out as it must be: nothing that waits is to begin."""
        for job in self._jobs:
            if job.waits:
                job.end(code=1)
        raise SweepError(fault)


def _actor(ray: Any, need: Mapping[str, float]) -> Any:
    """The actors of jobs that need so much."""
    rest = dict(need)
    return ray.remote(Node).options(
        num_cpus=rest.pop("CPU"),
        num_gpus=rest.pop("GPU", 0),
        memory=int(rest.pop("memory", 0)) or None,
        resources=rest or None,
        max_restarts=0,
        max_concurrency=4,  # it is told to stop while it is asked for news
    )


def _order(folder: Path) -> WorkOrder:
    return WorkOrder.parse(read_json(folder / ORDER))
