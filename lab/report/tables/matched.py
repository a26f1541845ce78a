"""In what the variants were alike, and in what they were not, as a sentence with every number.

Design choices:
- it is said of what was trained, not of what was meant: an axis counts as matched where the numbers
  agree;
- whatever differs from the reference of its scale by more than half a per cent is named, and what
  is not known is left out;
- seconds are measured, and vary from run to run: where they are not what is matched, they are
  named only beyond 5 % and twice their SD over the reference's runs, and never said to agree.
"""

import math
from collections.abc import Mapping

from lab.config.base import get
from lab.config.matching import WIDTH, unmatched
from lab.config.sweep import SweepConfig
from lab.report.terms import change, listed

AXES = {
    "tokens": "tokens",
    "parameters": "parameters",
    "flops": "training FLOPs",
    "wall-clock": "seconds",
}
MEASURED = "wall-clock"
SPREAD = "SD of seconds"  # over the runs of an arm
ALIKE = 0.005  # of the reference's
CLEAR, BEYOND = 0.05, 2.0  # of the reference's seconds, of their SD
Sizes = Mapping[str, Mapping[str, float]]  # of a run of each arm, by the keys of AXES, and SPREAD


def alike(question: SweepConfig, sizes: Sizes) -> str:
    """`Matched in tokens. Not matched in: parameters (rope −7.4 %), each against learned.`"""
    if not question.comparisons:
        return ""
    off = {axis: _off(question, sizes, axis) for axis in AXES}
    known = [axis for axis in AXES if _known(question, sizes, axis)]
    by, others = off[question.match], [axis for axis in known if axis != question.match]
    matched = "Matched in" if question.match in known else "Meant to be matched in"
    text = f"{matched} {AXES[question.match]}" + (f", but for {', '.join(by)}." if by else ".")
    named = [f"{AXES[axis]} ({', '.join(off[axis])})" for axis in others if off[axis]]
    reference = question.reference if not question.scales else "the reference of its scale"
    if named:
        return f"{text} Not matched in: {', '.join(named)}, each against {reference}."
    counted = [AXES[axis] for axis in others if axis != MEASURED]
    if not counted:
        return text
    same = listed(counted)
    return f"{text} {same[:1].upper()}{same[1:]} agree too."


def planned(question: SweepConfig, vocab_sizes: Mapping[str, int]) -> str:
    """The same before anything is trained: counts are arithmetic, seconds are not known."""
    sizes = {}
    for arm in question.arms:
        run, vocab = question.variant(arm), vocab_sizes[arm]
        tokens = run.train.steps * run.tokens_per_step
        sizes[arm] = {
            "tokens": tokens,
            "parameters": run.model.n_params(vocab),
            "flops": tokens * run.model.flops_per_token(vocab),
        }
    return alike(question, sizes)


def made_equal(question: SweepConfig) -> str:
    """`To match them, the lab set train.steps of rope to 431 instead of 400.`; empty where it
    changed nothing."""
    changed = []
    for arm, fragment in question.matched.items():
        run = unmatched(question, arm)
        for path, value in fragment.items():
            before = run.model.d_ff if path == WIDTH else get(run.dump(), path)
            if value != before:
                changed.append(f"{path} of {arm} to {value} instead of {before}")
    return f"To match them, the lab set {listed(changed)}." if changed else ""


def _off(question: SweepConfig, sizes: Sizes, axis: str) -> list[str]:
    found = []
    for arm in question.comparisons:
        share = relative(question, sizes, arm, axis)
        if abs(share) > _noticed(question, sizes, arm, axis):
            found.append(f"{arm} {change(share)}")
    return found


def _noticed(question: SweepConfig, sizes: Sizes, arm: str, axis: str) -> float:
    """Above which share of the reference's a difference is named."""
    if axis != MEASURED or axis == question.match:
        return ALIKE
    reference = sizes.get(question.reference_of(arm), {})
    noise = BEYOND * reference.get(SPREAD, math.nan) / reference.get(axis, math.nan)
    return max(CLEAR, noise) if math.isfinite(noise) else math.inf


def _known(question: SweepConfig, sizes: Sizes, axis: str) -> bool:
    return any(math.isfinite(relative(question, sizes, a, axis)) for a in question.comparisons)


def relative(question: SweepConfig, sizes: Sizes, arm: str, axis: str) -> float:
    """How much more than its reference's; NaN where one of the two is not known."""
    mine, theirs = (
        sizes.get(name, {}).get(axis, math.nan) for name in (arm, question.reference_of(arm))
    )
    return mine / theirs - 1 if theirs else math.nan
