"""Constraints: how they are written, and by how much a run breaks them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.constraint import parse_constraint, quantity
from lab.config.run import RunConfig
from tests.config.asked import BASE, fault, load

RUN = RunConfig.parse(BASE)

WRITTEN = {
    "model.n_params < 200_000": ("model.n_params", "<", 200_000.0),
    "model.n_params<2e5": ("model.n_params", "<", 200_000.0),
    "  train.steps>=1_0 ": ("train.steps", ">=", 10.0),
    "train.optimizer.lr > 1.5E-3": ("train.optimizer.lr", ">", 0.0015),
    "model.dropout <= .5": ("model.dropout", "<=", 0.5),
    "model.dropout <= 5.": ("model.dropout", "<=", 5.0),
    "model.dropout > -1": ("model.dropout", ">", -1.0),
    "model.d_ff < +9": ("model.d_ff", "<", 9.0),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_constraint_is_read(text: str) -> None:
    read = parse_constraint(text)
    assert (read.quantity, read.sign, read.bound) == WRITTEN[text]
    assert read.text == text


MALFORMED = [
    "200_000 > model.n_params",
    "1 < model.n_params < 5",
    "model.n_params == 5",
    "model.n_params =< 5",
    "model.n_params < 100k",
    "model.n_params < 100,000",
    "model.n_params < _",
    "model.n_params < ",
    "model.n_params < model.d_ff",
    "model.n_params < 5 * 3",
    "val/loss < 3",
    "model.n_params",
    "",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_constraint_is_a_sentence(text: str, tmp_path: Path) -> None:
    assert fault(tmp_path, {"constraints": [text]}) == (
        f"tune: {text!r} is no constraint; write one such as 'model.n_params < 200_000'"
    )


UNKNOWN = {
    "model.n_param": "; did you mean 'model.n_params'?",
    "n_params": "; did you mean 'model.n_params'?",
    "base.train.steps": "; did you mean 'train.steps'?",
    "speed": "; valid: model.n_params, ",
    "model.bias": ";",
    "model.position": ";",
    "train.optimizer.betas": ";",
    "train.precision": ";",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_quantity_is_a_sentence(name: str, tmp_path: Path) -> None:
    found = fault(tmp_path, {"constraints": [f"{name} < 5"]})
    assert found.startswith(f"tune.constraints: {name} is not known{UNKNOWN[name]}")


def test_other_faults_are_sentences(tmp_path: Path) -> None:
    assert fault(tmp_path, {"constraints": ["model.n_params < 1e999"]}) == (
        "tune: 'model.n_params < 1e999': 1e999 is not a finite number"
    )
    assert fault(tmp_path, {"constraints": "train.steps < 5"}) == (
        "tune.constraints: input should be a valid array; got 'train.steps < 5'"
    )
    assert fault(tmp_path, {"constraints": [5]}) == (
        "tune.constraints.0: input should be a valid string; got 5"
    )


def test_numbers_of_a_run() -> None:
    def number(name: str) -> float:
        return quantity(name, RUN, vocab_size=50)

    assert number("model.n_params") == RUN.model.n_params(50)
    assert number("model.n_params_embedding") == 50 * 64 + 64 * 64
    assert number("model.flops_per_token") == RUN.model.flops_per_token(50)
    assert number("model.d_ff") == 256  # solved, not written
    assert number("train.optimizer.lr") == 1e-3
    assert number("train.schedule.warmup_steps") == 40
    for name in ("model.bias", "model.position.theta", "train.optimizer.betas", "train.eval_every"):
        with pytest.raises(ValueError, match=f"{name} is no number of this run"):
            number(name)


def test_a_quantity_that_only_some_choices_have_is_known(tmp_path: Path) -> None:
    names = ("model.position.theta", "train.clip_norm", "model.mlp.d_ff", "train.eval_every")
    load(tmp_path, {"constraints": [f"{name} < 1_000" for name in names]})


SIGNS = ["<", "<=", ">", ">="]


@settings(deadline=None, max_examples=100, database=None)
@given(steps=st.integers(41, 1000), bound=st.integers(-1000, 1000), sign=st.sampled_from(SIGNS))
def test_the_excess_is_positive_where_the_constraint_is_broken(
    steps: int, bound: int, sign: str
) -> None:
    kept = {"<": steps < bound, "<=": steps <= bound, ">": steps > bound, ">=": steps >= bound}
    run = RUN.replaced({"train.steps": steps})
    excess = parse_constraint(f"train.steps {sign} {bound}").excess(run, vocab_size=1)
    assert (excess <= 0) == kept[sign]


def test_the_excess_is_a_share_of_the_bound() -> None:
    assert parse_constraint("train.steps < 200").excess(RUN, vocab_size=1) == 1.0
    assert parse_constraint("train.steps > 800").excess(RUN, vocab_size=1) == 0.5
    assert parse_constraint("train.steps <= 0").excess(RUN, vocab_size=1) == 400
