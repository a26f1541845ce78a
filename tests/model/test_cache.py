"""Texts read piece by piece, with padding anywhere: the same logits as those of each text alone."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.model import ModelConfig
from lab.model.cache import KVCache
from lab.model.gpt import GPT, build_model
from tests.model.configs import VOCAB, config_of, model_configs, random_ids, scrambled

PRECISIONS = {"float64": 1e-9, "float32": 1e-5}  # of the largest logit


def read(
    model: GPT, ids: torch.Tensor, chunks: list[int], mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Logits of texts read in chunks; a mask is passed on from the first padding on."""
    cache = model.cache(rows=len(ids), capacity=ids.shape[1])
    pieces, marks = ids.split(chunks, dim=1), [None] * len(chunks)
    if mask is not None:
        marks = [None if m.all() else m for m in mask.split(chunks, dim=1)]
    states = [model.read(p, cache, m) for p, m in zip(pieces, marks, strict=True)]
    assert cache.length == ids.shape[1]
    return model.logits(torch.cat(states, dim=1))


@torch.no_grad()
@pytest.mark.parametrize("precision", PRECISIONS)
def test_cached_equals_uncached(family: dict[str, Any], precision: str) -> None:
    model = scrambled(build_model(config_of(**family), VOCAB, seed=0))
    model = model.to(getattr(torch, precision))
    ids = random_ids(2, 11)
    logits, tolerance = model(ids), PRECISIONS[precision]
    atol = tolerance * logits.abs().max().item()
    for chunks in ([4, 1, 5, 1], [11]):
        torch.testing.assert_close(read(model, ids, chunks), logits, rtol=0, atol=atol)
    lengths = torch.tensor([3, 8])
    left = torch.arange(11) >= 11 - lengths[:, None]  # padding in front of the shorter
    padded = read(model, ids, [5, 4, 1, 1], left)
    for row, length in enumerate(lengths):
        alone = model(ids[row : row + 1, 11 - length :])[0]
        torch.testing.assert_close(padded[row, 11 - length :], alone, rtol=0, atol=atol)


@st.composite
def readings(draw: st.DrawFn) -> tuple[ModelConfig, torch.Tensor, torch.Tensor, list[int]]:
    """A model, texts, which of their tokens are real, and the lengths of the chunks."""
    config = draw(model_configs())
    rows, length = draw(st.integers(1, 3)), draw(st.integers(1, config.max_seq_len))
    ids = random_ids(rows, length, seed=draw(st.integers(0, 99)))
    place = draw(st.sampled_from(["none", "left", "right", "anywhere"]))
    match place:
        case "none":
            mask = torch.ones(rows, length, dtype=torch.bool)
        case "anywhere":
            marks = st.lists(st.booleans(), min_size=length, max_size=length)
            mask = torch.tensor([draw(marks) for _ in range(rows)])
        case _:
            real = torch.tensor([[draw(st.integers(0, length))] for _ in range(rows)])
            mask = torch.arange(length) < real
            mask = mask.flip(1) if place == "left" else mask
    chunks: list[int] = []
    while (rest := length - sum(chunks)) > 0:
        chunks.append(draw(st.integers(1, rest)))
    return config, ids, mask, chunks


@torch.no_grad()
@settings(deadline=None, max_examples=100, database=None)
@given(readings())
def test_any_reading_equals_each_text_alone(
    reading: tuple[ModelConfig, torch.Tensor, torch.Tensor, list[int]],
) -> None:
    config, ids, mask, chunks = reading
    model = scrambled(build_model(config, VOCAB, seed=0))
    at_once, in_chunks = model(ids, mask), read(model, ids, chunks, mask)
    inside = model.inspect(ids, mask)
    torch.testing.assert_close(inside.logits, at_once, rtol=0, atol=1e-9)
    for row, real in enumerate(mask):
        if not real.any():
            continue
        alone = model(ids[row : row + 1, real])[0]
        torch.testing.assert_close(at_once[row, real], alone, rtol=0, atol=1e-9)
        torch.testing.assert_close(in_chunks[row, real], alone, rtol=0, atol=1e-9)
        for weights in inside.attention:
            assert not weights[row, :, real][..., ~real].any()  # nobody sees padding
    assert at_once.isfinite().all()
    assert in_chunks.isfinite().all()


@torch.no_grad()
def test_a_cache_that_is_full_takes_no_more() -> None:
    model = scrambled(build_model(config_of(position={"kind": "rope"}), VOCAB, seed=0))
    ids, cache = random_ids(2, 6), model.cache(rows=2, capacity=5)
    model.read(ids[:, :4], cache)
    with pytest.raises(ValueError, match="6 tokens are more than the cache's capacity of 5"):
        model.read(ids[:, 4:], cache)
    after = model.logits(model.read(ids[:, 4:5], cache))  # what was refused left no trace
    torch.testing.assert_close(after[:, 0], model(ids[:, :5])[:, -1], rtol=0, atol=1e-10)


@torch.no_grad()
def test_learned_positions_end_in_a_cache_too() -> None:
    model = scrambled(build_model(config_of(), VOCAB, seed=0))
    ids, cache = random_ids(1, 12), model.cache(rows=1, capacity=20)
    model.read(ids[:, :11], cache)
    with pytest.raises(ValueError, match="12 tokens are more than max_seq_len=11"):
        model.read(ids[:, 11:], cache)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["sinusoidal", "rope", "alibi", "none"])
def test_a_cache_may_outgrow_the_longest_training_text(kind: str) -> None:
    model = scrambled(build_model(config_of(position={"kind": kind}), VOCAB, seed=0))
    ids = random_ids(2, 30)
    chunks = [9, 1, 1, 1, 10, 8]
    torch.testing.assert_close(read(model, ids, chunks), model(ids), rtol=0, atol=1e-9)


@torch.no_grad()
@settings(deadline=None, max_examples=30, database=None)
@given(
    config=model_configs(),
    rows=st.lists(st.integers(0, 2), min_size=1, max_size=4),
    padded=st.booleans(),
)
def test_rows_are_selected(config: ModelConfig, rows: list[int], padded: bool) -> None:
    model, ids = scrambled(build_model(config, VOCAB, seed=0)), random_ids(3, 3)
    mask = torch.tensor([[True, True], [False, True], [True, True]]) if padded else None
    cache = model.cache(rows=3, capacity=3)
    model.read(ids[:, :2], cache, mask)
    chosen = torch.tensor(rows)
    cache.select(chosen)
    after = model.logits(model.read(ids[chosen, 2:], cache))[:, 0]
    for number, row in enumerate(rows):
        start = int(padded and row == 1)
        alone = model(ids[row : row + 1, start:])[0, -1]
        torch.testing.assert_close(after[number], alone, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("attention", "heads"),
    [
        ({"kind": "multi-head"}, 4),
        ({"kind": "grouped-query", "n_kv_heads": 2}, 2),
        ({"kind": "multi-query"}, 1),
    ],
)
def test_room_is_taken_for_shared_heads_only(attention: dict[str, Any], heads: int) -> None:
    model = build_model(config_of(attention=attention), VOCAB, seed=0).double()
    cache = model.cache(rows=3, capacity=5)
    assert cache.keys.shape == cache.values.shape == (2, 3, heads, 5, 8)
    assert cache.keys.dtype == torch.float64


def test_a_cache_begins_empty() -> None:
    cache = KVCache(config_of(), rows=1, capacity=4)
    assert (cache.length, cache.capacity, cache.real) == (0, 4, None)
