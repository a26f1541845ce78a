"""Generation against tokens from whole passes, and against transformers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lab.decode.generate import generate, generate_batch, stream
from lab.decode.reader import Reader
from lab.decode.sampling import Sampling, filtered_probabilities, penalised, pick
from lab.errors import ConfigError
from lab.model.gpt import GPT, build_model
from tests.decode.oracle import greedy, next_logits, their_text, transformers_gpt2
from tests.model.configs import config_of, model_configs, random_ids, scrambled

V = 13
GREEDY = Sampling(temperature=0.0)
FEW = settings(deadline=None, database=None, max_examples=30)


def ids_of(*ids: int) -> Tensor:
    return torch.tensor(ids, dtype=torch.int64)


@pytest.fixture(scope="module")
def gpt() -> GPT:
    return build_model(config_of(dropout=0.3, init_std=0.3), V, seed=1)


@pytest.fixture(scope="module")
def twins():
    model = scrambled(build_model(config_of(bias=True, max_seq_len=40), V, seed=0))
    return model, transformers_gpt2(model)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether inference mode held, for each time that logits were asked for."""
    modes: list[bool] = []

    def watched(method):
        def watching(self, *arguments):
            modes.append(torch.is_inference_mode_enabled())
            return method(self, *arguments)

        return watching

    for name in ("begin", "read"):
        monkeypatch.setattr(Reader, name, watched(getattr(Reader, name)))
    return modes


class TestTokens:
    @FEW
    @given(model_configs(), st.integers(1, 30), st.integers(0, 25), st.integers(1, 9))
    def test_greedy_tokens_are_those_of_whole_passes(self, config, length, n, prefill):
        model = scrambled(build_model(config, V, seed=0))
        prompt = random_ids(length, vocab=V)
        new = generate(
            model, prompt, max_new_tokens=n, sampling=GREEDY, seed=0, prefill=prefill
        ).tolist()
        assert new == greedy(model, prompt.tolist(), n)

    def test_drawn_tokens_are_those_of_whole_passes(self, gpt):
        """Every draw again, with the same generator, beyond the end of the context."""
        sampling = Sampling(0.9, top_k=9, top_p=0.95, min_p=0.01, repetition_penalty=1.2)
        new = generate(gpt, ids_of(1, 2, 3), max_new_tokens=30, sampling=sampling, seed=3)
        generator, text = torch.Generator().manual_seed(3), [1, 2, 3]
        gpt.eval()
        for token in new.tolist():
            seen = torch.zeros(V, dtype=torch.bool).index_fill(0, torch.tensor(text), True)
            logits = penalised(next_logits(gpt, text), seen, 1.2)
            uniform = torch.rand(1, dtype=torch.float64, generator=generator)[0]
            assert token == pick(filtered_probabilities(logits, sampling), uniform).item()
            text.append(token)
        gpt.train()

    def test_a_text_goes_on_as_it_would_have(self, gpt):
        """What was prompt and what was written makes no difference, wherever it is cut."""
        whole = generate(gpt, ids_of(1), max_new_tokens=40, sampling=GREEDY, seed=0)
        for cut in (1, 9, 10, 11, 12, 17, 30):
            prompt = torch.cat([ids_of(1), whole[:cut]])
            rest = generate(gpt, prompt, max_new_tokens=40 - cut, sampling=GREEDY, seed=0)
            assert rest.equal(whole[cut:])

    def test_no_new_tokens_is_an_empty_answer(self, gpt):
        new = generate(gpt, ids_of(1), max_new_tokens=0, sampling=GREEDY, seed=0)
        assert new.shape == (0,)
        assert new.dtype == torch.int64

    def test_a_seed_fixes_the_text_and_more_tokens_only_make_it_longer(self, gpt):
        def run(n: int, seed: int) -> list[int]:
            prompt = ids_of(1, 2, 3)
            return generate(gpt, prompt, max_new_tokens=n, sampling=Sampling(), seed=seed).tolist()

        torch.manual_seed(0)
        short = run(10, 5)
        torch.manual_seed(1)
        long = run(30, 5)
        assert long[:10] == short
        assert run(30, 6) != long


class TestStops:
    def test_a_stop_token_is_the_last_and_nothing_follows_it(self, gpt, asked):
        text = generate(gpt, ids_of(1, 2), max_new_tokens=20, sampling=GREEDY, seed=0).tolist()
        for stop_ids in ((text[4],), {text[7], text[4], 99}):
            first = min(text.index(stop) for stop in stop_ids if stop in text)
            asked.clear()
            stops = {"stop_ids": stop_ids, "max_new_tokens": 20}
            new = generate(gpt, ids_of(1, 2), sampling=GREEDY, seed=0, **stops)
            assert new.tolist() == text[: first + 1]
            assert len(asked) == first + 1

    def test_a_stop_token_in_the_prompt_stops_nothing(self, gpt):
        free = generate(gpt, ids_of(1, 2), max_new_tokens=1, sampling=GREEDY, seed=0)
        assert free.item() != 2
        new = generate(gpt, ids_of(1, 2), max_new_tokens=1, sampling=GREEDY, seed=0, stop_ids=[2])
        assert new.equal(free)


