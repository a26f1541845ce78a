"""Where two parts of a question set one thing: each setting has one place that decides it.

Design choices:
- a fragment may set a whole section that another entry then sets a part of; but a part that both
  name is a mistake, for one of them would be lost without a word;
- two entries whose conditions keep them apart never meet.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.config.base import get
from lab.config.space import Choices, Range, Scalar, Settings, same

Entries = Mapping[str, Range | Choices]
Conditions = dict[str, tuple[Scalar, ...]]


def both_set(path: str, value: Any, other: str, other_value: Any) -> bool:
    """Whether setting `path` to a value and `other` to another decides one thing twice."""
    if path == other:
        return True
    if len(path) > len(other):
        path, value, other = other, other_value, path
    if not other.startswith(f"{path}.") or not isinstance(value, Mapping):
        return False
    above, _, last = other.removeprefix(f"{path}.").rpartition(".")
    inner = get(value, above) if above else value
    return isinstance(inner, Mapping) and last in inner


def settings_of(name: str, entry: Range | Choices) -> Iterator[tuple[str, Any, str | None]]:
    """What an entry may set: each path, with the value and the label of its fragment."""
    if isinstance(entry, Choices) and isinstance(entry.choices, dict):
        for label, fragment in entry.choices.items():
            for path, value in fragment.items():
                yield path, value, label
    else:
        yield name, None, None


def conditions(space: Entries, name: str, label: str | None = None) -> Conditions:
    """The values of other entries under which an entry is there; its own label among them."""
    found: Conditions = {} if label is None else {name: (label,)}
    for parent, values in space[name].when.items():
        found = both(both(found, {parent: values}), conditions(space, parent))
    return found


def context(met: Conditions) -> Settings:
    """Settings under which the conditions hold."""
    return {name: values[0] for name, values in met.items()}


def both(one: Conditions, other: Conditions) -> Conditions:
    """What holds where both hold; an entry left without a value is never there."""
    shared = {
        name: tuple(value for value in values if any(same(value, v) for v in one[name]))
        for name, values in other.items()
        if name in one
    }
    return {**one, **other, **shared}


def clashes(space: Entries) -> list[str]:
    """Pairs of entries that set one thing with no condition to keep them apart, a line each."""
    names, faults = list(space), []
    for number, second in enumerate(names):
        for first in names[:number]:
            if path := _clash(space, first, second):
                faults.append(
                    f"tune.space.{second}: {path} is set by {first} too; leave it out of one, "
                    "or keep them apart by a condition (when)"
                )
    return faults


def _clash(space: Entries, first: str, second: str) -> str | None:
    for path, value, label in settings_of(first, space[first]):
        for other, other_value, other_label in settings_of(second, space[second]):
            if not both_set(path, value, other, other_value):
                continue
            met = both(conditions(space, first, label), conditions(space, second, other_label))
            if all(met.values()):
                return max(path, other, key=len)
    return None
