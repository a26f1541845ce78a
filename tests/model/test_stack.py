"""A stacked model is its members, side by side: by an oracle in float64, and bit for bit alone."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model
from lab.model.stack import stack
from tests.model.configs import VOCAB, config_of, model_configs, random_ids, scrambled

K, B, T = 3, 2, 11


def members(config: ModelConfig, count: int = K) -> list[GPT]:
    return [scrambled(build_model(config, VOCAB, seed=seed)) for seed in range(count)]


def drawn(family: dict[str, Any]) -> ModelConfig:
    """One half of the family with biases, the other with tied embeddings."""
    bias = bool(crc32(repr(family).encode()) % 2)
    return config_of(**family, bias=bias, tie_embeddings=not bias)


def by_vmap(models: Sequence[nn.Module], ids: Tensor, **told: Tensor) -> Tensor:
    """One member's own forward pass, vectorised by torch."""
    parameters, buffers = stack_module_state(list(models))
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernel knows no vmap
        return vmap(lambda p, b, ids, told: functional_call(models[0], (p, b), (ids,), told))(
            parameters, buffers, ids, told
        )


def loss(logits: Tensor, ids: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, -2), ids.roll(-1, -1).flatten())


class TestFamily:
    def test_says_what_vmap_over_one_member_says(self, family: dict[str, Any]) -> None:
        models = members(drawn(family))
        ids = random_ids(K, B, T)
        torch.testing.assert_close(stack(models)(ids), by_vmap(models, ids), rtol=1e-9, atol=1e-9)

    def test_says_and_learns_what_each_does_alone_bit_for_bit(self, family: dict[str, Any]) -> None:
        models = [model.float() for model in members(drawn(family))]
        stacked, ids = stack(models), random_ids(K, B, T)
        said = stacked(ids)
        sum(loss(said[k], ids[k]) for k in range(K)).backward()
        for k, model in enumerate(models):
            alone = model(ids[k])
            loss(alone, ids[k]).backward()
            assert torch.equal(said[k], alone)
            for name, parameter in model.named_parameters():
                gradient = stacked.get_parameter(name).grad
                assert gradient is not None
                assert torch.equal(gradient[k], parameter.grad), name

    def test_what_is_no_number_in_one_member_stays_there(self, family: dict[str, Any]) -> None:
        models = members(config_of(**family, bias=True))
        fine = stack(models)
        with torch.no_grad():
            for parameter in models[1].parameters():
                parameter.fill_(torch.nan)
        broken, ids = stack(models), random_ids(K, B, T)
        for model in (fine, broken):
            model(ids).square().sum().backward()
        assert broken(ids)[1].isnan().all()
        assert torch.equal(broken(ids)[::2], fine(ids)[::2])
        for name, parameter in broken.named_parameters():
            assert torch.equal(parameter.grad[::2], fine.get_parameter(name).grad[::2]), name

    def test_has_the_names_of_its_members(self, family: dict[str, Any]) -> None:
        models = members(config_of(**family, bias=True))
        own = {name: (K, *p.shape) for name, p in models[0].named_parameters()}
        assert {name: tuple(p.shape) for name, p in stack(models).named_parameters()} == own


@settings(max_examples=25)
@given(config=model_configs())
def test_any_model_of_the_family(config: ModelConfig) -> None:
    models = members(config, 2)
    ids = random_ids(2, 3, config.max_seq_len)
    with torch.no_grad():
        expected = torch.stack([model(own) for model, own in zip(models, ids, strict=True)])
        torch.testing.assert_close(stack(models)(ids), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["learned", "rope", "alibi"])
def test_documents_are_kept_apart_in_every_member(kind: str) -> None:
    models = members(config_of(position={"kind": kind}))
    ids = random_ids(K, B, T)
    documents = random_ids(K, B, T, seed=5, vocab=2).cumsum(-1)
    expected = [model(ids[k], documents=documents[k]) for k, model in enumerate(models)]
    assert torch.equal(stack(models)(ids, documents=documents), torch.stack(expected))


@pytest.mark.parametrize("shape", [(T, B, T), (B, B, B), (1, 1, T)])
def test_members_are_not_taken_for_positions(shape: tuple[int, int, int]) -> None:
    models = members(config_of(position={"kind": "learned"}), shape[0])
    ids = random_ids(*shape)
    expected = torch.stack([model(own) for model, own in zip(models, ids, strict=True)])
    assert torch.equal(stack(models)(ids), expected)


def test_layers_may_be_computed_again() -> None:
    models = members(config_of(mlp={"kind": "swiglu"}))
    gradients = []
    for recomputes in (False, True):
        for model in models:
            model.recomputes = recomputes
        stacked = stack(models).train()
        stacked(random_ids(K, B, T)).square().sum().backward()
        gradients.append([p.grad for p in stacked.parameters()])
    assert all(map(torch.equal, *gradients))


def test_its_parameters_are_its_own() -> None:
    models = members(config_of())
    before = [p.clone() for p in models[0].parameters()]
    with torch.no_grad():
        for parameter in stack(models).parameters():
            parameter.zero_()
    assert all(map(torch.equal, models[0].parameters(), before))


@pytest.mark.parametrize("tied", [True, False])
def test_ties_are_kept(tied: bool) -> None:
    stacked = stack(members(config_of(tie_embeddings=tied)))
    assert (stacked.head.weight is stacked.embedding.weight) == tied


def test_an_id_beyond_the_vocabulary_is_not_looked_up_in_the_next_member() -> None:
    stacked = stack(members(config_of()))
    ids = random_ids(K, B, T)
    ids[0, 0, 0] = VOCAB
    with pytest.raises(RuntimeError):
        stacked(ids)


class Gain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))


class Outside(GPT):
    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__(config, vocab_size)
        self.temperature = nn.Parameter(torch.ones(()))


def test_an_unknown_layer_with_a_parameter_is_refused_by_name() -> None:
    models = members(config_of())
    for model in models:
        model.blocks[1].gain = Gain()
    with pytest.raises(TypeError, match=r"^blocks\.1\.gain\.gain is a parameter of Gain"):
        stack(models)


def test_a_parameter_outside_any_layer_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"^temperature is a parameter of Outside"):
        stack([Outside(config_of(), VOCAB) for _ in range(2)])


def test_a_known_layer_with_one_parameter_more_is_refused() -> None:
    models = members(config_of())
    for model in models:
        model.head.register_parameter("gain", nn.Parameter(torch.ones(())))
    with pytest.raises(TypeError, match=r"^head\.gain is a"):
        stack(models)
