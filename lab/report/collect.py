"""A sweep's folder as tables: reads files only, and can be read while the sweep runs.

Design choices:
- a run is what its `order.json` says, with the outcome that its `result.json` says; without the
  latter it is 'running' where it has begun to write, else 'planned';
- runs that the present plan does not ask for (left by an earlier plan of the same name) are not
  part of the sweep;
- `results.csv` holds nothing that depends on the machine's speed or on the order in which runs
  ended, so that the same numbers are the same bytes;
- a file that is damaged is an error that names it: leaving a run out in silence would bias.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lab.certify.certificate import is_certificates
from lab.config.ended import ended_fault, order_fault
from lab.config.explain import config_error, explained
from lab.config.sweep import SweepConfig
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError, SweepError
from lab.files import write_text
from lab.report.judging.caveats import with_executions
from lab.report.judging.verdict import Verdict
from lab.report.judging.verdicts import controls, judge
from lab.report.records import REMEDY, Record, frame, in_order, record, table
from lab.report.searches import search, trials
from lab.report.searches.runs import search_of_runs
from lab.report.searches.search import Search, parse_search
from lab.report.searches.words import answer
from lab.report.tables import certificates
from lab.run_folder import CHECKPOINT, ORDER, RESULT, SIMULATED, read_state

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Sweep", "frame", "open_sweep", "write_results"]

TIMING = ("total", "setup", "train", "eval", "track", "package")
POSITIONS = ("length", "position", "tokens", "loss")
RATES = ("tokens_per_second", "peak_memory_bytes")
AGAIN = "run the sweep again, and it is made anew"
_SCHEDULE: dict[str, TypeAdapter[list[Any]]] = {
    "rounds": TypeAdapter(list[list[str]]),
    "surplus": TypeAdapter(list[str]),
}
PLAN_AGAIN = "move it away and run the sweep again"


@dataclass(frozen=True)
class Sweep:
    """The folder of a sweep, finished or not. Every call reads the files anew."""

    folder: Path
    question: SweepConfig
    plan: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What the plan calls it: the same wherever the folder lies and however it is reached."""
        return str(self.plan.get("sweep") or self.folder.resolve().name)

    def records(self) -> list[Record]:
        """All runs that have been ordered, in the order of `records.in_order`."""
        scheduled = {name for batch in _schedule(self.folder, "rounds") for name in batch}
        folders = sorted(path for path in self.folder.glob("runs/*") if path.is_dir())
        found = (_read_run(path) for path in folders if not scheduled or path.name in scheduled)
        return in_order(self.question, (run for run in found if run))

    def surplus(self) -> list[Record]:
        """Runs that idle workers ran ahead and that no verdict needed: they count nowhere."""
        folders = (self.folder / "runs" / name for name in _schedule(self.folder, "surplus"))
        found = (_read_run(path) for path in folders if path.is_dir())
        return in_order(self.question, (run for run in found if run))

    def runs(self) -> pd.DataFrame:
        """A row a run, as `records.table` describes it. No timing."""
        return table(self.question, self.records())

    def timing(self) -> pd.DataFrame:
        """A row a run that has ended: seconds by part, tokens a second, peak memory in bytes."""
        numbers = (*TIMING, *RATES)
        rows = [
            {
                "run": run.run,
                "variant": run.variant,
                "phase": run.phase,
                "status": run.status,
                **{name: run.part("timing").get(name) for name in numbers},
            }
            for run in self.records()
            if run.result
        ]
        columns = ["run", "variant", "phase", "status", *numbers]
        return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, "float64"))

    def curve(self, run: str) -> pd.DataFrame:
        """The run's metrics.csv, NaN where a metric was not measured; empty before it exists."""
        return _numbers(self.folder / "runs" / run / "metrics.csv", ["step", "tokens"])

    def positions(self, run: str) -> pd.DataFrame:
        """The run's positions.csv, its loss by length and position; empty where there is none."""
        return _numbers(self.folder / "runs" / run / "positions.csv", list(POSITIONS))

    def verdicts(self) -> list[Verdict]:
        """What is concluded, a verdict a contrast, in the plan's order."""
        records = self.records()
        return with_executions(judge(self.question, table(self.question, records)), records)

    def controls(self) -> list[Verdict]:
        """What is found between the reference and its twin, which differ by chance alone."""
        return controls(self.question, self.runs())

    def search(self) -> Search | None:
        """What tuning tried; None where nothing is tuned."""
        if self.question.tune is None:
            return None
        path = self.folder / search.FILE
        raw = read_state(path, remedy=search.REMEDY) if path.is_file() else {}
        if raw and raw.get("plan") == self.plan.get("hash"):
            return parse_search(raw, self.question, path=path)
        return search_of_runs(self.question, self.records(), curve=self.curve)

    def certificates(self) -> Mapping[str, Any]:
        """What was proved of the variants before the first run; {} where nothing was written."""
        path = self.folder / certificates.FILE
        raw = read_state(path, remedy=AGAIN) if path.is_file() else {}
        if raw and not is_certificates(raw):
            raise SweepError(f"{path} is damaged (no certificates in it); {AGAIN}")
        return raw

    def trials(self) -> pd.DataFrame:
        """A row a tuning trial, as `trials.table` describes it."""
        return trials.table(self.question, self.search())

    def tables(self) -> dict[str, pd.DataFrame]:
        """The report's tables by name, with the same headers and unrounded values."""
        from lab.report.content import tables_of

        return {name: table.frame for name, table in tables_of(self).items()}

    def figures(self) -> "dict[str, Figure]":
        """The report's figures by name; a notebook shows them after `%matplotlib inline`."""
        from lab.report.content import figures_of

        return figures_of(self)

    def answers(self) -> list[str]:
        """What was found, in sentences: of a search the settings, else the verdicts."""
        verdicts, found = self.verdicts(), self.search() if self.question.is_search else None
        if found is None:
            return [verdict.sentence for verdict in verdicts]
        return answer(self.question, found, self.runs(), verdicts)


