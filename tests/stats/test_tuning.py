"""What tuning left behind: against known parabolas, and against planted truth in simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.stats import tuning
from lab.stats.sequential import half_width


def test_scaling_to_the_range() -> None:
    log = tuning.scaled([1e-4, 1e-3, 1e-2], low=1e-4, high=1e-2, log=True)
    assert log == pytest.approx([0, 0.5, 1])
    assert tuning.scaled([2.0, 3.0], low=2, high=4, log=False) == pytest.approx([0, 0.5])


@settings(deadline=None, max_examples=40, database=None)
@given(
    st.floats(0.05, 0.95),
    st.floats(0.1, 5),
    st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=3, max_size=9, unique=True),
)
def test_a_parabola_is_found_again(vertex: float, curvature: float, places: list[float]) -> None:
    u = np.array(places)
    if np.diff(np.sort(u)).min() < 0.05:
        return
    losses = 2 + curvature * (u - vertex) ** 2
    surface = tuning.fit_surface(u[:, None], losses)
    assert surface is not None
    assert surface.best == pytest.approx([vertex], abs=1e-6)
    chosen = u[np.argmin(losses)]
    assert surface.tau([chosen]) == pytest.approx(losses.min() - 2, abs=1e-8)


def test_two_settings_separately() -> None:
    u = np.random.default_rng(0).random((12, 2))
    losses = 1 + 2 * (u[:, 0] - 0.3) ** 2 + 0.5 * (u[:, 1] - 0.8) ** 2
    surface = tuning.fit_surface(u, losses)
    assert surface is not None
    assert surface.best == pytest.approx([0.3, 0.8], abs=1e-6)
    assert surface.tau([0.5, 0.8]) == pytest.approx(2 * 0.2**2)
    assert surface.predict([[0.3, 0.8], [0.3, 0.3]]) == pytest.approx([1, 1.125])


def test_the_optimum_stays_within_the_range() -> None:
    u = np.array([0.1, 0.3, 0.5, 0.9])
    surface = tuning.fit_surface(u[:, None], (u - 1.5) ** 2)
    assert surface is not None
    assert surface.best == pytest.approx([1.0])
    assert surface.tau([0.9]) == pytest.approx(0.6**2 - 0.5**2)


def test_a_hill_is_read_as_a_slope() -> None:
    u = np.array([0.1, 0.4, 0.6, 0.8])
    surface = tuning.fit_surface(u[:, None], 3 - u - u**2)
    assert surface is not None
    assert surface.curvature == pytest.approx([0])
    assert surface.best == pytest.approx([1.0])
    assert surface.tau([0.8]) == pytest.approx(-0.2 * np.polyfit(u, 3 - u - u**2, 1)[0])


def test_only_the_better_trials_shape_the_bowl() -> None:
    u = np.linspace(0, 1, 9)
    losses = (u - 0.3) ** 2
    losses[-1], losses[-2], losses[-3] = 50.0, np.nan, np.inf
    surface = tuning.fit_surface(u[:, None], losses)
    assert surface is not None
    assert surface.used.tolist() == [True] * 5 + [False] * 4
    assert surface.best == pytest.approx([0.3])


@pytest.mark.parametrize(
    ("places", "losses"),
    [
        ([0.2, 0.4], [1.0, 2.0]),
        ([0.2, 0.4, 0.6], [1.0, 2.0, math.inf]),
        ([0.2, 0.4, 0.4, 0.4], [1.0, 2.0, 2.1, 2.2]),
        ([], []),
    ],
)
def test_too_little_to_estimate(places: list[float], losses: list[float]) -> None:
    assert tuning.fit_surface(np.array(places).reshape(-1, 1), losses) is None


def test_settings_that_move_together_cannot_be_told_apart() -> None:
    u = np.linspace(0, 1, 8)
    assert tuning.fit_surface(np.column_stack([u, u]), u**2) is None


def test_edges() -> None:
    assert tuning.at_edge([0.0, 0.05, 0.5, 0.95, 1.0]).tolist() == [True, True, False, True, True]
    assert not tuning.at_edge([0.06], within=0.05)[0]


def test_more_trials() -> None:
    assert tuning.more_trials(6, tau=0.04, affordable=0.01, n_settings=1) == 6  # half the spacing
    assert tuning.more_trials(6, tau=0.04, affordable=0.01, n_settings=2) == 18
    assert tuning.more_trials(6, tau=0.01, affordable=0.0099, n_settings=1) == 1
    with pytest.raises(ValueError, match="below 0"):
        tuning.more_trials(6, tau=0.01, affordable=0.0, n_settings=1)


def test_sensitivity_of_a_line() -> None:
    u = np.array([0.0, 0.25, 1.0])
    assert tuning.sensitivity(u, 2 + u, initial=9.0) == pytest.approx(0.5)


def test_sensitivity_caps_at_the_start() -> None:
    u = np.linspace(0, 1, 5)
    losses = np.array([2.0, 2.0, 2.0, 30.0, math.nan])
    assert tuning.sensitivity(u, losses, initial=4.0) == pytest.approx(0.25 * 1 + 0.25 * 2)
    assert math.isnan(tuning.sensitivity([0.5], [2.0], initial=4.0))


def test_crowded_trials_weigh_no_more() -> None:
    u = np.array([0, 0.5, 0.5, 0.5, 1.0])
    assert tuning.sensitivity(u, [3, 2, 2, 2, 3], initial=9.0) == pytest.approx(0.5)


@pytest.mark.parametrize("apart", [0.0, 0.3])
def test_arms_equal_at_their_optima_are_seldom_decided(apart: float) -> None:
    """Planted truth through tuning: six trials over five octaves, up to eight paired seeds.

    The arms' optima lie `apart` octaves from each other; ignoring tau, arms that lie 0.3 apart
    are 'decided' in more than one sweep of seven.
    """
    rng, sweeps = np.random.default_rng(5), 400
    decided = unwidened = 0
    for _ in range(sweeps):
        optimum = rng.uniform(0.5, 4.5)
        first = (np.arange(4) + rng.random()) * 1.25
        arms = [_tuned(first, optimum + shift, rng) for shift in (0.0, apart)]
        tau = sum(arm[1] for arm in arms)
        d = rng.normal(arms[0][0] - arms[1][0], 0.009, size=8)
        looks = [
            abs(d[:n].mean()) - half_width(n, d[:n].std(ddof=1), alpha=0.05) for n in range(4, 9)
        ]
        unwidened += max(looks) > 0
        decided += max(looks) > tau
    assert decided / sweeps <= 0.05
    assert apart == 0 or unwidened / sweeps > 1 / 7


def _tuned(first: np.ndarray, optimum: float, rng: np.random.Generator) -> tuple[float, float]:
    """The true loss at the chosen rate, and tau; one octave from the optimum costs 0.1."""

    def loss(octave: np.ndarray) -> np.ndarray:
        off = octave - optimum
        return 0.1 * off**2 + 0.02 * np.maximum(off, 0) ** 3

    octaves = first
    found = loss(octaves) + rng.normal(0, 0.008, len(octaves))
    best = octaves[np.argmin(found)]
    more = np.clip(best + np.array([-0.6, 0.6]), 0, 5)
    octaves = np.concatenate([octaves, more])
    found = np.concatenate([found, loss(more) + rng.normal(0, 0.008, 2)])
    chosen = octaves[np.argmin(found)]
    surface = tuning.fit_surface(octaves[:, None] / 5, found)
    assert surface is not None
    return float(loss(np.array(chosen))), surface.tau([chosen / 5])
