"""Parts of a question tried on a run, without training it: what would the config's rules say?"""

import math
import random
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lab.config.explain import explained
from lab.config.run import RunConfig
from lab.config.space import Choices, Range, Scalar, Settings, Space, changes, is_active, ordered

DRAWS = 200  # of the other settings, until a value counts as one that fits none of them


def tried(base: RunConfig, changed: Mapping[str, Any], prefix: str) -> list[str]:
    """What is wrong with a run with some changes, a line each."""
    try:
        base.replaced(changed)
    except ValidationError as error:
        return explained(error, RunConfig, prefix=prefix)
    return []


def fits(base: RunConfig, space: Space, fixed: Settings) -> bool:
    """Whether settings that are invalid beside the base are valid with some of the others."""
    if set(_faults(base, changes(space, fixed))) - {"value_error", "missing"}:
        return False  # no matter what they stand beside
    rng = random.Random(0)
    draws = (drawn_with(space, fixed, rng) for _ in range(DRAWS))
    return any(not _faults(base, changes(space, settings)) for settings in draws)


def lacks(base: RunConfig, changed: Mapping[str, Any]) -> bool:
    """Whether the changes set what a run such as this does not have, or a part without a whole."""
    return bool({"extra_forbidden", "union_tag_not_found"} & {*_faults(base, changed)})


def drawn_with(space: Space, fixed: Settings, rng: random.Random) -> Settings:
    """Any settings that hold the fixed ones."""
    found: Settings = {}
    for name in ordered(space):
        if is_active(space[name], found):
            found[name] = fixed[name] if name in fixed else _any(space[name], rng)
    return found


def _any(entry: Range | Choices, rng: random.Random) -> Scalar:
    if isinstance(entry, Choices):
        return rng.choice(entry.keys)
    if entry.log:
        return entry.value(math.exp(rng.uniform(math.log(entry.low), math.log(entry.high))))
    return entry.value(rng.uniform(entry.low, entry.high))


def _faults(base: RunConfig, changed: Mapping[str, Any]) -> list[str]:
    """The kinds of what is wrong."""
    try:
        base.replaced(changed)
    except ValidationError as error:
        return [fault["type"] for fault in error.errors()]
    return []
