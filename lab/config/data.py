"""What a run reads: a corpus, its split, and the tokenizer trained on the training part."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.config.base import Strict

SPLITS = ("train", "val", "test")


class PythonDocs(Strict):
    """The language reference that CPython ships in `pydoc_data.topics`: there on any machine."""

    kind: Literal["python-docs"] = "python-docs"


class TextFile(Strict):
    """UTF-8 text: a path or a glob pattern, or several; `**` looks into folders."""

    kind: Literal["file"] = "file"
    path: str | tuple[str, ...]

    @model_validator(mode="after")
    def _names_something(self) -> "TextFile":
        if not self.patterns or not all(self.patterns):
            raise ValueError("path is empty; give a file or a glob pattern such as texts/*.txt")
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path


Corpus = Annotated[PythonDocs | TextFile, Field(discriminator="kind")]


class CharTokenizer(Strict):
    """A token for every character of the training split.

    Any other character falls back to the tokens of its UTF-8 bytes, 256 more; with `refuse` there
    are none of these, and a text with such a character is an error.
    """

    kind: Literal["char"] = "char"
    fallback: Literal["bytes", "refuse"] = "bytes"


class BpeTokenizer(Strict):
    """Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019)."""

    kind: Literal["bpe"] = "bpe"
    vocab_size: int = Field(512, ge=258, le=2**20)  # 256 bytes and two special tokens


Tokenizer = Annotated[CharTokenizer | BpeTokenizer, Field(discriminator="kind")]


class DataConfig(Strict):
    corpus: Corpus
    tokenizer: Tokenizer = CharTokenizer()
    splits: tuple[float, float, float] = (0.9, 0.05, 0.05)

    @model_validator(mode="after")
    def _splits_are_shares(self) -> "DataConfig":
        train, val, test = self.splits
        if min(train, val) <= 0 or test < 0 or abs(sum(self.splits) - 1) > 1e-9:
            raise ValueError(
                f"splits={list(self.splits)} must be shares of train, val and test that sum to 1, "
                "the first two above 0; for example [0.9, 0.05, 0.05]"
            )
        return self

    @property
    def has_test(self) -> bool:
        return self.splits[2] > 0
