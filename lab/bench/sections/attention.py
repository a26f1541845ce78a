"""A layer's attention, projections included."""

from collections.abc import Iterator

from torch import nn

from lab.bench.measuring import Bench
from lab.bench.peers import huggingface
from lab.bench.peers.plain import PlainGPT
from lab.bench.record import Row
from lab.bench.sections.both_ways import both_ways
from lab.config.model import ModelConfig
from lab.model.block import Block
from lab.model.gpt import GPT


def rows(bench: Bench) -> Iterator[Row]:
    return both_ways(
        bench, ours=_ours, theirs=huggingface.attention, by_hand=_by_hand, weights=_weights
    )


def _ours(model: GPT) -> nn.Module:
    block = model.blocks[0]
    assert isinstance(block, Block)
    return block.attention


def _by_hand(model: PlainGPT) -> nn.Module:
    attention = model.h[0].attn
    assert isinstance(attention, nn.Module)
    return attention


def _weights(config: ModelConfig) -> int:
    return config.attention.n_weights(d_model=config.d_model, n_heads=config.n_heads)
