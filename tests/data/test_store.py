import json
import threading
from pathlib import Path

import numpy as np
import pytest

from lab.config.data import SPLITS, BpeTokenizer, DataConfig, TextFile
from lab.data import store
from lab.data.corpus import load_corpus
from lab.data.store import SplitStats, TokenizedData, open_prepared, prepare
from lab.errors import DataError
from lab.files import cache_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(text_folder: Path) -> DataConfig:
    corpus = TextFile(path=str(text_folder / "*.txt"))
    return DataConfig(corpus=corpus, splits=(0.8, 0.1, 0.1))


def forbid_building(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object) -> None:
        raise AssertionError("tokenized again")

    monkeypatch.setattr(store, "_build", build)


class TestEveryCorpusAndTokenizer:
    def test_ids_are_the_text(self, data_config):
        corpus, data = load_corpus(data_config), prepare(data_config)
        assert data.corpus_digest == corpus.digest
        assert tuple(data.stats) == SPLITS
        for name in SPLITS:
            documents = corpus.splits[name]
            text = "".join(documents)
            ids = data.split(name)
            assert ids.dtype == np.uint16
            assert data.tokenizer.decode(ids.tolist()) == text
            assert data.stats[name] == SplitStats(
                documents=len(documents), bytes=len(text.encode()), chars=len(text), tokens=ids.size
            )
            assert data.tokenizer.token_bytes[ids].sum() == len(text.encode())
            if data.tokenizer.kind == "bpe":
                assert (ids == data.tokenizer.bos_id).sum() == len(documents)
                assert (ids == data.tokenizer.eos_id).sum() == len(documents)
                assert ids[0] == data.tokenizer.bos_id
                assert ids[-1] == data.tokenizer.eos_id

    def test_tokenizer_has_seen_training_text_only(self, data_config):
        data = prepare(data_config)
        if data.tokenizer.kind == "char":
            train = load_corpus(data_config).splits["train"]
            assert data.tokenizer.vocab_size == len(set("".join(train))) + 256

    def test_is_made_once_and_opened_by_folder(self, data_config, monkeypatch, cache):
        made = prepare(data_config)
        forbid_building(monkeypatch)
        monkeypatch.setattr(store, "train_tokenizer", None)
        for again in (prepare(data_config), open_prepared(made.folder)):
            assert again.folder == made.folder
            assert again.digest == made.digest
            assert again.stats == made.stats
            assert again.tokenizer.to_json() == made.tokenizer.to_json()
            for name in SPLITS:
                assert np.array_equal(again.split(name), made.split(name))
        assert [path.name for path in cache.rglob("*.bin")] != []
        assert list((cache / "tokens").iterdir()) == [made.folder]


def test_the_same_text_under_another_name_is_not_tokenized_again(small, text_folder, monkeypatch):
    made = prepare(small)
    moved = text_folder.rename(text_folder.with_name("moved"))
    forbid_building(monkeypatch)
    config = small.replaced({"corpus.path": str(moved / "*.txt")})
    assert prepare(config).folder == made.folder


def test_other_text_or_another_tokenizer_has_other_ids(small, text_folder):
    first = prepare(small)
    bpe = prepare(small.replaced({"tokenizer": BpeTokenizer(vocab_size=280).dump()}))
    path = text_folder / "a.txt"
    path.write_bytes(path.read_bytes().replace(b"Line 7", b"Lime 7"))
    changed = prepare(small)
    assert len({data.folder for data in (first, bpe, changed)}) == 3
    assert len({data.digest for data in (first, bpe, changed)}) == 3
    assert "Lime 7" in changed.tokenizer.decode(changed.split("train").tolist())


