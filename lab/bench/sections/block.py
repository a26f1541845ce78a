"""A layer: attention and network, each with its norm, added to the residual stream."""

from collections.abc import Iterator

from torch import nn

from lab.bench.measuring import Bench
from lab.bench.peers import huggingface
from lab.bench.peers.plain import PlainGPT
from lab.bench.record import Row
from lab.bench.sections.both_ways import both_ways
from lab.config.model import ModelConfig
from lab.model.gpt import GPT


def rows(bench: Bench) -> Iterator[Row]:
    return both_ways(
        bench, ours=_ours, theirs=huggingface.block, by_hand=_by_hand, weights=_weights
    )


def _ours(model: GPT) -> nn.Module:
    return model.blocks[0]


def _by_hand(model: PlainGPT) -> nn.Module:
    return model.h[0]


def _weights(config: ModelConfig) -> int:
    d = config.d_model
    attention = config.attention.n_weights(d_model=d, n_heads=config.n_heads)
    return attention + config.mlp.n_weights(d_model=d, bias=config.bias)
