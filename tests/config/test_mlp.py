"""Widths: free, four times the model's, or matched in parameters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.mlp import MLP, GegluMLP, GeluMLP, NoMLP, ReluMLP, SquaredReluMLP, SwigluMLP
from tests.config.asked import refused_model
from tests.model.configs import config_of

PLAIN = (GeluMLP, ReluMLP, SquaredReluMLP)
GATED = (SwigluMLP, GegluMLP)


@pytest.mark.parametrize("kind", GATED)
@settings(deadline=None, max_examples=60, database=None)
@given(d_model=st.integers(8, 2048), bias=st.booleans())
def test_gated_match_plain_as_nearly_as_a_whole_width_allows(
    kind: type[SwigluMLP | GegluMLP], d_model: int, bias: bool
) -> None:
    plain = GeluMLP().n_params(d_model=d_model, bias=bias)
    width = kind().width(d_model=d_model, bias=bias)
    gap = abs(kind().n_params(d_model=d_model, bias=bias) - plain)
    for other in (width - 1, width + 1):
        assert gap <= abs(kind(d_ff=other).n_params(d_model=d_model, bias=bias) - plain)


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_are_four_times_as_wide(kind: type[GeluMLP | ReluMLP | SquaredReluMLP]) -> None:
    assert kind().width(d_model=24, bias=True) == 96
    assert kind().n_params(d_model=24, bias=True) == 2 * 24 * 96 + 96 + 24


@pytest.mark.parametrize("kind", [*PLAIN, *GATED])
def test_a_free_width_is_kept(kind: type[MLP]) -> None:
    assert config_of(mlp=kind(d_ff=99).dump()).d_ff == 99


def test_none_has_nothing() -> None:
    config = config_of(mlp={"kind": "none"})
    assert isinstance(config.mlp, NoMLP)
    assert (config.d_ff, config.n_branches) == (0, 1)
    assert config.mlp.n_params(d_model=8, bias=True) == 0


@pytest.mark.parametrize(
    ("mlp", "sentence"),
    [
        ({"kind": "reglu"}, "mlp: unknown kind 'reglu'; did you mean 'relu'?"),
        ({"kind": "none", "d_ff": 3}, "mlp.d_ff: unknown key; valid: kind"),
        (
            {"kind": "relu", "approximate": "tanh"},
            "mlp.approximate: unknown key; valid: kind, d_ff",
        ),
        (
            {"kind": "geglu", "approximate": "erf"},
            "mlp.approximate: input should be 'none' or 'tanh'; got 'erf'",
        ),
        (
            {"kind": "gelu", "d_ff": 0},
            "mlp.d_ff: input should be greater than or equal to 1; got 0",
        ),
        (
            {"d_ff": 3},
            "mlp: needs a kind, such as {kind: gelu or relu or relu2 or swiglu or geglu or none}; "
            "got {'d_ff': 3}",
        ),
    ],
)
def test_refusals(mlp: dict[str, object], sentence: str) -> None:
    assert refused_model(mlp=mlp) == sentence