def test_ids_are_read_only_and_mapped(small):
    ids = prepare(small).split("train")
    assert isinstance(ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 1


def test_large_vocabularies_take_four_bytes(tmp_path):
    text = "".join(map(chr, [*range(0x100, 0xD800), *range(0xE000, 0xE000 + 12_000)]))
    (tmp_path / "wide.txt").write_text(text * 2, encoding="utf-8")
    data = prepare(
        DataConfig(corpus=TextFile(path=str(tmp_path / "wide.txt")), splits=(0.6, 0.4, 0))
    )
    assert data.tokenizer.vocab_size > 2**16
    assert data.split("val").dtype == np.uint32
    assert data.split("train").max() > 2**16
    ids = [*data.split("train").tolist(), *data.split("val").tolist()]
    assert data.tokenizer.decode(ids) == text * 2


def test_no_test_split_where_its_share_is_zero(small):
    data = prepare(small.replaced({"splits": [0.8, 0.2, 0]}))
    assert tuple(data.stats) == ("train", "val")
    assert not (data.folder / "test.bin").exists()
    with pytest.raises(DataError, match="no 'test' split here; there are train, val"):
        data.split("test")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def more_tokens(path: Path) -> None:
    meta = json.loads(path.read_text())
    meta["splits"]["train"]["tokens"] += 1
    path.write_text(json.dumps(meta))


DAMAGE = {
    "truncated ids": lambda folder: (folder / "train.bin").write_bytes(b"ab"),
    "no ids": lambda folder: (folder / "val.bin").write_bytes(b""),
    "a bit of the ids": lambda folder: flip(folder / "test.bin"),
    "a bit of the tokenizer": lambda folder: flip(folder / "tokenizer.json"),
    "ids missing": lambda folder: (folder / "val.bin").unlink(),
    "tokenizer missing": lambda folder: (folder / "tokenizer.json").unlink(),
    "meta missing": lambda folder: (folder / "meta.json").unlink(),
    "meta empty": lambda folder: (folder / "meta.json").write_text(""),
    "meta a list": lambda folder: (folder / "meta.json").write_text("[1]"),
    "meta another mapping": lambda folder: (folder / "meta.json").write_text("{}"),
    "meta not text": lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe"),
    "meta altered": lambda folder: more_tokens(folder / "meta.json"),
    "a file in its place": lambda folder: (folder.rename(folder.with_name("x")), folder.touch()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_built_again(small, damage):
    made = prepare(small)
    DAMAGE[damage](made.folder)
    with pytest.raises(DataError, match="missing or damaged"):
        open_prepared(made.folder)
    again = prepare(small)
    assert (again.digest, again.stats) == (made.digest, made.stats)
    others = {"x"} if damage == "a file in its place" else set()
    assert {path.name for path in made.folder.parent.iterdir()} == {made.folder.name} | others


def test_another_format_is_built_again(small, monkeypatch):
    made = prepare(small)
    monkeypatch.setattr(store, "FORMAT", 2)
    with pytest.raises(DataError, match="missing or damaged"):
        open_prepared(made.folder)
    assert prepare(small).folder != made.folder


def test_the_loser_of_a_race_uses_what_the_winner_made(small, monkeypatch):
    write = store._write

    def overtaken(*arguments):
        monkeypatch.setattr(store, "_write", write)
        winner.append(prepare(small))
        (winner[0].folder / "mark").touch()
        write(*arguments)

    winner: list[TokenizedData] = []
    monkeypatch.setattr(store, "_write", overtaken)
    loser = prepare(small)
    assert loser.folder == winner[0].folder
    assert (loser.folder / "mark").exists()
    assert list(loser.folder.parent.iterdir()) == [loser.folder]


def test_many_at_once_agree(small):
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(prepare(small).digest)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert len(list((cache_folder() / "tokens").iterdir())) == 1


def test_what_is_interrupted_leaves_nothing(small, monkeypatch, cache):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write_split", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(small)
    assert list((cache / "tokens").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(small, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        DataError, match=r"cannot write the token cache .*/file/tokens: .*LAB_CACHE"
    ):
        prepare(small)


def test_an_input_that_is_wrong_writes_nothing(small, cache):
    with pytest.raises(DataError):
        prepare(small.replaced({"corpus.path": "no-such-file.txt"}))
    assert not cache.exists()


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LAB_CACHE")
    assert cache_folder() == tmp_path / ".cache" / "gpt-lab"
    monkeypatch.setenv("LAB_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"


def test_splits_too_short_are_named(text_folder):
    (text_folder / "a.txt").write_text("abcdefghijkl")
    path = str(text_folder / "a.txt")
    data = prepare(DataConfig(corpus=TextFile(path=path), splits=(0.5, 0.25, 0.25)))
    data.require(5)
    with pytest.raises(
        DataError, match="train split has 6 tokens and needs at least 7 for seq_len=6"
    ):
        data.require(6)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_held_out_split_of_one_token_is_named(small, split):
    data = prepare(small)
    one = {**data.stats, split: SplitStats(documents=1, bytes=1, chars=1, tokens=1)}
    short = TokenizedData(**{**vars(data), "stats": one})
    with pytest.raises(DataError, match=f"{split} split has 1 tokens and needs at least 2"):
        short.require(4)
