"""The best, the front and the ties, against their definitions."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.config.objective import Objective
from lab.report.collect import open_sweep
from lab.report.searches.found import front, ranked, seed_noise, trial_sd, within_noise
from lab.report.searches.search import Search, Trial

TWO = [
    Objective(metric="val/loss"),
    Objective(metric="time/tokens_per_second", direction="maximize"),
]
VALUES = st.lists(
    st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=25
)


def searched(rows, objectives=TWO, **more):
    trials = [
        Trial("base", n, "complete", {}, values=list(row), runs=[f"r{n}"])
        for n, row in enumerate(rows)
    ]
    return Search(objectives=list(objectives), seeds=1, trials=trials, **more)


@given(VALUES)
def test_the_front_is_what_nothing_beats(rows):
    def beats(a, b):
        """Less loss and more speed."""
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    found = front(searched(rows))
    expected = {n for n, row in enumerate(rows) if not any(beats(other, row) for other in rows)}
    assert {trial.number for trial in found} == expected
    assert [t.values[0] for t in found] == sorted(t.values[0] for t in found)


@given(VALUES)
def test_the_ranking_follows_the_first_objective(rows):
    search = searched(rows)
    assert [t.values[0] for t in ranked(search)] == sorted(row[0] for row in rows)
    most = Search(objectives=TWO[::-1], seeds=1, trials=search.trials)
    assert [t.values[0] for t in ranked(most)] == sorted((r[0] for r in rows), reverse=True)


def test_only_what_ended_well_can_be_best():
    states = ("complete", "pruned", "diverged", "failed", "running")
    trials = [
        Trial("base", n, state, {}, values=[2.0 - n], runs=[str(n)])
        for n, state in enumerate(states)
    ]
    search = Search(objectives=TWO[:1], seeds=1, trials=trials)
    assert [t.number for t in ranked(search)] == [0]


def test_trials_that_share_their_runs_are_one():
    trials = [Trial("base", n, "complete", {}, values=[2.0], runs=["r"]) for n in range(3)]
    search = Search(objectives=TWO[:1], seeds=1, trials=trials)
    assert [t.number for t in ranked(search)] == [0]


def test_the_noise_is_that_of_the_seeds(searching, make_search):
    sweep = open_sweep(make_search(searching(seeds=3), fates={0: "diverged"}))
    search = sweep.search()
    spread = [statistics.stdev(row[0] for row in t.replicates) for t in search.complete]
    assert trial_sd(search.complete[0]) == pytest.approx(spread[0])
    noise = seed_noise(sweep.question, search, sweep.runs())
    assert noise == pytest.approx(statistics.median(spread))


def test_with_one_seed_each_the_fresh_ones_tell(searching, make_search):
    asked = searching(confirm={"max_seeds": 4})
    sweep = open_sweep(make_search(asked))
    runs = sweep.runs()
    fresh = runs[runs["phase"] == "confirm"]["val/loss"]
    noise = seed_noise(sweep.question, sweep.search(), runs)
    assert noise == pytest.approx(statistics.stdev(fresh))
    alone = open_sweep(make_search(searching(), name="alone"))
    assert math.isnan(seed_noise(alone.question, alone.search(), alone.runs()))


def test_a_tie_is_two_standard_errors():
    best = Trial("base", 0, "complete", {}, values=[2.0], replicates=[[2.0]] * 4)
    near, far = (
        Trial("base", n, "complete", {}, values=[value], replicates=[[value]] * 4)
        for n, value in ((1, 2.0 + 0.999 * 2 * 0.1 * math.sqrt(0.5)), (2, 2.15))
    )
    assert within_noise(best, [best, near, far], 0.1) == [near]
    assert within_noise(best, [best, near, far], math.nan) == []
