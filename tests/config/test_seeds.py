"""How many seeds each arm may get."""

from typing import Any

from lab.config.seeds import seeds_of
from lab.config.sweep import SweepConfig
from tests.sweep.test_plan import QUESTION


def seeds(**changes: Any) -> dict[str, tuple[int, int]]:
    return seeds_of(SweepConfig.parse({**QUESTION, **changes}))


def test_from_the_first_look_to_the_last() -> None:
    assert seeds() == dict.fromkeys(QUESTION["variants"], (3, 5))
    assert seeds(confirm=None) == {}
    assert set(seeds(confirm={"test": "fixed", "max_seeds": 4}).values()) == {(4, 4)}


def test_with_nothing_to_compare_all_are_trained() -> None:
    assert seeds(variants={"base": {}}) == {"base": (5, 5)}


def test_a_twin_has_those_of_its_reference() -> None:
    found = seeds(confirm={"max_seeds": 6}, baseline="rope")
    assert found["rope-twin"] == found["rope"] == (4, 6)


def test_who_is_in_no_comparison_that_can_be_made_gets_the_first_only() -> None:
    base = {**QUESTION["base"], "evaluate": {"lengths": [512]}}
    kinds = {kind: {"model.position": {"kind": kind}} for kind in ("rope", "learned", "alibi")}
    found = seeds(base=base, variants=kinds, confirm={"max_seeds": 5, "metric": "loss@512"})
    assert found == {"rope": (4, 5), "learned": (4, 4), "alibi": (4, 5)}
