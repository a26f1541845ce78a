"""What a package writes: one text, a stream, a batch, the best of a search."""

import pytest
import torch

from lab.decode.beam import beam_search
from lab.errors import ConfigError
from lab.package.read import load_package

SETTINGS = {
    "max_new_tokens": 30,
    "temperature": 0.9,
    "top_k": 40,
    "top_p": 0.95,
    "min_p": 0.001,
    "repetition_penalty": 1.1,
}


@pytest.fixture(scope="module")
def package(make_parts, tmp_path_factory):
    parts = make_parts(tokenizer="bpe", init_std=0.3)
    return load_package(parts.write(tmp_path_factory.mktemp("package") / "run"))


def test_a_stream_joined_is_the_text(package):
    pieces = list(package.stream("The ", seed=3, **SETTINGS))
    assert len(pieces) > 3
    assert "".join(pieces) == package.generate("The ", seed=3, **SETTINGS)


def test_a_batch_is_each_text_alone(package):
    prompts = ["The ", "def main():\n    return", "", "naïve"]
    together = package.generate_batch(prompts, seed=3, **SETTINGS)
    alone = [package.generate(p, seed=3 + n, **SETTINGS) for n, p in enumerate(prompts)]
    assert together == alone
    assert len(set(together)) == 4
    assert package.generate_batch([]) == []


def test_every_setting_counts(package):
    text = package.generate("The ", seed=3, **SETTINGS)
    narrower = {"temperature": 0.1, "top_k": 2, "top_p": 0.1, "min_p": 0.9}
    for name, value in {**narrower, "repetition_penalty": 20.0, "max_new_tokens": 9}.items():
        assert package.generate("The ", seed=3, **SETTINGS | {name: value}) != text, name


def test_text_ends_before_a_stop_string(package):
    text = package.generate("The ", seed=3, **SETTINGS)
    stop = text[8:10]
    ended = text[: text.index(stop)]
    assert package.generate("The ", seed=3, stop=[stop], **SETTINGS) == ended
    assert "".join(package.stream("The ", seed=3, stop=["no such", stop], **SETTINGS)) == ended
    assert package.generate_batch(["The "], seed=3, stop=[stop], **SETTINGS) == [ended]
    (found,) = package.beam_search("The ", num_beams=1, max_new_tokens=30)
    stop = found.text[5:7]
    (cut,) = package.beam_search("The ", num_beams=1, max_new_tokens=30, stop=[stop])
    assert cut.text == found.text[: found.text.index(stop)]


def test_a_search_gives_its_texts_best_first(package):
    ids = torch.tensor(package.tokenizer.encode_prompt("The "))
    settings = {"num_beams": 3, "max_new_tokens": 8, "length_penalty": 0.5}
    beams = beam_search(package.model, ids, stop_ids=[package.tokenizer.eos_id], **settings)
    found = package.beam_search("The ", **settings)
    assert [score for _, score in found] == [beam.score for beam in beams]
    assert [score for _, score in found] == sorted((b.score for b in beams), reverse=True)
    decode = package.tokenizer.decode
    assert [text.replace("\ufffd", "") for text, _ in found] == [
        decode(beam.ids).replace("\ufffd", "") for beam in beams
    ]


def test_a_search_ends_where_the_model_ends_the_document(make_parts, tmp_path):
    parts = make_parts(tokenizer="bpe", tie_embeddings=False)
    with torch.no_grad():
        parts.model.final_norm.weight.zero_()  # equal logits: the shortest text is the likeliest
    package = load_package(parts.write(tmp_path / "run"))
    assert package.tokenizer.eos_id == 1
    best, *_ = package.beam_search("The", num_beams=2, max_new_tokens=9, length_penalty=0.0)
    assert best.text == ""


def test_one_beam_is_greedy(package):
    (found,) = package.beam_search("The ", num_beams=1, max_new_tokens=30)
    assert found.text == package.generate("The ", temperature=0, max_new_tokens=30)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stop": [""]}, "a stop string has no characters"),
        ({"repetition_penalty": 0.0}, r"repetition_penalty=0\.0 must be a number above 0"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
    ],
)
def test_a_senseless_setting_is_refused_at_once(package, change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        package.stream("The ", **SETTINGS | change)
    with pytest.raises(ConfigError, match=sentence):
        package.generate_batch(["The "], **SETTINGS | change)
