"""Who is given up, and how often it is the wrong one."""

import itertools
import math
from collections.abc import Sequence
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.pruners import (
    Hyperband,
    MedianPruner,
    Pruner,
    SuccessiveHalving,
    ThresholdPruner,
    WilcoxonPruner,
)
from lab.sweep.pruning import at_rung, by_seeds

quick = settings(deadline=None, max_examples=150, database=None)
losses = st.lists(st.integers(0, 6).map(float), max_size=9)


def goes_on(
    pruner: Pruner, values: Sequence[float], earlier: Sequence[float] = (), sign: int = 1
) -> list[bool]:
    reasons = at_rung(pruner, [sign * v for v in values], [sign * v for v in earlier], sign=sign)
    assert all(reason is None or reason for reason in reasons)
    return [reason is None for reason in reasons]


# ---- at a rung


@pytest.mark.parametrize("pruner", [SuccessiveHalving(eta=3), Hyperband(eta=3)])
def test_the_best_of_a_rung_go_on(pruner: Pruner) -> None:
    assert goes_on(pruner, [4, 1, 3, 2, 5, 6]) == [False, True, False, True, False, False]
    assert goes_on(pruner, [4, 1]) == [False, True]
    assert goes_on(pruner, [4]) == [True]
    assert goes_on(pruner, []) == []
    assert goes_on(pruner, [2, 2, 2]) == [True, False, False]
    assert goes_on(pruner, [4, 1, 3], sign=-1) == [True, False, False]
    assert at_rung(pruner, [1, 2, 3, 4], []) == [None, None] + ["not among the best 2 of 4"] * 2


def test_those_of_earlier_rounds_count() -> None:
    halving = SuccessiveHalving(eta=3)
    assert goes_on(halving, [3, 4], earlier=[1, 2, 5, 6]) == [False, False]
    assert goes_on(halving, [1.5, 4], earlier=[1, 2, 5, 6]) == [True, False]
    assert goes_on(halving, [2], earlier=[2, 3]) == [False]  # the earlier of equals


@quick
@given(values=losses, earlier=losses, eta=st.integers(2, 4), sign=st.sampled_from([1, -1]))
def test_halving_keeps_no_more_than_its_share_and_none_worse(
    values: list[float], earlier: list[float], eta: int, sign: int
) -> None:
    kept = goes_on(SuccessiveHalving(eta=eta), values, earlier, sign)
    share = math.ceil((len(values) + len(earlier)) / eta)
    assert sum(kept) <= share
    assert sum(kept) == min(share, len(values)) or earlier
    for one, other in itertools.product(range(len(values)), repeat=2):
        if kept[one] and not kept[other]:
            assert sign * values[one] <= sign * values[other]


@quick
@given(values=losses, earlier=losses, startup=st.integers(1, 8), sign=st.sampled_from([1, -1]))
def test_the_worse_half_ends_once_there_are_enough(
    values: list[float], earlier: list[float], startup: int, sign: int
) -> None:
    kept = goes_on(MedianPruner(startup=startup), values, earlier, sign)
    everyone = [*earlier, *values]
    enough = len(everyone) >= startup
    middle = median(everyone) if everyone else 0.0
    assert kept == [not (enough and sign * value > sign * middle) for value in values]


def test_the_median_is_told_as_it_was_measured() -> None:
    reasons = at_rung(MedianPruner(startup=3), [-3.0, -2.0, -1.0], [], sign=-1)
    assert reasons == [None, None, "worse than the median of 3, 2"]


def test_bounds_are_of_the_objective_itself() -> None:
    values = [1.0, 2.0, 3.0, 3.5]
    for sign in (1, -1):
        assert goes_on(ThresholdPruner(upper=3), values, sign=sign) == [True, True, True, False]
        assert goes_on(ThresholdPruner(lower=2), values, sign=sign) == [False, True, True, True]
        assert goes_on(ThresholdPruner(lower=2, upper=3), values, sign=sign) == (
            [False, True, True, False]
        )
    assert at_rung(ThresholdPruner(upper=3), [-3.5], [], sign=-1) == ["3.5 is outside the bounds"]


def test_wilcoxon_judges_by_seeds_only() -> None:
    assert goes_on(WilcoxonPruner(), [1, 2, 3], [0]) == [True, True, True]


