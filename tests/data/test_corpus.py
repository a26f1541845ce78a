import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from lab.config import data as config_data
from lab.config.data import SPLITS, DataConfig, PythonDocs, TextFile
from lab.data.corpus import Corpus, load_corpus
from lab.errors import DataError

SPLIT_SHARES = [(0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (0.5, 0.25, 0.25)]


class TestEveryCorpus:
    @pytest.mark.parametrize("shares", SPLIT_SHARES)
    def test_splits_hold_their_shares(self, corpus_config, shares):
        corpus = load_corpus(DataConfig(corpus=corpus_config, splits=shares))
        assert tuple(corpus.splits) == SPLITS
        total = sum(map(corpus.n_chars, SPLITS))
        for name, share in zip(SPLITS, shares, strict=True):
            assert corpus.n_chars(name) / total == pytest.approx(share, abs=0.02)
            assert all(corpus.splits[name])
            assert bool(corpus.splits[name]) == (share > 0)

    def test_is_known_by_its_text(self, corpus_config):
        first, again = (load_corpus(DataConfig(corpus=corpus_config)) for _ in range(2))
        assert first.splits == again.splits
        assert first.digest == again.digest
        other = load_corpus(DataConfig(corpus=corpus_config, splits=(0.8, 0.1, 0.1)))
        assert other.digest != first.digest

    def test_depends_on_no_hash_seed(self, corpus_config):
        config = DataConfig(corpus=corpus_config)
        code = (
            "import sys; from lab.config.data import DataConfig; "
            "from lab.data.corpus import load_corpus; import lab.data.store; "
            "config = DataConfig.model_validate_json(sys.argv[1]); "
            "print(load_corpus(config).digest, 'torch' in sys.modules)"
        )
        digest, torch_imported = subprocess.run(
            [sys.executable, "-c", code, config.model_dump_json()],
            env={**os.environ, "PYTHONHASHSEED": "77"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert digest == load_corpus(config).digest
        assert torch_imported == "False"

    def test_is_one_of_those_tested(self, corpus_config):
        union = get_args(config_data.Corpus)[0]
        assert set(get_args(union)) == {PythonDocs, TextFile}
        assert isinstance(corpus_config, union)


@pytest.mark.parametrize(
    "splits",
    [
        {"train": ("ab", "c"), "val": ("d",), "test": ()},
        {"train": ("a", "bc"), "val": ("d",), "test": ()},
        {"train": ("abc",), "val": ("d",), "test": ()},
        {"train": ("ab",), "val": ("c", "d"), "test": ()},
        {"train": ("ab", "c"), "val": (), "test": ("d",)},
        {"train": ("ab", "c"), "val": ("\u00e9",), "test": ()},
    ],
)
def test_digest_tells_documents_and_splits_apart(splits):
    original = Corpus("x", {"train": ("ab", "c"), "val": ("d",), "test": ()})
    assert (Corpus("y", splits).digest == original.digest) == (splits == original.splits)


def test_file_without_text_is_an_empty_corpus(tmp_path: Path):
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.txt").touch()
    config = DataConfig(corpus=TextFile(path=str(tmp_path / "*.txt")))
    with pytest.raises(DataError, match="is empty"):
        load_corpus(config)


@pytest.mark.parametrize(
    ("shares", "n", "split"),
    [((0.9, 0.05, 0.05), 20, "val"), ((0.9, 0.09, 0.01), 99, "test"), ((0.1, 0.9, 0), 9, "train")],
)
def test_split_without_text_is_named(tmp_path: Path, shares, n, split):
    (tmp_path / "a.txt").write_text("x" * n)
    config = DataConfig(corpus=TextFile(path=str(tmp_path / "a.txt")), splits=shares)
    with pytest.raises(DataError, match=f"leave {split} with [01] of {n} characters"):
        load_corpus(config)


def test_share_too_small_for_the_docs_is_named():
    config = DataConfig(corpus=PythonDocs(), splits=(0.9998, 0.0001, 0.0001))
    with pytest.raises(DataError, match=r"python-docs: splits=.* leave val with 0 of"):
        load_corpus(config)
