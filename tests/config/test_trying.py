"""Settings tried on a run, alone and beside others."""

import random

import pytest

from lab.config.run import RunConfig
from lab.config.space import Settings, is_active
from lab.config.trying import drawn_with, fits, lacks, tried
from lab.config.tune import TuneConfig
from tests.config.asked import BASE, LEARNED, ROPE, THETA

RUN = RunConfig.parse(BASE)
SPACE = TuneConfig.parse(
    {
        "trials": 1,
        "space": {
            "model.n_heads": {"choices": [3, 4, 5]},
            "model.d_model": {"choices": [48, 96]},
            "model.n_layers": {"low": 1, "high": 8, "integer": True, "log": True},
            "model.dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
            "pos": {"choices": {"rope": ROPE, "learned": LEARNED}},
            THETA: {"low": 100.0, "high": 1000.0, "when": {"pos": ["rope"]}},
            "heads": {
                "choices": {
                    "all": {"model.attention": {"kind": "multi-head"}},
                    "some": {"model.attention": {"kind": "grouped-query"}},
                    "none": {"model.position": {"kind": "rope", "scaling": {"kind": "ntk"}}},
                }
            },
            "model.attention.n_kv_heads": {"choices": [2], "when": {"heads": ["some"]}},
        },
    }
).space


def test_what_is_wrong_is_said_with_its_place() -> None:
    assert tried(RUN, {"model.n_layers": 3}, "x.") == []
    assert tried(RUN, {"model.n_layers": 0, "model.biased": True}, "x.") == [
        "x.model.n_layers: input should be greater than or equal to 1; got 0",
        "x.model.biased: unknown key; did you mean 'bias'?",
    ]


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        ({"model.n_heads": 3}, True),  # beside 48, not beside the base's 64
        ({"model.n_heads": 5}, False),
        ({"model.n_heads": 3, "model.d_model": 96}, True),
        ({"model.n_heads": "3"}, False),
        ({"model.n_layers": 0}, False),
        ({"heads": "some"}, True),  # beside how many there are
        ({"heads": "none"}, False),
    ],
)
def test_what_fits_beside_some_of_the_others(fixed: Settings, expected: bool) -> None:
    assert fits(RUN, SPACE, fixed) == expected


def test_what_a_run_lacks() -> None:
    assert lacks(RUN, {THETA: 500})
    assert not lacks(RUN, {**ROPE, THETA: 500})
    assert not lacks(RUN, {**ROPE, THETA: "x"})
    assert lacks(RUN, {**ROPE, "model.position.scaling.factor": 2.0})


def test_draws_are_settings_of_the_space() -> None:
    rng = random.Random(0)
    seen = [drawn_with(SPACE, {"model.n_heads": 3}, rng) for _ in range(100)]
    for settings in seen:
        assert settings["model.n_heads"] == 3
        assert all(SPACE[name].holds(value) for name, value in settings.items())
        assert {n for n in SPACE if is_active(SPACE[n], settings)} == set(settings)
    assert {settings["model.n_layers"] for settings in seen} == set(range(1, 9))
    assert {settings["pos"] for settings in seen} == {"rope", "learned"}
    held = drawn_with(SPACE, {"pos": "rope", THETA: 500.0}, rng)
    assert held[THETA] == 500.0
