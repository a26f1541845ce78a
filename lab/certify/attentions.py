"""Attention: who sees what, and which heads share keys."""

import copy

import torch

from lab.certify.certificate import SEEN, Finding, all_of, at_least, at_most, worst
from lab.certify.passes import WAYS
from lab.certify.subject import LENGTH, VOCAB, Subject
from lab.model.block import Block


def shares_sum_to_one(subject: Subject) -> Finding:
    """What a token gives to those that it may see sums to 1, and it gives the others nothing.

    Vaswani et al. 2017, section 3.2.1; of every layer and head.
    """
    window = subject.small_config.attention.window or LENGTH
    steps = torch.arange(LENGTH)
    distance = steps[:, None] - steps
    hidden = (distance < 0) | (distance >= window)
    inside = subject.small.inspect(subject.ids)
    sums = worst([float((shares.sum(-1) - 1).abs().max()) for shares in inside.attention])
    leaked = worst([float(shares[..., hidden].abs().max()) for shares in inside.attention])
    return all_of(at_most("sums off by", sums), at_most("given to the hidden", leaked, 0.0))


def window(subject: Subject) -> Finding:
    """One layer sees `window` tokens, the present one among them, and none before (Beltagy et al.
    2020, section 3.1): at once, with a padding mask, and in chunks from a cache.
    """
    width = subject.small_config.attention.window
    assert width is not None
    layer = subject.changed({"n_layers": 1})
    ids = subject.ids
    last = LENGTH - width  # that the last token sees
    other = (ids + 1) % VOCAB
    steps = torch.arange(LENGTH)
    hidden, edge = torch.where(steps < last, other, ids), torch.where(steps == last, other, ids)
    moved = [(way(layer, hidden) - way(layer, ids))[:, -1].abs().max() for way in WAYS]
    seen = [(way(layer, edge) - way(layer, ids))[:, -1].abs().max() for way in WAYS]
    return all_of(
        at_most(f"{width} tokens back changes", worst([float(change) for change in moved])),
        at_least(f"{width - 1} tokens back", float(torch.stack(seen).min())),
    )


def shared_keys(subject: Subject) -> Finding:
    """Consecutive heads of queries share a head of keys: changing the keys of one group changes
    what the heads of that group look at, and no others (Ainslie et al. 2023, section 2.2).
    """
    config = subject.small_config
    group = config.n_heads // config.n_kv_heads
    before = subject.small.inspect(subject.ids).attention[0]
    found = []
    for number in range(config.n_kv_heads):
        changed = copy.deepcopy(subject.small)
        block = changed.blocks[0]
        assert isinstance(block, Block)
        start = config.d_model + number * config.head_dim
        rows = block.attention.qkv_proj.weight[start : start + config.head_dim]
        rows.copy_(rows.flip(-1))
        moved = (changed.inspect(subject.ids).attention[0] - before).abs().amax((0, 2, 3))
        heads = [h for h in range(config.n_heads) if float(moved[h]) > SEEN]
        expected = [*range(number * group, (number + 1) * group)]
        if heads != expected:
            return Finding(False, f"keys {number} serve heads {heads}, not {expected}")
        found.append(f"{expected[0]} to {expected[-1]}")
    return Finding(True, f"heads {', '.join(found)}")


def normed_queries(subject: Subject) -> Finding:
    """Queries and keys are normalised: making all of a layer's three times as large changes nothing
    that it looks at (Henry et al. 2020, section 2). The copy has next to no epsilon, which would.
    """
    config = subject.small_config
    width = config.d_model + config.n_kv_heads * config.head_dim
    model = subject.same({"norm.eps": 1e-15})
    before = model.inspect(subject.ids).attention[0]
    block = model.blocks[0]
    assert isinstance(block, Block)
    projection = block.attention.qkv_proj
    projection.weight[:width] *= 3
    if projection.bias is not None:
        projection.bias[:width] *= 3
    after = model.inspect(subject.ids).attention[0]
    return at_most("changes", float((after - before).abs().max()))
