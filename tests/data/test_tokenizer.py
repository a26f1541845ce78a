import json
import os
import random
import subprocess
import sys
from typing import get_args

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers

from lab.config import data as config_data
from lab.config.data import BpeTokenizer, CharTokenizer
from lab.data.tokenizer import BOS, EOS, Tokenizer, train_tokenizer
from lab.errors import DataError

DOCUMENTS = ("the cat sat on the mat, the end\r\n" * 30, "naïve façades – the <|bos|> of 🙂\n" * 9)
CONFIGS = {"char": CharTokenizer(), "bpe": BpeTokenizer(vocab_size=290)}
TRAINED = {kind: train_tokenizer(config, DOCUMENTS) for kind, config in CONFIGS.items()}
HARD = (
    "",
    "\r\n\n\r \t  ",
    "<0x41><0xFF> </s> <unk> ▁x Ġthe",
    "<|bos|>the<|eos|>",
    "\0\x01\x7f\ufeff\u2028",
    "🙂👩‍👩‍👧 e\u0301 é Å İ ß ﬁ",
    "日本語 العربية \U0010ffff\ud7ff\ue000",
    "  leading, trailing  ",
)


@pytest.fixture(params=list(TRAINED), scope="module")
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return TRAINED[request.param]


def n_bytes(tokenizer: Tokenizer, ids: list[int]) -> int:
    return int(tokenizer.token_bytes[ids].sum())


