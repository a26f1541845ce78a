"""Verdicts as sentences that need no glossary.

Design choices:
- every sentence says which way is better, the unit, the interval's level, the seeds, the tuning;
- a minus sign is a minus sign, and numbers show two digits of what is uncertain about them.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.config.confirm import ConfirmConfig
from lab.config.sweep import SweepConfig
from lab.report.judging.verdict import Verdict
from lab.report.terms import listed, quantity, unit

if TYPE_CHECKING:
    from lab.report.judging.tuned import Tuned  # with pandas, and a rule is told without


def amount(value: float, *, doubt: float | None = None) -> str:
    """A number to two digits of its doubt, three decimals at least and six at most."""
    scale = abs(doubt if doubt is not None and math.isfinite(doubt) else value)
    decimals = 3 if scale == 0 else min(6, max(3, 1 - math.floor(math.log10(scale))))
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def comparison(verdict: Verdict, question: SweepConfig, tuned: "Sequence[Tuned | None]") -> str:
    """The verdict on a contrast. `tuned`: of each arm in it, in the order of its weights."""
    confirm = question.confirm
    assert confirm is not None
    doubt = (verdict.high - verdict.low) / 2
    if verdict.n == 0:
        return begun(verdict, question, _not_compared(verdict, question, tuned))
    if verdict.n < confirm.first_seeds:
        once = (
            "a fixed test looks only once"
            if confirm.test == "fixed"
            else "none is looked at before"
        )
        sides = "both" if len(verdict.weights) == 2 else "all"
        return begun(
            verdict,
            question,
            f"{subject(verdict, question)} is not judged yet: {verdict.n} of "
            f"{confirm.first_seeds} seeds are finished for {sides}, and {once}.",
        )
    if verdict.kind == "undecided" and not any(verdict.differences):
        return begun(
            verdict,
            question,
            f"{subject(verdict, question)} is undecided: there is no difference on any of "
            f"{seeds(verdict)}, and only a margin could call that equivalent.",
        )
    size = f"{amount(abs(verdict.difference), doubt=doubt)} {unit(verdict.metric)}"
    what = f"{quantity(verdict.metric)} is {_direction(verdict)} by {size}"
    basis = (
        ""
        if math.isinf(doubt)
        else f"({_interval(verdict)}, {seeds(verdict)}, {_tuning(question, verdict, tuned)})"
    )
    if verdict.effect == "twin":
        return twin(verdict, question, what, basis)
    if verdict.effect == "interaction":
        return begun(verdict, question, _interaction(verdict, question, size, basis))
    return begun(verdict, question, _between(verdict, question, what, basis))


def named(verdict: Verdict, question: SweepConfig) -> tuple[str, str]:
    """What a sentence calls the two sides: a scale is said apart."""
    if verdict.effect in ("pair", "twin"):
        return question.variant_of(verdict.variant), question.variant_of(verdict.reference)
    return verdict.variant, verdict.reference


def subject(verdict: Verdict, question: SweepConfig) -> str:
    """What is judged, as the beginning of a sentence."""
    if verdict.beside is not None:
        return f"the interaction of {verdict.factor} and {verdict.beside[0]}"
    a, b = named(verdict, question)
    return f"{a} against {b}"


def begun(verdict: Verdict, question: SweepConfig, sentence: str) -> str:
    """Where, and over what it is averaged, before what is said of it."""
    where = [] if verdict.scale is None else [f"at scale {verdict.scale}"]
    named = {verdict.factor, verdict.beside[0] if verdict.beside else None}
    others = [factor for factor in question.factors if factor not in named]
    if verdict.factor is not None and others:
        where.append(f"averaged over {listed(others)}")
    if not where:
        return sentence[0].upper() + sentence[1:] if verdict.beside else sentence
    begun = ", ".join(where)
    return f"{begun[0].upper()}{begun[1:]}, {sentence}"


def _between(verdict: Verdict, question: SweepConfig, what: str, basis: str) -> str:
    """Of two arms, or of two levels of a factor."""
    a, b = named(verdict, question)
    assert question.confirm is not None
    if not basis:
        return (
            f"{a} against {b} is undecided: {a}'s {what} on average, but {seeds(verdict)} "
            f"cannot bound the difference yet.{_outlook(verdict, question)}"
        )
    match verdict.kind:
        case "decided":
            verb = "beats" if verdict.difference < 0 else "is worse than"
            return f"{a} {verb} {b}: its {what} {basis}."
        case "equivalent":
            margin = _margin(verdict, question.confirm)
            if verdict.real_but_small:
                return (
                    f"{a} and {b} differ by less than matters: {a}'s {what}, a real difference "
                    f"but below {margin} {basis}."
                )
            return f"{a} and {b} are equivalent within {margin}: {a}'s {what} {basis}."
        case _ if verdict.more_trials is not None:
            return (
                f"{a} and {b} differ at these settings, but the tuning was too coarse to credit "
                f"the variant: {a}'s {what} {basis}{_left_by_tuning(verdict)}. "
                f"{_trials_needed(verdict)}"
            )
        case _:
            return (
                f"{a} against {b} is undecided: {a}'s {what} on average, but "
                f"{_includes_0(verdict, basis)}.{_outlook(verdict, question)}"
            )


def _interaction(verdict: Verdict, question: SweepConfig, size: str, basis: str) -> str:
    """How much the difference that one factor makes depends on another."""
    assert verdict.beside is not None
    assert question.confirm is not None
    other, level, base = verdict.beside
    both = f"{verdict.factor} and {other}"
    what = (
        f"the difference of {verdict.variant} from {verdict.reference} in "
        f"{quantity(verdict.metric)} is {_direction(verdict)} by {size} with {level} than "
        f"with {base}"
    )
    if not basis:
        return (
            f"whether {both} interact is undecided: {what} on average, but {seeds(verdict)} "
            f"cannot bound that yet.{_outlook(verdict, question)}"
        )
    match verdict.kind:
        case "decided":
            return f"{both} interact: {what} {basis}."
        case "equivalent":
            margin = _margin(verdict, question.confirm)
            if verdict.real_but_small:
                return f"{both} interact by less than matters: {what}, below {margin} {basis}."
            return f"{both} do not interact beyond {margin}: {what} {basis}."
        case _ if verdict.more_trials is not None:
            return (
                f"{both} interact at these settings, but the tuning was too coarse to credit "
                f"them: {what} {basis}{_left_by_tuning(verdict)}. {_trials_needed(verdict)}"
            )
        case _:
            return (
                f"whether {both} interact is undecided: {what} on average, but "
                f"{_includes_0(verdict, basis)}.{_outlook(verdict, question)}"
            )


def twin(verdict: Verdict, question: SweepConfig, what: str, basis: str) -> str:
    """Two arms that differ in nothing but their initial values."""
    a, b = named(verdict, question)
    where = "" if verdict.scale is None else f" at scale {verdict.scale}"
    if not basis:
        return (
            f"The twin control{where} says nothing yet: {a}'s {what} than {b}'s on average, but "
            f"{seeds(verdict)} cannot bound the difference."
        )
    if verdict.kind == "decided":
        once = f"once in {1 / (1 - verdict.level):.0f}"
        return (
            f"Flagged: {b} and its twin{where}, which differ in nothing but their initial values, "
            f"are found to differ: the twin's {what} {basis}. By right that happens {once}; if it "
            "is more than chance, the verdicts may claim too much as well."
        )
    return (
        f"The twin control{where} finds nothing, as it should: {b} with other initial values "
        f"against itself, the twin's {what} on average {basis}."
    )


def _margin(verdict: Verdict, confirm: ConfirmConfig) -> str:
    return f"the margin of {confirm.margin:g} {unit(verdict.metric)}"


def _includes_0(verdict: Verdict, basis: str) -> str:
    """`the 97.5 % interval, −0.1 to 0.2, includes 0 (8 seeds, both tuned with 6 trials)`."""
    _, _, rest = basis.partition(", ")
    return f"the {_level(verdict)}, {_span(verdict.low, verdict.high)}, includes 0 ({rest}"


def _trials_needed(verdict: Verdict) -> str:
    assert verdict.more_trials is not None
    trials = plural(verdict.more_trials, "more trial")
    return f"About {trials} for each variant should tell."


def _not_compared(verdict: Verdict, question: SweepConfig, tuned: "Sequence[Tuned | None]") -> str:
    for name, side in zip(verdict.weights, tuned, strict=True):
        if side and not side.chosen:
            trials = plural(side.trials, "tuning trial")
            return (
                f"{_unjudged(verdict, question)}: none of {name}'s {trials} "
                "ended with a finite loss, so there was nothing to confirm."
            )
    sides = "both" if len(verdict.weights) == 2 else "all"
    return f"{_unjudged(verdict, question)}: no seed is finished for {sides} yet."


def _unjudged(verdict: Verdict, question: SweepConfig) -> str:
    if verdict.beside is not None:
        return f"{subject(verdict, question)} has not been judged"
    a, b = named(verdict, question)
    return f"{a} has not been compared with {b}"


def _direction(verdict: Verdict) -> str:
    return "lower" if verdict.difference < 0 else "higher"


def _interval(verdict: Verdict) -> str:
    """Of the amount that `_direction` goes with where 0 is outside, else of the difference."""
    low, high = verdict.low, verdict.high
    if low <= 0 <= high:
        return f"{_level(verdict)} of the difference {_span(low, high)}"
    low, high = sorted((abs(low), abs(high)))
    return f"{_level(verdict)} {_span(low, high)}"


def _level(verdict: Verdict) -> str:
    return f"{percent(verdict.level)} interval"


def _span(low: float, high: float) -> str:
    doubt = (high - low) / 2
    return f"{amount(low, doubt=doubt)} to {amount(high, doubt=doubt)}"


def seeds(verdict: Verdict) -> str:
    return plural(verdict.n, "seed")


def _tuning(question: SweepConfig, verdict: Verdict, tuned: "Sequence[Tuned | None]") -> str:
    if verdict.effect == "twin":
        return "the same settings"
    if question.tune is None:
        return "neither tuned" if len(tuned) == 2 else "none tuned"
    counts = [side.trials if side else 0 for side in tuned]
    if len(set(counts)) == 1:
        return f"{'both' if len(tuned) == 2 else 'all'} tuned with {plural(counts[0], 'trial')}"
    return f"tuned with {listed(map(str, counts))} trials"


def _left_by_tuning(verdict: Verdict) -> str:
    if verdict.tau is None:
        return "; what better settings would gain could not be estimated"
    return f"; better settings might gain {amount(verdict.tau)}"


def _outlook(verdict: Verdict, question: SweepConfig) -> str:
    assert question.confirm is not None
    if verdict.more_seeds is None:
        if math.isinf(verdict.high):
            return ""
        if verdict.tau is None or abs(verdict.difference) <= verdict.tau:
            return " More seeds alone would not settle it: tune with more trials first."
        return " No affordable number of seeds would settle it at this mean and spread."
    seeds = plural(verdict.more_seeds, "more seed")
    if question.confirm.test == "fixed":
        total = verdict.n + verdict.more_seeds
        return f" A new sweep with about {total:,} seeds should settle it."
    return f" About {seeds} should settle it if mean and spread stay as they are."
