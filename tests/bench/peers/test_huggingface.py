"""The models of `transformers` are of our shape, and their parts are called as they call them."""

import pytest
import torch
from torch import nn

from lab.bench.peers import huggingface
from lab.bench.shapes import EXACT, KINDS, LLAMA, TANH, TINY


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_as_many_parameters_as_ours(kind: str) -> None:
    config, vocab = TINY.config(kind), TINY.vocab_size
    model = huggingface.build(kind, config, vocab)
    assert sum(p.numel() for p in model.parameters()) == config.n_params(vocab)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_random_in_training(kind: str) -> None:
    model = huggingface.build(kind, TINY.config(kind), TINY.vocab_size).train()
    ids = torch.randint(TINY.vocab_size, (2, TINY.length))
    assert torch.equal(model(ids).logits, model(ids).logits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["attention", "block"])
def test_a_part_gets_what_its_model_gives_it(kind: str, part: str) -> None:
    """A hook on the first layer tells what a whole pass makes of it."""
    model = huggingface.build(kind, TINY.config(kind), TINY.vocab_size)
    layer = model.model.layers[0] if kind == LLAMA else model.transformer.h[0]
    name = {LLAMA: "self_attn"}.get(kind, "attn")
    watched: nn.Module = layer if part == "block" else getattr(layer, name)
    seen = {}

    def keep(module: nn.Module, args: tuple, kwargs: dict, out: object) -> None:
        seen["in"] = args[0] if args else kwargs["hidden_states"]
        seen["out"] = out if isinstance(out, torch.Tensor) else out[0]

    watched.register_forward_hook(keep, with_kwargs=True)
    model(torch.randint(TINY.vocab_size, (2, TINY.length)))
    expected = seen["out"]
    found = getattr(huggingface, part)(kind, model)(seen["in"])
    assert torch.equal(found, expected)


def test_activations_are_their_own_and_the_exact_one() -> None:
    for kind, name in ((TANH, "gelu_new"), (EXACT, "gelu")):
        model = huggingface.build(kind, TINY.config(kind), TINY.vocab_size)
        assert model.config.activation_function == name
