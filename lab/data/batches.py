"""Batches of token ids: random windows to train on, all windows in order to evaluate.

Design choices:
- batch t is a pure function of (seed, t): nothing to save, nothing to lose on resume. Its windows
  are drawn all at once, and micro-batches and ranks are slices of it;
- windows begin anywhere, across documents: every place of the training split is equally likely;
- the draw uses raw Philox words, whose stream numpy keeps for good, not its distributions, which
  it may change;
- evaluation reads a whole split and draws nothing.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int64, UInt
from torch import Tensor

from lab.data.store import TokenizedData
from lab.streams import stream


def window_starts(
    n_tokens: int, *, seq_len: int, batch_size: int, seed: int, step: int
) -> npt.NDArray[np.int64]:
    """Where the windows of a step begin, (batch_size,): uniform over 0 … n_tokens - seq_len - 1.

    The last of these windows ends with the last token as its target.
    """
    words = np.random.Philox(key=stream(seed, "batches", step)).random_raw(batch_size)
    unit = (words >> np.uint64(11)) * 2.0**-53  # [0, 1), every multiple of 2**-53
    return (unit * (n_tokens - seq_len)).astype(np.int64)


class Batches:
    """Inputs and targets as contiguous int64 tensors on the CPU; targets are one token later."""

    def __init__(self, data: TokenizedData, *, seq_len: int, batch_size: int, seed: int) -> None:
        """Raises `DataError` where a split is too short for windows of `seq_len` tokens."""
        data.require(seq_len)
        self.data = data
        self.seq_len = seq_len
        self.batch_size = batch_size
        self.seed = seed
        self._train = np.asarray(data.split("train"))  # indexes faster than a memmap
        self._offsets = np.arange(seq_len + 1)

    def batch(
        self, step: int, *, part: slice | None = None
    ) -> tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"]]:
        """The batch of a step, or the rows of it that `part` selects.

        Depends on seed and step alone: not on what was asked before, nor on how it is sliced.
        """
        starts = window_starts(
            self._train.size,
            seq_len=self.seq_len,
            batch_size=self.batch_size,
            seed=self.seed,
            step=step,
        )
        if part is not None:
            starts = starts[part]
        return _shifted(self._train[starts[:, None] + self._offsets])

    def evaluation(
        self, split: str, *, batch_size: int
    ) -> Iterator[tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"], int]]:
        """The whole split in order: inputs, targets, and the bytes that the targets stand for.

        Windows do not overlap, and each token but the first is a target exactly once. A batch
        has `batch_size` windows; the last full ones may be fewer, and what is then left of the
        split, shorter than a window, comes alone as (1, r). Raises `DataError` where there is no
        such split.
        """
        ids = np.asarray(self.data.split(split))
        whole = (ids.size - 1) // self.seq_len
        for first in range(0, whole, batch_size):
            count = min(batch_size, whole - first)
            starts = np.arange(first, first + count) * self.seq_len
            yield self._scored(ids[starts[:, None] + self._offsets])
        if whole * self.seq_len < ids.size - 1:
            yield self._scored(ids[None, whole * self.seq_len :])

    def _scored(
        self, windows: UInt[np.ndarray, "b t_plus_1"]
    ) -> tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"], int]:
        inputs, targets = _shifted(windows)
        return inputs, targets, int(self.data.tokenizer.token_bytes[targets.numpy()].sum())


def _shifted(
    windows: UInt[np.ndarray, "b t_plus_1"],
) -> tuple[Int64[Tensor, "b t"], Int64[Tensor, "b t"]]:
    """Windows (b, t + 1) as inputs and targets (b, t), each in memory of its own."""
    inputs, targets = windows[:, :-1].astype(np.int64), windows[:, 1:].astype(np.int64)
    return torch.from_numpy(inputs), torch.from_numpy(targets)
