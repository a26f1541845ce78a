"""Outlines: the shapes of a model, and none of its values."""

import pytest
import torch
from torch import nn

from lab.config.model import ModelConfig
from lab.model.gpt import GPT
from lab.model.outline import outlined
from tests.model.configs import POSITIONS, SHAPE, VOCAB


@pytest.mark.parametrize("name", POSITIONS)
def test_an_outline_has_the_shapes_of_the_model(name: str) -> None:
    config = ModelConfig.parse({**SHAPE, "bias": True, "position": POSITIONS[name]})
    with outlined():
        outline = GPT(config, VOCAB)
    model = GPT(config, VOCAB)
    for found, wanted in (
        (outline.named_parameters(), model.named_parameters()),
        (outline.named_buffers(), model.named_buffers()),
    ):
        there = dict(found)
        assert {key: value.shape for key, value in there.items()} == {
            key: value.shape for key, value in wanted
        }
        assert all(value.is_meta for value in there.values())


def test_afterwards_values_are_drawn_as_ever() -> None:
    state = torch.get_rng_state()
    with outlined():
        nn.Linear(3, 3)
    assert torch.equal(torch.get_rng_state(), state)
    assert nn.Linear(3, 3).weight.abs().sum() > 0
