"""Stopping early, told again from the results of real runs: what it spends, and what it says."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.config.loading import load_sweep
from lab.config.sweep import SweepConfig
from lab.report.judging.verdicts import judge, settled_arms
from lab.report.records import frame
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.story import Story

QUESTIONS = ("posenc", "norm", "mlp")
RULES = ("confirm.max_seeds=20", "confirm.margin=0.01", "confirm.twin=false")
FIXED = ("confirm.test=fixed", "confirm.min_seeds=null")


@cache
def told(name: str, *overrides: str) -> tuple[SweepConfig, list[PlannedRun], pd.DataFrame]:
    """The question, its confirmation runs, and its table of runs."""
    question = load_sweep(f"{name}.yaml", overrides=[*RULES, *overrides])
    known = pd.read_csv(Path(__file__).parent / f"{name}.csv")
    results: dict[str, Result] = {}

    def table(runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> pd.DataFrame:
        orders = [{"run": r.name, "labels": r.labels, "settings": r.settings} for r in runs]
        return frame(question, zip(orders, (results[run.name] for run in runs), strict=True))

    plan = Plan(
        question, "a corpus", settled=lambda runs, found: settled_arms(question, table(runs, found))
    )
    story = Story(plan, results)
    story.advance()
    while not story.is_over:
        results |= {run.name: _result(run, known) for run in story.rounds[-1]}
        story.advance()
    confirmed = [run for run in story.runs if run.phase == "confirm"]
    return question, confirmed, table(story.runs, results)


def _result(run: PlannedRun, known: pd.DataFrame) -> Result:
    """What the very same run came to; its settings are those that were tried then."""
    lr = "train.optimizer.lr"
    same = (known["variant"] == run.variant) & (known["phase"] == run.phase)
    same &= (known["seed"] == run.seed) & np.isclose(known[lr], float(str(run.settings[lr])))
    (row,) = known[same].to_dict("records")
    metrics = {name: row[name] for name in ("val/loss", "test/loss") if row[name] == row[name]}
    return {
        "status": row["status"],
        "seed": run.seed,
        "metrics": metrics,
        "initial": {"val/loss": row["initial/val/loss"]},
    }


def test_it_spends_at_most_three_fifths_of_the_fixed_design() -> None:
    spent = sum(len(told(name)[1]) for name in QUESTIONS)
    fixed = sum(len(told(name, *FIXED)[1]) for name in QUESTIONS)
    assert fixed == 20 * (3 + 2 + 2)
    assert spent <= 0.6 * fixed


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_reaches_the_verdicts_of_the_fixed_design(name: str) -> None:
    early, late = (judge(told(name, *o)[0], told(name, *o)[2]) for o in ((), FIXED))
    assert [verdict.kind for verdict in early] == [verdict.kind for verdict in late]
    for one, other in zip(early, late, strict=True):
        assert one.settled
        assert other.n == 20
        assert one.tau == other.tau
        reach = (one.high - one.low) / 2 - (one.tau or 0)
        assert abs(one.difference - other.difference) < reach


def test_what_is_decided_is_decided_in_the_same_direction() -> None:
    decided = [v for v in judge(told("posenc")[0], told("posenc")[2]) if v.kind == "decided"]
    assert {v.variant: v.difference < 0 for v in decided} == {"sinusoidal": False, "rope": True}


def test_the_documentation_says_what_was_spent() -> None:
    text = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    spent = {name: [len(told(name, *o)[1]) for o in ((), FIXED)] for name in QUESTIONS}
    for name, (early, fixed) in spent.items():
        kinds = ", ".join(v.kind for v in judge(told(name)[0], told(name)[2]))
        assert f"| {name} | {early} | {fixed} | {kinds} |" in text
    early, fixed = (sum(column) for column in zip(*spent.values(), strict=True))
    assert f"| together | {early} | {fixed} | the same |" in text
    assert f"spent {100 * early / fixed:.0f} % of the fixed design's runs" in text
