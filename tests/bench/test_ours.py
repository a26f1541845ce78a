"""Our side is a run as the lab trains one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lab.bench.ours import SIZES, run, source, text_data, token_ids
from lab.bench.shapes import KINDS, TANH, TINY
from lab.data.store import TokenizedData, open_prepared
from lab.train.evaluation import evaluate

CPU = torch.device("cpu")


@pytest.fixture
def data(tmp_path: Path) -> TokenizedData:
    return text_data(tmp_path / "data", vocab_size=TINY.vocab_size)


def test_the_text_is_of_that_vocabulary_and_opens_as_any(data: TokenizedData) -> None:
    assert data.tokenizer.vocab_size == TINY.vocab_size
    assert {name: int(data.split(name).size) for name in SIZES} == SIZES
    ids = token_ids(data)
    assert ids.tolist() == data.split("train").tolist()
    assert np.unique(ids).tolist() == list(range(TINY.vocab_size))
    assert open_prepared(data.folder).digest == data.digest


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_trains_and_every_tenth_is_logged(data: TokenizedData, kind: str) -> None:
    ours = run(TINY.config(kind), data, batch_size=TINY.batch, device=CPU)
    before = ours.model.embedding.weight.detach().clone()
    for number in range(1, 21):
        ours.step()
        assert ours.member.state.step == number
        assert len(ours.member.state.pending) == number % 10
    row = ours.member.last_row
    assert row["tokens"] == 20 * TINY.tokens
    assert row["train/loss"] == pytest.approx(np.log(TINY.vocab_size), rel=0.1)
    assert not torch.equal(ours.model.embedding.weight, before)


def test_seeds_fix_a_run(data: TokenizedData) -> None:
    def loss(seed: int) -> float:
        ours = run(TINY.config(TANH), data, batch_size=TINY.batch, device=CPU, seed=seed)
        for _ in range(10):
            ours.step()
        return ours.member.last_row["train/loss"]

    assert loss(0) == loss(0) != loss(1)


def test_evaluation_reads_as_many_tokens_as_it_is_told(data: TokenizedData) -> None:
    ours = run(TINY.config(TANH), data, batch_size=TINY.batch, device=CPU)
    batches = source(
        data, torch.device("cpu"), length=TINY.length, batch_size=TINY.batch, limit=100
    )
    scored = sum(batch.n_scored for batch in batches.evaluation("val"))
    assert scored == 99
    found = evaluate(ours.model, batches.evaluation("val"), precision="fp32")
    assert found["loss"] == pytest.approx(np.log(TINY.vocab_size), rel=0.1)
