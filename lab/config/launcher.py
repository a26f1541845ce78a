"""Where the runs of a question are placed: on this machine, on a cluster, or nowhere at all.

    local      processes of this machine
    slurm      jobs of a Slurm cluster, whose nodes share the folder of the sweep
    ray        actors of a Ray cluster, which shares nothing: files travel to a run and back
    simulated  nobody: runs end when a clock says so, to plan with and to try the supervisor

Design choices:
- it is no part of a question: neither plan nor run knows it, so that a sweep may be begun in one
  place and continued in another. What may change a number, such as the device or the number of
  processes, is among the facts of every run;
- what runs ask of the place is said once for all of them.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lab.config.base import Strict
from lab.config.execution import Amount

Minutes = Annotated[int, Field(ge=1)]
Gigabytes = Annotated[float, Field(gt=0)]


def _share(value: float) -> float:
    if value != 0 and value < SMALLEST:
        raise ValueError(f"is 0, or at least {SMALLEST}; got {value}")
    return value


SMALLEST = 0.001  # of a GPU
Share = Annotated[float, Field(ge=0), AfterValidator(_share)]


class Local(Strict):
    kind: Literal["local"] = "local"


class Several(Strict):
    """A run may be trained by several processes of one node, as `torchrun` starts them."""

    processes: int = Field(1, ge=1, description="that train a run together, on one node")
    sharded: bool = Field(False, description="weights, too, are shared among them (FSDP)")

    @property
    def facts(self) -> dict[str, Any]:
        """What every run is told of it; nothing where there is one process."""
        if self.processes == 1:
            return {}
        return {"processes": self.processes, "parallel": "fsdp" if self.sharded else "ddp"}


ONE = Several()


class Slurm(Several):
    kind: Literal["slurm"] = "slurm"
    partition: str | None = None
    account: str | None = None
    time: Minutes = Field(60, description="the limit of a job; longer runs are continued")
    cpus: int | None = Field(None, ge=1, description="a job's; by default one a thread")
    memory: Gigabytes | None = Field(None, description="of a job, in GB")
    gpus: int = Field(0, ge=0, description="of a job")
    options: dict[str, str | int | bool] = Field({}, description="further ones of sbatch")
    setup: tuple[str, ...] = Field((), description="lines of shell, before a job begins")
    jobs: int = Field(64, ge=1, description="queued and running at a time, at most")
    runs_a_job: Amount = Field("auto", description="carried out one after the other")
    fill: Minutes = Field(10, description="what short runs are gathered to, where that is auto")
    notice: int = Field(90, ge=5, description="seconds before its end that a job is told of it")
    silence: int = Field(120, ge=10, description="seconds without a heartbeat: a job is lost")


class Ray(Several):
    kind: Literal["ray"] = "ray"
    address: str = Field("auto", description="of the cluster: host:port, or auto for the one here")
    cpus: float | None = Field(None, gt=0, description="of a run; by default one a thread")
    gpus: Share = Field(0, description="of a run: a fraction where several share one")
    memory: Gigabytes | None = Field(None, description="of a run, in GB")
    resources: dict[str, float] = Field({}, description="others that nodes have")
    jobs: int | None = Field(None, ge=1, description="at a time; else what there is room for")


class Seconds(Strict):
    """A log-normal distribution: half take less than the median, two thirds within a factor."""

    median: float = Field(60.0, gt=0)
    spread: float = Field(1.5, ge=1, description="the factor")


class Simulated(Strict):
    kind: Literal["simulated"] = "simulated"
    workers: int = Field(1000, ge=1)
    seconds: Seconds = Field(Seconds(), description="that a run takes")
    startup: float = Field(1.0, ge=0, description="seconds before a run begins")
    failures: float = Field(0.0, ge=0, lt=1, description="the share of attempts that go wrong")
    seed: int = Field(0, ge=0)


Launcher = Annotated[Local | Slurm | Ray | Simulated, Field(discriminator="kind")]


def runs_of_a_job(launcher: Slurm, seconds: float | None) -> int:
    """How many runs of so many seconds one job carries out; None where that is not known yet."""
    if launcher.runs_a_job != "auto":
        return launcher.runs_a_job
    fill = 60 * min(launcher.fill, launcher.time)
    return max(1, int(fill / seconds)) if seconds else 1
