"""Text to token ids, by byte pairs: ours, and others' with the same tokens; all give the same ids.

Two texts: the next part of a long one, as a corpus is read, and one that was just read. Nobody here
uses more than one thread.
"""

import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from lab.bench.measuring import Bench
from lab.bench.peers import is_installed
from lab.bench.record import Row
from lab.bench.text import made_up
from lab.bench.timing import Do
from lab.config.tokenizers import BpeTokenizer
from lab.data.tokenizer import Tokenizer, train_tokenizer
from lab.data.vocabulary.byte_level import LETTERS

VOCAB = 4096
SIZES = {True: 2**18, False: 2**20}  # characters of a part, quick or full
DOCUMENT = 2**14  # characters, as the library gets them in batches
WORDS = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # GPT-2's
PARALLEL = "TOKENIZERS_PARALLELISM"

Encode = Callable[[str], Sequence[int] | npt.NDArray[np.uint32]]


def rows(bench: Bench) -> Iterator[Row]:
    size = SIZES[bench.quick]
    text = "".join(made_up(size * (bench.rounds + 4)))
    parts = [text[start : start + size] for start in range(0, len(text) - size + 1, size)]
    tokenizer = train_tokenizer(BpeTokenizer(vocab_size=VOCAB), [parts[0]])
    with _one_thread():
        sides = _sides(tokenizer)
        _check(sides, parts[0])
        for name, texts in (("the next of a long text", parts), ("a text again", parts[:1])):
            calls = {side: _over(encode, texts) for side, encode in sides.items()}
            yield bench.row(
                name,
                calls.pop("ours"),
                calls,
                amount=len(texts[0].encode()),
                of="bytes",
                together=1,
                headline=texts is parts,
            )


def _sides(tokenizer: Tokenizer) -> dict[str, Encode]:
    sides: dict[str, Encode] = {
        "ours": lambda text: tokenizer.encode_batch([text])[0],
        "tokenizers": _library(tokenizer),
    }
    if is_installed("tiktoken"):
        sides["tiktoken"] = _tiktoken(tokenizer)
    return sides


def _over(encode: Encode, texts: Sequence[str]) -> Do:
    """The next of the texts at each call."""
    endless = itertools.cycle(texts)
    return lambda: encode(next(endless))


def _library(tokenizer: Tokenizer) -> Encode:
    backend = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    backend.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        """Cut as anyone would cut it who does not know where words end; but at spaces."""
        parts, start = [], 0
        while (end := text.find(" ", start + DOCUMENT)) > 0:
            parts.append(text[start:end])
            start = end
        found = backend.encode_batch_fast([*parts, text[start:]], add_special_tokens=False)
        return [number for encoding in found for number in encoding.ids]

    return encode


def _tiktoken(tokenizer: Tokenizer) -> Encode:
    import tiktoken

    model: dict[str, Any] = json.loads(tokenizer.to_json())["model"]
    byte = {letter: number for number, letter in LETTERS.items()}
    special = set(model["vocab"]) - {t for t in model["vocab"] if set(t) <= set(byte)}
    ranks = {
        bytes(byte[letter] for letter in token): number
        for token, number in model["vocab"].items()
        if token not in special
    }
    coder = tiktoken.Encoding("bench", pat_str=WORDS, mergeable_ranks=ranks, special_tokens={})
    found: Encode = coder.encode_ordinary
    return found


def _check(sides: dict[str, Encode], text: str) -> None:
    ids = {side: list(encode(text)) for side, encode in sides.items()}
    for side, found in ids.items():
        if found != ids["ours"]:
            raise AssertionError(f"{side} gives other ids than ours")


@contextmanager
def _one_thread() -> Iterator[None]:
    before = os.environ.get(PARALLEL)
    os.environ[PARALLEL] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PARALLEL]
        else:
            os.environ[PARALLEL] = before
