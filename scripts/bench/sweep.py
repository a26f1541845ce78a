"""Where the time of a sweep goes: how soon it trains, and what of its workers' time is training.

    python scripts/bench/sweep.py [QUESTION] [--workers N] [--set PATH=VALUE ...]
                                  [--starts N] [--against-one-process [RUNS]] [--only-starts]

The question, by default `posenc.yaml`, is asked as a user asks it: by a command of its own, in an
empty folder, with offline wandb. What is printed is read from what the sweep has left there: the
times in its log and in those of its runs, and each run's own clock.

- Start: seconds from the command until an update of the parameters of any run has been made, of
  short sweeps that end after their first runs: with an empty cache, and again with the text in it.
- Workers: of all seconds that they had from the start of the first run to the end of the last, the
  share in which runs were updated and evaluated; and of the seconds between start and end of runs.
- A run: its start-up, from being asked for to its first evaluation, and its wind-down, from its
  last evaluation until its end is known. torch is imported once, by the sweep's start.
- One process: some runs of the sweep, spread over it, are trained once more, one after another in
  one process with as many threads as torch takes by itself: trained tokens a second of the sweep,
  its start included, against theirs, whose imports are not counted.

It takes some five minutes with the question as it stands, and 15 seconds for each run that is
trained once more, where nothing else runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from lab.config.order import WorkOrder
from lab.files import read_json
from lab.log import LINES, read_log
from lab.provenance.facts import version
from lab.provenance.hardware import cores_usable, hardware
from lab.run_folder import ORDER, RESULT
from lab.track.csv import TIMING_FILE

SHORT = {"train.steps": 40, "train.schedule.warmup_steps": 4}  # of a sweep that only starts
SHARE, START, AROUND, RATIO = 0.92, 4.0, 0.5, 1.5  # what is wanted
PHASES = ("setup", "train", "eval", "track", "checkpoint", "package")  # of a run's clock


@dataclass(frozen=True)
class Life:
    """A run that came to its end, started and ended at a time of the machine's clock."""

    folder: Path
    started: float
    ended: float

    @cached_property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder / RESULT)
        return found

    @cached_property
    def told(self) -> dict[str, float]:
        """When it told of what."""
        return {each["event"]: _time(each) for each in read_log(self.folder / LINES)}

    @property
    def start_up(self) -> float:
        return self.told["begun"] - self.started

    @property
    def wind_down(self) -> float:
        return self.ended - self.told["judged"]

    @property
    def training(self) -> float:
        """Seconds in which it was updated or evaluated."""
        return float(self.result["timing"]["train"] + self.result["timing"]["eval"])

    @property
    def updated(self) -> float:
        """When its first update had been made.

        The first two rows of timing.csv after that of the initial values say when the first was
        written, and how long an update takes.
        """
        rows = (self.folder / TIMING_FILE).read_text().split()[2:4]
        (step, at), (later, at_later) = (map(float, row.split(",")[:2]) for row in rows)
        others = (step - 1) * (at_later - at) / (later - step)
        return self.told["begun"] - float(self.result["timing"]["setup"]) + at - others


@dataclass(frozen=True)
class Seen:
    """A sweep from outside: when it was asked for, and its runs that came to their end."""

    since: float
    lives: Sequence[Life]

    @property
    def start(self) -> float:
        """Seconds from the command to the first update."""
        return min(life.updated for life in self.lives) - self.since

    @property
    def span(self) -> float:
        """Seconds from the start of the first run to the end of the last."""
        return max(life.ended for life in self.lives) - min(life.started for life in self.lives)

    @property
    def rate(self) -> float:
        """Trained tokens a second, from the command to the end of the last run."""
        tokens = sum(life.result["tokens"] for life in self.lives)
        return float(tokens / (max(life.ended for life in self.lives) - self.since))


def ask(folder: Path, question: str, *more: str, cache: Path | None = None) -> Seen:
    """Ask the question in an empty folder, and come back when it is answered."""
    command = [sys.executable, "-m", "lab.sweep", question, "--quiet", *more]
    named = {} if cache is None else {"LAB_CACHE": str(cache)}
    since = time.time()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "WANDB_MODE": "offline", **named},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 130):  # the latter by --max-runs
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
    (sweep,) = (folder / "experiments").iterdir()
    return Seen(since, _lives(sweep))


def _lives(sweep: Path) -> list[Life]:
    started: dict[str, float] = {}
    found = []
    for each in read_log(sweep / LINES):
        match each.get("event"):
            case "started":
                started[each["run"]] = _time(each)
            case "ended" if each["status"] == "complete":
                name = each["run"]
                found.append(Life(sweep / "runs" / name, started[name], _time(each)))
    return found


