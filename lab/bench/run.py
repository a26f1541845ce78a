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


def measure(
    names: Sequence[Name],
    *,
    quick: bool,
    threads: int,
    begun: Callable[[Name, str], None] = lambda name, what: None,
    ended: Callable[[Record], None] = lambda record: None,
    bench: Bench | None = None,
) -> Record:
    """Measure these sections; `begun` hears of every row before it, and `ended` after every section
    of all that was measured so far.

    `bench` is for measuring other shapes than those of quick and full.
    """
    bench = bench or Bench.of(_device(), quick=quick, threads=threads)
    record = Record(
        mode="quick" if quick else "full",
        begun=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        device=bench.device.type,
        threads=threads,
        machine=_machine(bench.device),
        load=_load(),
        parts=(),
    )
    wanted = {name: section(name) for name in names}  # what cannot be imported shows at once
    before, load = torch.get_num_threads(), record.load
    torch.set_num_threads(threads)
    try:
        for name, found in wanted.items():
            bench.tell = partial(begun, name)
            part = _part(name, found, bench)
            rates = {precision: median(each) for precision, each in bench.rates.items()}
            told = {"parts": (*record.parts, part), "matmul": rates, "load": (*load, *_load())}
            record = Record(**{**dict(record), **told})
            ended(record)
    finally:
        torch.set_num_threads(before)
    return record


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
