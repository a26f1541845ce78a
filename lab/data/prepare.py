"""From a config to data that is ready to be read: text as token ids on disk, or a task.

    <cache>/tokens/<key>/

Design choices:
- the key is a digest of the corpus's text, how it is split, the tokenizer and the code of all
  three: text that changed never meets the ids of what it was before, and the same text is
  tokenized once;
- text is read once for its digest, and a few times more where it is not in the cache: for the
  tokenizer, for the ids, for what held-out text shares with training text. It is never in memory
  as a whole, and nothing is kept of a text that changes meanwhile;
- a tokenizer sees the training split and nothing else; byte pairs are learned from the first
  `TRAINED_ON` characters of it, since more would cost minutes and hardly change them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.config.data import SPLITS, DataConfig
from lab.config.digest import digest
from lab.config.tokenizers import BpeTokenizer
from lab.config.tokenizers import Tokenizer as AnyTokenizer
from lab.data.corpus import Corpus, load_corpus
from lab.data.documents import border_of_documents
from lab.data.encoding import encode_all, stretches
from lab.data.overlap import HeldOut
from lab.data.progress import Progress, quiet
from lab.data.split_files import SplitFiles
from lab.data.store import FORMAT, Origin, TokenizedData, build, open_prepared, seal
from lab.data.tasks.prepared import TaskData, prepare_task
from lab.data.tokenizer import Tokenizer, is_external, load_tokenizer, train_tokenizer
from lab.errors import DataError
from lab.files import cache_folder
from lab.provenance.facts import source_digest, version

TRAINED_ON = 2**26  # characters

Prepared = TokenizedData | TaskData


def prepare(config: DataConfig, *, progress: Progress = quiet) -> Prepared:
    """Make a task, or tokenize a corpus, or open what an earlier call left in the cache.

    A corpus is read either way, since its text is part of the key; a worker that knows the folder
    calls `open_prepared`. Raises `DataError` for data that cannot be used and for a cache that
    cannot be written.
    """
    data = prepare_task(config) if config.is_task else _tokenized(config, progress)
    border_of_documents(config, data.tokenizer)  # or a sentence why there is none
    return data


def _tokenized(config: DataConfig, progress: Progress) -> TokenizedData:
    external = load_tokenizer(config.tokenizer) if is_external(config.tokenizer) else None
    corpus = load_corpus(config, progress=progress)
    key = {
        "format": FORMAT,
        "corpus": corpus.digest,
        "splits": config.splits,
        "tokenizer": external.digest if external else config.tokenizer.dump(),
        "code": source_digest(("data",)),
        "tokenizers": version("tokenizers"),
    }
    folder = cache_folder() / "tokens" / digest(key)

    def fill(built: Path) -> None:
        _write(built, corpus, config, external, progress)

    try:
        data = open_prepared(folder)
    except DataError:  # absent or damaged
        build(folder, fill)
        data = open_prepared(folder)
    return replace(data, origin=replace(data.origin, name=corpus.name))


def _write(
    folder: Path,
    corpus: Corpus,
    config: DataConfig,
    external: Tokenizer | None,
    progress: Progress,
) -> None:
    limit = TRAINED_ON if isinstance(config.tokenizer, BpeTokenizer) else None
    tokenizer = external or _learned(corpus, config.tokenizer, progress, limit=limit)
    dtype = np.dtype("<u2" if tokenizer.vocab_size <= 2**16 else "<u4")
    held_out = HeldOut({name: corpus.bytes_about(name) for name in _held_out(corpus)})
    done = 0
    with SplitFiles(folder, tokenizer, dtype=dtype) as files:
        for stretch, ids in encode_all(corpus.parts(), tokenizer):
            done += files.write(stretch, ids)
            progress(f"tokenizing {corpus.name}", done, corpus.bytes)
            if stretch.split != "train":
                held_out.add(stretch.split, stretch.text)
    seen = _seen(corpus, "searching for held-out text in", progress)
    origin = Origin(
        name=corpus.name,
        corpus_digest=corpus.digest,
        tokenizer_digest=external.digest if external else None,
        overlap=held_out.shares(seen),
        overlap_sampled=held_out.is_sample,
        trained_on=limit if limit and corpus.chars["train"] > limit else None,
    )
    seal(folder, tokenizer=tokenizer, stats=files.stats(), dtype=dtype, origin=origin)


def _learned(
    corpus: Corpus, config: AnyTokenizer, progress: Progress, *, limit: int | None
) -> Tokenizer:
    assert not is_external(config)
    return train_tokenizer(config, _seen(corpus, "learning the tokens of", progress, limit=limit))


def _held_out(corpus: Corpus) -> list[str]:
    return [name for name in SPLITS[1:] if corpus.chars[name]]


def _seen(
    corpus: Corpus, what: str, progress: Progress, *, limit: int | None = None
) -> Iterator[str]:
    """The text of the training split, or the first `limit` characters of it."""
    done, total = 0, min(corpus.chars["train"], limit or corpus.chars["train"])
    for stretch in stretches(corpus.parts()):
        if stretch.split == "train":
            yield stretch.text[: total - done]
            done += len(stretch.text)
            progress(f"{what} {corpus.name}", min(done, total), total)
            if limit and done >= total:
                return
