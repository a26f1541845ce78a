"""The arithmetic of `GPT.read` for one new token a row, written flat.

A token costs a small model less than the machinery around it does: modules, masks, shapes that
serve every case. Here is none of it, only what has to be computed. What it computes is the
model's own, to rounding, for every member of the family in evaluation mode.

Design choices:
- weights are used where they lie, through transposed views: nothing is copied, and training that
  changes them in place is seen;
- what a token leaves on its way through a layer is written to the same place in every layer, so
  that heads, gates and halves are parts of it that are looked up once;
- keys and values of a token are written with one copy, and those before it are slices of the
  cache; a window is a shorter slice;
- what all layers share (positions, rotation, what is hidden) is looked up once a token; where
  nothing is hidden, nothing is masked;
- queries that share keys are rows of one product, so that nothing is repeated;
- a model with anything unknown in it is not computed here: `Step.knows` says so.

Shapes: B rows, D d_model, H heads, G groups of them (heads of keys and values), K head_dim.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lab.decode.layer import Desk, Layer, Linear, norm_of
from lab.model.attention import Attention
from lab.model.block import Block
from lab.model.cache import KVCache
from lab.model.gpt import GPT
from lab.model.linear import Projection
from lab.model.mlp import GatedMLP, PlainMLP
from lab.model.norm import LayerNorm, RMSNorm
from lab.model.position import (
    AlibiPosition,
    FixedSinusoidalPosition,
    LearnedPosition,
    PositionEncoding,
    RotaryPosition,
)
from lab.model.table import Table


class Step:
    """Reads one more token into every row of a cache whose padding, if any, stands in front.

    `place` has to be called after anything but a step has changed the cache.
    """

    def __init__(self, model: GPT, cache: KVCache) -> None:
        self.config, self.position = model.config, model.position
        self.embedding, self.head = model.embedding.weight.detach(), Linear(model.head)
        self.blocks = [block for block in model.blocks if isinstance(block, Block)]
        self.layers = [Layer(block) for block in self.blocks]
        self.final_norm = norm_of(model.final_norm)
        self.added = _added(model.position, cache.capacity)
        self.turns = _turns(model.position, cache.capacity)
        self.place(cache)

    @staticmethod
    def knows(model: nn.Module) -> bool:
        """Whether a model is made of nothing but the parts that this file computes."""
        dtypes = {parameter.dtype for parameter in model.parameters()}
        return (
            type(model) is GPT
            and len(dtypes) == 1
            and dtypes <= {torch.float32, torch.float64}
            and all(_is_plain(module) for module in model.modules())
        )

    def place(self, cache: KVCache) -> None:
        """What depends on the rows of the cache, their number and their padding."""
        n_layers, _, rows, groups, capacity, head_dim = cache.kv.shape
        self.cache = cache
        self.flat = cache.kv.view(n_layers, 2, rows * groups, capacity, head_dim)
        self.slots = cache.kv.transpose(1, 2)  # as a token's keys and values come: row by row
        self.padding = cache.padding()
        self.most_padding = 0 if self.padding is None else int(self.padding.max())
        turned = 0 if self.turns is None else self.turns.shape[-1]
        self.desk = Desk(self.blocks[0], cache.kv, turned=turned)
        self.hidden = _hidden(cache, self.padding, groups)
        self.distances = _distances(self.position, cache, groups)

    def __call__(self, tokens: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Logits of what follows `tokens`, which the cache keeps."""
        cache, config = self.cache, self.config
        at, end = cache.length, cache.length + 1
        cache.mark(None, end=end)
        window = config.attention.window
        begin = 0 if window is None else max(0, end - window)
        seen = self.flat[:, :, :, begin:end]
        keys, values = seen[:, 0].transpose(-1, -2).unbind(0), seen[:, 1].unbind(0)
        slots = self.slots[..., at, :].unbind(0)
        bias = self._bias(begin, end)
        rotation = None if self.turns is None else self._row(self.turns, at).unbind(1)

        x = torch.embedding(self.embedding, tokens)
        if self.added is not None:
            x = x + self._row(self.added, at)
        for layer, k, v, slot in zip(self.layers, keys, values, slots, strict=True):
            y = layer.attended(layer.attention.entered(x), self.desk, k, v, slot, bias, rotation)
            x = layer.attention.left(x, y)
            if layer.mlp is not None:
                y = layer.hidden(layer.mlp.entered(x), self.desk)
                x = layer.mlp.left(x, y)
        cache.length = end
        logits, cap = self.head(self.final_norm(x)), config.logit_cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def _row(self, table: Tensor, at: int) -> Tensor:
        """The row of a table at each text's position: (B or 1, ...)."""
        if self.padding is None:
            return table[at : at + 1]
        return table.index_select(0, at - self.padding)

    def _bias(self, begin: int, end: int) -> Float[Tensor, "bg #hg t"] | None:
        """What is added to scores of the slots from `begin` to `end`."""
        hidden = None
        if self.hidden is not None and begin < self.most_padding:
            hidden = self.hidden[..., begin:end]
        if self.distances is None:
            return hidden
        distances = self.distances[..., self.cache.capacity - (end - begin) :]
        return distances if hidden is None else distances + hidden


