"""What is asked of Slurm's `sbatch`, by submitit; and whether that would be refused.

Design choices:
- a job is put back into the queue, whatever the cluster's own default for that is;
- what this launcher says itself cannot be said otherwise among the options;
- `sbatch --test-only` answers before anything is written: unknown partitions, accounts and options,
  and wishes that no node can fulfil.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.config.launcher import Slurm
from lab.errors import ConfigError, SweepError, in_a_line
from lab.sweep.launchers.slurm_job import OnNode

PROGRAMS = ("sbatch", "srun", "squeue", "scancel", "scontrol")
OURS = {
    "array": "launcher.jobs", "cpus-per-task": "launcher.cpus", "signal": "launcher.notice",
    "time": "launcher.time", "partition": "launcher.partition", "account": "launcher.account",
    "mem": "launcher.memory", "gpus-per-node": "launcher.gpus", "job-name": "the question's name",
    "nodes": "launcher.processes", "ntasks": "launcher.processes",
}  # fmt: skip
AGAINST = ("requeue", "no-requeue", "output", "error", "open-mode", "wrap", "test-only")
UNREACHABLE = ("contact", "configuration source", "configuration file")  # in the words of sbatch
TIMEOUT = 60.0  # seconds
FOR_EVER = 10**6  # times that a job may come to its limit


def check(config: Slurm, *, threads: int = 1) -> None:
    """Raises `ConfigError` or `SweepError` where jobs cannot be submitted as they would be."""
    if importlib.util.find_spec("submitit") is None:
        raise ConfigError(
            "launcher.kind=slurm: submitit is not installed; pip install 'gpt-lab[slurm]'"
        )
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise ConfigError(
            f"launcher.kind=slurm: there is no {missing[0]} here; give the command on a login node "
            "of the cluster, or install slurm-client"
        )
    for name in _options(config):
        if name in OURS:
            raise ConfigError(f"launcher.options.{name} is not taken from here; set {OURS[name]}")
        if name in AGAINST:
            raise ConfigError(f"launcher.options.{name} is the launcher's own; leave it out")
    if config.notice >= 60 * config.time:
        raise ConfigError(
            f"launcher.notice={config.notice} s is all the time of a job (launcher.time="
            f"{config.time} min); take a shorter notice, or more time"
        )
    words = _refusal(config, threads=threads)
    if not words:
        return
    if any(sign in words for sign in UNREACHABLE):
        raise SweepError(
            f"launcher.kind=slurm: Slurm's controller does not answer ({words}); see whether "
            "'scontrol ping' does, and SLURM_CONF, and give the command again"
        )
    raise ConfigError(
        f"launcher.kind=slurm: sbatch refuses such a job, {_asked(config)} ({words}); "
        f"change that{_partitions()}"
    )


def submit(
    folders: Sequence[Path], config: Slurm, *, name: str, logs: Path, threads: int
) -> list[str]:
    """Submit the jobs of these folders, several as one array; returns their numbers.

    Raises `SweepError`, in sbatch's words, where they are not taken.
    """
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor = SlurmExecutor(logs, max_num_timeout=FOR_EVER)
    executor.update_parameters(**parameters(config, name=name, threads=threads))
    try:
        with _of_no_job():
            jobs = executor.submit_array([OnNode(folder) for folder in folders])
    except (FailedJobError, FailedSubmissionError, OSError) as error:
        raise SweepError(f"sbatch does not take the jobs ({in_a_line(error)})") from None
    return [str(job.job_id) for job in jobs]


def cancel(numbers: Sequence[str]) -> None:
    """Ask Slurm to end jobs; one that is gone already, or a controller that is, is no error."""
    try:
        subprocess.run(["scancel", "--quiet", *numbers], timeout=TIMEOUT, capture_output=True)
    except (OSError, subprocess.TimeoutExpired):
        return


def parameters(config: Slurm, *, name: str, threads: int) -> dict[str, Any]:
    """What submitit makes the lines of `#SBATCH` of."""
    cpus = _cpus(config, threads)
    asked = {
        "job_name": f"lab-{name}",
        "partition": config.partition,
        "account": config.account,
        "time": config.time,
        "nodes": 1,
        "cpus_per_task": cpus,
        "mem": None if config.memory is None else f"{_megabytes(config)}M",
        "gpus_per_node": config.gpus or None,
        "signal_delay_s": config.notice,
        "array_parallelism": config.jobs,
        "setup": list(config.setup) or None,
        "additional_parameters": {"requeue": True, **_options(config)},
        "srun_args": [f"--cpus-per-task={cpus}"],  # which it does not take over by itself
    }
    return {**{key: value for key, value in asked.items() if value is not None}, "wckey": None}


def _refusal(config: Slurm, *, threads: int) -> str:
    """Why sbatch would not take such a job; nothing where it would."""
    given = {
        "partition": config.partition,
        "account": config.account,
        "time": config.time,
        "cpus-per-task": _cpus(config, threads),
        "mem": None if config.memory is None else f"{_megabytes(config)}M",
        "gpus-per-node": config.gpus or None,
        **_options(config),
    }
    words = [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in given.items()
        if value is not None
    ]
    command = ["sbatch", "--test-only", *words, "--wrap=true"]
    try:
        with _of_no_job():
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no contact: {in_a_line(error)}"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip() and "--help" not in line]
    last = lines[-1].strip() if lines else f"code {done.returncode}"
    return re.sub(r"^sbatch: ((error|fatal): )?", "", last)


def _asked(config: Slurm) -> str:
    names = ("partition", "account", "time", "cpus", "memory", "gpus", "options")
    asked = [(name, getattr(config, name)) for name in names]
    return ", ".join(f"{name}: {value}" for name, value in asked if value)


def _partitions() -> str:
    """What partitions there are, where that can be told."""
    try:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%R"], capture_output=True, text=True, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    names = sorted(set(done.stdout.split()))
    return f"; its partitions are {', '.join(names)}" if names else ""


def _options(config: Slurm) -> dict[str, str | int | bool]:
    options = {name.replace("_", "-"): value for name, value in config.options.items()}
    return {name: value for name, value in options.items() if value is not False}


def _cpus(config: Slurm, threads: int) -> int:
    return config.cpus or threads * config.processes


def _megabytes(config: Slurm) -> int:
    return int((config.memory or 0) * 1000)


@contextmanager
def _of_no_job() -> Iterator[None]:
    """A supervisor that is a Slurm job itself does not hand on what that was given."""
    names = [*os.environ] if "SLURM_JOB_ID" in os.environ else []
    given = [name for name in names if name.startswith("SLURM_") and name != "SLURM_CONF"]
    ours = {name: os.environ.pop(name) for name in given}
    try:
        yield
    finally:
        os.environ.update(ours)
