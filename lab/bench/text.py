"""Text that is made up: words by Zipf's law, of which every megabyte brings new ones."""

from collections.abc import Iterator
from typing import Any

import numpy as np

Words = np.ndarray[Any, np.dtype[np.object_]]
LETTERS = np.array(list("eeetttaaooiinnsshhrrddllcumwfgypbvkjxqzé"))
ENDS = np.array([" "] * 8 + [", ", ". ", ".\n", "; ", " (", ")\n\n", "'s ", " – "])


def made_up(size: int, *, seed: int = 0) -> Iterator[str]:
    """About `size` characters, a megabyte or so at a time."""
    rng = np.random.default_rng(seed)
    words = _words(rng, 50_000)
    weights = 1 / np.arange(3, 3 + words.size)
    common = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(2**20))
    while size > 0:
        chosen = words[rng.choice(common, 180_000)]
        fresh = rng.choice(chosen.size, 4_000, replace=False)
        chosen[fresh[:2_000]] = _words(rng, 2_000)
        chosen[fresh[2_000:]] = rng.integers(0, 10**6, 2_000).astype(str)
        ends = ENDS[rng.integers(0, ENDS.size, chosen.size)]
        text = "".join(np.stack([chosen, ends], axis=1).ravel().tolist())
        yield text[:size]
        size -= len(text)


def _words(rng: np.random.Generator, n: int) -> np.ndarray:
    letters = LETTERS[rng.integers(0, LETTERS.size, (n, 11))]
    lengths = rng.integers(1, 12, n)
    return np.array(
        ["".join(row[:length]) for row, length in zip(letters, lengths.tolist(), strict=True)]
    ).astype(object)