@quick
@given(values=losses, earlier=losses, order=st.randoms(use_true_random=False))
def test_who_came_first_in_a_round_does_not_matter(
    values: list[float], earlier: list[float], order: object
) -> None:
    values = list(dict.fromkeys(values))
    shuffled = sorted(values, reverse=True)
    pruners: list[Pruner] = [SuccessiveHalving(), MedianPruner(startup=2), ThresholdPruner(upper=3)]
    for pruner in pruners:
        one = dict(zip(values, goes_on(pruner, values, earlier), strict=True))
        other = dict(zip(shuffled, goes_on(pruner, shuffled, earlier), strict=True))
        assert one == other


# ---- by seeds: settling


def given_up(
    trials: Sequence[Sequence[float]], *, pruner: Pruner | None = None, settle: float | None = 0.05
) -> list[int]:
    """How many seeds each trial is trained with: round by round, as the search does."""
    seeds = len(trials[0])
    seen = [1] * len(trials)
    alive = set(range(len(trials)))
    for n in range(1, seeds):
        known = [list(trials[i][: seen[i]]) for i in range(len(trials))]
        ended = {
            i for i in alive if by_seeds(known[i], known, pruner=pruner, settle=settle) is not None
        }
        alive -= ended
        for i in alive:
            seen[i] = n + 1
    return seen


def drawn(rng: np.random.Generator, means: Sequence[float], seeds: int) -> list[list[float]]:
    """Losses of trials: what a seed brings to all, and noise of each run of SD 1."""
    shared = rng.normal(0, 3, seeds)
    return [[float(m + s + rng.normal()) for s in shared] for m in means]


def test_of_equal_trials_one_is_rarely_given_up() -> None:
    """At most `settle` of searches lose the trial that is best by design."""
    rng = np.random.default_rng(0)
    searches = 100
    lost = sum(given_up(drawn(rng, [0.0] * 8, 5))[0] < 5 for _ in range(searches))
    assert lost / searches <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / searches)


def test_a_trial_that_is_much_worse_is_given_up_at_once() -> None:
    rng = np.random.default_rng(1)
    seen = [given_up(drawn(rng, [0.0] * 7 + [8.0], 5)) for _ in range(40)]
    assert np.mean([seeds[-1] for seeds in seen]) < 2.3
    assert np.mean([seeds[0] for seeds in seen]) > 4.8


def test_a_later_trial_may_end_after_its_first_seed() -> None:
    rng = np.random.default_rng(2)
    trials = [*drawn(rng, [0.0] * 8, 5)]
    late = [trials[0][0] + 30]
    reason = by_seeds(late, [*trials, late], pruner=None, settle=0.05)
    assert reason is not None
    assert reason.startswith("worse than the best by 3")
    assert " on 1 seed, beyond " in reason


def test_nothing_is_settled_without_a_spread_or_a_level() -> None:
    assert by_seeds([9.0], [[1.0], [9.0]], pruner=None, settle=0.05) is None
    assert by_seeds([], [[1.0], []], pruner=None, settle=0.05) is None
    pair = [[1.0, 1.1, 1.0], [9.0, 9.2, 9.1]]
    assert by_seeds(pair[1], pair, pruner=None, settle=0.05) is not None
    assert by_seeds(pair[1], pair, pruner=None, settle=None) is None
    assert by_seeds(pair[0], pair, pruner=None, settle=0.05) is None
    assert by_seeds([1.0, 1.0], [[1.0, 1.0]], pruner=None, settle=0.05) is None


def test_a_trial_of_the_same_runs_as_the_best_adds_no_certainty() -> None:
    trials = [[1.0, 1.5, 1.25], [1.5, 1.25, 1.75], [2.5, 2.0, 2.75]]

    def bound(others: list[list[float]]) -> float:
        reason = by_seeds(trials[2], others, pruner=None, settle=0.4)
        assert reason is not None
        return float(reason.split("beyond ")[1])

    assert bound([*trials, list(trials[0])]) > bound(trials)


