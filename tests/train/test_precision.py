"""bf16: a copy computes, float32 weights are trained."""

import pytest
import torch
from torch import Tensor, nn

from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model
from lab.train.evaluation import cross_entropy, evaluate
from lab.train.precision import Working, computing
from tests.train.loops import run

CONFIGS = {
    "learned": {},
    "sinusoidal": {"position": {"kind": "sinusoidal"}, "norm": {"kind": "rmsnorm"}},
    "rope": {"position": {"kind": "rope"}, "mlp": {"kind": "swiglu"}, "bias": False},
    "alibi": {"position": {"kind": "alibi"}, "attention": {"kind": "multi-head", "qk_norm": True}},
    "untied": {"tie_embeddings": False, "position": {"kind": "none"}},
}
SHAPE = {"n_layers": 2, "n_heads": 2, "d_model": 32, "max_seq_len": 16}


def model_of(name: str) -> GPT:
    return build_model(ModelConfig.parse({**SHAPE, **CONFIGS[name]}), 11, seed=1)


def ids_of(rows: int = 4) -> Tensor:
    return torch.randint(11, (rows, 17), generator=torch.Generator().manual_seed(0))


def gradient(model: nn.Module, ids: Tensor) -> Tensor:
    loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
    found = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([grad.flatten().double() for grad in found])


@pytest.mark.parametrize("name", CONFIGS)
def test_its_gradient_is_that_of_float64_up_to_rounding(name: str) -> None:
    model, ids = model_of(name), ids_of()
    exact = gradient(model_of(name).double(), ids)
    working = Working(model, "bf16")
    working.refresh()
    logits = working.model(ids[:, :-1])
    assert logits.dtype == torch.bfloat16
    cross_entropy(logits, ids[:, 1:]).backward()
    working.collect()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
    found = torch.cat([p.grad.flatten().double() for p in model.parameters()])  # type: ignore[union-attr]
    cosine = torch.nn.functional.cosine_similarity(found, exact, dim=0)
    assert cosine > 0.999
    assert abs(found.norm() / exact.norm() - 1) < 0.02


def test_gradients_of_micro_batches_are_summed_in_float32() -> None:
    model, ids = model_of("learned"), ids_of()
    working = Working(model, "bf16")
    sums: dict[str, Tensor] = {}
    for part in ids.split(1):
        working.refresh()
        cross_entropy(working.model(part[:, :-1]), part[:, 1:]).backward()
        copies = dict(working.model.named_parameters())
        for name in ("head.weight", "blocks.0.mlp.up_proj.weight"):
            grad = copies[name].grad
            assert grad is not None
            sums[name] = sums.get(name, torch.zeros_like(grad, dtype=torch.float32)) + grad.float()
        working.collect()
    found = model.blocks[0].mlp.up_proj.weight.grad  # type: ignore[union-attr, index]
    assert torch.equal(found, sums["blocks.0.mlp.up_proj.weight"])


def test_a_frequent_token_does_not_stand_still() -> None:
    """In bfloat16 a sum of ones stops at 256."""
    table = nn.Embedding(2, 4)
    working = Working(nn.Sequential(table), "bf16")
    working.refresh()
    working.model(torch.zeros(1000, dtype=torch.long)).sum().backward()
    working.collect()
    assert table.weight.grad is not None
    assert table.weight.grad[0].tolist() == [1000.0] * 4


def test_the_weights_are_cast_anew_once_they_have_changed() -> None:
    model = model_of("learned")
    working = Working(model, "bf16")
    with torch.no_grad():
        model.head.weight += 1
        model.blocks[0].mlp.up_proj.weight += 1  # type: ignore[union-attr, operator]
    working.refresh()
    assert torch.equal(working.model.head.weight, model.head.weight.bfloat16())  # type: ignore[union-attr]
    for name, copy in working.model.named_parameters():
        assert torch.equal(copy.bfloat16(), model.get_parameter(name).bfloat16()), name


def test_fp32_is_the_model_itself() -> None:
    model = model_of("rope")
    assert computing(model, "fp32") is model
    working = Working(model, "fp32")
    assert working.model is model
    working.refresh()
    working.collect()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_near_what_autocast_computes(name: str) -> None:
    model, ids = model_of(name), ids_of()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = model(ids[:, :-1]).float()
    with torch.no_grad():
        found = computing(model, "bf16")(ids[:, :-1]).float()
    scale = expected.abs().max()
    assert (found - expected).abs().max() < 0.03 * scale


def test_training_goes_as_in_fp32(setup) -> None:
    ends = {}
    for precision in ("fp32", "bf16"):
        parts = setup(**{"train.precision": precision, "train.steps": 30})
        outcome, _ = run(parts)
        ends[precision] = outcome.metrics["val/loss"]
        assert all(p.dtype == torch.float32 for p in parts[0].model.parameters())
    assert ends["bf16"] == pytest.approx(ends["fp32"], rel=0.01)
    assert ends["bf16"] != ends["fp32"]


def test_judging_leaves_the_model_as_it_was(setup) -> None:
    state, source, _ = setup(**{"model.position": {"kind": "rope"}})
    before = {name: p.clone() for name, p in state.model.named_parameters()}
    values = evaluate(state.model, source.evaluation("val"), precision="bf16")
    plain = evaluate(state.model, source.evaluation("val"), precision="fp32")
    assert values["loss"] == pytest.approx(plain["loss"], rel=0.01)
    assert all(torch.equal(p, before[name]) for name, p in state.model.named_parameters())
