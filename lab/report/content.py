"""What there is to show of a sweep: its sentences, tables and figures, each by name.

Design choices:
- whoever shows something, a page, a notebook or a comparison of sweeps, takes it from here: what
  is not here exists nowhere;
- a table or figure that has nothing to say is not there;
- files are read once for all of it.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from lab.report.collect import Sweep
from lab.report.figures import scales as over_scales
from lab.report.figures.budget import budget
from lab.report.figures.cost import cost
from lab.report.figures.curves import curves
from lab.report.figures.forest import forest
from lab.report.figures.interaction import interaction
from lab.report.figures.paired import paired
from lab.report.figures.positions import positions
from lab.report.figures.tuning import tuning
from lab.report.judging.limits import limits
from lab.report.records import Record
from lab.report.searches.part import SearchPart, runs_of_best, search_part
from lab.report.snapshot import snapshot
from lab.report.tables import compared as tables
from lab.report.tables import floors, history
from lab.report.tables import plan as plan_part
from lab.report.tables.certificates import certificates
from lab.report.tables.data import data_part
from lab.report.tables.effects import effects
from lab.report.tables.fairness import Shapes, fairness, in_what_alike
from lab.report.tables.lengths import lengths
from lab.report.tables.runs import run_table
from lab.report.tables.scales import laws, scales, whether_signs_hold
from lab.report.tables.table import Table, share
from lab.report.tables.twin import twin

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tables_of(sweep: Sweep) -> dict[str, Table]:
    """Every table of the sweep's report."""
    sweep = snapshot(sweep)
    question, records, runs, timing = sweep.question, sweep.records(), sweep.runs(), sweep.timing()
    verdicts, tried = sweep.verdicts(), tried_of(sweep)
    found: list[Table | None] = [
        tables.comparisons(question, verdicts, runs, timing),
        effects(question, verdicts, runs, timing),
        scales(question, runs, verdicts),
        laws(question, runs),
        twin(question, sweep.controls(), runs, timing),
        tables.results(question, runs),
        floors.floor(question, runs),
        floors.by_slice(question, runs),
        lengths(question, runs),
        None if question.is_search else tables.tuning(question, runs),
        fairness(question, _of_best(sweep), timing, weights=_weights(records)),
        history.budget(timing),
        history.counts(question, runs),
        history.mishaps(runs),
        plan_part.planned_against_actual(question, runs, sweep.plan),
        plan_part.surplus(sweep.surplus()),
        run_table(sweep),
        history.provenance(records, sweep.plan),
        *(tried.tables if tried else ()),
        data_part(question, records)[1],
        *certificates(question, sweep.certificates(), records)[1],
    ]
    return {table.name: table for table in found if table}


def figures_of(sweep: Sweep) -> "dict[str, Figure]":
    """Every figure of the sweep's report."""
    sweep = snapshot(sweep)
    question, runs, verdicts = sweep.question, sweep.runs(), sweep.verdicts()
    draw: dict[str, Callable[[], Figure | None]] = {
        "differences": lambda: forest(question, verdicts, sweep.controls(), runs),
        "interaction": lambda: interaction(question, runs),
        "scales": lambda: over_scales.scales(question, runs, verdicts),
        "tuning": lambda: None if question.is_search else tuning(question, runs),
        "budget": lambda: budget(question, runs),
        "curves": lambda: curves(sweep),
        "paired": lambda: paired(sweep),
        "positions": lambda: positions(sweep),
        "cost": lambda: cost(sweep),
        **(tried.figures if (tried := tried_of(sweep)) else {}),
    }
    drawn = {name: figure() for name, figure in draw.items()}
    return {name: figure for name, figure in drawn.items() if figure}


def texts_of(sweep: Sweep) -> dict[str, list[str]]:
    """The sentences of the sweep's report that stand in its sections, by what they are about."""
    sweep = snapshot(sweep)
    question, runs, verdicts = sweep.question, sweep.runs(), sweep.verdicts()
    exploratory = bool((sweep.plan.get("before") or {}).get("exploratory"))
    useful = history.useful_share(sweep.timing())
    return {
        "limits": limits(question, runs, verdicts, exploratory=exploratory),
        "fairness": in_what_alike(question, runs, sweep.timing()),
        "scales": whether_signs_hold(question, verdicts),
        "useful": [] if math.isnan(useful) else [USEFUL.format(share=share(useful))],
        "twin": [verdict.sentence for verdict in sweep.controls()],
        "certified": certificates(question, sweep.certificates(), sweep.records())[0],
        "read": data_part(question, sweep.records())[0],
        "rule": [str(sweep.plan["rule"])] if sweep.plan.get("rule") else [],
        "plan": plan_part.spared(question, runs, verdicts),
        "surplus": plan_part.about_surplus(sweep.surplus()),
    }


def tried_of(sweep: Sweep) -> SearchPart | None:
    """What the trials add."""
    return search_part(sweep.question, sweep.search(), sweep.runs(), sweep.verdicts())


def _of_best(sweep: Sweep) -> pd.DataFrame:
    """The runs whose means are compared: of a search those of its best trials."""
    search, runs = sweep.search(), sweep.runs()
    if search and sweep.question.is_search:
        return runs_of_best(sweep.question, search, runs)
    return runs


def _weights(records: Sequence[Record]) -> dict[str, Shapes]:
    """What the runs of each variant draw at their start, from the first that says so."""
    found: dict[str, Shapes] = {}
    for record in records:
        if drawn := record.part("model").get("weights"):
            found.setdefault(record.variant, drawn)
    return found


USEFUL = "{share} of the workers’ time was training and evaluation."
