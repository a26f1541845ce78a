"""Generation on a model whose logits are known, then on a real one."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from lab.config.model import ModelConfig, RopePosition
from lab.decode.generate import generate, stream
from lab.decode.sampling import Sampling, filtered_probabilities, pick
from lab.errors import ConfigError
from lab.model.gpt import build_model

V = 7
GREEDY = Sampling(temperature=0.0)


class Window(nn.Module):
    """Says the sum of the tokens it sees, modulo V; notes what it was shown, and in which mode."""

    def __init__(self, max_seq_len: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(max_seq_len=max_seq_len)
        self.frozen = nn.Dropout().eval()
        self.free = nn.Dropout()
        self.seen: list[list[int]] = []
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, ids: Tensor) -> Tensor:
        assert ids.shape[0] == 1
        self.seen.append(ids[0].tolist())
        self.modes.append((torch.is_inference_mode_enabled(), self.free.training))
        return nn.functional.one_hot(ids.cumsum(-1) % V, V).float() * 50


@pytest.fixture(scope="module")
def gpt():
    config = ModelConfig(
        n_layers=2, n_heads=2, d_model=16, max_seq_len=8, dropout=0.3, position=RopePosition()
    )
    return build_model(config, V, seed=1)


def ids_of(*ids: int) -> Tensor:
    return torch.tensor(ids, dtype=torch.int64)


def test_greedy_tokens_are_those_of_the_model():
    new = generate(Window(99), ids_of(1, 2), max_new_tokens=4, sampling=GREEDY, seed=0)
    assert new.tolist() == [3, 6, 5, 3]  # sums 3, 6, 12, 17
    assert new.dtype == torch.int64


def test_the_context_is_the_last_tokens_that_fit():
    model = Window(3)
    generate(model, ids_of(1, 2, 3, 4), max_new_tokens=3, sampling=GREEDY, seed=0)
    assert model.seen == [[2, 3, 4], [3, 4, 2], [4, 2, 2]]


def test_the_stop_token_is_the_last_and_nothing_follows_it():
    model = Window(99)
    new = generate(model, ids_of(1, 2), max_new_tokens=9, sampling=GREEDY, seed=0, stop_id=6)
    assert new.tolist() == [3, 6]
    assert len(model.seen) == 2


def test_a_stop_token_in_the_prompt_stops_nothing():
    new = generate(Window(99), ids_of(6, 2), max_new_tokens=2, sampling=GREEDY, seed=0, stop_id=6)
    assert new.tolist() == [1, 2]


def test_no_new_tokens_is_an_empty_answer():
    new = generate(Window(9), ids_of(1), max_new_tokens=0, sampling=GREEDY, seed=0)
    assert new.shape == (0,)
    assert new.dtype == torch.int64


def test_a_stream_computes_a_token_when_it_is_asked_for():
    model = Window(99)
    tokens = stream(model, ids_of(1, 2), max_new_tokens=9, sampling=GREEDY, seed=0)
    assert model.seen == []
    assert next(tokens) == 3
    assert len(model.seen) == 1


def test_modes_hold_within_a_token_and_are_restored_after_it():
    model = Window(99).train()
    model.frozen.eval()
    tokens = stream(model, ids_of(1, 2), max_new_tokens=9, sampling=GREEDY, seed=0)
    for _ in range(2):
        next(tokens)
        assert model.training
        assert model.free.training
        assert not model.frozen.training
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
    assert model.modes == [(True, False)] * 2


def test_modes_are_restored_when_the_model_fails(gpt):
    gpt.train()
    with pytest.raises(IndexError):
        generate(gpt, ids_of(V), max_new_tokens=1, sampling=GREEDY, seed=0)  # no such token
    assert all(module.training for module in gpt.modules())
    assert not torch.is_inference_mode_enabled()


def test_a_seed_fixes_the_text_and_more_tokens_only_make_it_longer(gpt):
    def run(n: int, seed: int) -> list[int]:
        prompt = ids_of(1, 2, 3)
        return generate(gpt, prompt, max_new_tokens=n, sampling=Sampling(), seed=seed).tolist()

    torch.manual_seed(0)
    short = run(10, 5)
    torch.manual_seed(1)
    long = run(30, 5)
    assert long[:10] == short
    assert run(30, 6) != long


def test_the_real_model_continues_as_its_full_forward_says(gpt):
    """Every drawn token, recomputed from logits over the window with the same generator."""
    sampling = Sampling(0.9, top_k=5, top_p=0.95)
    new = generate(gpt, ids_of(1, 2, 3), max_new_tokens=20, sampling=sampling, seed=3).tolist()
    generator = torch.Generator().manual_seed(3)
    text = [1, 2, 3]
    gpt.eval()
    for token in new:
        with torch.no_grad():
            logits = gpt(ids_of(*text[-8:])[None])[0, -1]
        assert token == pick(filtered_probabilities(logits, sampling), generator).item()
        text.append(token)
    gpt.train()


def test_generation_leaves_training_and_global_random_numbers_alone(gpt):
    gpt.train()
    before = torch.get_rng_state()
    generate(gpt, ids_of(1, 2), max_new_tokens=5, sampling=Sampling(), seed=0)
    assert torch.get_rng_state().equal(before)
    assert all(module.training for module in gpt.modules())
    gpt(ids_of(1, 2)[None]).sum().backward()  # no parameter or table became an inference tensor
    assert all(parameter.grad is not None for parameter in gpt.parameters())
    gpt.zero_grad(set_to_none=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prompt": ids_of()}, "no tokens to continue; give at least one character"),
        ({"max_new_tokens": -1}, "max_new_tokens=-1 must be at least 0"),
        ({"seed": -1}, "seed=-1 must be a whole number from 0"),
        ({"seed": 2**63}, "seed=9223372036854775808"),
    ],
)
def test_an_impossible_request_is_refused_before_the_first_token(change, sentence):
    request = {"prompt": ids_of(1), "max_new_tokens": 1, "sampling": GREEDY, "seed": 0} | change
    with pytest.raises(ConfigError, match=sentence):
        stream(Window(9), request.pop("prompt"), **request)
