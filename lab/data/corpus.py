"""A corpus: documents, split into train, val and test, and named by their content.

Design choices:
- the text of a split is its documents one after the other, with nothing between them;
- a corpus is known by a digest of that content, never by a path or a date: the same text under
  another name is the same corpus, and changed text under the same name is another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from lab.config.data import SPLITS, DataConfig, PythonDocs, TextFile
from lab.config.digest import digest
from lab.data import python_docs, splitting, text_files
from lab.errors import DataError

MIN_CHARS = 2  # a character to predict, and one to predict it from


@dataclass(frozen=True)
class Corpus:
    """`splits` maps train, val and test to documents; test is empty where its share is 0."""

    name: str
    splits: Mapping[str, tuple[str, ...]]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the documents of every split, 64 hexadecimal digits."""
        return digest({name: self.splits.get(name, ()) for name in SPLITS})

    def n_chars(self, split: str) -> int:
        """Characters (Unicode code points) of a split."""
        return sum(map(len, self.splits[split]))


def load_corpus(config: DataConfig) -> Corpus:
    """Read and split a corpus.

    Raises `DataError` where a file is missing or is not UTF-8, and where a split that should be
    there has no text.
    """
    match config.corpus:
        case PythonDocs():
            corpus = Corpus("python-docs", python_docs.load(config.splits))
        case TextFile(patterns=patterns):
            documents = text_files.read(patterns)
            corpus = Corpus(", ".join(patterns), splitting.cut(documents, config.splits))
        case unreachable:
            assert_never(unreachable)
    _check(corpus, config)
    return corpus


def _check(corpus: Corpus, config: DataConfig) -> None:
    sizes = {name: corpus.n_chars(name) for name in SPLITS}
    if not any(sizes.values()):
        raise DataError(f"corpus {corpus.name} is empty: give files that hold text")
    for name, share in zip(SPLITS, config.splits, strict=True):
        if share > 0 and sizes[name] < MIN_CHARS:
            raise DataError(
                f"corpus {corpus.name}: splits={list(config.splits)} leave {name} with "
                f"{sizes[name]} of {sum(sizes.values())} characters, and it needs at least "
                f"{MIN_CHARS}; give {name} a larger share, or more text"
            )
