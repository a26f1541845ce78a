"""Parameters of norms."""

import pytest

from lab.config.norm import LayerNorm, RMSNorm
from tests.config.asked import refused_model


@pytest.mark.parametrize("bias", [False, True])
def test_counts(bias: bool) -> None:
    assert LayerNorm().n_params(width=7, bias=bias) == 7 * (1 + bias)
    assert RMSNorm().n_params(width=7, bias=bias) == 7


def test_refusals() -> None:
    assert (
        refused_model(norm={"kind": "rmsnrom"})
        == "norm: unknown kind 'rmsnrom'; did you mean 'rmsnorm'?"
    )
    assert (
        refused_model(norm={"kind": "rmsnorm", "eps": 0})
        == "norm.eps: input should be greater than 0; got 0"
    )
    assert (
        refused_model(norm_placement="pree")
        == "norm_placement: input should be 'pre', 'post' or 'sandwich'; got 'pree'"
    )
