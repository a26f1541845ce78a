"""Where the jobs of a sweep go: the launcher that a question names, and what it asks for.

Design choices:
- what can be refused is refused before anything is written: a library or a scheduler that is not
  there, a partition that does not exist, processes that cannot share a batch;
- on a cluster nothing is measured on this machine that would tell of another one.
"""

from collections.abc import Callable

from lab.commands.asked import Asked
from lab.commands.devices import device_of, n_gpus
from lab.commands.executing import compiled, decided, measured
from lab.commands.together import require_shares
from lab.config.execution import Executed, stated
from lab.config.launcher import Local, Ray, Several, Simulated, Slurm
from lab.errors import ConfigError
from lab.provenance.hardware import cores_usable
from lab.sweep.folder import SweepFolder
from lab.sweep.launchers.local import LocalLauncher
from lab.sweep.launchers.protocol import Launcher

UNKNOWN = 8  # jobs at a time, for an estimate, of a cluster that has not been asked


def device_there(asked: Asked) -> tuple[str, int]:
    """The device that runs train on, and how many GPUs this machine has for them.

    Raises `ConfigError` where they ask for what is not there.
    """
    launcher = asked.question.launcher
    if isinstance(launcher, Local):
        gpus = n_gpus(asked)
        return ("cuda" if gpus else device_of(asked)), gpus
    if isinstance(launcher, Simulated):
        return "cpu", 0
    wanted = {asked.question.variant(name).device for name in asked.question.arms}
    for device, fits in (("cuda", launcher.gpus > 0), ("cpu", not launcher.gpus), ("mps", False)):
        if device in wanted and not fits:
            raise ConfigError(
                f"device: {device} and launcher.gpus={launcher.gpus:g} do not go together; take "
                "device: auto, or as many GPUs as a run needs"
            )
    return ("cuda" if launcher.gpus else "cpu"), 0


def execution_there(
    asked: Asked, *, device: str, say: Callable[[str], object] = lambda line: None
) -> Executed:
    """How runs are executed: as was decided before, as the question says, or as measured here."""
    executed, kind = decided(asked, device=device), asked.question.launcher.kind
    if executed is None and kind != "local":
        raise ConfigError(
            f"execution: nothing can be measured here for launcher.kind={kind}; write what is to "
            "be done, such as execution={kind: alone, threads: 1}"
        )
    if executed is None:
        say("timing some real steps, to choose how runs are executed")
        executed = measured(asked, device=device)
    return compiled(asked, executed, device=device, timed=kind == "local")


def require_launcher(asked: Asked) -> None:
    """Raise a `LabError` where the launcher cannot be used, or not by these runs."""
    launcher = asked.question.launcher
    if isinstance(launcher, Slurm | Ray) and launcher.processes > 1:
        for arm in asked.question.arms:
            require_shares(asked.question.variant(arm).train, launcher.processes)
        if 0 < launcher.gpus < launcher.processes:
            raise ConfigError(
                f"launcher.processes={launcher.processes} want a GPU each, and launcher.gpus="
                f"{launcher.gpus:g}; take launcher.gpus={launcher.processes}"
            )
        if asked.question.execution.kind != "alone":
            raise ConfigError(
                f"launcher.processes={launcher.processes} train a run together, and execution: "
                f"{{kind: {asked.question.execution.kind}}} many runs in one; take kind: alone"
            )
    said = stated(asked.question.execution)
    threads = said.threads if said else 1
    match launcher:
        case Slurm():
            from lab.sweep.launchers import slurm

            slurm.check(launcher, threads=threads)
        case Ray():
            from lab.sweep.launchers import ray

            ray.check(launcher, threads=threads)


def at_a_time(asked: Asked, executed: Executed, *, workers: int | None) -> int:
    """How many jobs go on at a time, as far as that is known without asking anybody."""
    match asked.question.launcher:
        case Slurm(jobs=jobs) | Ray(jobs=int(jobs)) | Simulated(workers=jobs):
            return workers or jobs
        case Ray():
            return workers or UNKNOWN
        case Local():
            return workers or executed.at_a_time(cores=cores_usable())


def place(asked: Asked, device: str) -> str:
    """Under which name the speed of runs is remembered: that of another machine is not ours."""
    launcher = asked.question.launcher
    if isinstance(launcher, Local):
        return device
    processes = several(asked).processes
    return f"{launcher.kind}/{device}" + (f"/{processes} processes" if processes > 1 else "")


def several(asked: Asked) -> Several:
    """How many processes train a run."""
    launcher = asked.question.launcher
    return launcher if isinstance(launcher, Several) else Several()


def launcher_of(
    asked: Asked, folder: SweepFolder, executed: Executed, *, workers: int | None, gpus: int
) -> Launcher:
    """The launcher, with room for so many `workers` at a time where the command says it."""
    tokens = sorted({data.folder for data in asked.data.values() if data.folder})
    match asked.question.launcher:
        case Local():
            at_once = at_a_time(asked, executed, workers=workers)
            return LocalLauncher(workers=at_once, devices=range(gpus))
        case Slurm() as config:
            from lab.sweep.launchers.slurm import SlurmLauncher

            return SlurmLauncher(
                config, folder=folder.path, tokens=tokens, threads=executed.threads, jobs=workers
            )
        case Ray() as config:
            from lab.sweep.launchers.ray import RayLauncher

            return RayLauncher(
                config, folder=folder.path, tokens=tokens, threads=executed.threads, jobs=workers
            )
        case Simulated():
            raise AssertionError("lab.commands.simulate has its own")
