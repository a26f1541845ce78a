"""Beam search against all texts that there are, and against transformers."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.decode.beam import beam_search
from lab.decode.generate import generate
from lab.decode.sampling import NoDistributionError, Sampling
from lab.errors import ConfigError
from lab.model.gpt import build_model
from tests.decode.oracle import context, transformers_gpt2
from tests.model.configs import config_of, model_configs, random_ids, scrambled

V = 13


def all_texts(model, prompt, *, length, length_penalty, stop_ids):
    """Every text that ends with a stop id, or is as long as it may be, with its score."""
    found = {}
    with torch.no_grad():
        for ids in itertools.product(range(model.vocab_size), repeat=length):
            end = next((n for n, token in enumerate(ids, start=1) if token in stop_ids), length)
            ids = ids[:end]
            if ids in found:
                continue
            score = 0.0
            for n, token in enumerate(ids):
                seen = context([*prompt, *ids[:n]], model.config.max_context)
                score += model(torch.tensor([seen]))[0, -1].log_softmax(-1)[token].item()
            found[ids] = score / end**length_penalty
    return sorted(found.items(), key=lambda pair: -pair[1])


@settings(deadline=None, database=None, max_examples=15)
@given(
    model_configs(max_seq_len=5),
    st.integers(1, 6),
    st.sampled_from([-0.5, 0.0, 1.0, 2.0]),
    st.sets(st.integers(0, 2), max_size=2),
)
def test_enough_beams_find_the_best_of_all_texts(config, n, length_penalty, stop_ids):
    model = scrambled(build_model(config, 3, seed=0))
    prompt = random_ids(n, vocab=3)
    settings = {"length_penalty": length_penalty, "stop_ids": stop_ids}
    best = all_texts(model, prompt.tolist(), length=3, **settings)
    found = beam_search(model, prompt, num_beams=27, max_new_tokens=3, **settings)
    assert [beam.score for beam in found] == pytest.approx([score for _, score in best])
    texts = dict(best)
    for beam in found:
        assert texts[tuple(beam.ids)] == pytest.approx(beam.score)


@settings(deadline=None, database=None, max_examples=15)
@given(model_configs(), st.integers(1, 25), st.sets(st.integers(0, V - 1), max_size=2))
def test_one_beam_is_greedy(config, n, stop_ids):
    model = scrambled(build_model(config, V, seed=0))
    request = {"max_new_tokens": 20, "stop_ids": stop_ids}
    (beam,) = beam_search(model, random_ids(n, vocab=V), num_beams=1, **request)
    greedy = {"sampling": Sampling(temperature=0.0), "seed": 0}
    assert beam.ids == generate(model, random_ids(n, vocab=V), **greedy, **request).tolist()


@pytest.mark.parametrize("num_beams", [2, 5])
@pytest.mark.parametrize("length_penalty", [-1.0, 1.0, 2.5])
@pytest.mark.parametrize("stop_ids", [[], [4], [3, 7, 11]])
def test_texts_and_scores_are_those_of_transformers(num_beams, length_penalty, stop_ids):
    model = scrambled(build_model(config_of(bias=True, max_seq_len=40), V, seed=0)).float()
    theirs = transformers_gpt2(model)
    for prompt in ([1], [2, 5, 9]):
        ids = torch.tensor([prompt])
        expected = theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            num_beams=num_beams,
            num_return_sequences=num_beams,
            length_penalty=length_penalty,
            max_new_tokens=15,
            do_sample=False,
            eos_token_id=stop_ids or None,
            pad_token_id=V - 1,
            output_scores=True,
            return_dict_in_generate=True,
        )
        found = beam_search(
            model,
            ids[0],
            num_beams=num_beams,
            max_new_tokens=15,
            length_penalty=length_penalty,
            stop_ids=stop_ids,
        )
        for beam, row in zip(found, expected.sequences[:, len(prompt) :].tolist(), strict=True):
            assert beam.ids == row[: len(beam.ids)]
            assert set(row[len(beam.ids) :]) <= {V - 1}
        scores = [beam.score for beam in found]
        assert scores == pytest.approx(expected.sequences_scores.tolist(), rel=1e-4)


def test_more_beams_than_first_tokens_are_fewer_texts():
    model = build_model(config_of(), 3, seed=0)
    assert len(beam_search(model, torch.tensor([1]), num_beams=8, max_new_tokens=1)) == 3


def test_a_token_that_the_model_rules_out_is_in_no_text():
    model = scrambled(build_model(config_of(tie_embeddings=False), 3, seed=0))

    def ruled_out(module, arguments, logits):
        return logits.index_fill(-1, torch.tensor([1]), -math.inf)

    model.head.register_forward_hook(ruled_out)
    found = beam_search(model, torch.tensor([1]), num_beams=9, max_new_tokens=2)
    assert sorted(beam.ids for beam in found) == [[0, 0], [0, 2], [2, 0], [2, 2]]


def test_no_new_tokens_are_one_empty_text():
    model = build_model(config_of(), V, seed=0)
    assert beam_search(model, torch.tensor([1]), num_beams=3, max_new_tokens=0) == [([], 0.0)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"num_beams": 0}, "num_beams=0 must be at least 1; 1 is greedy"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1"),
        ({"length_penalty": math.nan}, "length_penalty=nan must be from -10 to 10"),
        ({"length_penalty": -1e5}, "length_penalty=-100000.0 must be from -10 to 10"),
        ({"prompt": torch.tensor([], dtype=torch.int64)}, "no tokens to continue"),
    ],
)
def test_an_impossible_request_is_refused(change, sentence):
    request = {"prompt": torch.tensor([1]), "num_beams": 2, "max_new_tokens": 1} | change
    with pytest.raises(ConfigError, match=sentence):
        beam_search(build_model(config_of(), V, seed=0), request.pop("prompt"), **request)


def test_a_diverged_model_has_no_texts():
    model = build_model(config_of(), V, seed=0)
    with torch.no_grad():
        model.embedding.weight.fill_(math.nan)
    with pytest.raises(NoDistributionError, match="diverged"):
        beam_search(model, torch.tensor([1]), num_beams=2, max_new_tokens=3)
