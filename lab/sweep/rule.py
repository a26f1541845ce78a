"""The rule in words: what will be run, and what would count as an answer."""

from typing import assert_never

from lab.config.pruners import (
    Hyperband,
    MedianPruner,
    Pruner,
    SuccessiveHalving,
    ThresholdPruner,
    WilcoxonPruner,
    rung_tokens,
)
from lab.config.samplers import Adaptive, Grid
from lab.config.sweep import SweepConfig
from lab.config.tune import TuneConfig
from lab.sweep.rule_of_confirmation import confirming

MATCHED = {
    "tokens": "Variants are matched in tokens: each trains on as many as it is given here.",
    "flops": "Variants are matched in training FLOPs, by their number of steps.",
    "parameters": "Variants are matched in parameters, by the width of their MLPs.",
    "wall-clock": """\
Variants are matched in training time, by their number of steps: seconds are as measured before \
this plan was written.""",
}
ONCE = "Every variant is trained once; no difference is judged."
LISTED = """\
Tuning: every variant is trained at the same {explore} points of the search space with {seeds}, \
then at {refine} more around its own best; {best}. A trial \
that diverged or failed counts as the worst."""
SEARCHED = """\
Search: the base run is trained at {explore} points of the search space with {seeds}, then at \
{refine} more around the best; {best}. A trial that diverged or failed counts as the worst."""
GRID = """\
Search: each of the {trials} combinations is trained with {seeds}; {best}. \
A trial that diverged or failed counts as the worst."""
ASKED = """\
Search: the sampler {sampler} is asked for {width} trials at a time, {trials} in all, each trained \
with {seeds}; {best}. A trial that diverged or failed counts as the worst."""
SETTLED = """\
After each seed a trial ends that is shown to be worse than the best on the same seeds, at level \
{level:g} shared among its rivals and the looks."""


def rule(question: SweepConfig) -> str:
    """What a plan promises before its first run, in sentences."""
    parts = [MATCHED[question.match]] if question.contrasts else []
    if question.tune:
        parts += _tuning(question, question.tune)
    if question.confirm:
        parts += confirming(question, question.confirm)
    if not question.tune and not question.confirm:
        parts.append(ONCE)
    return " ".join(parts)


def _tuning(question: SweepConfig, tune: TuneConfig) -> list[str]:
    words = {
        "explore": tune.n_explore + len(tune.enqueued),
        "refine": tune.n_refine,
        "trials": tune.n_trials,
        "seeds": "one seed" if tune.seeds == 1 else f"{tune.seeds} seeds",
        "best": _best(question),
        "sampler": tune.sampler.kind,
        "width": tune.width,
    }
    match tune.sampler:
        case Grid():
            parts = [GRID.format(**words)]
        case sampler if isinstance(sampler, Adaptive):
            parts = [ASKED.format(**words)]
        case _:
            listed = SEARCHED if question.is_search else LISTED
            parts = [listed.format(**words)]
    if tune.pruner:
        rungs = [f"{tokens:,}" for tokens in rung_tokens(tune.pruner, question.base)]
        at = f"Rungs lie at {', '.join(rungs)} training tokens. " if rungs else ""
        parts.append(at + _pruning(tune.pruner))
    if tune.seeds > 1 and tune.settle is not None and not isinstance(tune.pruner, WilcoxonPruner):
        parts.append(SETTLED.format(level=tune.settle))
    return parts


def _best(question: SweepConfig) -> str:
    named = [
        f"the {'least' if o.direction == 'minimize' else 'greatest'} {o.metric}"
        for o in question.objectives
    ]
    if len(named) > 1:
        return f"the answer is the front of {' and '.join(named)}"
    chosen = "point" if question.comparisons else "trial"
    return f"the {chosen} with {named[0]} is chosen"


def _pruning(pruner: Pruner) -> str:
    match pruner:
        case SuccessiveHalving(eta=eta):
            return f"At each rung the best 1/{eta} of the trials that reached it go on."
        case Hyperband(eta=eta):
            return (
                f"At each rung the best 1/{eta} of its bracket's trials go on; brackets begin at "
                "different rungs."
            )
        case MedianPruner():
            return "A trial worse than the median of those that reached a rung ends there."
        case ThresholdPruner(lower=lower, upper=upper):
            low = "" if lower is None else f" below {lower:g}"
            high = "" if upper is None else f" above {upper:g}"
            both = " or".join(part for part in (low, high) if part)
            return f"A trial whose objective lies{both} at a rung ends there."
        case WilcoxonPruner(p=p):
            return (
                "After each seed a trial ends that is worse than the best on the same seeds, "
                f"p <= {p:g} by the signed-rank test."
            )
        case unreachable:
            assert_never(unreachable)
