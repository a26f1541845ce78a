"""Token ids on disk, memory-mapped, and cached under the content that they come from.

    <cache>/tokens/<key>/  train.bin val.bin test.bin  tokenizer.json  meta.json

Design choices:
- the key is a digest of the corpus's text, the tokenizer's config and the code of both: text that
  changed never meets the ids of what it was before, and the same text is tokenized once;
- a split is one flat array, its documents one after the other, each with its BOS and EOS where
  the tokenizer has them; test.bin is absent where there is no test split;
- a folder appears whole, by one rename; `meta.json` holds the SHA-256 of every file and of
  itself, and a folder that does not match it is built again.
"""

import errno
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.config.data import DataConfig
from lab.config.digest import digest
from lab.data.corpus import Corpus, load_corpus
from lab.data.tokenizer import Tokenizer, train_tokenizer
from lab.errors import DataError
from lab.files import cache_folder, read_json, replacing, sha256_file, write_json, write_text
from lab.provenance import source_digest, version

FORMAT = 1  # of the folder; another number is another key
ATTEMPTS = 3  # at a folder that others are writing, or damaging, at the same time

TokenIds = np.memmap[Any, np.dtype[np.uint16]] | np.memmap[Any, np.dtype[np.uint32]]


@dataclass(frozen=True)
class SplitStats:
    """The size of a split: its text in documents, bytes of UTF-8 and characters; its ids."""

    documents: int
    bytes: int
    chars: int
    tokens: int


@dataclass(frozen=True)
class TokenizedData:
    """A tokenized corpus; `open_prepared(folder)` opens it again, in any process.

    `digest` stands for everything that a model can read here: the ids of every split and the
    tokenizer. `stats` has the splits that there are, in the order train, val, test.
    """

    folder: Path
    tokenizer: Tokenizer
    corpus_digest: str
    digest: str
    stats: Mapping[str, SplitStats]
    dtype: str

    def split(self, name: str) -> TokenIds:
        """The ids of a split, uint16 or uint32 (n_tokens,), read-only and memory-mapped."""
        if name not in self.stats:
            raise DataError(f"there is no {name!r} split here; there are {', '.join(self.stats)}")
        return np.memmap(self.folder / f"{name}.bin", dtype=self.dtype, mode="r")

    def require(self, seq_len: int) -> None:
        """Raise `DataError` unless each split can be used at this length.

        Training needs one window of `seq_len` tokens and the token after it, evaluation a token
        to predict and one before it.
        """
        for name, stats in self.stats.items():
            needed = seq_len + 1 if name == "train" else 2
            if stats.tokens < needed:
                why = f" for seq_len={seq_len}" if name == "train" else ""
                remedy = "more text, or a shorter seq_len" if name == "train" else "a larger share"
                raise DataError(
                    f"the {name} split has {stats.tokens} tokens and needs at least "
                    f"{needed}{why}; give it {remedy}"
                )


def prepare(config: DataConfig) -> TokenizedData:
    """Read and tokenize a corpus, or open what an earlier call left in the cache.

    The corpus is read either way, since its text is the key; a worker that knows the folder
    calls `open_prepared`. Raises `DataError` for a corpus that cannot be used and for a cache
    that cannot be written.
    """
    corpus = load_corpus(config)
    key = {
        "format": FORMAT,
        "corpus": corpus.digest,
        "tokenizer": config.tokenizer.dump(),
        "code": source_digest(("data",)),
        "tokenizers": version("tokenizers"),
    }
    folder = cache_folder() / "tokens" / digest(key)
    for _ in range(ATTEMPTS):
        try:
            return open_prepared(folder)
        except DataError:  # absent or damaged
            _build(folder, corpus, config)
    return open_prepared(folder)


def open_prepared(folder: Path) -> TokenizedData:
    """Open a folder that `prepare` made, verified against the hashes it was written with.

    Raises `DataError` where it is missing, incomplete or damaged.
    """
    try:
        meta = read_json(folder / "meta.json")
        own = meta.pop("digest")
        if own != digest(meta) or meta["format"] != FORMAT:
            raise ValueError("meta.json does not match its own digest")
        for name, expected in meta["files"].items():
            path = folder / name
            size = path.stat().st_size
            if size != expected["size"] or sha256_file(path) != expected["sha256"]:
                raise ValueError(f"{name} does not match its SHA-256")
        tokenizer = Tokenizer.from_json((folder / "tokenizer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the tokenized corpus {folder} is missing or damaged ({error}); "
            "prepare it again from its config"
        ) from None
    return TokenizedData(
        folder=folder,
        tokenizer=tokenizer,
        corpus_digest=meta["corpus_digest"],
        digest=own,
        stats={name: SplitStats(**sizes) for name, sizes in meta["splits"].items()},
        dtype=meta["dtype"],
    )


def _build(folder: Path, corpus: Corpus, config: DataConfig) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            built = Path(beside, "built")
            built.mkdir()
            _write(built, corpus, config)
            _put_in_place(built, folder)
    except OSError as error:
        raise DataError(
            f"cannot write the token cache {folder.parent}: {error.strerror or error}; "
            "set LAB_CACHE to a folder with space that you may write to"
        ) from None


def _put_in_place(built: Path, folder: Path) -> None:
    try:
        built.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        if _is_whole(folder):
            return  # another process was first, with the same ids
        with suppress(FileNotFoundError):  # another process took the damaged one away
            folder.rename(built.with_name("damaged"))
        built.rename(folder)


def _is_whole(folder: Path) -> bool:
    try:
        open_prepared(folder)
    except DataError:
        return False
    return True


def _write(folder: Path, corpus: Corpus, config: DataConfig) -> None:
    tokenizer = train_tokenizer(config.tokenizer, corpus.splits["train"])
    dtype = np.dtype("<u2" if tokenizer.vocab_size <= 2**16 else "<u4")
    splits = {name: documents for name, documents in corpus.splits.items() if documents}
    stats = {
        name: _write_split(folder / f"{name}.bin", documents, tokenizer, dtype)
        for name, documents in splits.items()
    }
    write_text(folder / "tokenizer.json", tokenizer.to_json())
    names = ("tokenizer.json", *(f"{name}.bin" for name in splits))
    meta = {
        "format": FORMAT,
        "corpus_digest": corpus.digest,
        "dtype": dtype.str,
        "splits": {name: vars(sizes) for name, sizes in stats.items()},
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
            for name in names
        },
    }
    write_json(folder / "meta.json", {**meta, "digest": digest(meta)})


def _write_split(
    path: Path, documents: Sequence[str], tokenizer: Tokenizer, dtype: npt.DTypeLike
) -> SplitStats:
    tokens = 0
    with replacing(path) as beside, beside.open("wb") as file:
        for document in documents:
            ids = np.array(tokenizer.encode_document(document), dtype=dtype)
            ids.tofile(file)
            tokens += ids.size
    return SplitStats(
        documents=len(documents),
        bytes=sum(len(document.encode()) for document in documents),
        chars=sum(map(len, documents)),
        tokens=tokens,
    )