def _added(position: PositionEncoding, capacity: int) -> Float[Tensor, "t d"] | None:
    """What is added to embeddings at each position."""
    match position:
        case LearnedPosition():
            return position.table.weight.detach()
        case FixedSinusoidalPosition():
            return position.table.first(capacity)
        case _:
            return None


def _turns(position: PositionEncoding, capacity: int) -> Float[Tensor, "t 2 1 r"] | None:
    """Cosines and signed sines of each position, for both halves of what is rotated."""
    if not isinstance(position, RotaryPosition):
        return None
    cos, sin = position.table.first(capacity).unsqueeze(-2).unbind(1)
    return torch.stack([torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)], dim=1)


def _hidden(cache: KVCache, padding: Tensor | None, groups: int) -> Tensor | None:
    """0 for a slot that holds text and -inf for one that holds padding: (B * G, 1, capacity)."""
    if padding is None:
        return None
    slots = torch.arange(cache.capacity, device=padding.device)
    hidden = torch.zeros(len(padding), cache.capacity).to(cache.kv)
    hidden.masked_fill_(slots < padding[:, None], -torch.inf)
    return hidden.repeat_interleave(groups, dim=0).unsqueeze(1)


def _distances(position: PositionEncoding, cache: KVCache, groups: int) -> Tensor | None:
    """ALiBi's bias for the newest token, which is the last: (B * G, H / G, capacity)."""
    if not isinstance(position, AlibiPosition):
        return None
    distance = torch.arange(cache.capacity - 1, -1, -1, device=cache.kv.device)
    slopes = position.slopes.rows.view(groups, -1, 1)
    return (-slopes * distance.to(slopes)).repeat(cache.kv.shape[2], 1, 1)


_CONTAINERS = (GPT, Block, Attention, PlainMLP, GatedMLP, nn.ModuleList, nn.Identity)
_LEAVES = (nn.Embedding, Projection, LayerNorm, RMSNorm, Table)
_POSITIONS = (
    PositionEncoding,
    LearnedPosition,
    FixedSinusoidalPosition,
    RotaryPosition,
    AlibiPosition,
)


def _is_plain(module: nn.Module) -> bool:
    """One of the family's own parts, as it was built: no subclass, no hook, no other weights."""
    return (
        type(module) in (*_CONTAINERS, *_LEAVES, *_POSITIONS)
        and "forward" not in vars(module)
        and not (module._forward_hooks or module._forward_pre_hooks)
        and all(type(own) is nn.Parameter for own in module.parameters(recurse=False))
    )