def _time(record: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(record["time"]).timestamp()


def starts(question: str, more: Sequence[str], *, times: int) -> list[float]:
    """Seconds from the command to the first update: the first time with an empty cache."""
    short = [word for path, value in SHORT.items() for word in ("--set", f"{path}={value}")]
    found = []
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(1 + times):
            with tempfile.TemporaryDirectory() as folder:
                seen = ask(
                    Path(folder), question, *more, *short, "--max-runs", "2", cache=Path(cache)
                )
                found.append(seen.start)
    return found


def in_turn(folders: Sequence[Path], into: Path) -> dict[str, float]:
    """Trains runs once more in this process, one after another: their tokens, and the seconds."""
    import torch

    from lab.run import execute

    threads, found = torch.get_num_threads(), {"tokens": 0.0, "seconds": 0.0, "threads": 0.0}
    for folder in folders:
        order = read_json(folder / ORDER)
        again = into / folder.name
        again.mkdir(parents=True)
        since = time.perf_counter()
        changed = {"threads": threads, "package": order["package"] and str(again / "package")}
        result = execute(WorkOrder.parse(order | changed), folder=again)
        found["seconds"] += time.perf_counter() - since
        assert result is not None
        found["tokens"] += result["tokens"]
    return found | {"threads": threads}


def _in_turn_apart(seen: Seen, *, runs: int) -> dict[str, float]:
    """`in_turn` in a process of its own, of runs that are spread over the sweep."""
    every = max(1, len(seen.lives) // runs)
    folders = [str(life.folder) for life in seen.lives[::every][:runs]]
    with tempfile.TemporaryDirectory() as into:
        done = subprocess.run(
            [sys.executable, __file__, "--in-turn", into, *folders],
            env={**os.environ, "WANDB_MODE": "offline"},
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _print_starts(console: Console, found: Sequence[float]) -> None:
    empty, *cached = found
    console.print(f"Command to first update, empty cache: {empty:.2f} s")
    if cached:
        told = ", ".join(f"{seconds:.2f}" for seconds in cached)
        console.print(
            f"Command to first update, text in the cache: {median(cached):.2f} s ({told}); "
            f"{_wanted(median(cached) < START, f'below {START:g} s')}"
        )


def _print_spent(console: Console, seen: Seen, *, workers: int) -> None:
    lives, training = seen.lives, sum(life.training for life in seen.lives)
    own = sum(life.ended - life.started for life in lives)
    share = training / (workers * seen.span)
    around = median(life.start_up + life.wind_down for life in lives)
    console.print(
        f"{len(lives)} runs by {workers} workers in {seen.span:.1f} s; first update "
        f"{seen.start:.2f} s after the command"
    )
    console.print(
        f"Updates and evaluations: {share:.1%} of the workers' time, {training / own:.1%} of the "
        f"runs'; {_wanted(share >= SHARE, f'at least {SHARE:.0%}')}"
    )
    console.print(
        f"A run: start-up {median(life.start_up for life in lives):.3f} s, wind-down "
        f"{median(life.wind_down for life in lives):.3f} s, together {around:.3f} s (medians); "
        f"{_wanted(around < AROUND, f'below {AROUND:g} s')}"
    )
    table = Table("of the runs' time, in", "share", "seconds a run, median", "most")
    phases = [name for name in lives[0].result["timing"] if name in PHASES]
    for phase in phases:
        seconds = [float(life.result["timing"][phase]) for life in lives]
        table.add_row(
            phase, f"{sum(seconds) / own:.2%}", f"{median(seconds):.3f}", f"{max(seconds):.3f}"
        )
    rest = [
        life.ended - life.started - sum(life.result["timing"][phase] for phase in phases)
        for life in lives
    ]
    table.add_row("all else", f"{sum(rest) / own:.2%}", f"{median(rest):.3f}", f"{max(rest):.3f}")
    console.print(table)


def _print_ratio(console: Console, seen: Seen, *, runs: int) -> None:
    one = _in_turn_apart(seen, runs=runs)
    theirs = one["tokens"] / one["seconds"]
    ratio = seen.rate / theirs
    console.print(
        f"Trained tokens a second: {seen.rate:,.0f}, and {theirs:,.0f} of {runs} of the runs in "
        f"turn in one process of {one['threads']:.0f} threads: {ratio:.2f} times as many; "
        f"{_wanted(ratio >= RATIO, f'at least {RATIO:g}')}"
    )


def _wanted(holds: bool, what: str) -> str:
    return f"{what}: {'yes' if holds else 'NO'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", nargs="?", default="posenc.yaml")
    parser.add_argument("--workers", type=int, default=cores_usable())
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--starts", type=int, default=5, help="short sweeps; 0 for none")
    parser.add_argument("--only-starts", action="store_true")
    parser.add_argument("--against-one-process", type=int, nargs="?", const=6, metavar="RUNS")
    parser.add_argument("--in-turn", type=Path, nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.in_turn:
        into, *folders = given.in_turn
        json.dump(in_turn(folders, into), sys.stdout)
        return
    console = Console(width=100, highlight=False)
    console.print(
        f"{given.question} on {hardware()['processor']}, {cores_usable()} cores; "
        f"torch {version('torch')}; load {os.getloadavg()[0]:.1f} before"
    )
    sets = [word for change in given.set for word in ("--set", change)]
    more = ["--workers", str(given.workers), *sets]
    if given.starts:
        _print_starts(console, starts(given.question, more, times=given.starts))
    if given.only_starts:
        return
    with tempfile.TemporaryDirectory() as folder:
        seen = ask(Path(folder), given.question, *more)
        _print_spent(console, seen, workers=given.workers)
        if runs := given.against_one_process:
            _print_ratio(console, seen, runs=min(runs, len(seen.lives)))


if __name__ == "__main__":
    main()
