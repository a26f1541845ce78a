"""The part of the rule that says how an answer is confirmed, in words."""

from lab.config.confirm import ConfirmConfig
from lab.config.sweep import SweepConfig
from lab.report.judging.wording import plural
from lab.report.terms import is_confirmed_otherwise, listed, quantity
from lab.stats.sequential import fewest_to_settle

CONFIRM_RULE = """\
Confirmation: {settings}, paired between variants, and judged by {endpoint} after the last step. \
{stop} {judged}"""
CHOSEN = "the chosen settings are trained with seeds that tuning never saw"
GIVEN = "every variant is trained with the same seeds"
UNDEFINED = """\
{variants} no answer at {length:,} tokens, and {are} not compared there."""
CONFIRM_ONE = """\
Confirmation: the chosen settings are trained with {high} seeds that the search never saw, and \
judged by {endpoint} after the last step."""
ANYTIME = """\
From {low} seeds on, every variant of an unsettled comparison gets one more at a time, at most \
{high}. Each look takes the seeds, in order, that all its sides have finished. Idle workers may \
train later seeds ahead; those count once they are asked for, and otherwise not at all."""
FIXED = "{high} seeds, looked at once."
SEQUENCE = "a confidence sequence, which holds after every seed"
STUDENT = "Student's t interval of the paired differences"
WIDENED = ", widened on each side by what tuning may hide"
EQUIVALENT = ", equivalent where it lies within ± {margin:g}"
TOO_FEW = "With at most {high} seeds nothing can be settled at this level; it takes {enough}."
MEASURED = "{high} seeds are trained, and judged by {endpoint} after the last step."
FUTILE = """\
A comparison that no more seeds can settle, because tuning was too coarse, ends."""
TWIN = """\
Control: {twins}, with the very settings and batches of {references} and other initial values, \
{has} as many seeds and {is_are} judged at level {alpha:g}, apart from the answer: what differs \
there differs by chance."""
BY_THE_LOSS = """\
The search chooses by {objective}, the confirmation goes by {endpoint}, of which less is better."""


def confirming(question: SweepConfig, confirm: ConfirmConfig) -> list[str]:
    """Who gets how many seeds, what is looked at, and what it would count as."""
    words = {
        "endpoint": _endpoint(question), "low": confirm.first_seeds, "high": confirm.max_seeds
    }  # fmt: skip
    if not question.contrasts:
        alone = (CONFIRM_ONE if question.tune else MEASURED).format(**words)
        return [alone, *_by_the_loss(question)]
    stop = (ANYTIME if confirm.test == "anytime" else FIXED).format(**words)
    settings = CHOSEN if question.tune else GIVEN
    judged = _judged(question, confirm)
    parts = [CONFIRM_RULE.format(**words, settings=settings, stop=stop, judged=judged)]
    parts += _too_few(question, confirm) + _undefined(question)
    if question.tune and confirm.test == "anytime":
        parts.append(FUTILE)
    return [*parts, *_twins(question, confirm)]


def level(question: SweepConfig) -> float | None:
    """At which each contrast is judged: they share α."""
    confirm = question.confirm
    return confirm.alpha / max(1, len(question.judged)) if confirm else None


def _endpoint(question: SweepConfig) -> str:
    """By its name, and in words where the question names it."""
    assert question.confirm is not None
    words = f", the {quantity(question.endpoint)}," if question.confirm.metric else ""
    return f"{question.endpoint}{words}"


def _judged(question: SweepConfig, confirm: ConfirmConfig) -> str:
    """Which contrasts, at what level each, and what counts as an answer."""
    k = max(1, len(question.judged))
    if question.factors:
        effects = [c.effect for c in question.judged]
        mains, others = effects.count("main"), effects.count("interaction")
        what = f"{plural(mains, 'main effect')} and {plural(others, 'interaction')}"
    else:
        reference = question.variant_of(question.reference)
        whom = "of all pairs" if question.compare == "all" and k > 1 else f"with {reference}"
        what = f"{k} comparisons {whom}" if k > 1 else f"comparison {whom}"
    scales = f", at the scales {listed(question.scales)} together," if question.scales else ""
    each = f"Each of the {what}" if k > 1 else f"The {what}"
    interval = SEQUENCE if confirm.test == "anytime" else STUDENT
    text = f"{each}{scales} is judged at level {level(question):.3g} by {interval}"
    text += WIDENED if question.tune else ""
    text += ": decided where it leaves out 0"
    return text + (EQUIVALENT.format(margin=confirm.margin) if confirm.margin else "") + "."


def _too_few(question: SweepConfig, confirm: ConfirmConfig) -> list[str]:
    """Where even equal differences on all seeds would decide nothing."""
    if confirm.test != "anytime" or not question.judged:
        return []
    enough = fewest_to_settle(confirm.alpha / len(question.judged))
    if confirm.max_seeds >= enough:
        return []
    return [TOO_FEW.format(high=confirm.max_seeds, enough=enough)]


def _twins(question: SweepConfig, confirm: ConfirmConfig) -> list[str]:
    if not question.twins:
        return []
    has, is_are = ("has", "is") if len(question.twins) == 1 else ("have", "are")
    text = TWIN.format(
        twins=listed(question.twins),
        references=listed(question.twins.values()),
        has=has,
        is_are=is_are,
        alpha=confirm.alpha,
    )
    return [text]


def _by_the_loss(question: SweepConfig) -> list[str]:
    """Where the search goes by something that no confirmation is judged by."""
    if not is_confirmed_otherwise(question):
        return []
    return [BY_THE_LOSS.format(objective=question.tuning_metric, endpoint=question.endpoint)]


def _undefined(question: SweepConfig) -> list[str]:
    """Who cannot be compared at the length that is judged."""
    names = [name for name in question.arms if not question.answers(name)]
    if not names:
        return []
    has, are = ("has", "is") if len(names) == 1 else ("have", "are")
    text = UNDEFINED.format(
        variants=f"{listed(names)} {has}", length=question.judged_length, are=are
    )
    return [text]
