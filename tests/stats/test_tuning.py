"""What tuning left behind, against known parabolas; test_error_rates.py has it in simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.stats import tuning


def test_scaling_to_the_range() -> None:
    log = tuning.scaled([1e-4, 1e-3, 1e-2], low=1e-4, high=1e-2, log=True)
    assert log == pytest.approx([0, 0.5, 1])
    assert tuning.scaled([2.0, 3.0], low=2, high=4, log=False) == pytest.approx([0, 0.5])


@settings(deadline=None, max_examples=40, database=None)
@given(
    st.floats(0.05, 0.95),
    st.floats(0.1, 5),
    st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=4, max_size=9, unique=True),
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
    (slope, level), (squares,), *_ = np.polyfit(u, 3 - u - u**2, 1, full=True)
    error = math.sqrt(squares / (4 - 2)) / math.sqrt(4)
    assert surface.tau([0.8]) == pytest.approx(-0.2 * slope + error)
    assert surface.predict([[0.0]]) == pytest.approx([level])


def test_what_does_not_fit_may_hide_something() -> None:
    """The standard error of a fit's mean height, as by the textbook's matrix."""
    u, rng = np.linspace(0.1, 0.9, 7), np.random.default_rng(3)
    losses = 2 + (u - 0.4) ** 2 + rng.normal(0, 0.02, 7)
    losses[[0, 6]] = 9.0  # two thirds of seven are five
    surface = tuning.fit_surface(u[:, None], losses)
    assert surface is not None
    near = losses[1:6]
    _, covariance = np.polyfit(u[1:6] - u[1:6].mean(), near, 2, cov=True)
    middle = np.array([np.mean((u[1:6] - u[1:6].mean()) ** 2), 0, 1])  # the mean height
    assert surface.standard_error == pytest.approx(math.sqrt(middle @ covariance @ middle))
    assert surface.tau(surface.best) == pytest.approx(surface.standard_error)


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
        ([0.2, 0.4, 0.6], [1.0, 2.0, 2.5]),
        ([0.2, 0.4, 0.6, 0.8], [1.0, 2.0, 2.5, math.inf]),
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
