"""All that is known of where numbers come from: `provenance.json` of every run folder and package.

Beside the facts it has what they leave out: the machine in full, the environment, and the changes
of a dirty repository.
"""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from lab.files import json_text, read_json, write_text
from lab.provenance.environment import environment
from lab.provenance.facts import facts, repository
from lab.provenance.hardware import hardware

PROVENANCE = "provenance.json"  # in a run's folder


@cache
def record() -> dict[str, Any]:
    """The facts, with what differs from the commit (`diff`), `hardware` and `environment`."""
    found = {"hardware": hardware(), "environment": environment(), "diff": repository().diff}
    return {**facts(), **found}


def write_record(folder: Path, *, device: str, threads: int, execution: str = "alone") -> None:
    """Leave `provenance.json` in the folder of a run; whoever writes there next brings its name
    onto the disk."""
    write_text(folder / PROVENANCE, _text(device, threads, execution), listed=False)


@lru_cache(maxsize=16)
def _text(device: str, threads: int, execution: str) -> str:
    """It is the same for all runs of a sweep, and long."""
    here = {"device": device, "threads": threads, "execution": execution}
    return json_text({**record(), **here})


def recorded(folder: Path) -> dict[str, Any]:
    """What was left in the folder of a run by whoever started it, else the record of this process.

    The environment is this process's in any case: a worker may be given a GPU in it.
    """
    file = folder / PROVENANCE
    found = read_json(file) if file.is_file() else record()
    return {**found, "environment": environment()}
