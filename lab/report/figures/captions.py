"""What each figure shows, in words that fit the question."""

import math

from lab.config.samplers import QuasiRandom
from lab.config.space import Range, Space
from lab.config.sweep import SweepConfig
from lab.report.figures.budget import LEVEL
from lab.report.figures.budget import MOST as MOST_BUDGETS
from lab.report.figures.paired import MOST as MOST_PAIRED
from lab.report.judging.wording import percent
from lab.report.tables.lengths import ends
from lab.report.terms import quantity
from lab.stats.scaling import FEWEST


def captions(question: SweepConfig) -> dict[str, str]:
    """By the name of the figure."""
    return {
        "differences": _differences(question),
        "interaction": _interaction(question),
        "scales": _scales(question),
        "tuning": _tuning(question),
        "budget": _budget(question),
        "curves": _curves(question),
        "paired": _paired(question),
        "positions": _positions(question),
        "cost": _cost(question),
        "history": _history(question),
        "slices": _slices(question),
        "parallel": _parallel(question),
        "importance": _importance(question),
        "learning": _learning(question),
        "front": _front(question),
    }


def _differences(question: SweepConfig) -> str:
    text = (
        "Differences between runs of the same seed: a dot a seed, a diamond for their mean. A "
        "cross at the right edge is a seed at which the variant's run was lost, at the left edge "
        "one at which only the other side's was: such a row has no mean. "
    )
    text += _interval(question)
    if question.confirm and question.confirm.margin is not None:
        text += " Grey is the margin within which differences do not matter."
    text += (
        " Hatched is one standard deviation over seeds of the reference, to both sides of 0: what "
        "single runs differ by in any case."
    )
    if question.twins:
        text += (
            " A twin is the reference again, from other initial values: it ought to differ by "
            "nothing, and would be red where it was decided that it does; its interval is at "
            f"{_level(question, among=1)}."
        )
    return text


def _interval(question: SweepConfig) -> str:
    text = f"The thick bar is the interval that the seeds give, at {_level(question)}"
    if question.tune is None:
        return f"{text}."
    return f"{text}; its thin ends are what tuning may have left on the table."


def _level(question: SweepConfig, *, among: int | None = None) -> str:
    """As in a verdict: α is shared among what is judged, or among so many."""
    alpha = question.confirm.alpha if question.confirm else math.nan
    return percent(1 - alpha / max(1, len(question.judged) if among is None else among))


def _interaction(question: SweepConfig) -> str:
    text = "Mean loss at each level of one factor, a line a level of another"
    text += ", averaged over the levels of all others" if len(question.factors) > 2 else ""
    return (
        f"{text}. Where lines are parallel the factors add up; where they are not, they interact. "
        "A bar is one standard error over seeds, without what all combinations of a seed share."
    )


def _scales(question: SweepConfig) -> str:
    text = (
        "Left: what each variant reaches; a mark is the mean over seeds, its bar reaches from the "
        "lowest seed to the highest. "
    )
    text += (
        "The curve is a power law, where one fits; else the marks are joined. "
        if len(question.scales) >= FEWEST
        else "Marks are joined by straight lines. "
    )
    text += (
        f"Right: the difference at each scale, moved aside a little where several stand at one. "
        f"{_interval(question)} A hollow mark on a broken line has no bounds yet."
    )
    if question.confirm and question.confirm.margin is not None:
        text += " Grey is the margin."
    return text


def _curves(question: SweepConfig) -> str:
    text = (
        "Mean over seeds; the band reaches from the lowest seed to the highest."
        if question.confirm
        else "One run each."
    )
    text += " A row a scale." if question.scales else ""
    text += _dashed(question)
    text += " A run that diverged is dotted and ends in a cross."
    if question.base.data.is_task and question.tuning_metric == "val/loss":
        text += f" {FLOOR}"
    return text


def _paired(question: SweepConfig) -> str:
    text = (
        f"The difference in {quantity(question.tuning_metric)} between runs of the same seed, over "
        "training: the mean over the seeds that the verdict rests on, and a band for its interval "
        f"at {_level(question)}, pointwise: it holds at any one place, not along the whole curve."
    )
    if question.confirm and question.confirm.margin is not None:
        text += " Grey is the margin."
    text += (
        " Each panel has the height that it needs after the first fifth of training; what comes "
        "before may lie outside."
    )
    if len(question.judged) > MOST_PAIRED:
        text += f" At most {MOST_PAIRED} are shown; the verdicts on all are in the table."
    return text


def _budget(question: SweepConfig) -> str:
    text = (
        f"What fewer trials would have found: the mean best {quantity(question.tuning_metric)} of "
        "so many trials. Only trials count that were drawn without looking at others, not those "
        "that were named beforehand or that refine around the best; a lost one counts as the loss "
        "at initialisation. The band holds the whole curve of the median best with a chance of "
        f"{percent(LEVEL)}"
    )
    if question.tune and isinstance(question.tune.sampler, QuasiRandom):
        text += (
            ", and that approximately: exact it is for random draws, and the points of a "
            "quasi-random list are spread more evenly."
        )
    else:
        text += "."
    text += " In a panel without a band the trials are so few that they bound nothing."
    if question.comparisons:
        text += f" {_reference(question)} is dashed in every panel."
    if len(question.arms) > MOST_BUDGETS:
        text += f" At most {MOST_BUDGETS} are shown."
    return text


