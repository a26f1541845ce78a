"""Text to token ids and back, without loss, as ordinary Hugging Face `tokenizers` files.

Design choices:
- `char` has a token for each character of the training split; any other character falls back to
  the tokens of its UTF-8 bytes, so nothing is dropped and bits a byte stay true (or, where those
  256 tokens are not wanted, is refused). As a file it is a BPE model without merges and with byte
  fallback, which loads wherever such files do;
- `byte` has the 256 bytes and nothing to learn; `bpe` is byte-level byte-pair encoding, learned
  here, or elsewhere;
- BOS, EOS and PAD are part of every `bpe` that is learned here, and of the others on request;
- text is never normalised, and never read as commands: a text that holds "<|bos|>" is encoded
  as these seven characters;
- a tokenizer that was made elsewhere serves as well, under its own names for special tokens;
- a token knows how many bytes of text it stands for, which is what bits a byte are counted in.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import assert_never

import numpy as np
import numpy.typing as npt
import tokenizers
from typing_extensions import TypeIs

from lab.config.tokenizers import (
    BpeTokenizer,
    ByteTokenizer,
    CharTokenizer,
    FileTokenizer,
    Gpt2Tokenizer,
)
from lab.data.vocabulary.byte_level import LETTERS
from lab.data.vocabulary.cuts import has_gpt2_words, has_known_words
from lab.data.vocabulary.file import read_file
from lab.data.vocabulary.gpt2 import gpt2
from lab.data.vocabulary.kinds import Kind, kind_of, token_bytes
from lab.data.vocabulary.panics import brief, panics_refused
from lab.data.vocabulary.specials import BOS_NAMES, EOS_NAMES, PAD_NAMES, Names, special_id
from lab.data.vocabulary.trained import BYTE_TOKENS, byte_pairs, characters, single_bytes
from lab.data.vocabulary.words import Words
from lab.errors import DataError

Trained = CharTokenizer | ByteTokenizer | BpeTokenizer
External = Gpt2Tokenizer | FileTokenizer

_SHOWN = 40  # characters in a sentence
_CHUNK = 4096  # characters encoded at a time, where cutting changes nothing


def train_tokenizer(config: Trained, texts: Iterable[str]) -> "Tokenizer":
    """Train on pieces of text, which should be those of the training split and no others.

    They are read once, one after the other. The same pieces give the same tokenizer. A `bpe`
    vocabulary ends up smaller than asked for where the text holds too few repeated pairs.
    """
    match config:
        case CharTokenizer(fallback=fallback, specials=specials):
            bytes_too = fallback == "bytes"
            return Tokenizer(characters(texts, byte_fallback=bytes_too, specials=specials))
        case ByteTokenizer(specials=specials):
            return Tokenizer(single_bytes(specials=specials))
        case BpeTokenizer(vocab_size=vocab_size):
            return Tokenizer(byte_pairs(texts, vocab_size=vocab_size))
        case unreachable:
            assert_never(unreachable)


def load_tokenizer(config: External) -> "Tokenizer":
    """A tokenizer that was trained elsewhere; raises `DataError` where it cannot be used."""
    match config:
        case Gpt2Tokenizer(folder=folder):
            return Tokenizer(gpt2(folder))
        case FileTokenizer(path=path):
            try:
                return Tokenizer.from_json(read_file(Path(path)))
            except DataError as error:
                raise DataError(_about(path, error)) from None
        case unreachable:
            assert_never(unreachable)


def is_external(config: Trained | External) -> TypeIs[External]:
    """Whether a tokenizer comes from files of others, not from the text that it encodes."""
    return isinstance(config, Gpt2Tokenizer | FileTokenizer)


class Tokenizer:
    """An immutable tokenizer of any kind; ids are 0 … vocab_size - 1.

    `token_bytes` is int64 (vocab_size,): the UTF-8 bytes of text that each token stands for, 0
    for special tokens. `bos_id`, `eos_id` and `pad_id` are None where there is no such token;
    the first two may be one. `falls_apart` says that a text may be cut wherever white space or a
    mark follows a letter or a digit: the ids of its parts are the ids of the whole.
    """

    kind: Kind
    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    pad_id: int | None
    token_bytes: npt.NDArray[np.int64]
    falls_apart: bool

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        *,
        bos: str | Names | None = BOS_NAMES,
        eos: str | Names | None = EOS_NAMES,
        pad: str | Names | None = PAD_NAMES,
    ) -> None:
        """`bos`, `eos` and `pad` are names of tokens; of several, the first that is there.

        Raises `DataError` where a backend would lose text or count its bytes wrongly.
        """
        self.kind = kind_of(backend)
        self.vocab_size = backend.get_vocab_size(with_added_tokens=True)
        self.bos_id = special_id(backend, bos)
        self.eos_id = special_id(backend, eos)
        self.pad_id = special_id(backend, pad)
        self.token_bytes = token_bytes(backend, self.kind)
        self._json = backend.to_str(pretty=True)
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True  # not part of the file: specials in text are text
        self._backend = backend
        is_bpe = self.kind == "bpe"
        self.falls_apart = not is_bpe or has_known_words(backend)
        whole_words = is_bpe and has_gpt2_words(backend)
        self._words = Words(backend, self.token_bytes) if whole_words else None

    def encode(self, text: str) -> list[int]:
        """The ids of a text, no special tokens among them; `decode` gives the text back.

        Raises `DataError` for a lone surrogate, which no UTF-8 file can hold, and for a character
        that a `char` tokenizer without fallback has not seen.
        """
        if len(text) > _CHUNK:
            size = len(text) if self.kind == "bpe" else _CHUNK
            pieces = [text[start : start + size] for start in range(0, len(text), size)]
            ids: list[int] = np.concatenate(self.encode_batch(pieces)).tolist()
            return ids
        self._refuse_unseen(text)
        with panics_refused(), _surrogates_refused():  # threads and memory would not be worth it
            return self._backend.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        """What `encode` says of each text, computed together on all cores."""
        for text in texts:
            self._refuse_unseen(text)
        with panics_refused(), _surrogates_refused():
            if self._words is not None:
                return self._words.encode_batch(texts)
            found = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
            return [np.array(encoding.ids, dtype=np.uint32) for encoding in found]

    def encode_document(self, text: str) -> list[int]:
        """The ids of a whole document, between BOS and EOS where there are such tokens.

        Where one token is both, it stands once, at the end: else two would stand between two
        documents, and a model would learn that nothing follows the beginning.
        """
        start = [] if self.bos_id == self.eos_id else _present(self.bos_id)
        return [*start, *self.encode(text), *_present(self.eos_id)]

    def encode_prompt(self, text: str) -> list[int]:
        """The ids of the beginning of a document: after BOS where there is one."""
        return [*_present(self.bos_id), *self.encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens skipped; bytes that are not UTF-8 become U+FFFD.

        Raises `DataError` for an id outside the vocabulary.
        """
        for token in ids:
            if not 0 <= token < self.vocab_size:
                raise DataError(
                    f"token id {token} is not in this vocabulary: ids go from 0 to "
                    f"{self.vocab_size - 1}"
                )
        with panics_refused():
            return self._backend.decode(ids, skip_special_tokens=True)

    def to_json(self) -> str:
        """The content of a `tokenizer.json`, which `from_json` and `transformers` read."""
        return self._json

    def token(self, number: int) -> str:
        """How a token of the vocabulary is written in `to_json`."""
        return str(self._backend.id_to_token(number))

    @classmethod
    def from_json(
        cls,
        content: str,
        *,
        bos: str | Names | None = BOS_NAMES,
        eos: str | Names | None = EOS_NAMES,
        pad: str | Names | None = PAD_NAMES,
    ) -> "Tokenizer":
        """Raises `DataError` where the content is not a tokenizer that keeps every text."""
        with panics_refused():
            try:
                backend = tokenizers.Tokenizer.from_str(content)
            except Exception as error:  # the library raises nothing more particular
                raise DataError(
                    f"not a tokenizer.json of Hugging Face tokenizers: {brief(error)}"
                ) from None
            return cls(backend, bos=bos, eos=eos, pad=pad)

    @property
    def digest(self) -> str:
        """SHA-256 of `to_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self._json.encode()).hexdigest()

    @cached_property
    def characters(self) -> Mapping[str, int]:
        """The id of each character that a `char` tokenizer knows; of other kinds, none."""
        own = self._backend.get_vocab(with_added_tokens=False)
        return {t: n for t, n in own.items() if len(t) == 1} if self.kind == "char" else {}

    @cached_property
    def byte_ids(self) -> Sequence[int]:
        """The ids of the bytes 0 … 255, or none where a `char` tokenizer has no such tokens."""
        own = self._backend.get_vocab(with_added_tokens=False)
        names = BYTE_TOKENS if self.kind == "char" else [LETTERS[byte] for byte in range(256)]
        return [own[name] for name in names] if names[0] in own else []

    def _refuse_unseen(self, text: str) -> None:
        if self.kind != "char" or self.byte_ids:
            return
        if unseen := set(text).difference(self.characters):
            raise DataError(
                f"the character {min(unseen)!r} is not in the training split, and this tokenizer "
                f"knows only {_some(self.characters)}; leave it out, or train on text with "
                "data.tokenizer.fallback: bytes to keep any"
            )


@contextmanager
def _surrogates_refused() -> Iterator[None]:
    try:
        yield
    except (TypeError, UnicodeEncodeError):  # whichever comes first
        raise DataError(
            "the text holds half a surrogate pair, which is no character; "
            "decode its bytes as UTF-8 first"
        ) from None


def _present(token: int | None) -> list[int]:
    return [] if token is None else [token]


def _some(known: Mapping[str, int]) -> str:
    """A few of the characters, in order."""
    shown = "".join(sorted(known)[:_SHOWN])
    return f"{shown!r}" if len(known) <= _SHOWN else f"{shown!r} and {len(known) - _SHOWN} more"


def _about(path: str, error: DataError) -> str:
    return str(error) if path in str(error) else f"{path}: {error}"
