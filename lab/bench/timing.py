"""Seconds of things that are done in turn.

Design choices:
- each has one timing a round, and who begins changes from round to round: whatever else the machine
  does falls on all of them;
- a timing lasts a while: what is short is repeated within one;
- a device that computes behind Python's back is waited for before the clock is read.
"""

import math
import time
from collections.abc import Callable, Mapping

Do = Callable[[], object]

WARM_UP, PATIENCE = 2, 0.5  # calls that nobody times; one alone where it takes such seconds
MOST = 10_000  # repetitions within a timing
FEWEST = 3  # rounds, however long they take


def in_turn(
    sides: Mapping[str, Do],
    *,
    rounds: int,
    at_least: float = 0.0,
    most: float = math.inf,
    together: Mapping[str, int] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    settle: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """Seconds a call of each side, by round.

    A timing takes in so many calls as last `at_least` seconds, or as many as `together` says. Where
    all rounds would take longer than `most` seconds, there are fewer of them.
    """
    fixed = together or {}
    repeats, a_round = {}, 0.0
    for name, do in sides.items():
        took = _warmed_up(do, clock, settle)
        enough = math.ceil(at_least / max(took, 1e-9))
        repeats[name] = fixed.get(name) or min(MOST, max(1, enough))
        a_round += repeats[name] * took
    rounds = int(min(rounds, max(FEWEST, most / max(a_round, 1e-9))))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for number in range(rounds):
        first = number % len(order)
        for name in order[first:] + order[:first]:
            seconds[name].append(_timed(sides[name], repeats[name], clock, settle))
    return seconds


def _warmed_up(do: Do, clock: Callable[[], float], settle: Callable[[], None]) -> float:
    """Seconds of the last of some calls."""
    for _ in range(WARM_UP):
        took = _timed(do, 1, clock, settle)
        if took > PATIENCE:
            break
    return took


def _timed(do: Do, repeats: int, clock: Callable[[], float], settle: Callable[[], None]) -> float:
    settle()
    since = clock()
    for _ in range(repeats):
        do()
    settle()
    return (clock() - since) / repeats
