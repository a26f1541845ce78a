"""Where the norms of a layer stand, and where dropout falls."""

from typing import Any

import pytest
import torch

from lab.model.block import Block
from lab.model.context import Context
from tests.model.configs import MLPS, PLACEMENTS, config_of, scrambled

CAUSAL = Context(rotation=None, mask=None, is_causal=True, cache=None)


def block_of(**choices: Any) -> Block:
    return scrambled(Block(config_of(bias=True, **choices), layer=0))


def some_x() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 5, 32, dtype=torch.float64, generator=generator)


@torch.no_grad()
@pytest.mark.parametrize("mlp", MLPS)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_placement_is_its_formula(placement: str, mlp: str) -> None:
    block, x = block_of(norm_placement=placement, mlp=MLPS[mlp]), some_x()
    found, parts = block(x, CAUSAL), dict(block.named_children())
    for branch in ("attention", "mlp"):
        if parts.get(branch) is None:
            assert (branch, mlp) == ("mlp", "no-mlp")
            continue
        norm, out_norm = parts[f"{branch}_norm"], parts.get(f"{branch}_out_norm")
        assert (out_norm is not None) == (placement == "sandwich")

        def f(y: torch.Tensor, branch: str = branch) -> torch.Tensor:
            return block.attention(y, CAUSAL) if branch == "attention" else parts["mlp"](y)

        match placement:
            case "pre":
                x = x + f(norm(x))
            case "post":
                x = norm(x + f(x))
            case "sandwich":
                x = x + out_norm(f(norm(x)))
    assert torch.equal(found, x)


@torch.no_grad()
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_dropout_falls_on_both_branches(placement: str) -> None:
    """With all of them dropped, nothing is added, biases neither."""
    block, x = block_of(norm_placement=placement, dropout=1 - 1e-9), some_x()
    nothing = block.mlp_norm(block.attention_norm(x)) if placement == "post" else x
    assert not torch.allclose(block(x, CAUSAL), nothing)
    assert torch.equal(block.train()(x, CAUSAL), nothing)


@torch.no_grad()
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_weights_are_asked_of_what_attention_sees(placement: str) -> None:
    block, x, seen = block_of(norm_placement=placement), some_x(), []
    block.attention.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    block(x, CAUSAL)
    assert torch.equal(block.attention_weights(x, CAUSAL), block.attention.weights(seen[0], CAUSAL))


def test_parameters_stand_in_the_order_of_computation() -> None:
    """Clipping adds up their norms in this order, and training amplifies another rounding."""
    names = [
        name for name, _ in Block(config_of(norm_placement="sandwich"), layer=0).named_parameters()
    ]
    parts = list(dict.fromkeys(name.partition(".")[0] for name in names))
    assert parts == [
        "attention_norm", "attention", "attention_out_norm", "mlp_norm", "mlp", "mlp_out_norm"
    ]  # fmt: skip
