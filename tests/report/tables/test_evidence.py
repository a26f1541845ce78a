"""What stands beside a verdict, and how its table says that it is to be read."""

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.evidence import evidence, framed, how_to_read, measured


def cells(sweep, verdict):
    return evidence(verdict, sweep.question, sweep.runs(), sweep.timing())


def test_lost_runs_leave_the_sign_test_alone(make_sweep, asking):
    asked = asking(tune=None, confirm={"test": "fixed", "max_seeds": 6})
    sweep = open_sweep(make_sweep(asked=asked, lost={("confirm", "rope", 2): "diverged"}))
    assert [v.variant for v in measured(sweep.verdicts())] == ["sinusoidal", "rope"]
    sinusoidal, rope = (cells(sweep, verdict) for verdict in sweep.verdicts())
    assert rope["Sign-flip p"] is sinusoidal["Sign-test p"] is None
    assert rope["Sign-test p"] > 0
    assert sinusoidal["Sign-flip p"] > 0


def test_the_threshold_is_that_of_the_shared_level(plain_sweep):
    sweep = open_sweep(plain_sweep)
    text = how_to_read(sweep.question, sweep.verdicts(), what="variant − learned")
    assert "97.5 %: 1 − α/k for α = 0.05 and 2 comparisons" in text
    assert "An E-value of 40 or more" in text
    alone = how_to_read(sweep.question, sweep.controls(), what="twin − reference")
    assert "95 %: 1 − α for α = 0.05." in alone
    assert "An E-value of 20 or more" in alone


def test_a_fixed_test_has_p_values_instead(make_sweep, asking):
    asked = asking(tune=None, confirm={"test": "fixed", "max_seeds": 6})
    sweep = open_sweep(make_sweep(asked=asked))
    found = cells(sweep, sweep.verdicts()[1])
    assert found["Sign-flip p"] == 2 / 2**6
    assert "E-value" not in found
    text = how_to_read(asked, sweep.verdicts(), what="variant − learned")
    assert text.endswith("With 6 seeds a sign-flip p is never below 0.031.")


@pytest.mark.parametrize("wanted", [None, 3])
def test_columns_that_nobody_fills_are_left_out(plain_sweep, wanted):
    sweep = open_sweep(plain_sweep)
    row = cells(sweep, sweep.verdicts()[0]) | {"More seeds": wanted}
    assert ("More seeds" in framed([row])) == (wanted is not None)
