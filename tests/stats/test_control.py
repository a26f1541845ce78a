"""The excess over a floor against training's own sums, regression, and simulation."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from lab.batch import IGNORED, Batch
from lab.stats.control import best_multiple, excess, variance_ratio
from lab.train.tally import Tally

WINDOWS = 24
Windows = tuple[np.ndarray, np.ndarray, np.ndarray]


def windows(rng: np.random.Generator, *, n: int = WINDOWS, slope: float = 1.0) -> Windows:
    """Sums of losses and floors, and counts: the floor a token is 1 on average, the excess 0.2."""
    counts = rng.integers(5, 30, n).astype(float)
    hard = rng.normal(0, 0.3, n)
    own = rng.normal(0.2, 0.05, n)
    return counts * (1 + slope * hard + own), counts * (1 + hard), counts


def test_it_is_what_training_writes_down() -> None:
    rng = np.random.default_rng(0)
    targets = torch.tensor(np.where(rng.random((6, 8)) < 0.3, IGNORED, 1))
    targets[5] = IGNORED  # a window without a scored token
    scored = (targets != IGNORED).numpy()
    floor = np.where(scored, rng.uniform(0.5, 1.5, (6, 8)), 0.0)
    losses = np.where(scored, floor + rng.uniform(0, 0.4, (6, 8)), 0.0)
    tally = Tally(torch.device("cpu"))
    batch = Batch(torch.zeros_like(targets), targets, floor=torch.tensor(floor))
    tally.add(batch, torch.tensor(losses), torch.zeros(6, 8, 3))
    found = excess(losses.sum(1), floor.sum(1), scored.sum(1))
    assert found.mean == pytest.approx(tally.metrics()["excess"])
    assert found.se == pytest.approx(tally.metrics()["excess_se"])


def test_windows_of_equal_length_have_the_usual_standard_error() -> None:
    rng = np.random.default_rng(1)
    floors = rng.uniform(10, 20, WINDOWS)
    losses = floors + rng.uniform(0, 3, WINDOWS)
    found = excess(losses, floors, np.full(WINDOWS, 10))
    assert found.mean == pytest.approx(np.mean(losses - floors) / 10)
    assert found.se == pytest.approx(stats.sem(losses - floors) / 10)
    slope = stats.linregress(floors, losses).slope
    assert best_multiple(losses, floors, np.full(WINDOWS, 10)) == pytest.approx(slope)


def test_the_plain_estimate_subtracts_what_is_known() -> None:
    losses, floors, counts = windows(np.random.default_rng(2))
    plain = excess(losses, floors, counts, multiple=0, expected_floor=1.0)
    assert plain.mean == pytest.approx(losses.sum() / counts.sum() - 1)
    with pytest.raises(ValueError, match="multiple=0 needs the expected floor"):
        excess(losses, floors, counts, multiple=0)


def test_no_multiple_has_a_smaller_error_than_the_best() -> None:
    data = windows(np.random.default_rng(3), slope=1.4)
    best = best_multiple(*data)
    errors = {
        multiple: excess(*data, multiple=multiple, expected_floor=1.0).se
        for multiple in np.append(np.linspace(0, 2, 41), best)
    }
    assert min(errors, key=lambda multiple: errors[multiple]) == best
    assert best == pytest.approx(1.4, abs=0.1)


@pytest.mark.parametrize("multiple", [0.0, 1.0, 1.2])
def test_the_standard_error_is_the_spread_of_the_estimate(multiple: float) -> None:
    rng = np.random.default_rng(4)
    found = [excess(*windows(rng), multiple=multiple, expected_floor=1.0) for _ in range(1500)]
    means = np.array([one.mean for one in found])
    assert means.mean() == pytest.approx(0.2, abs=4 * means.std() / math.sqrt(1500))
    assert np.mean([one.se for one in found]) == pytest.approx(means.std(), rel=0.08)


def test_how_many_times_fewer_windows() -> None:
    """Excess 0.05 of spread against 0.3 of the floor: (0.3² + 0.05²) / 0.05² = 37."""
    data = windows(np.random.default_rng(5), n=20_000)
    assert variance_ratio(*data) == pytest.approx(37, rel=0.05)
    assert variance_ratio([3.0, 5.0], [1.0, 3.0], [2, 2]) == math.inf


def test_a_floor_that_is_the_same_everywhere_changes_nothing() -> None:
    losses, _, counts = windows(np.random.default_rng(6))
    assert best_multiple(losses, 0.7 * counts, counts) == 1.0
    assert variance_ratio(losses, 0.7 * counts, counts) == pytest.approx(1)


def test_too_few_windows() -> None:
    assert math.isnan(excess([3.0], [2.0], [4]).se)
    assert excess([3.0], [2.0], [4]).mean == pytest.approx(0.25)
    assert math.isnan(variance_ratio([3.0], [2.0], [4]))
    with pytest.raises(ValueError, match="no window"):
        excess([0.0], [0.0], [0])
    with pytest.raises(ValueError, match="2 losses, 1 floors and 2 counts"):
        excess([1.0, 2.0], [1.0], [1, 1])
