"""How often verdicts are wrong and intervals miss: simulated, through the code that decides.

Each prints what it measured; `python -m pytest -m proof tests/proofs/test_error_rates.py`.
"""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from lab.stats.decision import decide
from tests.stats.planted import Curve, confirmed, looks, search, share, tuned

pytestmark = pytest.mark.proof

SWEEPS = 2000
Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

    return line


@pytest.mark.parametrize("seeds", [20, 40])
def test_a_twin_is_seldom_decided(seeds: int, tell: Tell) -> None:
    d = np.random.default_rng(seeds).normal(size=(SWEEPS, seeds))
    decided = share([any(look.kind == "decided" for look in looks(row)) for row in d])
    tell(f"twin, a look after every seed from 4 to {seeds}: decided in {decided:.2%}")
    assert decided <= 0.05


@pytest.mark.parametrize("trials", [6, 10])
def test_arms_equal_at_their_optima_are_seldom_decided(trials: int, tell: Tell) -> None:
    """Identical arms, and arms whose optima lie 0.3 octave apart; without tau the latter fail."""
    curve, tune = Curve.measured(), search(trials)
    wrong: dict[str, list[bool]] = {"identical": [], "0.3 octave apart": [], "without tau": []}
    for seed in range(SWEEPS):
        rng = np.random.default_rng([seed, trials])
        one, same, other = tuned(tune, curve, (0.0, 0.0, 0.3), seed=seed)
        for name, arm in (("identical", same), ("0.3 octave apart", other)):
            d = confirmed(one, arm, curve, seeds=20, rng=rng)
            ends = list(looks(d, tau=one.tau + arm.tau))
            wrong[name].append(any(look.kind == "decided" for look in ends))
        wrong["without tau"].append(any(look.differs_here for look in ends))
    rates = {name: share(found) for name, found in wrong.items()}
    said = ", ".join(f"{name} {rate:.2%}" for name, rate in rates.items())
    tell(f"through tuning, {trials} trials, 4 to 20 seeds: decided: {said}")
    assert rates["identical"] <= 0.05
    assert rates["0.3 octave apart"] <= 0.05
    assert rates["without tau"] > 0.05


@pytest.mark.parametrize("n", [3, 4, 8, 12])
def test_the_interval_at_a_fixed_number_covers(n: int, tell: Tell) -> None:
    d = np.random.default_rng(n).normal(0.3, 1, size=(SWEEPS, n))
    found = [decide(row, alpha=0.05, anytime=False) for row in d]
    covered = share([abs(one.mean - 0.3) <= one.half for one in found])
    tell(f"Student's t interval, {n} seeds: covers {covered:.2%}")
    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("effect", [0.0, 0.5, 1.0, 2.0])
def test_the_sequence_covers_where_it_stops(effect: float, tell: Tell) -> None:
    d = np.random.default_rng(7).normal(effect, 1, size=(SWEEPS, 40))
    covered = []
    for row in d:
        last = next((look for look in looks(row) if look.settled), decide(row, alpha=0.05))
        covered.append(abs(last.mean - effect) <= last.half)
    tell(f"confidence sequence, effect {effect:g} SD: covers {share(covered):.2%} at its stop")
    assert share(covered) >= 0.95


def test_an_effect_of_two_is_decided_within_eight_seeds(tell: Tell) -> None:
    d = np.random.default_rng(8).normal(2, 1, size=(SWEEPS, 60))
    needed = [
        next(n for n, look in enumerate(looks(row), start=4) if look.kind == "decided") for row in d
    ]
    median, most = np.median(needed), np.quantile(needed, 0.9)
    tell(f"an effect of 2 SD: decided after {median:g} seeds (median), {most:g} (9 of 10)")
    assert median <= 8


@pytest.mark.parametrize("sd", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("anytime", [True, False])
def test_a_difference_outside_the_margin_is_seldom_equivalent(
    sd: float, anytime: bool, tell: Tell
) -> None:
    """Just outside of a margin of 1: where it is hardest to tell."""
    d = np.random.default_rng(9).normal(1.001, sd, size=(SWEEPS, 20))
    first = 4 if anytime else 20
    wrong = share(
        [
            any(
                look.kind == "equivalent"
                for look in looks(row, first=first, margin=1.0, anytime=anytime)
            )
            for row in d
        ]
    )
    how = "after every seed from 4 to 20" if anytime else "after 20 seeds"
    tell(f"just outside the margin, SD {sd:g} of it, {how}: equivalent in {wrong:.2%}")
    assert wrong <= 0.05