class TestBatch:
    @FEW
    @given(
        model_configs(),
        st.lists(st.integers(1, 25), min_size=1, max_size=4),
        st.sampled_from([GREEDY, Sampling(1.5), Sampling(0.8, top_k=5, repetition_penalty=1.3)]),
        st.sets(st.integers(0, V - 1), max_size=2),
    )
    def test_a_row_gets_the_tokens_that_it_gets_alone(self, config, lengths, sampling, stop_ids):
        model = scrambled(build_model(config, V, seed=0))
        prompts = [random_ids(n, seed=n, vocab=V) for n in lengths]
        common = {"max_new_tokens": 25, "sampling": sampling, "stop_ids": stop_ids}
        together = generate_batch(model, prompts, seed=7, **common)
        for row, prompt in enumerate(prompts):
            alone = generate(model, prompt, seed=7 + row, **common)
            assert together[row].equal(alone)

    def test_a_row_that_has_ended_is_computed_no_more(self, gpt, monkeypatch):
        sizes, read = [], Reader.read

        def watched(reader, tokens):
            sizes.append(len(tokens))
            return read(reader, tokens)

        monkeypatch.setattr(Reader, "read", watched)
        prompts = [ids_of(1), ids_of(2, 3), ids_of(4, 5, 6)]
        common = {"max_new_tokens": 30, "sampling": Sampling(2.0), "seed": 1, "stop_ids": [3, 4]}
        lengths = [len(row) for row in generate_batch(gpt, prompts, **common)]
        assert len(set(lengths)) == 3
        assert sizes == [sum(n > t for n in lengths) for t in range(1, max(lengths))]

    def test_no_prompts_have_no_continuations(self, gpt):
        assert generate_batch(gpt, [], max_new_tokens=3, sampling=GREEDY, seed=0) == []


class TestStream:
    def test_gives_the_tokens_of_generate(self, gpt):
        request = {"max_new_tokens": 20, "sampling": Sampling(), "seed": 4, "stop_ids": [5]}
        tokens = list(stream(gpt, ids_of(1, 2), **request))
        assert tokens == generate(gpt, ids_of(1, 2), **request).tolist()

    def test_computes_a_token_when_it_is_asked_for(self, gpt, asked):
        tokens = stream(gpt, ids_of(1, 2), max_new_tokens=9, sampling=GREEDY, seed=0)
        assert asked == []
        for n in (1, 2, 3):
            next(tokens)
            assert asked == [True] * n

    def test_modes_are_restored_after_every_token(self, gpt, asked):
        gpt.train()
        gpt.blocks[1].eval()
        before = {name: module.training for name, module in gpt.named_modules()}
        for _ in stream(gpt, ids_of(1, 2), max_new_tokens=25, sampling=GREEDY, seed=0):
            assert {name: module.training for name, module in gpt.named_modules()} == before
            assert not torch.is_inference_mode_enabled()
            assert torch.is_grad_enabled()
        assert asked == [True] * 25
        gpt.train()

    def test_the_model_may_train_between_two_tokens(self):
        model = build_model(config_of(bias=True), V, seed=0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        tokens = stream(model, ids_of(1, 2), max_new_tokens=25, sampling=GREEDY, seed=0)
        for _ in tokens:
            model(ids_of(1, 2, 3)[None]).logsumexp(-1).sum().backward()
            optimizer.step()
        assert all(parameter.grad is not None for parameter in model.parameters())


class TestManners:
    def test_modes_are_restored_when_the_model_fails(self, gpt):
        gpt.train()
        with pytest.raises(IndexError):
            generate(gpt, ids_of(V), max_new_tokens=1, sampling=GREEDY, seed=0)  # no such token
        assert all(module.training for module in gpt.modules())
        assert not torch.is_inference_mode_enabled()

    def test_training_and_global_random_numbers_are_left_alone(self, gpt):
        gpt.train()
        before = torch.get_rng_state()
        generate(gpt, ids_of(1, 2), max_new_tokens=30, sampling=Sampling(), seed=0)
        assert torch.get_rng_state().equal(before)
        assert all(module.training for module in gpt.modules())
        gpt(ids_of(1, 2)[None]).sum().backward()  # no parameter or table became an inference one
        assert all(parameter.grad is not None for parameter in gpt.parameters())
        gpt.zero_grad(set_to_none=True)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"prompt": ids_of()}, "no tokens to continue; give at least one character"),
            ({"max_new_tokens": -1}, "max_new_tokens=-1 must be at least 0"),
            ({"seed": -1}, "seed=-1 must be a whole number from 0"),
            ({"seed": 2**63}, "seed=9223372036854775808"),
            ({"prefill": 0}, "prefill=0 must be at least 1"),
        ],
    )
    def test_an_impossible_request_is_refused_before_the_first_token(self, gpt, change, sentence):
        request = {"prompt": ids_of(1), "max_new_tokens": 1, "sampling": GREEDY, "seed": 0} | change
        with pytest.raises(ConfigError, match=sentence):
            stream(gpt, request.pop("prompt"), **request)


class TestTransformers:
    """The same weights, the same words for settings, the same text."""

    @pytest.mark.parametrize("penalty", [1.0, 1.3, 0.7])
    @pytest.mark.parametrize("stop_ids", [[], [4], [3, 7, 11]])
    def test_greedy_text_is_theirs(self, twins, penalty, stop_ids):
        ours, theirs = twins
        sampling = Sampling(0.0, repetition_penalty=penalty)
        for prompt in ([1], [2, 5, 9], [7, 7, 7, 1]):
            new = generate(
                ours,
                ids_of(*prompt),
                max_new_tokens=30,
                sampling=sampling,
                seed=0,
                stop_ids=stop_ids,
            )
            expected = their_text(
                theirs,
                prompt,
                max_new_tokens=30,
                do_sample=False,
                repetition_penalty=penalty,
                eos_token_id=stop_ids or None,
                pad_token_id=0,
            )
            assert new.tolist() == expected
