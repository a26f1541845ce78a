"""Hyperband's brackets: which rungs a trial is judged at (Li et al. 2018).

Bracket b begins at rung b; the last has none. The number of trials in a bracket follows the
paper: eta^(n - b) * (n + 1) / (n - b + 1) of n rungs, in proportion.
"""

import math
from functools import lru_cache

from lab.config.pruners import Hyperband, Pruner


def bracket(pruner: Pruner | None, n_rungs: int, number: int) -> int | None:
    """The bracket of a variant's trial by its number, dealt so that every prefix is in proportion.

    None where the pruner has no brackets.
    """
    if not isinstance(pruner, Hyperband):
        return None
    return _dealt(pruner.eta, n_rungs, 1 << number.bit_length())[number]


def rungs_of(bracket: int | None, rungs: list[int]) -> list[int]:
    return rungs if bracket is None else rungs[bracket:]


@lru_cache
def _dealt(eta: int, n_rungs: int, count: int) -> list[int]:
    """The brackets of the first trials, each the one that is owed most."""
    weights = [
        math.ceil(eta ** (n_rungs - b) * (n_rungs + 1) / (n_rungs - b + 1))
        for b in range(n_rungs + 1)
    ]
    dealt, found = [0] * len(weights), list[int]()
    for number in range(1, count + 1):
        owed = [number * w / sum(weights) - d for w, d in zip(weights, dealt, strict=True)]
        found.append(max(range(len(owed)), key=lambda b: (owed[b], -b)))
        dealt[found[-1]] += 1
    return found
