"""Whether two sweeps of one question came to the same, byte for byte apart from timing.

    python scripts/same_sweep.py FOLDER OTHER

Each folder is a working directory with one sweep below `experiments/` and its packages below
`artifacts/`. Prints every difference and ends with 1 where there is one. Compared are the runs that
count, with their curves, samples and results; the plan, schedule and trials; `results.csv`; the
verdicts; and every package. Left out is what tells of time and machine: `timing`, `provenance`, and
runs that idle workers ran ahead and no verdict needed.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.files import read_json
from lab.report.collect import open_sweep

RUN_FILES = ("config.yaml", "metrics.csv", "samples.csv", "positions.csv")
SWEEP_FILES = ("sweep.yaml", "results.csv")
PACKAGE_FILES = ("config.yaml", "tokenizer.json", "model.safetensors", "metrics.csv")
APART = ("timing", "provenance", "sha256", "files")  # those of a package are compared one by one
ONLY_UNFINISHED = ("checkpoint", "reached.json", "progress.json")


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same in two working directories, in words."""
    sweeps = [_only(folder / "experiments") for folder in (one, other)]
    packages = [_only(folder / "artifacts") for folder in (one, other)]
    found = [_text(*(s / name for s in sweeps)) for name in SWEEP_FILES]
    for name in ("plan.json", "schedule.json", "trials.json"):
        found.append(_json(*(s / name for s in sweeps), apart=(*APART, "before", "surplus")))
    ran = [_runs(sweep) for sweep in sweeps]
    found.append(_names("the runs that count", *ran))
    for run in sorted(ran[0] & ran[1]):
        folders = [sweep / "runs" / run for sweep in sweeps]
        found += [_text(*(folder / name for folder in folders)) for name in RUN_FILES]
        found.append(_json(*(folder / "result.json" for folder in folders)))
    surplus = [set(read_json(sweep / "schedule.json")["surplus"]) for sweep in sweeps]
    there = [
        {path.name for path in folder.iterdir()} - more
        for folder, more in zip(packages, surplus, strict=True)
    ]
    found.append(_names("the packages", *there))
    for name in sorted(there[0] & there[1]):
        folders = [folder / name for folder in packages]
        found += [_text(*(folder / file for folder in folders)) for file in PACKAGE_FILES]
        found.append(_json(*(folder / "manifest.json" for folder in folders)))
    verdicts = [[asdict(verdict) for verdict in open_sweep(sweep).verdicts()] for sweep in sweeps]
    if repr(verdicts[0]) != repr(verdicts[1]):  # a NaN is like another
        found.append("the verdicts differ")
    return [fault for fault in found if fault]


def unfinished(folder: Path) -> list[str]:
    """What a sweep that is over ought not to have left."""
    runs = sorted(_only(folder / "experiments").glob("runs/*"))
    left = [run / name for run in runs for name in ONLY_UNFINISHED if (run / name).exists()]
    left += [run for run in runs if not (run / "result.json").is_file()]
    return [f"{path.relative_to(folder)} is left" for path in left]


def _runs(sweep: Path) -> set[str]:
    return {run for batch in read_json(sweep / "schedule.json")["rounds"] for run in batch}


def _only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def _names(what: str, one: set[str], other: set[str]) -> str | None:
    if one == other:
        return None
    return f"{what} differ: only here {sorted(one - other)}, only there {sorted(other - one)}"


def _text(one: Path, other: Path) -> str | None:
    here, there = (path.read_bytes() if path.is_file() else None for path in (one, other))
    return None if here == there else f"{_short(one)} differs"


def _json(one: Path, other: Path, *, apart: tuple[str, ...] = APART) -> str | None:
    here, there = (read_json(path) if path.is_file() else {} for path in (one, other))
    keys = sorted(set(_paths(here, there)) - {*apart})
    return f"{_short(one)} differs in {', '.join(keys)}" if keys else None


def _paths(one: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """The keys at the top whose values are not the same."""
    for key in one.keys() | other.keys():
        if repr(one.get(key)) != repr(other.get(key)):
            yield key


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("other", type=Path)
    given = parser.parse_args()
    found = differences(given.folder, given.other)
    for fault in found:
        print(fault)
    if not found:
        print("the same")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
