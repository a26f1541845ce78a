"""What a benchmark found, as one JSON file.

Design choices:
- a row keeps medians and quartiles, not every timing: that is what two files are compared by;
- amounts and FLOPs stand beside the seconds, so that any rate can be had from a file.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from lab.bench.spread import Spread
from lab.config.base import Strict
from lab.errors import ConfigError, LabError
from lab.files import read_json, write_json

Machine = dict[str, Any]
Key = tuple[str, str, float | None]


class Row(Strict):
    """One thing that was measured, in `rounds` rounds; times are in seconds.

    `ours` is the lab's, `peers` are the others', `ratios` ours to each of theirs. A call works off
    an `amount` `of` something, which makes a rate, and takes `flops`; `share` is what these make of
    the measured rate of matrix products. `values` are told as they are. Where nothing could be
    measured, `note` says why. A `headline` is told where there is little room.
    """

    name: str
    rounds: int = 0
    ours: Spread | None = None
    peers: dict[str, Spread] = Field(default_factory=dict)
    ratios: dict[str, Spread] = Field(default_factory=dict)
    amount: float | None = None
    of: str | None = None
    flops: float | None = None
    share: Spread | None = None
    values: dict[str, float] = Field(default_factory=dict)
    note: str | None = None
    headline: bool = False

    @property
    def rate(self) -> float | None:
        """`of` a second."""
        if self.ours is None or self.amount is None:
            return None
        return self.amount / self.ours.median


class Part(Strict):
    """What one section measured; `notes` concern all of it, peers that are not installed say."""

    section: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Record(Strict):
    """A whole benchmark. `load` is the machine's at the beginning and at the end, `matmul` the
    median rate of matrix products in FLOPs a second, by precision."""

    kind: Literal["lab bench"] = "lab bench"
    version: Literal[1] = 1
    mode: Literal["quick", "full"]
    begun: str = Field(description="UTC, as ISO 8601 has it")
    device: str
    threads: int
    machine: Machine
    load: tuple[float, ...] = ()
    matmul: dict[str, float] = Field(default_factory=dict)
    parts: tuple[Part, ...]

    def rows(self) -> dict[Key, Row]:
        """Every row, by section and name, and by how much was worked off: quick may do less."""
        return {(p.section, row.name, row.amount): row for p in self.parts for row in p.rows}


def write_record(path: Path, record: Record) -> None:
    write_json(path, record.dump())


def read_record(path: Path) -> Record:
    """Raises `ConfigError` for what is no file of a benchmark."""
    try:
        raw = read_json(path)
        if not isinstance(raw, dict) or raw.get("kind") != "lab bench":
            raise ValueError("it is no record of a benchmark")
        return Record.parse(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = f"{place}: {first['msg']}"
    except LabError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
    except ValueError as error:
        why = str(error)
    why = " ".join(why.split())
    raise ConfigError(f"{path} cannot be read ({why}); make one with `lab bench --out {path}`")
