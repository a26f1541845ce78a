"""Text to token ids and back, without loss, as ordinary Hugging Face `tokenizers` files.

Design choices:
- `char` has a token for each character of the training split; any other character falls back to
  the tokens of its UTF-8 bytes, so nothing is dropped and bits a byte stay true (or, where those
  256 tokens are not wanted, is refused). As a file it is a BPE model without merges and with byte
  fallback, which loads wherever such files do;
- `bpe` is byte-level byte-pair encoding, with a token for the beginning and one for the end of
  a document;
- text is never normalised, and never read as commands: a text that holds "<|bos|>" is encoded
  as these seven characters;
- a byte-level tokenizer that was trained elsewhere serves as well, under its own names for the
  beginning and the end of a document;
- a token knows how many bytes of text it stands for, which is what bits a byte are counted in.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Literal, assert_never

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from lab.config.data import BpeTokenizer, CharTokenizer
from lab.errors import DataError

BOS = "<|bos|>"
EOS = "<|eos|>"
MIN_PAIRS = 2  # a pair seen once is a memory, not a merge

_BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))
_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
_CHUNK = 4096  # characters encoded at a time, where cutting changes nothing


def train_tokenizer(config: CharTokenizer | BpeTokenizer, documents: Sequence[str]) -> "Tokenizer":
    """Train on documents, which should be those of the training split and no others.

    The same documents give the same tokenizer. A `bpe` vocabulary ends up smaller than asked for
    where the documents hold too few repeated pairs.
    """
    match config:
        case CharTokenizer(fallback=fallback):
            return Tokenizer(_characters(documents, byte_fallback=fallback == "bytes"))
        case BpeTokenizer(vocab_size=vocab_size):
            return Tokenizer(_byte_pairs(documents, vocab_size))
        case unreachable:
            assert_never(unreachable)


class Tokenizer:
    """An immutable tokenizer of either kind; ids are 0 … vocab_size - 1.

    `token_bytes` is int64 (vocab_size,): the UTF-8 bytes of text that each token stands for, 0
    for `bos_id` and `eos_id`, which are None for `char`.
    """

    kind: Literal["char", "bpe"]
    vocab_size: int
    bos_id: int | None
    eos_id: int | None
    token_bytes: npt.NDArray[np.int64]

    def __init__(
        self, backend: tokenizers.Tokenizer, *, bos: str | None = BOS, eos: str | None = EOS
    ) -> None:
        """`bos` and `eos` are names of tokens; where there are none of these names, ids are None.

        Raises `DataError` where a backend would lose text or count its bytes wrongly.
        """
        self.kind = _kind(backend)
        self.vocab_size = backend.get_vocab_size(with_added_tokens=True)
        self.bos_id = None if bos is None else backend.token_to_id(bos)
        self.eos_id = None if eos is None else backend.token_to_id(eos)
        self.token_bytes = _token_bytes(backend, self.kind)
        self._json = backend.to_str(pretty=True)
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True  # not part of the file: specials in text are text
        self._backend = backend
        whole = self.kind == "bpe" or backend.model.byte_fallback
        self._alphabet = None if whole else frozenset(backend.get_vocab())

    def encode(self, text: str) -> list[int]:
        """The ids of a text, no special tokens among them; `decode` gives the text back.

        Raises `DataError` for a lone surrogate, which no UTF-8 file can hold, and for a character
        that a `char` tokenizer without fallback has not seen.
        """
        if self._alphabet is not None and (unseen := set(text) - self._alphabet):
            raise DataError(
                f"the character {min(unseen)!r} is not in the training split, and this tokenizer "
                "refuses such; train with data.tokenizer.fallback: bytes to keep any text"
            )
        try:
            if len(text) <= _CHUNK:  # worth no threads
                return self._backend.encode(text, add_special_tokens=False).ids
            size = _CHUNK if self.kind == "char" else len(text)
            pieces = [text[start : start + size] for start in range(0, len(text), size)]
            encodings = self._backend.encode_batch_fast(pieces, add_special_tokens=False)
        except TypeError:
            raise DataError(
                "the text holds half a surrogate pair, which is no character; "
                "decode its bytes as UTF-8 first"
            ) from None
        return [token for encoding in encodings for token in encoding.ids]

    def encode_document(self, text: str) -> list[int]:
        """The ids of a whole document: between BOS and EOS for `bpe`, as they are for `char`."""
        return [*_present(self.bos_id), *self.encode(text), *_present(self.eos_id)]

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
        return self._backend.decode(ids, skip_special_tokens=True)

    def to_json(self) -> str:
        """The content of a `tokenizer.json`, which `from_json` and `transformers` read."""
        return self._json

    def token(self, number: int) -> str:
        """How a token of the vocabulary is written in `to_json`."""
        return str(self._backend.id_to_token(number))

    @classmethod
    def from_json(
        cls, content: str, *, bos: str | None = BOS, eos: str | None = EOS
    ) -> "Tokenizer":
        """Raises `DataError` where the content is not a tokenizer that keeps every text."""
        try:
            backend = tokenizers.Tokenizer.from_str(content)
        except Exception as error:  # the library raises nothing more particular
            raise DataError(f"not a tokenizer.json of Hugging Face tokenizers: {error}") from None
        return cls(backend, bos=bos, eos=eos)

    @property
    def digest(self) -> str:
        """SHA-256 of `to_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self._json.encode()).hexdigest()


def _characters(documents: Sequence[str], *, byte_fallback: bool) -> tokenizers.Tokenizer:
    characters = sorted(set().union(*documents))
    tokens = (*characters, *_BYTE_TOKENS) if byte_fallback else characters
    vocab = {token: number for number, token in enumerate(tokens)}
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=[], byte_fallback=byte_fallback))
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return backend


def _byte_pairs(documents: Sequence[str], vocab_size: int) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_PAIRS,
        special_tokens=[BOS, EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(documents, trainer, length=len(documents))
    return backend


def _kind(backend: tokenizers.Tokenizer) -> Literal["char", "bpe"]:
    """Which of the two kinds a backend is, if it keeps every text."""
    if backend.normalizer is not None:
        raise DataError("this tokenizer normalises its text, so bits a byte would not be true")
    vocab = backend.get_vocab(with_added_tokens=True)
    if set(vocab.values()) != set(range(len(vocab))):
        raise DataError("this tokenizer's ids are not 0, 1, 2, … without gaps")
    if isinstance(backend.model, models.BPE):
        level = backend.pre_tokenizer
        if level is None and backend.model.byte_fallback and vocab.keys() >= set(_BYTE_TOKENS):
            return "char"
        if level is None and not backend.model.byte_fallback and all(len(t) == 1 for t in vocab):
            return "char"
        if _is_byte_level(backend) and vocab.keys() >= set(pre_tokenizers.ByteLevel.alphabet()):
            return "bpe"
    raise DataError(
        "this tokenizer would lose text: it must be a BPE model that is byte-level "
        "(without a prefix space) or has byte fallback, with all 256 bytes in its vocabulary"
    )


def _is_byte_level(backend: tokenizers.Tokenizer) -> bool:
    """Whether text is cut into pieces, all of which are kept, and these become bytes."""
    if not isinstance(backend.decoder, decoders.ByteLevel) or backend.model.dropout:
        return False
    whole = json.loads(backend.to_str())
    level = whole["pre_tokenizer"] or {}
    steps = level["pretokenizers"] if level.get("type") == "Sequence" else [level]
    *cuts, last = steps
    return (
        last.get("type") == "ByteLevel"
        and not last["add_prefix_space"]
        and all(cut["type"] in ("Split", "Digits") for cut in cuts)
        and all(cut.get("behavior") != "Removed" for cut in cuts)
        and not any(token["lstrip"] or token["rstrip"] for token in whole["added_tokens"])
    )


def _token_bytes(
    backend: tokenizers.Tokenizer, kind: Literal["char", "bpe"]
) -> npt.NDArray[np.int64]:
    added = backend.get_added_tokens_decoder()
    sizes = np.zeros(backend.get_vocab_size(with_added_tokens=True), dtype=np.int64)
    for token, number in backend.get_vocab(with_added_tokens=True).items():
        if number in added:
            sizes[number] = 0 if added[number].special else len(token.encode())
        elif kind == "bpe":
            sizes[number] = len(token)  # the byte-level alphabet has one letter a byte
        else:
            sizes[number] = 1 if _BYTE_TOKEN.fullmatch(token) else len(token.encode())
    sizes.setflags(write=False)
    return sizes


def _present(token: int | None) -> list[int]:
    return [] if token is None else [token]
