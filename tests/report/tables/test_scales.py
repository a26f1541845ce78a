"""Scales: what was planted there comes out, and signs are told as the intervals have them."""

from dataclasses import replace

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.scales import laws, scales, whether_signs_hold

WIDTHS = {"xs": 32, "s": 64, "m": 96, "l": 128}
FLOOR, FACTOR, EXPONENT = 1.2, 8.0, 0.2


def planted(d_model: int) -> float:
    return FLOOR + FACTOR * (24 * d_model**2) ** -EXPONENT


@pytest.fixture(scope="module")
def asked(asking):
    return asking(
        scales={name: {"model.d_model": width} for name, width in WIDTHS.items()},
        variants={"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
        tune=None,
    )


@pytest.fixture
def sweep(make_sweep, asked):
    loss = {f"learned@{name}": planted(width) for name, width in WIDTHS.items()}
    loss |= {f"rope@{name}": planted(width) - 0.1 for name, width in WIDTHS.items()}
    return open_sweep(make_sweep(asked=asked, loss=loss, run_sd=0.001, seed_sd=0.001))


def test_a_row_a_variant_and_scale(sweep):
    frame = scales(sweep.question, sweep.runs(), sweep.verdicts()).frame
    places = list(zip(frame["Variant"], frame["Scale"], strict=True))
    assert places == [(name, scale) for name in ("learned", "rope") for scale in WIDTHS]
    found = {verdict.variant: verdict.difference for verdict in sweep.verdicts()}
    for row in frame.to_dict("records"):
        model = sweep.question.variant(f"{row['Variant']}@{row['Scale']}").model
        body = model.n_params(97) - model.n_params_embedding(97)
        assert row["Parameters without embeddings"] == body
        if row["Variant"] == "rope":
            assert row["Difference"] == found[f"rope@{row['Scale']}"]


def test_the_law_that_was_planted_is_found(sweep):
    frame = laws(sweep.question, sweep.runs()).frame.set_index("Variant")
    assert list(frame.index) == ["learned", "rope"]
    assert frame["Exponent α"].to_numpy() == pytest.approx([EXPONENT] * 2, abs=0.06)
    assert (frame["Misfit"] < 0.005).all()


def test_three_scales_have_no_law(make_sweep, asking):
    three = {name: {"model.d_model": WIDTHS[name]} for name in ("xs", "s", "m")}
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    asked = asking(scales=three, variants=variants, tune=None)
    sweep = open_sweep(make_sweep(asked=asked, loss=dict.fromkeys(asked.arms, 2.0)))
    assert laws(sweep.question, sweep.runs()) is None


def test_without_scales_there_is_nothing_to_say(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert scales(sweep.question, sweep.runs(), sweep.verdicts()) is None
    assert laws(sweep.question, sweep.runs()) is None
    assert whether_signs_hold(sweep.question, sweep.verdicts()) == []


@pytest.mark.parametrize(
    ("intervals", "says"),
    [
        (
            dict.fromkeys(WIDTHS, (-0.2, -0.1)),
            "rope − learned has the same sign at every scale: the test loss is lower at xs, s, m "
            "and l.",
        ),
        (
            {"xs": (-0.2, -0.1), "s": (-0.2, -0.1), "m": (-0.1, 0.1), "l": (0.1, 0.2)},
            "rope − learned changes its sign with scale: the test loss is lower at xs and s and "
            "higher at l, and not settled at m.",
        ),
        (
            {"xs": (0.1, 0.2), "s": (-0.2, 0.1), "m": (-0.1, 0.1), "l": (-0.1, 0.2)},
            "Whether rope − learned has the same sign at every scale is open: the test loss is "
            "higher at xs, and not settled at s, m and l.",
        ),
        (
            dict.fromkeys(WIDTHS, (-0.2, 0.1)),
            "Whether rope − learned has the same sign at every scale is open: no interval leaves "
            "out 0 at any of them.",
        ),
    ],
)
def test_signs_are_those_of_the_intervals(sweep, intervals, says):
    verdicts = [
        replace(v, low=intervals[v.scale][0], high=intervals[v.scale][1]) for v in sweep.verdicts()
    ]
    assert whether_signs_hold(sweep.question, verdicts) == [says]


def test_a_law_that_does_not_fit_says_so_and_has_no_interval(make_sweep, asked):
    loss = {f"{side}@{name}": planted(width) for side in ("learned", "rope")
            for name, width in WIDTHS.items()}  # fmt: skip
    loss["rope@s"] += 0.1
    built = open_sweep(make_sweep(asked=asked, loss=loss, run_sd=0.001, seed_sd=0.001))
    learned, rope = laws(built.question, built.runs()).plain()
    assert learned["Fit"] == "fits"
    assert learned["α from"] < learned["Exponent α"] < learned["α to"]
    assert rope["Fit"] == "does not fit: misfit above 2 SD over seeds"
    assert rope["Misfit"] > 2 * rope["SD over seeds"]
    assert (rope["α from"], rope["α to"]) == (None, None)
