"""A benchmark from its first section to its last."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from statistics import median

import torch

from lab.bench.measuring import Bench
from lab.bench.peers import is_installed, missing
from lab.bench.record import Machine, Part, Record
from lab.bench.sections import Name, Section, section
from lab.provenance.environment import environment
from lab.provenance.facts import facts, version
from lab.provenance.hardware import hardware
from lab.train.device import computed_by

Tell = Callable[[str], None]


def measure(
    names: Sequence[Name],
    *,
    quick: bool,
    threads: int,
    begun: Callable[[Name, str], None] = lambda name, what: None,
    ended: Callable[[Part], None] = lambda part: None,
    bench: Bench | None = None,
) -> Record:
    """Measure these sections; `begun` hears of every row before it, `ended` of every section.

    `bench` is for measuring other shapes than those of quick and full.
    """
    bench = bench or Bench.of(_device(), quick=quick, threads=threads)
    before, load, since = torch.get_num_threads(), _load(), datetime.now(UTC)
    torch.set_num_threads(threads)
    try:
        parts = []
        for name in names:
            bench.tell = partial(begun, name)
            parts.append(_part(name, section(name), bench))
            ended(parts[-1])
    finally:
        torch.set_num_threads(before)
    return Record(
        mode="quick" if quick else "full",
        begun=since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        device=bench.device.type,
        threads=threads,
        machine=_machine(bench.device),
        load=(*load, *_load()),
        matmul={precision: median(found) for precision, found in bench.rates.items()},
        parts=tuple(parts),
    )


def _device() -> torch.device:
    """The GPU that CUDA knows, or the CPU: another kind has none of the peers' fast paths."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _part(name: Name, found: Section, bench: Bench) -> Part:
    since = time.perf_counter()
    bench.tell("")
    rows = tuple(found.rows(bench))
    return Part(
        section=name,
        title=found.title,
        rows=rows,
        notes=tuple(missing(peer) for peer in found.peers if not is_installed(peer)),
        seconds=time.perf_counter() - since,
    )


def _machine(device: torch.device) -> Machine:
    return {
        **facts(),
        "transformers": version("transformers"),
        "tiktoken": version("tiktoken"),
        "hardware": hardware(),
        "environment": environment(),
        "compute": computed_by(device),
    }


def _load() -> tuple[float, ...]:
    """Processes that ran, on average, over the last minute; nothing where nobody counts them."""
    try:
        return (os.getloadavg()[0],)
    except OSError:
        return ()
