"""Every part of a search is tried on the run it would change, before the first one is trained."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.asked import LEARNED, LR, RATE, ROPE, SINES, THETA, fault, load, space_fault

THETAS: dict[str, Any] = {"low": 100, "high": 1000}
BIAS: dict[str, Any] = {"model.bias": [True, False]}
MEDIAN: dict[str, Any] = {"kind": "median", "startup": 2}
TOO = "too; leave it out of one, or keep them apart by a condition (when)"
JUDGED = (
    "trials are judged at 81,920 tokens, where a run of 768 tokens a step that evaluates every "
    "40 steps does not; set train.eval_every, or fix what changes the tokens a step"
)


def named(name: str) -> str:
    word = name.rsplit(".", 1)[-1]
    return f"as in {word}: {{one: {{{name}: ...}}, other: {{{name}: ...}}}}"


SPACES: dict[str, tuple[dict[str, Any], str]] = {
    # names
    "no number": (
        {"train.optimizer.lrr": RATE},
        ".train.optimizer.lrr: not a number of this run; did you mean 'train.optimizer.lr'?",
    ),
    "no setting": (
        {"train.batch_sise": [8, 16]},
        ".train.batch_sise: not a setting of this run; did you mean 'train.batch_size'?",
    ),
    "of the base": (
        {"base.train.batch_size": [8, 16]},
        ".base.train.batch_size: not a setting of this run; did you mean 'train.batch_size'?",
    ),
    "dot at the end": (
        {f"{LR}.": [0.1, 0.2]},
        f".{LR}.: not a setting of this run; did you mean '{LR}'?",
    ),
    "range of words": (
        {"train.precision": {"low": 1, "high": 2}},
        ".train.precision: not a number of this run; did you mean 'train.clip_norm'?",
    ),
    "range of truth": (
        {"model.bias": {"low": 0, "high": 1}},
        ".model.bias: not a number of this run; did you mean 'model.n_heads'?",
    ),
    "range of a pair": (
        {"train.optimizer.betas": {"low": 0, "high": 1}},
        ".train.optimizer.betas: not a number of this run; did you mean 'train.optimizer.eps'?",
    ),
    "kinds of a section": (
        {"model.position": ["rope", "learned"]},
        ".model.position: a section has no plain values; choose between fragments, "
        + named("model.position"),
    ),
    "fragments named by a setting": (
        {"model.position": {"rope": {"kind": "rope"}, "learned": {"kind": "learned"}}},
        ".model.position: fragments are named by a word of their own, and each names its settings "
        "in full, " + named("model.position"),
    ),
    # what no trial may change
    "seed": ({"seed": [1, 2]}, ".seed: seed is given by the plan; use tune.seeds"),
    "seed in a fragment": (
        {"x": {"a": {"seed": 1}, "b": {}}},
        ".x: seed is given by the plan; use tune.seeds",
    ),
    "device": ({"device": ["cpu"]}, ".device: device changes no number of a run"),
    "tracking": (
        {"tracking.samples.every": [1, 2]},
        ".tracking.samples.every: tracking.samples.every changes no number of a run",
    ),
    "checkpoints": (
        {"x": {"a": {"train.checkpoint_every": 3}, "b": {}}},
        ".x: train.checkpoint_every changes no number of a run",
    ),
    "tokenizer": (
        {"data.tokenizer.vocab_size": [300, 400]},
        ".data.tokenizer.vocab_size: data.tokenizer.vocab_size is the same for all trials of a "
        "search; compare it as variants",
    ),
    # values
    "beyond": (
        {"train.optimizer.weight_decay": {"low": -1, "high": 1}},
        ".low of train.optimizer.weight_decay: input should be greater than or equal to 0; "
        "got -1.0",
    ),
    "true among numbers": (
        {"train.batch_size": [8, True]},
        ": train.batch_size: input should be a valid integer; got True",
    ),
    "text among numbers": (
        {LR: [0.1, "fast"]},
        f": {LR}: input should be a valid number; got 'fast'",
    ),
    "null where there is none": ({LR: [0.1, None]}, f": {LR}: input should be a valid number; "
                                                   "got None"),
    "half a batch": (
        {"train.batch_size": [8.0, 16]},
        ": train.batch_size: input should be a valid integer; got 8.0",
    ),
    "no such word": (
        {"train.precision": ["fp32", "fp8"]},
        ": train.precision: input should be 'fp32' or 'bf16'; got 'fp8'",
    ),
    "one number twice": (
        {"train.optimizer.weight_decay": [1, 1.0]},
        ".train.optimizer.weight_decay: 1.0 gives the same run as another choice",
    ),
    "one fragment twice": (
        {"x": {"a": {"model.n_layers": 2}, "b": {}}},
        ".x: 'b' gives the same run as another choice",
    ),
    "unknown in a fragment": (
        {"x": {"a": {"model.bia": True}, "b": {}}},
        ".x.a.model.bia: unknown key; did you mean 'bias'?",
    ),
    "wrong in a fragment": (
        {"x": {"a": {"model.position": {"kind": "ropee"}}, "b": {}}},
        ".x.a.model.position: unknown kind 'ropee'; did you mean 'rope'?",
    ),
    "does not fit": (
        {"model.n_heads": [3, 4, 8], LR: RATE},
        ": model: d_model=64 is not a multiple of n_heads=3; try 63 or 66",
    ),
    "fits with none": (
        {"model.n_heads": [5, 4], "model.d_model": [48, 96], LR: RATE},
        ": model: d_model=64 is not a multiple of n_heads=5; try 60 or 65",
    ),
    # overlaps
    "a fragment and a setting": (
        {"size": {"a": {"model.n_layers": 2}, "b": {"model.n_layers": 3}}, **BIAS,
         "model.n_layers": [1, 4]},
        f".model.n_layers: model.n_layers is set by size {TOO}",
    ),
    "two fragments": (
        {"s": {"a": {"model.n_layers": 2}, "b": {"model.n_layers": 3}},
         "t": {"a": {"model.n_layers": 1}, "b": {"model.bias": True}}},
        f".t: model.n_layers is set by s {TOO}",
    ),
    "a part that the whole names": (
        {"pos": {"a": {"model.position": {"kind": "rope", "theta": 50}}, "b": LEARNED},
         THETA: {**THETAS, "when": {"pos": "a"}}},
        f".{THETA}: {THETA} is set by pos {TOO}",
    ),
    # conditions that are missing
    "a part of some": (
        {"pos": {"a": ROPE, "b": SINES, "c": LEARNED}, THETA: THETAS},
        f".{THETA}: there is no such setting where pos is c; "
        "give it the condition when: {pos: [a, b]}",
    ),
    "a part of some, first": (
        {"model.position.amplitude": RATE, "pos": {"a": ROPE, "b": SINES, "c": LEARNED}},
        ".model.position.amplitude: there is no such setting where pos is a or c; "
        "give it the condition when: {pos: [b]}",
    ),
    "too wide a condition": (
        {"pos": {"a": ROPE, "b": SINES},
         "model.position.amplitude": {**RATE, "when": {"pos": ["b", "a"]}}},
        ".model.position.amplitude: there is no such setting where pos is a; "
        "give it the condition when: {pos: [b]}",
    ),
    "a part of some kinds": (
        {"model.position.kind": ["rope", "learned"], THETA: THETAS},
        f".{THETA}: there is no such setting where model.position.kind is learned; "
        "give it the condition when: {model.position.kind: [rope]}",
    ),
    "conditions that exclude each other": (
        {"a": {"x": {"model.bias": True}, "y": {}},
         "b": {"p": {"model.n_layers": 3}, "q": {}, "when": {"a": "x"}},
         LR: {**RATE, "when": {"a": "y", "b": "p"}}},
        f".{LR}.when: these conditions never hold together",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_a_wrong_space_is_a_sentence(name: str, tmp_path: Path) -> None:
    space, expected = SPACES[name]
    assert space_fault(tmp_path, space) == f"tune.space{expected}"


def test_a_part_that_no_choice_has(tmp_path: Path) -> None:
    space = {"pos": {"b": LEARNED, "c": {"model.bias": True}}, THETA: THETAS}
    assert space_fault(tmp_path, space).splitlines()[-1] == (
        f"tune.space.high of {THETA}: unknown key; valid: kind"
    )


def test_all_faults_at_once(tmp_path: Path) -> None:
    space = {"seed": [1, 2], "model.n_layer": [1, 2], LR: {"low": 0, "high": 1}}
    assert [line.split(":")[0] for line in space_fault(tmp_path, space).splitlines()] == [
        "tune.space.seed",
        "tune.space.model.n_layer",
        f"tune.space.low of {LR}",
    ]


RIGHT: dict[str, dict[str, Any]] = {
    "words": {"train.precision": ["fp32", "bf16"], LR: RATE},
    "truth": {**BIAS, LR: RATE},
    "null": {"train.clip_norm": [None, 1], LR: RATE},
    "kinds": {
        "model.position.kind": ["rope", "learned"],
        THETA: {**THETAS, "when": {"model.position.kind": "rope"}},
    },
    "beside each other": {"model.n_heads": [2, 3, 4], "model.d_model": [48, 96], LR: RATE},
    "steps and warm-up": {
        "train.steps": [30, 400],
        "train.schedule.warmup_steps": [5, 40],
        LR: RATE,
    },
    "whole and part, part first": {
        THETA: {**THETAS, "when": {"pos": "a"}},
        "pos": {"a": ROPE, "b": LEARNED},
    },
    "a condition on a number": {
        "model.n_layers": {"low": 1, "high": 4},
        "model.dropout": {"low": 0, "high": 0.2, "when": {"model.n_layers": [3, 4]}},
    },
    "a whole section": {"train": {"a": {"train.steps": 100}, "b": {}}, LR: RATE},
    "no change": {"x": {"as it is": {}, "b": {"model.bias": True}}, LR: RATE},
    "numbers for labels": {"x": {"1": {"model.n_layers": 1}, "2": {}}, LR: RATE},
    "whole, of a number": {"train.optimizer.weight_decay": {"low": 0, "high": 6, "integer": True}},
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_space(name: str, tmp_path: Path) -> None:
    question = load(tmp_path, {"space": RIGHT[name], "trials": 3})
    assert question.parse(question.dump()) == question
    assert question.tune is not None
    assert list(question.tune.space) == list(RIGHT[name])


def test_loading_changes_nothing(tmp_path: Path) -> None:
    """Values are tried on the very fragments of the question."""
    space = {"pos": {"a": ROPE, "b": SINES}, THETA: {**THETAS, "when": {"pos": ["a", "b"]}}}
    question = load(tmp_path, {"space": space})
    assert question.changes({"pos": "a"}) == ROPE
    assert question.changes({"pos": "b", THETA: 500.0}) == {**SINES, THETA: 500.0}


# ---- trials, pruners, settings to try


def test_more_trials_than_combinations(tmp_path: Path) -> None:
    space = {**BIAS, "model.n_layers": {"low": 1, "high": 4}}
    load(tmp_path, {"space": space, "trials": 8})
    load(tmp_path, {"space": space, "trials": "none", "sampler": {"kind": "grid"}})
    load(tmp_path, {"space": {**space, LR: RATE}, "trials": 9})
    for sampler in ("quasi-random", "random", "tpe"):
        tune = {"space": space, "trials": 9, "sampler": {"kind": sampler}}
        assert fault(tmp_path, tune) == (
            "tune.trials: 9 are more than there are combinations, 8; "
            "take no more, or leave it out and try all with sampler: {kind: grid}"
        )


NEVER = "evaluate more often (train.eval_every), or let it begin earlier"
PRUNED: dict[str, tuple[dict[str, Any], str]] = {
    "too rarely": (
        {"pruner": {"kind": "median", "every": 500}},
        "tune.pruner: median never judges a run of 400 steps that evaluates every 40; "
        f"{NEVER} (every)",
    ),
    "too late": (
        {"pruner": {"kind": "hyperband", "min_steps": 300}},
        "tune.pruner: hyperband never judges a run of 400 steps that evaluates every 40; "
        f"{NEVER} (min_steps)",
    ),
    "batches": (
        {"pruner": MEDIAN, "space": {"train.batch_size": [8, 12, 16], LR: RATE}},
        f"tune.space.train.batch_size: 12: {JUDGED}",
    ),
    "any batch": (
        {"pruner": MEDIAN, "space": {"train.batch_size": {"low": 12, "high": 16}}, "trials": 3},
        f"tune.space.train.batch_size: 12: {JUDGED}",
    ),
    "batches in a fragment": (
        {"pruner": MEDIAN, "space": {"x": {"a": {"train.batch_size": 12}, "b": {}}}, "trials": 2},
        f"tune.space.x: a: {JUDGED}",
    ),
    "a whole section": (
        {
            "pruner": MEDIAN,
            "space": {
                "x": {"a": {"train": {"steps": 400, "batch_size": 12}}, "b": {}},
            },
            "trials": 2,
        },
        f"tune.space.x: a: {JUDGED}",
    ),
    "too many to look at": (
        {"pruner": MEDIAN, "space": {"train.steps": {"low": 100, "high": 200, "log": True}}},
        "tune.space.train.steps: with a pruner, list its values, to meet at equal tokens",
    ),
}


@pytest.mark.parametrize("name", PRUNED)
def test_a_pruner_that_cannot_judge_is_a_sentence(name: str, tmp_path: Path) -> None:
    tune, expected = PRUNED[name]
    assert fault(tmp_path, tune) == expected


def test_a_pruner_needs_an_evaluation_before_the_end(tmp_path: Path) -> None:
    tune = {"pruner": {"kind": "successive-halving"}}
    assert "never judges a run of 400 steps that evaluates every 400" in fault(
        tmp_path, tune, "train.eval_every=400"
    )


def test_a_pruner_may_meet_what_changes_the_length(tmp_path: Path) -> None:
    space = {"train.batch_size": [8, 16], LR: RATE}
    load(tmp_path, {"pruner": MEDIAN, "space": space})
    load(tmp_path, {"pruner": {"kind": "wilcoxon"}, "seeds": 5, "space": {
        "train.batch_size": [8, 12], LR: RATE}})  # fmt: skip


def test_a_variant_must_come_by_the_rungs(tmp_path: Path) -> None:
    variants = {"a": {}, "b": {"train.batch_size": 12}}
    assert fault(tmp_path, {"pruner": MEDIAN}, variants=variants) == f"variants.b: {JUDGED}"
    load(tmp_path, {"pruner": MEDIAN}, variants={"a": {}, "b": {"train.batch_size": 8}})


def test_settings_to_try_are_tried(tmp_path: Path) -> None:
    space = {"model.n_heads": [3, 4], "model.d_model": [48, 64], LR: RATE}
    load(tmp_path, {"space": space, "try": [{"model.n_heads": 3}]})
    together = {"model.n_heads": 3, "model.d_model": 64}
    assert fault(tmp_path, {"space": space, "try": [{}, together]}) == (
        "tune.try.1: model: d_model=64 is not a multiple of n_heads=3; try 63 or 66"
    )


# ---- variants beside a search

VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the same setting": (
        {**BIAS, LR: RATE},
        {"model.bias": True},
        "model.bias",
    ),
    "the same section": (
        {"pos": {"a": ROPE, "b": LEARNED}, LR: RATE},
        SINES,
        "model.position",
    ),
    "a part of the section": (
        {"pos": {"a": ROPE, "b": SINES}, LR: RATE},
        {"model.position.theta": 500},
        "model.position.theta",
    ),
    "a section that names the part": (
        {THETA: THETAS},
        {"model.position": {"kind": "rope", "theta": 50}},
        "model.position",
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_tuned_no_variant_may_fix(name: str, tmp_path: Path) -> None:
    space, fragment, path = VARIANTS[name]
    found = fault(
        tmp_path,
        {"space": space},
        "model.position={kind: sinusoidal}",
        variants={"a": {"model.tie_embeddings": False}, "b": fragment},
    )
    assert found == f"variants.b.{path}: is tuned, so no variant may fix it"


def test_a_part_of_every_variant_may_be_tuned(tmp_path: Path) -> None:
    question = load(tmp_path, {"space": {THETA: THETAS}}, variants={"a": ROPE, "b": SINES})
    assert question.variant("b", {THETA: 500.0}).model.position.dump()["theta"] == 500
    found = fault(tmp_path, {"space": {THETA: THETAS}}, variants={"a": ROPE, "b": LEARNED})
    assert f"tune.space.low of {THETA}: unknown key; valid: kind" in found.splitlines()