def _cost(question: SweepConfig) -> str:
    text = (
        f"{quantity(question.tuning_metric).capitalize()} against what it cost: training tokens, "
        "training FLOPs, and the seconds of training and evaluation on the machine that ran it, "
        "laid out evenly over the steps. The mean over seeds, from the first evaluation after the "
        "start to the mark at the end. Costs are logarithmic: the horizontal distance of two lines "
        "is how many times as much one needs for the same loss."
    )
    if question.scales:
        text += " Each scale has its own lines, named at the end of the reference's."
    return text + _dashed(question)


def _dashed(question: SweepConfig) -> str:
    return f" {_reference(question)} is dashed." if question.comparisons else ""


def _reference(question: SweepConfig) -> str:
    return f"The reference, {question.variant_of(question.reference)},"


def _positions(question: SweepConfig) -> str:
    length = max(question.base.evaluate.lengths, default=0)
    text = (
        f"Loss by position in windows of {length:,} tokens: the loss after so many tokens have "
        "been read, neighbouring positions taken together. "
    )
    text += (
        "The mean over seeds; the band reaches from the lowest seed to the highest."
        if question.confirm
        else "One run each."
    )
    text += _dashed(question)
    text += " The dotted line is the length of the windows of training."
    if any(ends(question, name, length) for name in question.arms):
        text += (
            " A line that ends in a bar is of a model whose positions end there: it is drawn in "
            "the longest windows that it can read, and beyond them it is not defined."
        )
    return f"{text} {FLOOR}" if question.base.data.is_task else text


FLOOR = "The broken grey line is the best possible loss of the same windows, which is known."


def _tuning(question: SweepConfig) -> str:
    text = "A mark a tuning trial, the best of each variant ringed."
    text += " A panel a scale." if question.scales and len(_space(question)) == 1 else ""
    space = _space(question)
    if len(space) == 1:
        text += " The curve is the fit that estimates what tuning left on the table."
    if not all(isinstance(entry, Range) for entry in space.values()):
        text += " Choices are shown apart."
    text += (
        " A cross at the top is a trial that diverged or failed; a small triangle there is one "
        "whose loss is too high to fit in."
    )
    if _gives_up(question):
        text += " A bar there is one that was given up early."
    return text


def _space(question: SweepConfig) -> Space:
    return question.tune.space if question.tune else {}


def _history(question: SweepConfig) -> str:
    text = (
        "A mark a trial, in the order in which they were asked for and by the tokens spent up to "
        "its end; the line is the best complete one so far, ringed where it was found."
    )
    return f"{text} {_marks(question)}"


def _slices(question: SweepConfig) -> str:
    text = f"A mark a trial, a panel a setting. {_marks(question)}"
    if question.comparisons:
        return f"{text} The ringed trials are the best of their variants."
    text += " The line in a strip is the median of its complete trials."
    return text + ("" if len(question.objectives) > 1 else " The best trial is ringed.")


def _marks(question: SweepConfig) -> str:
    text = (
        "Hollow marks were given up early, and stand where they had come to by then. "
        if _gives_up(question)
        else ""
    )
    return text + ("Crosses at the edge diverged or failed; small triangles are too bad to fit in.")


def _gives_up(question: SweepConfig) -> bool:
    """Whether a trial may end before all of its training is done."""
    return question.tune is not None and (
        question.tune.pruner is not None or question.tune.seeds > 1
    )


def _parallel(question: SweepConfig) -> str:
    metric = quantity(question.tuning_metric)
    text = (
        f"A line a trial, through its settings and down to its {metric}: the best in orange, the "
        "others the fainter the worse"
    )
    text += ", those given up early in grey." if _gives_up(question) else "."
    if question.tune and any(entry.when for entry in question.tune.space.values()):
        text += " A line passes at the left of a setting that is not there in its trial."
    return text


def _importance(question: SweepConfig) -> str:
    return (
        f"How much of the differences in {quantity(question.tuning_metric)} between trials each "
        "setting accounts for, by the trials alone: over other ranges it would be another share."
        + (" The mean over scales." if question.scales else "")
    )


def _learning(question: SweepConfig) -> str:
    text = (
        f"{quantity(question.tuning_metric).capitalize()} of each trial's first seed: the best in "
        "orange, the other complete ones the fainter the worse."
    )
    if question.tune and question.tune.pruner:
        text += " Dotted lines are the rungs at which trials are judged; a ring ends a trial there."
    return text


def _front(question: SweepConfig) -> str:
    text = "A mark a trial that was trained to its end."
    if len(question.objectives) == 2:
        return f"{text} The line is the Pareto front: nothing was found on its better side."
    return f"{text} Full marks are on the Pareto front of all objectives."
