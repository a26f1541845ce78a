"""Speed of the lab's byte-pair encoding against a plain Python one, on the same text.

    python scripts/bench/tokenizer.py [--file FILE] [--vocab-size 4096]

Trains on the text (tiny Shakespeare where no file is named) and encodes it: as a textbook does,
word by word, merging the pair of lowest rank until none is left; the same with every word's ids
remembered; with the batch encoding of Hugging Face's `tokenizers`, which uses all cores; and with
the lab's, on a text that is new to it, and again, when its words are known, as they soon are in a
longer text. Prints seconds, megabytes a second, and how many times faster than the textbook each
is; the best of some rounds, taken in turn. All have to give the same ids.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import regex
import tokenizers
from rich.console import Console
from rich.table import Table

from lab.config.tokenizers import BpeTokenizer
from lab.data.sources.public import PublicText
from lab.data.sources.text_files import TextFiles
from lab.data.tokenizer import Tokenizer, train_tokenizer
from lab.errors import LabError

GPT2_WORDS = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
ROUNDS = 3
NEVER = sys.maxsize

Pair = tuple[str, str]
Encode = Callable[[str], Sequence[int] | npt.NDArray[np.uint32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--file", help="by default tiny Shakespeare")
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    try:
        text = _text(asked.file)
        config = BpeTokenizer(vocab_size=asked.vocab_size)
    except (LabError, ValueError) as error:
        sys.exit(str(error))
    since = time.perf_counter()
    tokenizer = train_tokenizer(config, [text])
    training = time.perf_counter() - since
    seconds = _alternate(_encoders(tokenizer), text, rounds=asked.rounds)
    size = len(text.encode())
    table = Table("encoding", "s", "MB/s", "to plain")
    for name, best in seconds.items():
        ratio = seconds["plain Python"] / best
        table.add_row(name, f"{best:.3f}", f"{size / best / 1e6:.1f}", f"{ratio:.1f}")
    console = Console(highlight=False)
    console.print(
        f"{size:,} bytes; a bpe of {tokenizer.vocab_size:,} tokens was trained on them in "
        f"{training:.2f} s; all encodings give the same ids"
    )
    console.print(table)


def _text(file: str | None) -> str:
    source = PublicText("tiny-shakespeare") if file is None else TextFiles([file])
    return "".join(piece.text for piece in source.pieces())


def _encoders(tokenizer: Tokenizer) -> dict[str, Callable[[], Encode]]:
    """Each makes an encoder that has seen nothing yet."""
    content = tokenizer.to_json()
    backend = tokenizers.Tokenizer.from_str(content)
    backend.encode_special_tokens = True
    known = Tokenizer.from_json(content)

    def library(text: str) -> list[int]:
        parts = _lines(text)
        found = backend.encode_batch_fast(parts, add_special_tokens=False)
        return [number for encoding in found for number in encoding.ids]

    return {
        "plain Python": lambda: Plain(content).encode,
        "plain Python, words remembered": lambda: Plain(content, remember=True).encode,
        "tokenizers, in batches": lambda: library,
        "lab, a new text": lambda: _whole(Tokenizer.from_json(content)),
        "lab, words known": lambda: _whole(known),
    }


def _whole(tokenizer: Tokenizer) -> Encode:
    """As the lab encodes a corpus: to an array of ids."""
    return lambda text: tokenizer.encode_batch([text])[0]


def _alternate(
    encoders: Mapping[str, Callable[[], Encode]], text: str, *, rounds: int
) -> dict[str, float]:
    """The least seconds of each; raises `SystemExit` where two give different ids."""
    best = dict.fromkeys(encoders, float("inf"))
    expected: list[int] = []
    for _ in range(rounds):
        for name, make in encoders.items():
            encode = make()
            if name.endswith("known"):
                encode(text)
            since = time.perf_counter()
            ids = encode(text)
            best[name] = min(best[name], time.perf_counter() - since)
            expected = expected or list(ids)
            if list(ids) != expected:
                sys.exit(f"{name}: these are not the ids of {next(iter(encoders))}")
    return best


def _lines(text: str, size: int = 2**14) -> list[str]:
    """Of some size each; a line's end within a run of white space is left alone."""
    parts, start = [], 0
    for found in regex.finditer(r"(?<=\S)\n(?=\S)", text):
        if found.start() - start >= size:
            parts.append(text[start : found.start()])
            start = found.start()
    return [*parts, text[start:]]


class Plain:
    """Byte-pair encoding as it is written down (Sennrich et al. 2016; Radford et al. 2019)."""

    def __init__(self, content: str, *, remember: bool = False) -> None:
        model = json.loads(content)["model"]
        self.ids: Mapping[str, int] = model["vocab"]
        self.ranks: Mapping[Pair, int] = {
            (first, second): rank for rank, (first, second) in enumerate(model["merges"])
        }
        printed = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
        others = [byte for byte in range(256) if byte not in printed]
        self.letters = {byte: chr(byte) for byte in printed}
        self.letters |= {byte: chr(256 + n) for n, byte in enumerate(others)}
        self.word = cache(self.encode_word) if remember else self.encode_word

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in GPT2_WORDS.findall(text):
            ids.extend(self.word(word))
        return ids

    def encode_word(self, word: str) -> list[int]:
        parts = [self.letters[byte] for byte in word.encode()]
        while len(parts) > 1:
            best = min(set(pairwise(parts)), key=lambda pair: self.ranks.get(pair, NEVER))
            if best not in self.ranks:
                break
            parts = merged(parts, best)
        return [self.ids[part] for part in parts]


def merged(parts: list[str], pair: Pair) -> list[str]:
    """Every such pair as one, from the left."""
    found, at = [], 0
    while at < len(parts):
        if at + 1 < len(parts) and (parts[at], parts[at + 1]) == pair:
            found.append(parts[at] + parts[at + 1])
            at += 2
        else:
            found.append(parts[at])
            at += 1
    return found


if __name__ == "__main__":
    main()
