"""Rows of unequal lengths train as each would alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lab.batch import IGNORED
from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model
from lab.train.evaluation import cross_entropy, cross_entropy_and_z_loss, evaluate
from lab.train.padding import padded

V = 11
ROWS = [[3, 1, 4, 1, 5, 9, 2], [6, 5], [3, 5, 8, 9]]
KINDS = [
    {},
    {"position": {"kind": "rope"}},
    {"position": {"kind": "alibi"}, "attention": {"kind": "multi-query", "window": 3}},
]


@pytest.fixture(params=KINDS, ids=str)
def model(request: pytest.FixtureRequest) -> GPT:
    shape = {"n_layers": 2, "n_heads": 2, "d_model": 8, "max_seq_len": 8, "init_std": 0.5}
    return build_model(ModelConfig.parse(shape | request.param), V, seed=0).double()


def test_padding_stands_at_the_end_and_is_not_scored() -> None:
    batch = padded(ROWS, pad=7)
    inputs, targets = batch.inputs, batch.targets
    assert inputs.tolist() == [[3, 1, 4, 1, 5, 9], [6, 7, 7, 7, 7, 7], [3, 5, 8, 7, 7, 7]]
    assert targets[1].tolist() == [5] + [IGNORED] * 5
    assert batch.n_scored == 6 + 1 + 3


def test_a_row_with_nothing_to_predict_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 has fewer than 2 tokens"):
        padded([[1, 2], [3]])


def test_loss_and_gradients_are_those_of_the_single_rows(model: GPT) -> None:
    batch = padded(ROWS)
    loss = cross_entropy(model(batch.inputs), batch.targets)
    together = torch.autograd.grad(loss, list(model.parameters()))
    sums = [
        nn.functional.cross_entropy(
            model(torch.tensor([row[:-1]]))[0], torch.tensor(row[1:]), reduction="sum"
        )
        for row in ROWS
    ]
    alone = sum(sums) / 10
    torch.testing.assert_close(loss, alone, rtol=0, atol=1e-12)
    apart = torch.autograd.grad(alone, list(model.parameters()))
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


def test_what_the_padding_is_does_not_matter(model: GPT) -> None:
    zeros, sevens = (padded(ROWS, pad=pad) for pad in (0, 7))
    losses = [cross_entropy(model(batch.inputs), batch.targets) for batch in (zeros, sevens)]
    assert torch.equal(*losses)


def test_evaluation_scores_real_tokens_alone(model: GPT) -> None:
    found = evaluate(model, [replace(padded(ROWS), n_bytes=10)], precision="fp32")
    rows = [replace(padded([row]), n_bytes=len(row) - 1) for row in ROWS]
    assert found.keys() == {"loss", "perplexity", "bpb"}
    assert found == pytest.approx(evaluate(model, rows, precision="fp32"))


def test_z_loss_is_the_mean_square_of_log_z(model: GPT) -> None:
    batch = padded(ROWS)
    logits, targets = model(batch.inputs), batch.targets
    squares = [
        logits[row, t].exp().sum().log().square()
        for row in range(3)
        for t in range(6)
        if targets[row, t] != IGNORED
    ]
    loss, z_loss = cross_entropy_and_z_loss(logits, targets)
    torch.testing.assert_close(z_loss.double(), sum(squares) / len(squares), rtol=1e-6, atol=0)
    torch.testing.assert_close(loss, cross_entropy(logits, targets), rtol=1e-6, atol=0)
