"""How fast text becomes token ids, against `tokenizers`, whose ids they are.

    python scripts/bench/data.py [--file TEXT] [--quick]

Prints the seconds that learning byte pairs takes; then, portion by portion of the same text in
turn, the rate at which this lab writes token files and the rate of the library's own batch encoding
from memory, which keeps nothing, and their ratio; then the seconds and the most memory that a
process of its own takes to prepare all of the text as a corpus. Without a file, the text is made
up: words by Zipf's law, of which every megabyte brings new ones.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from rich.console import Console
from rich.table import Table

from lab.bench.text import made_up
from lab.config.data import DataConfig
from lab.config.tokenizers import BpeTokenizer
from lab.data.encoding import encode_all
from lab.data.prepare import prepare
from lab.data.split_files import SplitFiles
from lab.data.splitting import Part
from lab.data.tokenizer import Tokenizer, train_tokenizer

TOKENIZER = {"kind": "bpe", "vocab_size": 4096}
PORTION, PORTIONS = 2**24, 8  # characters
DOCUMENT, BATCH = 2**16, 2**22  # characters, as the library gets them


def seconds_of_ours(text: str, tokenizer: Tokenizer, folder: Path) -> float:
    """Token files of a text that comes in pieces, as from any source."""
    pieces = [text[start : start + 2**20] for start in range(0, len(text), 2**20)]
    parts = [Part("train", piece, piece is pieces[-1]) for piece in pieces]
    since = time.perf_counter()
    with SplitFiles(folder, tokenizer, dtype=np.dtype("<u2")) as files:
        for stretch, ids in encode_all(parts, tokenizer):
            files.write(stretch, ids)
    return time.perf_counter() - since


def seconds_of_library(text: str, tokenizer: Tokenizer) -> float:
    """The same text from memory, in batches, and nothing kept of it."""
    backend = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    documents = [text[start : start + DOCUMENT] for start in range(0, len(text), DOCUMENT)]
    since = time.perf_counter()
    for start in range(0, len(documents), BATCH // DOCUMENT):
        backend.encode_batch_fast(
            documents[start : start + BATCH // DOCUMENT], add_special_tokens=False
        )
    return time.perf_counter() - since


def in_turn(portions: Sequence[str], tokenizer: Tokenizer) -> list[tuple[float, float]]:
    """Seconds of ours and of the library's for each portion; who is first changes."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(portions):
            if number % 2:
                theirs = seconds_of_library(text, tokenizer)
                ours = seconds_of_ours(text, tokenizer, Path(folder))
            else:
                ours = seconds_of_ours(text, tokenizer, Path(folder))
                theirs = seconds_of_library(text, tokenizer)
            found.append((ours, theirs))
    return found


def prepared_here(path: Path) -> dict[str, Any]:
    """A file as a corpus, and the most memory that this process ever had, in bytes."""
    config = {"corpus": {"kind": "file", "path": str(path)}, "tokenizer": TOKENIZER}
    since = time.perf_counter()
    data = prepare(DataConfig.parse(config))
    seconds = time.perf_counter() - since
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    memory = (peak + children) * 1024
    return {"folder": str(data.folder), "seconds": seconds, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, help="text instead of what is made up")
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--prepare", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.prepare:
        json.dump(prepared_here(given.prepare), sys.stdout)
        return
    portion, count = (2**18, 2) if given.quick else (PORTION, PORTIONS)
    text = given.file.read_text("utf-8") if given.file else "".join(made_up(portion * count))
    portion = min(portion, -(-len(text) // count))
    portions = [text[start : start + portion] for start in range(0, portion * count, portion)]

    since = time.perf_counter()
    tokenizer = train_tokenizer(BpeTokenizer.parse(TOKENIZER), [text[:portion]])
    learning = time.perf_counter() - since
    rates = [
        tuple(len(t.encode()) / 1e6 / s for s in pair)
        for t, pair in zip(portions, in_turn(portions, tokenizer), strict=True)
    ]
    whole = _prepared_apart(text)
    columns = ("learning, s", "ours, MB/s", "library, MB/s", "ours / library")
    table = Table(*columns, "whole corpus, s", "memory, MiB")
    table.add_row(
        f"{learning:.1f} ({portion / 1e6:.1f} MB, {tokenizer.vocab_size} tokens)",
        *(f"{statistics.median(rate[side] for rate in rates):.1f}" for side in (0, 1)),
        f"{statistics.median(ours / theirs for ours, theirs in rates):.2f}",
        f"{whole['seconds']:.1f}",
        f"{whole['memory'] / 2**20:.0f}",
    )
    Console(width=120).print(table)


def _prepared_apart(text: str) -> dict[str, Any]:
    """`prepared_here` in a process and a cache of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(text, "utf-8")
        done = subprocess.run(
            [sys.executable, __file__, "--prepare", str(path)],
            env={**os.environ, "LAB_CACHE": folder},
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