class TestEveryTokenizer:
    def test_is_one_of_those_tested(self, tokenizer):
        kinds = {member.model_fields["kind"].default for member in _members()}
        assert kinds == set(TRAINED)
        assert TRAINED[tokenizer.kind] is tokenizer

    @settings(max_examples=150, deadline=None, database=None)
    @given(text=st.text(max_size=80))
    def test_loses_nothing(self, tokenizer, text):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert n_bytes(tokenizer, ids) == len(text.encode())
        assert all(0 <= token < tokenizer.vocab_size for token in ids)

    @pytest.mark.parametrize("text", HARD)
    def test_loses_nothing_that_is_hard(self, tokenizer, text):
        for hard in (text, f"the {text} the", text * 700):
            ids = tokenizer.encode(hard)
            assert tokenizer.decode(ids) == hard
            assert n_bytes(tokenizer, ids) == len(hard.encode())
            assert not {tokenizer.bos_id, tokenizer.eos_id} & set(ids)

    @pytest.mark.parametrize("text", ["the mat", *HARD])
    def test_documents_and_prompts_begin_alike(self, tokenizer, text):
        plain = tokenizer.encode(text)
        document, prompt = tokenizer.encode_document(text), tokenizer.encode_prompt(text)
        assert document[: len(prompt)] == prompt
        assert tokenizer.decode(document) == tokenizer.decode(prompt) == text
        assert n_bytes(tokenizer, document) == len(text.encode())
        if tokenizer.kind == "char":
            assert tokenizer.bos_id is tokenizer.eos_id is None
            assert document == prompt == plain
        else:
            assert document == [tokenizer.bos_id, *plain, tokenizer.eos_id]
            assert prompt == [tokenizer.bos_id, *plain]

    def test_is_the_same_from_its_file(self, tokenizer):
        again = Tokenizer.from_json(tokenizer.to_json())
        assert again.to_json() == tokenizer.to_json()
        assert again.digest == tokenizer.digest
        assert again.kind == tokenizer.kind
        assert (again.bos_id, again.eos_id) == (tokenizer.bos_id, tokenizer.eos_id)
        assert np.array_equal(again.token_bytes, tokenizer.token_bytes)
        for text in (*DOCUMENTS, *HARD):
            assert again.encode(text) == tokenizer.encode(text)

    def test_is_the_same_trained_elsewhere(self, tokenizer):
        code = (
            "import json, sys; from lab.config.data import *; "
            "from lab.data.tokenizer import train_tokenizer; "
            "config, documents = json.loads(sys.argv[1]); "
            "kind = {'char': CharTokenizer, 'bpe': BpeTokenizer}[config['kind']]; "
            "print(train_tokenizer(kind.parse(config), documents).digest)"
        )
        order = json.dumps([CONFIGS[tokenizer.kind].dump(), DOCUMENTS])
        digest = subprocess.run(
            [sys.executable, "-c", code, order],
            env={**os.environ, "PYTHONHASHSEED": "5", "TOKENIZERS_PARALLELISM": "false"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert digest == tokenizer.digest

    def test_loads_in_transformers(self, tokenizer, tmp_path):
        transformers = pytest.importorskip("transformers")
        path = tmp_path / "tokenizer.json"
        path.write_text(tokenizer.to_json(), encoding="utf-8")
        theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
        assert len(theirs) == tokenizer.vocab_size
        for text in (*DOCUMENTS, *HARD):
            ids = theirs(text, split_special_tokens=True)["input_ids"]
            assert ids == tokenizer.encode(text)
            assert theirs.decode(ids, clean_up_tokenization_spaces=False) == text

    def test_counts_the_bytes_of_each_token(self, tokenizer):
        assert tokenizer.token_bytes.shape == (tokenizer.vocab_size,)
        assert tokenizer.token_bytes.dtype == np.int64
        for token, size in enumerate(tokenizer.token_bytes.tolist()):
            text = tokenizer.decode([token])
            if token in (tokenizer.bos_id, tokenizer.eos_id):
                assert (text, size) == ("", 0)
            elif "\ufffd" not in text:
                assert size == len(text.encode())
            else:
                assert size >= 1  # a piece of a character
        with pytest.raises(ValueError, match="read-only"):
            tokenizer.token_bytes[0] = 1

    def test_decodes_pieces_of_characters_as_replacements(self, tokenizer):
        ids = tokenizer.encode("日")
        assert len(ids) == 3
        assert "\ufffd" in tokenizer.decode(ids[:2])

    @pytest.mark.parametrize("wrong", [-1, 10**6])
    def test_refuses_ids_it_does_not_have(self, tokenizer, wrong):
        with pytest.raises(DataError, match=f"token id {wrong} is not in this vocabulary"):
            tokenizer.decode([0, wrong])

    @pytest.mark.parametrize("n", [1, 10_000])
    def test_refuses_half_a_surrogate_pair(self, tokenizer, n):
        with pytest.raises(DataError, match="surrogate"):
            tokenizer.encode("x" * n + "\ud800")


def test_char_has_the_characters_in_order_and_then_the_bytes():
    tokenizer = TRAINED["char"]
    characters = sorted(set("".join(DOCUMENTS)))
    assert tokenizer.vocab_size == len(characters) + 256
    text = "".join(characters)
    assert tokenizer.encode(text) == list(range(len(characters)))
    assert tokenizer.encode("Z日") == [len(characters) + byte for byte in "Z日".encode()]


@pytest.mark.parametrize("n", [4095, 4096, 4097, 8192, 20_001])
def test_char_encodes_long_texts_character_by_character(n):
    tokenizer = TRAINED["char"]
    text = "".join(random.Random(n).choices("the cat<0x41>é日🙂\r\n", k=n))
    one = {char: tokenizer.encode(char) for char in set(text)}
    assert tokenizer.encode(text) == [token for char in text for token in one[char]]


def test_bpe_learns_what_its_documents_repeat():
    tokenizer = TRAINED["bpe"]
    assert tokenizer.vocab_size == 290
    assert len(tokenizer.encode(" the")) == 1
    assert len(tokenizer.encode("qxz")) == 3
    smallest = train_tokenizer(BpeTokenizer(vocab_size=258), DOCUMENTS)
    assert smallest.encode("the 🙂") == [smallest.encode(c)[0] for c in "the "] + smallest.encode(
        "🙂"
    )
    assert len(smallest.encode("the 🙂")) == 8


def test_bpe_of_little_text_is_as_large_as_it_can_be():
    tokenizer = train_tokenizer(BpeTokenizer(vocab_size=5000), ["abab abab", "abab"])
    assert 258 < tokenizer.vocab_size < 270
    assert len(tokenizer.encode("abab")) == 1


def test_special_tokens_are_the_first_two():
    tokenizer = TRAINED["bpe"]
    assert (tokenizer.bos_id, tokenizer.eos_id) == (0, 1)
    assert json.loads(tokenizer.to_json())["model"]["vocab"].items() >= {BOS: 0, EOS: 1}.items()


@given(st.text(max_size=20))
@settings(max_examples=30, deadline=None, database=None)
@example("")
@example("null")
@example("{}")
@example('{"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": [["a", "b"]]}}')
def test_garbage_is_no_tokenizer(content):
    with pytest.raises(DataError, match="not a tokenizer"):
        Tokenizer.from_json(content)


def _byte_level() -> Backend:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Backend(models.BPE(vocab={c: n for n, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return backend


def _lossy() -> dict[str, Backend]:
    lower = _byte_level()
    lower.normalizer = normalizers.Lowercase()
    prefix = _byte_level()
    prefix.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    whitespace = _byte_level()
    whitespace.pre_tokenizer = pre_tokenizers.Whitespace()
    bytes_missing = _byte_level()
    bytes_missing.model = models.BPE(vocab={"a": 0, "b": 1}, merges=[])
    gap = _byte_level()
    vocab = {c: 2 * n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    gap.model = models.BPE(vocab=vocab, merges=[])
    return {
        "normalises": lower,
        "a prefix space": prefix,
        "Whitespace": whitespace,
        "byte-level": bytes_missing,
        "without gaps": gap,
        "must be a BPE model": Backend(models.WordLevel(vocab={"a": 0}, unk_token="a")),
        "byte fallback": Backend(models.BPE(vocab={"a": 0}, merges=[], byte_fallback=True)),
    }


@pytest.mark.parametrize("fault", _lossy())
def test_a_tokenizer_that_would_lose_text_is_refused(fault):
    expected = "byte-level" if fault == "Whitespace" else fault
    with pytest.raises(DataError, match=expected):
        Tokenizer.from_json(_lossy()[fault].to_str())


def test_a_foreign_byte_level_tokenizer_is_read():
    """Truncation and padding that its file asks for are not applied; its specials are text."""
    backend = _byte_level()
    backend.add_special_tokens(["<|endoftext|>"])
    backend.enable_truncation(4)
    backend.enable_padding(length=50)
    tokenizer = Tokenizer.from_json(backend.to_str())
    text = "more than four <|endoftext|>"
    assert len(tokenizer.encode(text)) == len(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.token_bytes.tolist() == [1] * 256 + [0]
    assert tokenizer.encode_document("a") == tokenizer.encode("a")


def _members() -> tuple[type, ...]:
    return get_args(get_args(config_data.Tokenizer)[0])


class TestRefusing:
    """A character tokenizer without byte tokens."""

    CONFIG = CharTokenizer(fallback="refuse")

    def test_has_the_characters_of_the_text_and_no_more(self):
        tokenizer = train_tokenizer(self.CONFIG, ["banana\n", "é"])
        assert tokenizer.vocab_size == 5
        assert tokenizer.decode(tokenizer.encode("nab\né")) == "nab\né"
        assert tokenizer.token_bytes.tolist() == [1, 1, 1, 1, 2]

    def test_refuses_what_it_has_not_seen(self):
        tokenizer = train_tokenizer(self.CONFIG, ["banana"])
        with pytest.raises(DataError, match=r"the character 'd' .*fallback: bytes"):
            tokenizer.encode("band")

    def test_is_still_so_when_read_from_its_file(self):
        tokenizer = train_tokenizer(self.CONFIG, ["banana"])
        again = Tokenizer.from_json(tokenizer.to_json())
        assert again.encode("nab") == tokenizer.encode("nab")
        with pytest.raises(DataError, match="refuses such"):
            again.encode("band")
