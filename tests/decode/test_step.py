"""The flat arithmetic against the model's own, and what it must not touch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from lab.decode.step import Step
from lab.model.gpt import GPT, build_model
from tests.model.configs import FAMILY, config_of, model_configs, random_ids, scrambled

V = 13


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def both(model: GPT, padding: list[int], *, prompt: int, steps: int) -> list[torch.Tensor]:
    """Logits of each step, flat and by `read`, after prompts with padding in front."""
    rows, found = len(padding), []
    real = torch.arange(prompt) >= torch.tensor(padding)[:, None]
    for flat in (True, False):
        cache = model.cache(rows=rows, capacity=prompt + steps)
        model.read(random_ids(rows, prompt, vocab=V), cache, real if any(padding) else None)
        step = Step(model, cache)
        logits = []
        for t in range(steps):
            tokens = random_ids(rows, seed=t, vocab=V)
            read = step(tokens) if flat else model.logits(model.read(tokens[:, None], cache)[:, 0])
            logits.append(read)
        assert cache.length == prompt + steps
        found.append(torch.stack(logits))
    return found


@pytest.mark.parametrize("name", FAMILY)
def test_equals_the_model_for_every_member_of_the_family(name):
    model = scrambled(build_model(config_of(**FAMILY[name], bias=True), V, seed=0))
    assert Step.knows(model)
    for padding in ([0], [2, 0, 1]):
        ours, theirs = both(model, padding, prompt=4, steps=5)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11 * float(theirs.abs().max()))


@settings(deadline=None, database=None, max_examples=40)
@given(model_configs(), st.data())
def test_equals_the_model_for_any_config(config, data):
    model = scrambled(build_model(config, V, seed=0))
    prompt = data.draw(st.integers(1, config.max_seq_len - 1))
    padding = data.draw(st.lists(st.integers(0, prompt - 1), min_size=1, max_size=3))
    ours, theirs = both(model, padding, prompt=prompt, steps=config.max_seq_len - prompt)
    assert len(ours) == config.max_seq_len - prompt
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10 * float(theirs.abs().max()))


def test_the_model_may_read_on_where_steps_ended():
    model = scrambled(build_model(config_of(), V, seed=0))
    ids = random_ids(1, 8, vocab=V)
    cache = model.cache(rows=1, capacity=8)
    model.read(ids[:, :3], cache)
    step = Step(model, cache)
    for t in (3, 4, 5):
        step(ids[:, t])
    torch.testing.assert_close(model.logits(model.read(ids[:, 6:], cache)), model(ids)[:, 6:])


def test_a_full_cache_is_refused():
    model = build_model(config_of(), V, seed=0)
    cache = model.cache(rows=1, capacity=2)
    model.read(torch.tensor([[1, 2]]), cache)
    with pytest.raises(ValueError, match="3 tokens are more than the cache's capacity of 2"):
        Step(model, cache)(torch.tensor([1]))


def test_weights_are_used_where_they_lie():
    model = build_model(config_of(bias=True), V, seed=0)
    cache = model.cache(rows=1, capacity=4)
    model.read(torch.tensor([[1]]), cache)
    step = Step(model, cache)
    model.final_norm.weight.zero_()
    model.final_norm.bias.zero_()
    assert step(torch.tensor([1])).eq(0).all()


def test_the_way_of_computing_others_is_left_as_it_was():
    model = build_model(config_of(mlp={"kind": "gelu"}), V, seed=0)
    cache = model.cache(rows=1, capacity=4)
    model.read(torch.tensor([[1]]), cache)
    enabled = torch.backends.mkldnn.enabled
    Step(model, cache)(torch.tensor([1]))
    assert torch.backends.mkldnn.enabled == enabled


class Doubled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


class Subclass(GPT):
    pass


class Wrapped(torch.Tensor):
    pass


def _changes():
    def hooked(model):
        model.blocks[1].mlp.register_forward_hook(lambda module, args, out: 2 * out)

    def replaced(model):
        model.blocks[0].mlp = Doubled()

    def parametrised(model):
        parametrize.register_parametrization(model.head, "weight", Doubled())

    def patched(model):
        model.blocks[0].attention.o_proj.forward = lambda x: x

    def of_another_kind(model):
        weight = model.blocks[0].mlp.up_proj.weight
        model.blocks[0].mlp.up_proj.weight = nn.Parameter(weight.detach().as_subclass(Wrapped))

    def of_two_precisions(model):
        model.final_norm.double()

    def coarse(model):
        model.bfloat16()

    return [hooked, replaced, parametrised, patched, of_another_kind, of_two_precisions, coarse]


@pytest.mark.parametrize("change", _changes(), ids=lambda change: change.__name__)
def test_a_model_with_anything_else_in_it_is_not_known(change):
    with torch.inference_mode(False):
        model = build_model(config_of(bias=True), V, seed=0)
        assert Step.knows(model)
        change(model)
    assert not Step.knows(model)


def test_a_subclass_or_another_model_is_not_known():
    assert not Step.knows(Subclass(config_of(), V))
    assert not Step.knows(Doubled())
