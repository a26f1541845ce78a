import math

import pytest
import torch

from lab.config.model import ModelConfig
from lab.decode.generate import generate
from lab.decode.samples import SampleText
from lab.decode.sampling import Sampling
from lab.model.gpt import build_model

V = 11


def letters(ids):
    return "".join(chr(ord("a") + token) for token in ids)


@pytest.fixture
def gpt():
    config = ModelConfig(n_layers=1, n_heads=1, d_model=8, max_seq_len=8, dropout=0.5)
    return build_model(config, V, seed=1).train()


def samples(**changes) -> SampleText:
    settings = {"decode": letters, "sampling": Sampling(0.8), "every": 20, "max_new_tokens": 6}
    return SampleText([1, 2], **(settings | changes))


def test_the_text_is_the_prompt_and_what_generate_says(gpt):
    text = samples(seed=7).on_eval(gpt, step=20)
    new = generate(gpt, torch.tensor([1, 2]), max_new_tokens=6, sampling=Sampling(0.8), seed=7)
    assert text == "bc" + letters(new.tolist())


def test_texts_come_at_multiples_and_at_the_last_step(gpt):
    hook = samples(every=20, last=55)
    given = [step for step in (0, 10, 20, 30, 40, 50, 55) if hook.on_eval(gpt, step=step)]
    assert given == [0, 20, 40, 55]


def test_a_sample_depends_on_the_parameters_alone(gpt):
    first = samples().on_eval(gpt, step=20)
    torch.manual_seed(99)
    hook = samples()
    hook.on_eval(gpt, step=0)
    assert hook.on_eval(gpt, step=40) == first
    with torch.no_grad():
        gpt.embedding.weight.mul_(-50)
    assert hook.on_eval(gpt, step=40) != first


def test_training_goes_on_as_if_nobody_had_looked(gpt):
    def step() -> torch.Tensor:
        gpt.zero_grad(set_to_none=True)
        gpt(torch.tensor([[1, 2, 3]])).square().sum().backward()
        return gpt.embedding.weight.grad.clone()

    torch.manual_seed(4)
    alone = step()
    torch.manual_seed(4)
    samples().on_eval(gpt, step=0)
    assert step().equal(alone)
    assert all(module.training for module in gpt.modules())


def test_the_text_ends_at_the_stop_token(gpt):
    text = samples(max_new_tokens=40).on_eval(gpt, step=0)
    stop = text[5]
    end = text.index(stop, 2)
    ended = samples(max_new_tokens=40, stop_id=ord(stop) - ord("a")).on_eval(gpt, step=0)
    assert ended == text[: end + 1]


def test_a_diverged_model_has_no_text(gpt):
    with torch.no_grad():
        gpt.embedding.weight.fill_(math.nan)
    assert samples().on_eval(gpt, step=0) is None
