"""What a pass computes, whatever the model's parts are: four ways to it, and what holds of each."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lab.certify import reference
from lab.certify.certificate import SEEN, Finding, all_of, at_least, at_most, worst
from lab.certify.subject import LENGTH, VOCAB, Subject
from lab.model.gpt import GPT

Pass = Callable[[GPT, Tensor], Tensor]
CHUNKS = (1, 4, 7)
STEPS = (3, 1, 1, 5, 1, 1)


def formula(subject: Subject) -> Finding:
    """The logits are those of the papers' formulas, written out once more in `reference`."""
    config, model = subject.small_config, subject.small
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    said = subject.logits[0]
    written = reference.logits(config, weights, subject.ids[0].tolist())
    return at_most("off by", _largest(said - torch.from_numpy(written)))


def formula_beyond(subject: Subject) -> Finding:
    """Up to twice `max_seq_len` the formulas still hold: positions are computed, not stored."""
    config, model = subject.small_config, subject.small
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    ids = torch.arange(2 * LENGTH)
    written = reference.logits(config, weights, ids.tolist())
    return at_most("off by", _largest(model(ids) - torch.from_numpy(written)))


def causality(subject: Subject) -> Finding:
    """Changing all tokens after t moves no logit at or before t, for every t and every way to read:
    at once, with a padding mask, in chunks from a cache. Changing token t moves the logits at t.
    """
    ids = subject.ids[0]
    t = torch.arange(LENGTH)
    later = t > t[:, None]  # a row for each t
    after = torch.where(later, (ids + 1) % VOCAB, ids)
    at = torch.where(t == t[:, None], (ids + 1) % VOCAB, ids)
    moved = [
        _largest((way(subject.small, after) - way(subject.small, ids[None]))[~later])
        for way in WAYS
    ]
    seen = (subject.small(at) - subject.logits[0]).diagonal().abs().amax(0).min()
    return all_of(
        at_most("changes", worst(moved)),
        at_least("at t itself", float(seen)),
    )


def padding(subject: Subject) -> Finding:
    """Padding before or behind a text changes nothing it says, whatever the padding's tokens are.

    Texts of unequal lengths are read together, at once and from a cache.
    """
    model, ids, moved = subject.small, subject.ids, []
    lengths = torch.tensor([LENGTH, LENGTH // 2, 1])
    alone = [model(row[:n]) for row, n in zip(ids, lengths.tolist(), strict=True)]
    for in_front in (True, False):
        slots = torch.arange(LENGTH)
        real = slots >= LENGTH - lengths[:, None] if in_front else slots < lengths[:, None]
        padded = (ids + 3) % VOCAB
        for row, n in enumerate(lengths.tolist()):
            padded[row, real[row]] = ids[row, :n]
        for said in (model(padded, real), _in_chunks(model, padded, real)):
            for row, own in enumerate(alone):
                moved.append(_largest(said[row, real[row]] - own))
    return at_most("changes", worst(moved))


def cache(subject: Subject) -> Finding:
    """Reading token by token, or chunk by chunk, says what one pass over the whole text says."""
    model, ids = subject.small, subject.ids
    read = [_in_chunks(model, ids, sizes=sizes) for sizes in (STEPS, (LENGTH,))]
    return at_most("off by", worst([_largest(one - subject.logits) for one in read]))


def both_paths(subject: Subject) -> Finding:
    """PyTorch's fused attention and attention spelled out step by step are one function, with
    and without padding.
    """
    other = {"sdpa": "plain", "plain": "sdpa"}[subject.config.attention.path]
    twin = subject.same({"attention.path": other})
    real = torch.arange(LENGTH) >= torch.tensor([[0], [3], [7]])
    padded = twin(subject.ids, real) - subject.small(subject.ids, real)
    plain = twin(subject.ids) - subject.logits
    return at_most("off by", worst([_largest(plain), _largest(padded[real])]))


def dropout(subject: Subject) -> Finding:
    """In evaluation nothing is dropped: the logits are those of a model without dropout. In
    training something is (Srivastava et al. 2014).
    """
    model = subject.small
    whole = subject.same({"dropout": 0.0})
    evaluated = _largest(model(subject.ids) - whole(subject.ids))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dropped = _largest(model.train()(subject.ids) - subject.logits)
    model.eval()
    return all_of(
        at_most("in evaluation", evaluated),
        at_least("in training", dropped, SEEN),
    )


def cap(subject: Subject) -> Finding:
    """Logits are cap * tanh(logits / cap), at the config's own cap (Gemma Team 2024, section 2)."""
    limit = subject.config.logit_cap
    assert limit is not None
    model = subject.same({"logit_cap": limit})
    generator = torch.Generator().manual_seed(0)
    shape = (8, subject.small_config.d_model)
    states = torch.randn(shape, generator=generator, dtype=torch.float64)
    raw = states @ model.head.weight.T
    factor = 3 * limit / float(raw.abs().max())
    said = model.logits(states * factor)
    off = said - limit * torch.tanh(raw * factor / limit)
    return at_most("off by, in caps,", _largest(off) / limit)


def _in_chunks(
    model: GPT, ids: Tensor, real: Tensor | None = None, sizes: Sequence[int] = CHUNKS
) -> Tensor:
    memory = model.cache(rows=len(ids), capacity=LENGTH)
    masks = [None] * len(sizes) if real is None else torch.split(real, [*sizes], dim=-1)
    states = [
        model.read(chunk, memory, mask)
        for chunk, mask in zip(torch.split(ids, [*sizes], dim=-1), masks, strict=True)
    ]
    return model.logits(torch.cat(states, dim=-2))


def _masked(model: GPT, ids: Tensor) -> Tensor:
    logits: Tensor = model(ids, torch.ones_like(ids, dtype=torch.bool))
    return logits


def _at_once(model: GPT, ids: Tensor) -> Tensor:
    logits: Tensor = model(ids)
    return logits


WAYS: tuple[Pass, ...] = (_at_once, _masked, _in_chunks)


def _largest(difference: Tensor) -> float:
    return float(difference.abs().max())