def open_sweep(folder: str | Path) -> Sweep:
    """A sweep by its folder; raises `SweepError` where it is none, or is damaged."""
    folder = Path(folder)
    if not folder.is_dir():
        raise SweepError(f"{folder} is not a folder; give one such as experiments/posenc")
    for name in ("sweep.yaml", "plan.json"):
        if not (folder / name).is_file():
            raise SweepError(
                f"{folder} is not the folder of a sweep: it has no {name}; "
                "give one that `lab sweep` has written, such as experiments/posenc"
            )
    if (folder / SIMULATED).exists():
        raise SweepError(
            f"{folder} is of a simulated sweep, whose numbers are made up; {SIMULATED} says what "
            "it came to"
        )
    plan = read_state(folder / "plan.json", remedy=PLAN_AGAIN)
    if not _is_plan(plan):
        raise SweepError(f"{folder / 'plan.json'} is damaged (not as a plan is); {PLAN_AGAIN}")
    return Sweep(folder, _read_question(folder / "sweep.yaml"), plan)


def write_results(sweep: Sweep) -> None:
    """Write results.csv and timing.csv into the sweep's folder."""
    write_text(sweep.folder / "results.csv", _csv(sweep.runs()))
    write_text(sweep.folder / "timing.csv", _csv(sweep.timing()))


def _schedule(folder: Path, part: str) -> list[Any]:
    """What the present plan has come to; empty where no schedule is kept."""
    path = folder / "schedule.json"
    raw = read_state(path, remedy=PLAN_AGAIN) if path.is_file() else {}
    try:
        return _SCHEDULE[part].validate_python(raw.get(part) or [])
    except ValidationError:
        raise SweepError(f"{path} is damaged ({part} is no list of runs); {PLAN_AGAIN}") from None


def _read_run(path: Path) -> Record | None:
    """None for a folder that was made and not written to yet."""
    has_result = (path / RESULT).is_file()
    if not (path / ORDER).is_file():
        if has_result:
            raise SweepError(f"{path} has a result.json but no order.json; {REMEDY}")
        return None
    order = read_state(path / ORDER, remedy=REMEDY)
    _refuse(path / ORDER, order_fault(order))
    result = read_state(path / RESULT, remedy=REMEDY) if has_result else None
    if result is not None and result.get("digest") != order.get("digest"):
        raise SweepError(
            f"{path}: result.json is of the run {result.get('digest')}, "
            f"order.json of {order.get('digest')}; {REMEDY}"
        )
    if order.get("run") != path.name:
        raise SweepError(f"{path} holds the order of the run {order.get('run')}; {REMEDY}")
    if result is not None:
        _refuse(path / RESULT, ended_fault(result))
    begun = any((path / name).exists() for name in ("metrics.csv", CHECKPOINT))
    return record(order, result, unfinished="running" if begun else "planned")


def _refuse(path: Path, fault: str | None) -> None:
    if fault:
        raise SweepError(f"{path} is damaged ({fault}); {REMEDY}")


def _is_plan(raw: Mapping[str, Any]) -> bool:
    """Whether the parts that reports read have the form that they are written in."""
    try:
        before = raw.get("before") or {}
        named = [*before.get("changed", ()), *before.get("finished", ())]
        whole = [raw["runs"][end] for end in ("least", "greatest")] if "runs" in raw else []
        weights = [weight for c in raw.get("contrasts", ()) for weight in c["weights"].values()]
    except (AttributeError, KeyError, TypeError):
        return False
    return all(isinstance(x, str) for x in named) and all(
        isinstance(x, int | float) for x in (*whole, *weights)
    )


def _read_question(path: Path) -> SweepConfig:
    raw = _read_mapping(path)
    try:
        return SweepConfig.parse(raw)
    except ValidationError as error:
        lines = explained(error, SweepConfig)
        raise SweepError(str(config_error(str(path), lines))) from None


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        raw = load_yaml(_read(path), source=str(path))
    except ConfigError as error:
        raise SweepError(str(error)) from None
    if not isinstance(raw, dict):
        raise SweepError(f"{path} holds no question; run the sweep again")
    return raw


def _numbers(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table of numbers, NaN where a cell is empty; with these columns where there is no file."""
    text = _read(path) if path.is_file() else ""
    text = text[: text.rfind("\n") + 1]  # the last row of a run that writes may be half there
    try:
        header, *rows = [*csv.reader(io.StringIO(text))] or [columns]
        if missing := [name for name in columns if name not in header]:
            raise ValueError(f"it has no column {missing[0]}")
        found = zip(*([float(cell or "nan") for cell in row] for row in rows), strict=True)
        values = [*found] or [()] * len(header)
        return pd.DataFrame(dict(zip(header, values, strict=True)), dtype="float64")
    except (ValueError, csv.Error) as error:
        raise SweepError(f"{path} is damaged ({error}); {REMEDY}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise SweepError(f"{path} cannot be read ({error}); {REMEDY}") from None


def _csv(frame: pd.DataFrame) -> str:
    """Comma-separated, a newline a row, floats as `repr` writes them, nothing for what is not."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)
