"""Cached reading against whole passes over the context that the rule says."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.model import ModelConfig
from lab.decode.reader import Reader, context_start
from lab.decode.step import Step
from lab.model.gpt import GPT, build_model
from tests.decode.oracle import context, next_logits
from tests.model.configs import POSITIONS, config_of, model_configs, random_ids, scrambled

V = 13


def texts(draw: st.DrawFn, *, rows: int, max_length: int) -> list[list[int]]:
    lengths = draw(st.lists(st.integers(1, max_length), min_size=rows, max_size=rows))
    return [random_ids(n, seed=row, vocab=V).tolist() for row, n in enumerate(lengths)]


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[list[int]], int, int, list[int]]:
    """Prompts, the tokens read at a time, the number of new ones, and the rows kept half-way."""
    rows = draw(st.integers(1, 4))
    prompts = texts(draw, rows=rows, max_length=draw(st.sampled_from([4, 12, 30])))
    kept = draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=4))
    return prompts, draw(st.integers(1, 9) | st.just(100)), draw(st.integers(0, 20)), kept


def check(model: GPT, reading: tuple[list[list[int]], int, int, list[int]], *, rtol: float) -> None:
    prompts, prefill, n, kept = reading
    rows = [list(prompt) for prompt in prompts]
    exact = copy.deepcopy(model).double()

    def agree(logits: torch.Tensor) -> None:
        for row, found in zip(rows, logits, strict=True):
            wanted = next_logits(model, row)
            rounding = float((wanted - next_logits(exact, row)).abs().max())  # of an odd model
            atol = rtol * float(wanted.abs().max()) + 8 * rounding
            torch.testing.assert_close(found, wanted, rtol=0, atol=atol)

    with torch.inference_mode():
        reader = Reader(model, prompts, room=n, prefill=prefill)
        agree(reader.begin())
        for t in range(n):
            if t == n // 2:
                reader.keep(kept)
                rows = [list(rows[row]) for row in kept]
            tokens = random_ids(len(rows), seed=t, vocab=V)
            logits = reader.read(tokens)
            rows = [[*row, token] for row, token in zip(rows, tokens.tolist(), strict=True)]
            agree(logits)


class TestCachedEqualsUncached:
    """For any model, prompts of any lengths, any chunks, past the end of the context."""

    @settings(deadline=None, database=None, max_examples=60)
    @given(model_configs(), readings())
    def test_in_float64(self, config, reading):
        check(scrambled(build_model(config, V, seed=0)), reading, rtol=1e-9)

    @settings(deadline=None, database=None, max_examples=25)
    @given(model_configs(), readings())
    def test_in_float32(self, config, reading):
        check(scrambled(build_model(config, V, seed=0)).float(), reading, rtol=1e-5)

    @settings(deadline=None, database=None, max_examples=25)
    @given(model_configs(), readings())
    def test_where_a_step_is_unknown(self, config, reading):
        model = scrambled(build_model(config, V, seed=0))
        model.blocks[0].register_forward_hook(lambda *_: None)
        assert not Step.knows(model)
        check(model, reading, rtol=1e-9)

    @pytest.mark.parametrize("position", POSITIONS)
    @pytest.mark.parametrize("window", [None, 5])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_for_every_position(self, position, window, dtype):
        config = config_of(
            position=POSITIONS[position],
            attention={"kind": "grouped-query", "n_kv_heads": 2, "window": window},
        )
        model = scrambled(build_model(config, V, seed=0)).to(dtype)
        prompts = [random_ids(n, vocab=V).tolist() for n in (3, 25, 11, 1)]
        tolerance = {torch.float32: 1e-5, torch.float64: 1e-9}[dtype]
        check(model, (prompts, 4, 24, [3, 0, 2]), rtol=tolerance)


class TestTheRule:
    """What is read, as a model without positions of its own would be asked for it."""

    @given(st.integers(0, 300), st.integers(2, 40) | st.none())
    @settings(deadline=None, database=None)
    def test_a_context_starts_where_counting_says(self, n, limit):
        assert list(range(n))[context_start(n, limit) :] == context(list(range(n)), limit)

    def test_a_full_context_begins_again_with_its_newest_half(self):
        starts = [context_start(n, 8) for n in range(7, 18)]
        assert starts == [0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12]
        assert [context_start(n, 3) for n in range(2, 8)] == [0, 0, 2, 2, 4, 4]

    @pytest.mark.parametrize(
        ("position", "window", "ends"),
        [
            ("learned", None, True),
            ("learned", 4, True),
            ("sinusoidal", 4, True),
            ("rope", None, True),
            ("rope", 4, False),
            ("none", None, True),
            ("none", 4, False),
            ("alibi", None, False),
        ],
    )
    def test_no_position_is_used_that_training_has_not_shown(self, position, window, ends):
        config = config_of(
            position=POSITIONS[position], attention={"kind": "multi-head", "window": window}
        )
        reader = Reader(build_model(config, V, seed=0), [[1, 2, 3]], room=60)
        reader.begin()
        lengths = []
        for _ in range(60):
            reader.read(torch.tensor([1]))
            lengths.append(reader.cache.length)
        limit = config.max_seq_len
        assert max(lengths) == (limit if ends else 63)
        assert reader.cache.capacity == (limit if ends else 63)
        if ends:
            assert min(lengths[limit:]) == limit // 2 + 1

    def test_chunks_bound_what_is_read_at_a_time(self, monkeypatch):
        model = build_model(config_of(position=POSITIONS["alibi"]), V, seed=0)
        sizes, read = [], GPT.read

        def watched(self, ids, cache, mask=None):
            sizes.append(ids.shape[1])
            return read(self, ids, cache, mask)

        monkeypatch.setattr(GPT, "read", watched)
        Reader(model, [random_ids(23, vocab=V).tolist()], room=0, prefill=8).begin()
        assert sizes == [8, 8, 7]


def test_rows_that_are_left_do_not_keep_the_padding_of_others():
    model = build_model(config_of(), V, seed=0)
    reader = Reader(model, [[1, 2], [1, 2, 3, 4, 5, 6]], room=4)
    reader.begin()
    assert reader.cache.padding().tolist() == [4, 0]
    reader.keep([0])
    assert reader.cache.length == 2
    assert reader.cache.real is None


def test_a_dropout_model_in_training_is_read_in_evaluation_mode():
    config = ModelConfig(n_layers=1, n_heads=1, d_model=8, max_seq_len=8, dropout=0.5)
    model = build_model(config, V, seed=0).train()
    with torch.inference_mode():
        reader = Reader(model, [[1, 2, 3]], room=9)
        logits = [reader.begin(), *(reader.read(torch.tensor([t])) for t in range(9))]
    assert model.training
    model.eval()
    text = [1, 2, 3, *range(9)]
    for n, found in enumerate(logits, start=3):
        torch.testing.assert_close(found[0], next_logits(model, text[:n]))