def test_only_equal_seeds_are_compared() -> None:
    """A trial is held against the best on its own seeds, whatever later seeds brought."""
    best, short = [1.0, 1.0, 50.0, 50.0], [5.0, 5.1]
    other = [2.0, 2.1, 2.0, 2.1]
    found = by_seeds(short, [best, other, short], pruner=None, settle=0.4)
    assert found is None or "4.05 on 2 seeds" in found
    wilcoxon = WilcoxonPruner(p=0.25)
    assert by_seeds(short, [best, other, short], pruner=wilcoxon, settle=None) == (
        "worse than the best on 2 seeds, p = 0.25"
    )


@quick
@given(
    values=st.lists(
        st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=2, max_size=6, unique_by=tuple
    ),
    shift=st.lists(st.integers(-5, 5), min_size=3, max_size=3),
)
def test_what_a_seed_brings_to_all_changes_nothing(
    values: list[list[float]], shift: list[int]
) -> None:
    values = [[round(v * 8) / 8 for v in trial] for trial in values]
    moved = [[v + s for v, s in zip(trial, shift, strict=True)] for trial in values]
    for pruner in (None, WilcoxonPruner(p=0.25)):
        for one, other in zip(values, moved, strict=True):
            before = by_seeds(one, values, pruner=pruner, settle=0.1)
            assert (by_seeds(other, moved, pruner=pruner, settle=0.1) is None) == (before is None)


# ---- by seeds: the signed-rank test


def exact(differences: Sequence[float]) -> float:
    """The share of all signs that bring as great a sum of ranks (Wilcoxon 1945)."""
    sizes = [abs(d) for d in differences]
    ranks = [sum(s < t for s in sizes) + (sizes.count(t) + 1) / 2 for t in sizes]
    sums = [
        sum(r for r, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product([True, False], repeat=len(ranks))
    ]
    own = sum(r for r, d in zip(ranks, differences, strict=True) if d > 0)
    return sum(total >= own - 1e-9 for total in sums) / len(sums)


def wilcoxon_ends(differences: Sequence[float], p: float) -> bool:
    best = [float(n) for n in range(len(differences))]
    trial = [b + d for b, d in zip(best, differences, strict=True)]
    return by_seeds(trial, [best, trial], pruner=WilcoxonPruner(p=p), settle=None) is not None


@pytest.mark.parametrize("n", range(1, 8))
def test_n_seeds_that_are_all_worse_give_half_to_the_n(n: int) -> None:
    differences = [1.0 + 2.0**k for k in range(n)]
    assert exact(differences) == 0.5**n
    if n > 1:
        assert wilcoxon_ends(differences, min(0.5**n, 0.49))
    assert not wilcoxon_ends(differences, 0.5**n * 0.99)
    equal = [0.5] * n
    assert not wilcoxon_ends(equal, 0.5**n * 0.99)
    if n > 1:
        assert wilcoxon_ends(equal, 0.5**n)


@quick
@given(
    differences=st.lists(st.integers(-64, 64).filter(bool), min_size=2, max_size=7, unique_by=abs),
    p=st.sampled_from([0.03, 0.1, 0.2, 0.3, 0.45]),
)
def test_the_signed_rank_test_is_exact(differences: list[int], p: float) -> None:
    expected = exact(differences)
    if sum(differences) <= 0:
        assert not wilcoxon_ends(differences, p)
    elif abs(expected - p) > 1e-6:
        assert wilcoxon_ends(differences, p) == (expected <= p)


def test_the_least_number_of_seeds_is_enough() -> None:
    for p in (0.01, 0.05, 0.1, 0.125, 0.2, 0.25, 0.4):
        pruner = WilcoxonPruner(p=p)
        n = pruner.least_seeds
        assert wilcoxon_ends([1.0 + k for k in range(n)], p)
        if n > 1:
            assert not wilcoxon_ends([1.0 + k for k in range(n - 1)], p)


def test_ties_and_zeros_are_no_error() -> None:
    assert not wilcoxon_ends([0.0, 0.0, 0.0], 0.49)
    assert not wilcoxon_ends([1.0, 0.0, 0.0], 0.1)
    assert wilcoxon_ends([1.0, 1.0, 1.0, 0.0], 0.3)
    assert not wilcoxon_ends([1.0, -1.0, 2.0, -2.0], 0.4)
