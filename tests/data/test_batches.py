from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from lab.config.data import DataConfig
from lab.data.batches import Batches, window_starts
from lab.data.store import open_prepared, prepare
from lab.errors import DataError
from lab.streams import stream

SEQ_LEN = 32


@pytest.fixture(scope="module")
def folders() -> dict[tuple[str, str], Path]:
    return {}


@pytest.fixture
def batches(data_config: DataConfig, folders: dict[tuple[str, str], Path]) -> Batches:
    """Of each corpus and tokenizer, prepared once for the whole module."""
    kinds = (data_config.corpus.kind, data_config.tokenizer.kind)
    if kinds not in folders:
        folders[kinds] = prepare(data_config).folder
    return Batches(open_prepared(folders[kinds]), seq_len=SEQ_LEN, batch_size=6, seed=3)


class TestEveryCorpusAndTokenizer:
    def test_targets_are_the_inputs_one_token_later(self, batches):
        ids = torch.from_numpy(batches.data.split("train").astype(np.int64))
        starts = window_starts(ids.numel(), seq_len=SEQ_LEN, batch_size=6, seed=3, step=9)
        inputs, targets = batches.batch(9)
        for row, start in enumerate(starts.tolist()):
            assert torch.equal(inputs[row], ids[start : start + SEQ_LEN])
            assert torch.equal(targets[row], ids[start + 1 : start + SEQ_LEN + 1])
        for tensor in (inputs, targets):
            assert tensor.dtype == torch.int64
            assert tensor.shape == (6, SEQ_LEN)
            assert tensor.is_contiguous()

    def test_a_batch_is_a_pure_function_of_seed_and_step(self, batches):
        data = batches.data
        fresh = Batches(data, seq_len=SEQ_LEN, batch_size=6, seed=3)
        in_order = [batches.batch(step) for step in range(5)]
        for step in (4, 0, 3, 3):
            for one, other in zip(fresh.batch(step), in_order[step], strict=True):
                assert torch.equal(one, other)
        distinct = {tuple(inputs.flatten().tolist()) for inputs, _ in in_order}
        elsewhere = Batches(data, seq_len=SEQ_LEN, batch_size=6, seed=4).batch(0)[0]
        assert len(distinct | {tuple(elsewhere.flatten().tolist())}) == 6

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
    def test_micro_batches_are_slices(self, batches, size):
        parts = [slice(first, first + size) for first in range(0, 6, size)]
        slices = [batches.batch(2, part=part) for part in parts]
        for whole, pieces in zip(batches.batch(2), zip(*slices, strict=True), strict=True):
            assert torch.equal(whole, torch.cat(pieces))

    def test_a_batch_is_nobody_elses(self, batches):
        inputs, targets = batches.batch(0)
        before = targets.clone()
        inputs.zero_()
        assert torch.equal(targets, before)
        assert torch.equal(batches.batch(0)[1], before)

    @pytest.mark.parametrize(
        ("split", "batch_size"), [("val", 1), ("test", 7), ("val", 10_000), ("train", 64)]
    )
    def test_evaluation_covers_a_split_once_in_order(self, batches, split, batch_size):
        data = batches.data
        ids = data.split(split).astype(np.int64)
        groups = list(batches.evaluation(split, batch_size=batch_size))
        inputs = np.concatenate([group[0].flatten().numpy() for group in groups])
        targets = np.concatenate([group[1].flatten().numpy() for group in groups])
        assert np.array_equal(inputs, ids[:-1])
        assert np.array_equal(targets, ids[1:])
        first = data.tokenizer.token_bytes[ids[0]]
        assert sum(group[2] for group in groups) == data.stats[split].bytes - first

        whole, rest = divmod(ids.size - 1, SEQ_LEN)
        shapes = [(min(batch_size, whole - n), SEQ_LEN) for n in range(0, whole, batch_size)]
        shapes += [(1, rest)] if rest else []
        assert [tuple(group[0].shape) for group in groups] == shapes
        assert all(isinstance(group[2], int) for group in groups)
        assert all(group[0].dtype == group[1].dtype == torch.int64 for group in groups)


@pytest.fixture
def tiny(tmp_path):
    """40 training tokens, 20 of val, none of test."""

    def make(text="abcdefghijklmnopqrstuvwxyz" * 3):
        path = tmp_path / "tiny.txt"
        path.write_text(text[:60])
        return prepare(
            DataConfig.parse(
                {"corpus": {"kind": "file", "path": str(path)}, "splits": [2 / 3, 1 / 3, 0]}
            )
        )

    return make()


@pytest.mark.parametrize(("seq_len", "shapes"), [(19, [(1, 19)]), (50, []), (9, [(2, 9), (1, 1)])])
def test_evaluation_of_few_tokens(tiny, seq_len, shapes):
    if seq_len > 39:
        with pytest.raises(DataError, match="needs at least 51 for seq_len=50"):
            Batches(tiny, seq_len=seq_len, batch_size=2, seed=0)
        return
    batches = Batches(tiny, seq_len=seq_len, batch_size=2, seed=0)
    assert [tuple(x.shape) for x, _, _ in batches.evaluation("val", batch_size=2)] == shapes


def test_a_split_shorter_than_a_window_is_one_short_window(tiny):
    batches = Batches(tiny, seq_len=39, batch_size=2, seed=0)
    ((inputs, targets, n_bytes),) = batches.evaluation("val", batch_size=8)
    assert inputs.shape == targets.shape == (1, 19)
    assert n_bytes == 19
    assert batches.batch(5)[0].unique(dim=0).shape[0] == 1  # there is one window only


def test_evaluation_of_no_split(tiny):
    batches = Batches(tiny, seq_len=4, batch_size=2, seed=0)
    with pytest.raises(DataError, match="no 'test' split"):
        next(batches.evaluation("test", batch_size=2))


def test_windows_begin_anywhere_equally_often():
    """Chi-squared over 24 places, in 32,000 draws: the 0.999 quantile of 23 degrees is 49.7."""
    draws = [window_starts(32, seq_len=8, batch_size=16, seed=1, step=step) for step in range(2000)]
    counts = Counter(np.concatenate(draws).tolist())
    assert set(counts) == set(range(24))
    expected = 32_000 / 24
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 49.7


def test_sequences_of_a_batch_and_neighbouring_steps_are_unrelated():
    draws = np.array(
        [window_starts(10_064, seq_len=64, batch_size=2, seed=0, step=s) for s in range(4000)]
    )
    pairs = [
        (draws[:, 0], draws[:, 1]),
        (draws[:-1, 0], draws[1:, 0]),
        (draws[:-1, 1], draws[1:, 0]),
    ]
    for one, other in pairs:
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("n_tokens", [66, 1_003_854, 2**40 + 7])
def test_starts_are_philox_words_scaled_down(n_tokens):
    words = np.random.Philox(key=stream(11, "batches", 5)).random_raw(50).tolist()
    expected = [(word >> 11) * (n_tokens - 64) >> 53 for word in words]
    starts = window_starts(n_tokens, seq_len=64, batch_size=50, seed=11, step=5)
    assert starts.tolist() == expected


def test_starts_stay_the_same_for_good():
    """Written down, so that no version of anything changes what a seed means."""
    starts = window_starts(1_003_854, seq_len=64, batch_size=4, seed=1337, step=2)
    assert starts.tolist() == [441763, 356614, 853342, 553167]
