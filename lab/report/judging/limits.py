"""What the runs do not show, said by the report itself before a reviewer has to.

Design choices:
- every sentence has the numbers of this question in it, or is left out: no boilerplate;
- the order is from what is compared to how it is judged.
"""

import math

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.report.judging.tuned import numbers
from lab.report.judging.verdict import Verdict
from lab.report.judging.wording import percent
from lab.report.tables.finished import finished, judged_split
from lab.report.terms import listed

OPTIMAL = 20  # tokens a parameter, of compute-optimal training; Hoffmann et al. 2022, table 3


def limits(
    question: SweepConfig, runs: pd.DataFrame, verdicts: list[Verdict], *, exploratory: bool
) -> list[str]:
    """Sentences, the widest first."""
    found = [*_scope(question, runs), *_what_is_tuned(question)]
    if not question.comparisons:
        return found
    if question.confirm is None:
        return [*found, "Nothing was confirmed with fresh seeds, so no difference is claimed."]
    found.append(
        "Seeds vary the initial values and the batches. The held-out text is one sample for all of "
        f"them: the intervals say nothing about another {judged_split(question)} split."
        if not question.base.data.is_task
        else "Seeds vary the initial values and the windows of training; all runs are judged on "
        "the same held-out windows."
    )
    found += _how_it_is_judged(question, verdicts)
    if exploratory:
        found.append(
            "How the answer is judged was changed after confirmation runs had been seen: the "
            "answer is exploratory, and wants a new sweep with other seeds to be confirmed."
        )
    return found


def _scope(question: SweepConfig, runs: pd.DataFrame) -> list[str]:
    """How small this was, and on what."""
    done = finished(question, runs)
    tokens, params = numbers(done, "tokens"), numbers(done, "n_params")
    if not len(done) or not (tokens > 0).all() or not (params > 0).all():
        return []
    data = question.base.data
    what = f"the {'task' if data.is_task else 'corpus'} {data.corpus.kind}"
    ratio = float((tokens / params).mean())
    sizes = _span(params.min(), params.max())
    budget = _span(tokens.min(), tokens.max())
    text = (
        f"All was measured on {what}, with models of {sizes} parameters trained on {budget} tokens"
    )
    if data.is_task:
        return [f"{text}. A task made of numbers is no language: what helps there may not here."]
    return [
        f"{text}: {ratio:.2g} tokens a parameter, where compute-optimal training takes about "
        f"{OPTIMAL} (Hoffmann et al. 2022). Other text, larger models or longer training may "
        "answer otherwise."
    ]


def _what_is_tuned(question: SweepConfig) -> list[str]:
    if not question.comparisons:
        return []
    fixed = "the base run's, and may suit one variant better than another"
    if question.tune is None:
        return [f"No setting was tuned for each variant: all are {fixed}."]
    names = list(question.tune.space)
    return [
        f"Tuned for each variant {'was' if len(names) == 1 else 'were'} {listed(names)} only; "
        f"all other settings are {fixed}. What tuning may hide (τ) is an estimate from a fitted "
        "curve, not a bound."
    ]


def _how_it_is_judged(question: SweepConfig, verdicts: list[Verdict]) -> list[str]:
    confirm = question.confirm
    assert confirm is not None
    found = []
    if confirm.metric is None:
        found.append(
            "Runs are judged by the loss after their last step: nothing is said about shorter or "
            "longer training."
        )
    found += _what_undecided_means(verdicts)
    if confirm.margin is None:
        found.append("The plan gives no margin, so nothing could be found to be equivalent.")
    if question.judged:
        found.append(
            f"The chance of a wrong claim, {percent(confirm.alpha)}, is for "
            f"{_all_of(len(question.judged))}, if differences over seeds are about normal; who "
            "asks many questions will meet wrong answers among them."
        )
    if not question.twins:
        found.append(
            "No twin control was run: the error rate was not checked on this question's own runs."
        )
    return found


def _what_undecided_means(verdicts: list[Verdict]) -> list[str]:
    """Each comparison is named only where they are undecided in different ways."""
    names: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.kind == "undecided":
            names.setdefault(_left_open(verdict), []).append(verdict.name)
    if not names:
        return []
    if len(names) == 1:
        return [f"Undecided is not equal: {next(iter(names))}."]
    each = "; ".join(f"of {listed(of)}, {what}" for what, of in names.items())
    return [f"Undecided is not equal: {each}."]


def _left_open(verdict: Verdict) -> str:
    if not math.isfinite(verdict.high - verdict.low):
        return "the seeds do not bound the difference yet"
    if verdict.tau is None:
        return "the interval holds at these settings only"
    return "the difference may be anything within the interval"


def _all_of(k: int) -> str:
    match k:
        case 1:
            return "the one comparison of this question"
        case 2:
            return "both comparisons of this question together"
        case _:
            return f"all {k:,} comparisons of this question together"


def _span(low: float, high: float) -> str:
    return _short(low) if _short(low) == _short(high) else f"{_short(low)} to {_short(high)}"


def _short(n: float) -> str:
    """`98 thousand`, `1.2 million`."""
    for size, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if n >= size:
            return f"{n / size:.3g}{word}"
    return f"{n:.0f}"
