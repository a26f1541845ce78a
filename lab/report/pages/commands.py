"""What to type to see it all again."""

import shlex
from collections.abc import Sequence

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.config.tracking import SamplesConfig
from lab.report.collect import Sweep
from lab.report.judging.tuned import numbers
from lab.report.records import Record
from lab.report.searches.found import ranked
from lab.report.searches.search import Search
from lab.report.terms import quantity

Commands = list[tuple[str, str]]


def commands(sweep: Sweep) -> Commands:
    """Pairs: what it does, and the command."""
    folder = shlex.quote(f"experiments/{sweep.name}")
    original = shlex.quote(f"experiments/{sweep.name}/sweep.yaml")
    file = shlex.quote(f"{sweep.name}.yaml")
    found = [
        (
            "Ask the same question elsewhere; finished runs are not repeated",
            f"cp {original} {file} && python -m lab.sweep {file}",
        ),
        ("Make this report again from its files", f"python -m lab.report {folder}"),
    ]
    best, what = _best_package(sweep.question, sweep.search(), sweep.runs())
    prompt = _prompt(sweep.question, sweep.records(), best)
    if best and prompt:
        package = shlex.quote(f"artifacts/{sweep.name}/{best}")
        found.append(
            (
                f"Write text with the {what}",
                f"python -m lab.sample {package} --prompt {shlex.quote(prompt)}",
            )
        )
    return found


def _prompt(question: SweepConfig, records: Sequence[Record], package: str | None) -> str | None:
    """The question's own; else of a task how a window begins, for words mean nothing to it."""
    asked = question.base.tracking.samples.prompt
    if not question.base.data.is_task or asked != SamplesConfig().prompt:
        return asked
    found = (r.part("data").get("example") for r in records if r.result.get("package") == package)
    return next(found, None)


def _best_package(
    question: SweepConfig, search: Search | None, runs: pd.DataFrame
) -> tuple[str | None, str]:
    """The package of the run that did best, and what that is."""
    packaged = runs[runs["package"].notna()]
    if question.is_search and search and question.confirm is None:
        names = [name for trial in ranked(search) for name in trial.runs]
        kept = [str(name) for name in packaged["package"]]
        best = next((name for name in names if name in kept), None)
        most = "lowest" if search.sign > 0 else "highest"
        return best, f"trial of the {most} {quantity(question.tuning_metric)}"
    metric = question.endpoint if question.confirm else question.tuning_metric
    known = packaged.assign(reached=numbers(packaged, metric)).dropna(subset=["reached"])
    known = known.sort_values("reached", kind="stable")
    what = f"run of the lowest {quantity(metric)}"
    return (str(known["package"].iloc[0]) if len(known) else None), what
