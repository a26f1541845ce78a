"""The rules of a search: each one broken is a sentence; what is left out has a value."""

from pathlib import Path
from typing import Any

import pytest

from lab.config.tune import TuneConfig
from tests.config.asked import LEARNED, LR, RATE, ROPE, SINES, THETA, fault, load

DROPOUT = "model.dropout"
TWO: dict[str, Any] = {LR: RATE, DROPOUT: {"low": 0, "high": 0.2}}
BIAS: dict[str, Any] = {"model.bias": [True, False]}
POSITIONS: dict[str, Any] = {
    "pos": {"rope": ROPE, "sines": SINES, "learned": LEARNED},
    THETA: {"low": 100, "high": 1000, "when": {"pos": ["rope", "sines"]}},
    LR: RATE,
}
GRID = {"kind": "grid"}
TPE = {"kind": "tpe"}
CMA = {"kind": "cma-es"}
PARETO = ["val/loss", "model.n_params"]
VALUES = "a grid needs the values; list them, as [0.001, 0.003, 0.01], or give a step"
REFINED = (
    "only the ranges of a quasi-random or random list are refined, towards one objective; "
    "leave it out"
)

RULES: dict[str, tuple[dict[str, Any], str]] = {
    "no trials": ({"trials": None}, "trials: required, but missing"),
    "no trials of a sampler": (
        {"trials": None, "sampler": TPE},
        "trials: required, but missing",
    ),
    "a grid over an interval": ({"sampler": GRID, "trials": None}, f"space.{LR}: {VALUES}"),
    "a grid over orders of magnitude": (
        {
            "sampler": GRID,
            "trials": None,
            "space": {"model.n_layers": {"low": 1, "high": 8, "log": True}},
        },
        f"space.model.n_layers: {VALUES}",
    ),
    "a grid's trials": (
        {"sampler": GRID, "space": BIAS},
        "a grid names its trials itself; leave out trials and try",
    ),
    "settings to try beside a grid": (
        {"sampler": GRID, "trials": None, "space": BIAS, "try": [{"model.bias": True}]},
        "a grid names its trials itself; leave out trials and try",
    ),
    "a grid refined": (
        {"sampler": GRID, "trials": None, "space": BIAS, "refine": 1},
        f"refine=1: {REFINED}",
    ),
    "a huge grid": (
        {
            "sampler": GRID,
            "trials": None,
            "space": {
                "train.steps": {"low": 100, "high": 1099},
                "model.d_model": {"low": 4, "high": 1000, "step": 4},
            },
        },
        "the grid has more than 10,000 cells; list fewer values",
    ),
    "an adaptive search refined": ({"sampler": TPE, "refine": 2}, f"refine=2: {REFINED}"),
    "choices refined": ({"space": BIAS, "trials": 2, "refine": 1}, f"refine=1: {REFINED}"),
    "several objectives refined": ({"objective": PARETO, "refine": 1}, f"refine=1: {REFINED}"),
    "all refined": (
        {"refine": 6},
        "refine=6 and 0 settings to try must leave at least one of trials=6",
    ),
    "all given": (
        {"try": [{LR: 0.01}] * 4},
        "refine=2 and 4 settings to try must leave at least one of trials=6",
    ),
    "one number for CMA-ES": (
        {"sampler": CMA},
        "sampler cma-es needs two or more ranges without conditions; use tpe or gp",
    ),
    "conditions for CMA-ES": (
        {"sampler": CMA, "space": POSITIONS},
        "sampler cma-es needs two or more ranges without conditions; use tpe or gp",
    ),
    "two objectives for CMA-ES": (
        {"sampler": CMA, "space": TWO, "objective": PARETO},
        "sampler cma-es takes one objective; use nsga-ii or tpe",
    ),
    "a list does not learn": (
        {"warm_start": "earlier"},
        "warm_start: a quasi-random list learns nothing from earlier trials; use sampler tpe, gp "
        "or cma-es, or name their best settings in try",
    ),
    "no folder": (
        {"warm_start": "", "sampler": TPE},
        "warm_start: give the folder of an earlier sweep, or leave it out",
    ),
    "no objective": ({"objective": []}, "objective: name one metric or more, such as val/loss"),
    "an objective twice": (
        {"objective": ["val/loss", {"metric": "val/loss", "direction": "maximize"}]},
        "objective: val/loss, val/loss: a metric stands there twice",
    ),
    "several objectives pruned": (
        {"objective": PARETO, "pruner": {"kind": "median"}},
        "pruner: with several objectives no trial can be given up early",
    ),
    "pruned by a count": (
        {"objective": "model.n_params", "pruner": {"kind": "hyperband"}},
        "pruner hyperband: model.n_params is the same at every rung; prune by a loss",
    ),
    "pruned by a time": (
        {"objective": "time/seconds", "pruner": {"kind": "median"}},
        "pruner median: time/seconds is the same at every rung; prune by a loss",
    ),
    "too few seeds for Wilcoxon": (
        {"pruner": {"kind": "wilcoxon"}, "seeds": 4},
        "pruner wilcoxon: 4 seeds can give p = 0.0625 at best, so seeds=4 never spares one at "
        "p=0.1; give seeds: 5 or more",
    ),
    "one seed for Wilcoxon": (
        {"pruner": {"kind": "wilcoxon", "p": 0.3}},
        "pruner wilcoxon: 2 seeds can give p = 0.25 at best, so seeds=1 never spares one at "
        "p=0.3; give seeds: 3 or more",
    ),
    "no name": ({"space": {" ": [1, 2]}}, "space: a name is empty; give the setting's path"),
    "try what is not searched": (
        {"try": [{}, {"train.optimizer.l": 0.01}]},
        "try.1: train.optimizer.l is not in the space; did you mean 'train.optimizer.lr'?",
    ),
    "try beyond": (
        {"try": [{LR: 1}]},
        f"try.0: {LR}=1 is not in 0.001 to 0.1 on a logarithmic scale",
    ),
    "try a text": (
        {"try": [{LR: "0.01"}]},
        f"try.0: {LR}='0.01' is not in 0.001 to 0.1 on a logarithmic scale",
    ),
    "try nothing": (
        {"try": [{LR: None}]},
        f"try.0: {LR}=None is not in 0.001 to 0.1 on a logarithmic scale",
    ),
    "try another label": (
        {"space": POSITIONS, "try": [{"pos": "alibi"}]},
        "try.0: pos='alibi' is not in rope, sines, learned",
    ),
    "try a part alone": (
        {"space": POSITIONS, "try": [{THETA: 500}]},
        f"try.0: {THETA} is only there when pos is rope or sines; name that too",
    ),
    "try a part of another": (
        {"space": POSITIONS, "try": [{THETA: 500, "pos": "learned"}]},
        f"try.0: {THETA} is only there when pos is rope or sines; name that too",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_a_sentence(rule: str, tmp_path: Path) -> None:
    tune, expected = RULES[rule]
    assert fault(tmp_path, tune) == f"tune: {expected}"


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "trials": ({"trials": 0}, "trials: input should be greater than or equal to 1; got 0"),
    "too many": (
        {"trials": 10_001},
        "trials: input should be less than or equal to 10000; got 10001",
    ),
    "seeds": ({"seeds": 0}, "seeds: input should be greater than or equal to 1; got 0"),
    "settle": ({"settle": 0.7}, "settle: input should be less than 0.5; got 0.7"),
    "sampler": ({"sampler": {"kind": "tp"}}, "sampler: unknown kind 'tp'; did you mean 'tpe'?"),
    "a word": ({"sampler": "tpe"}, "sampler: must be a mapping of keys to values; got 'tpe'"),
    "width": (
        {"sampler": {"kind": "tpe", "width": 0}},
        "sampler.width: input should be greater than or equal to 1; got 0",
    ),
    "another's key": (
        {"sampler": {"kind": "grid", "width": 2}},
        "sampler.width: unknown key; valid: kind",
    ),
    "space": ({"space": None}, "space: must be a mapping of keys to values; got None"),
    "list": ({"space": [LR]}, "space: must be a mapping of keys to values; got ['"),
    "try": ({"try": {LR: 0.01}}, "try: input should be a valid array; got {"),
    "in try": ({"try": [3]}, "try.0: must be a mapping of keys to values; got 3"),
    "a list in try": (
        {"try": [{LR: [0.01]}]},
        f"try.0.{LR}: [0.01] must be one plain value: a number, a text, true, false or null",
    ),
    "not called so": ({"enqueued": []}, "enqueued: unknown key; valid: sampler, trials, refine, "),
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_wrong_field_is_a_sentence(field: str, tmp_path: Path) -> None:
    tune, expected = FIELDS[field]
    found = fault(tmp_path, tune)
    assert found.startswith(f"tune.{expected}")
    assert "\n" not in found


SECTIONS: dict[str, tuple[Any, str]] = {
    "tune: [1]": ([1], "tune: must be a mapping of keys to values; got [1]"),
    "tune: x": ("x", "tune: must be a mapping of keys to values; got 'x'"),
    "tune: {}": ({}, "tune.space: required, but missing"),
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_wrong_section_is_a_sentence(section: str, tmp_path: Path) -> None:
    tune, expected = SECTIONS[section]
    assert fault(tmp_path, None, tune=tune) == expected


def tune_of(**raw: Any) -> TuneConfig:
    return TuneConfig.parse({"trials": 9, "space": {"x": {"low": 0.0, "high": 1.0}}, **raw})


def test_trials_are_shared_out() -> None:
    def shares(tune: TuneConfig) -> tuple[int, int, int, int]:
        return tune.n_trials, len(tune.enqueued), tune.n_explore, tune.n_refine

    assert shares(tune_of()) == (9, 0, 6, 3)
    assert shares(tune_of(refine=0)) == (9, 0, 9, 0)
    assert shares(tune_of(**{"try": [{"x": 0.5}, {}]})) == (9, 2, 4, 3)
    assert shares(tune_of(sampler={"kind": "tpe"})) == (9, 0, 9, 0)
    assert shares(tune_of(objective=[{"metric": "val/loss"}, {"metric": "time/seconds"}])) == (
        (9, 0, 9, 0)
    )
    cells = {"x": {"choices": [1, 2]}, "y": {"low": 0, "high": 2, "integer": True}}
    assert shares(tune_of(sampler={"kind": "grid"}, trials=None, space=cells)) == (6, 0, 6, 0)
    assert shares(tune_of(space={"x": {"choices": list(range(20))}})) == (9, 0, 9, 0)


def test_how_many_are_asked_for_at_a_time() -> None:
    assert tune_of().width == 9
    assert tune_of(sampler={"kind": "tpe"}).width == 4
    assert tune_of(sampler={"kind": "gp", "width": 2}).width == 2
    assert not tune_of().is_adaptive
    assert tune_of(sampler={"kind": "nsga-ii"}).is_adaptive


def test_a_space_of_numbers() -> None:
    assert tune_of().is_numeric
    other = {"low": 0.0, "high": 1.0, "when": {"y": [1]}}
    assert not tune_of(space={"y": {"choices": [1, 2]}}).is_numeric
    assert not tune_of(space={"y": {"low": 1, "high": 2, "step": 1}, "x": other}).is_numeric


def test_what_may_be_tried_first(tmp_path: Path) -> None:
    tries = [{}, {"pos": "rope"}, {"pos": "rope", THETA: 500}, {LR: 0.1}]
    question = load(tmp_path, {"space": POSITIONS | {THETA: {**POSITIONS[THETA], "when": {
        "pos": "rope"}}}, "trials": 9, "try": tries})  # fmt: skip
    assert question.tune is not None
    assert list(question.tune.enqueued) == tries
    assert question.tune.dump()["try"] == tries
    assert question.parse(question.dump()) == question


def test_cma_es_may_have_choices_too(tmp_path: Path) -> None:
    assert load(tmp_path, {"sampler": CMA, "space": {**TWO, **BIAS}}).tune is not None


@pytest.mark.parametrize(("p", "seeds"), [(0.1, 4), (0.25, 2), (0.125, 3), (0.0625, 4), (0.06, 5)])
def test_wilcoxon_needs_as_many_seeds_as_its_level(p: float, seeds: int) -> None:
    pruner = {"kind": "wilcoxon", "p": p}
    assert tune_of(pruner=pruner, seeds=seeds + 1).pruner.least_seeds == seeds  # type: ignore[union-attr]
    assert 0.5**seeds <= p < 0.5 ** (seeds - 1)
    with pytest.raises(ValueError, match=f"give seeds: {seeds + 1} or more"):
        tune_of(pruner=pruner, seeds=seeds)
