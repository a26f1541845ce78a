"""What a search may vary: ranges of numbers, plain choices, labelled fragments, and conditions.

    train.optimizer.lr: {low: 1.0e-3, high: 3.0e-2, log: true}
    model.n_layers: {low: 1, high: 4}                            # whole, as its setting is
    train.batch_size: [8, 16, 32]
    position: {rope: {model.position: {kind: rope}}, learned: {model.position: {kind: learned}}}
    model.position.theta: {low: 100, high: 100000, log: true, when: {position: rope}}

Design choices:
- a range and a plain choice are named by the setting they change; a choice between fragments has
  a name of its own and labels, so that what is told to Optuna is always a plain value;
- an entry with `when` is there only where all the entries named have one of the values given.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from lab.config.base import Strict

Scalar = bool | int | float | str | None
LONGEST = 256  # characters of a dotted path
LISTED = 10_000  # values of a range that are counted one by one
MOST = 1000  # choices
EXACT = 2**53  # whole numbers up to here are floats too


def _plain(value: Any) -> Any:
    if not isinstance(value, Scalar):
        raise ValueError(f"{value} must be one plain value: a number, a text, true, false or null")
    return value


def _some(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if not values:
        raise ValueError("give one value or more")
    return values


Plain = Annotated[Scalar, BeforeValidator(_plain)]
Settings = dict[str, Plain]
Setting = Annotated[str, Field(max_length=LONGEST)]
Fragment = dict[Setting, Any]
When = dict[str, Annotated[tuple[Plain, ...], AfterValidator(_some)]]


class Range(Strict):
    """An interval, on a linear or a logarithmic scale; with `step`, only low, low + step, ...

    `integer` is filled in from the setting's type.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)
    integer: bool = False
    when: When = Field({})

    @model_validator(mode="after")
    def _is_an_interval(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low={self.low:g} must lie below high={self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(
                f"a logarithmic range cannot start at low={self.low:g}; give a positive low"
            )
        if self.log and self.step is not None:
            raise ValueError("a logarithmic range has no step; list the values instead")
        if self.step is not None and self.step > self.high - self.low:
            raise ValueError(f"step={self.step:g} is more than high - low")
        for name in ("low", "high", "step") if self.integer else ():
            value = getattr(self, name)
            if value is not None and value != int(value):
                raise ValueError(f"{name}={value:g} of a whole number must be whole")
        if self.integer and max(-self.low, self.high) >= EXACT:
            raise ValueError(f"whole numbers are exact below 2**53 only; give ends below {EXACT}")
        return self

    @property
    def count(self) -> int | None:
        """How many values there are; None for an interval."""
        if self.step is None and not self.integer:
            return None
        return int((self.high - self.low) / (self.step or 1.0) + 1e-9) + 1

    def value(self, x: float) -> Scalar:
        """A number as this range has it: on its step, whole if it is whole, inside."""
        if self.count is not None:
            step = self.step or 1.0
            x = self.low + min(max(round((x - self.low) / step), 0), self.count - 1) * step
        return int(x) if self.integer else min(max(float(f"{x:.12g}"), self.low), self.high)

    def rounded(self, x: float) -> Scalar:
        """As `value`, an interval's number to four significant digits.

        More are kept where the range is narrow for the size of its numbers.
        """
        if self.step is not None:
            return self.value(x)
        size = max(abs(self.low), abs(self.high))
        digits = 4 + math.floor(math.log10(max(size / (self.high - self.low), 1.0)))
        return self.value(float(f"{x:.{digits}g}"))

    def values(self) -> list[Scalar] | None:
        """All values, in order; None where they are too many, or not evenly spread."""
        if self.count is None or self.log or self.count > LISTED:
            return None
        return [self.value(self.low + n * (self.step or 1.0)) for n in range(self.count)]

    def holds(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        step = self.step or 0.0
        on_step = not step or abs(float(self.value(value) or 0) - value) < 1e-9 * step
        whole = not self.integer or value == int(value)
        return self.low <= value <= self.high and on_step and whole

    def changes(self, name: str, value: Scalar) -> Fragment:
        return {name: value}

    def shown(self) -> str:
        scale = " on a logarithmic scale" if self.log else f" by {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{scale}"


class Choices(Strict):
    """Some plain values of one setting, or some labelled fragments of a run's config."""

    choices: tuple[Plain, ...] | dict[str, Fragment]
    when: When = Field({})

    @model_validator(mode="before")
    @classmethod
    def _is_a_choice(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            raise ValueError(
                f"{raw} is neither a range such as {{low: 0.001, high: 0.1, log: true}} "
                "nor a list of values"
            )
        if "choices" not in raw:
            labelled = {key: part for key, part in raw.items() if key != "when"}
            if any(isinstance(part, Mapping) for part in labelled.values()):
                _check_fragments(labelled)
            raise ValueError(
                f"needs low and high, or choices; got {', '.join(raw) or 'an empty mapping'}"
            )
        choices = raw["choices"]
        if not isinstance(choices, list | Mapping):
            raise ValueError(f"choices: {choices} is no list of values and no mapping of labels")
        if not choices:
            raise ValueError("there is nothing to choose from; give one value or more")
        if len(choices) > MOST:
            raise ValueError(
                f"{len(choices):,} choices are more than {MOST:,}, each of which would be tried; "
                "give fewer, or a range"
            )
        for value in choices if isinstance(choices, list) else ():
            if not isinstance(value, Scalar):
                raise ValueError(
                    f"{value} is no plain value; give each choice a label, as in "
                    "{first: {the.setting: ...}, second: {the.setting: ...}}"
                )
        if isinstance(choices, Mapping):
            _check_fragments(choices)
        return {key: _tuples(value) for key, value in raw.items()}

    @model_validator(mode="after")
    def _each_once(self) -> "Choices":
        if len({(type(key), key) for key in self.keys}) < len(self.keys):
            raise ValueError(f"{', '.join(map(str, self.keys))}: a choice stands there twice")
        return self

    @property
    def keys(self) -> tuple[Scalar, ...]:
        """What a trial may have: the values, or the labels."""
        return tuple(self.choices)

    def values(self) -> list[Scalar] | None:
        return list(self.keys)

    def holds(self, value: Scalar) -> bool:
        return any(type(key) is type(value) and key == value for key in self.keys)

    def changes(self, name: str, value: Scalar) -> Fragment:
        """What this choice changes in a run's config, by dotted path."""
        if isinstance(self.choices, dict):
            return self.choices[str(value)]
        return {name: value}

    def shown(self) -> str:
        return ", ".join("none" if key is None else str(key) for key in self.keys)


def _tuples(value: Any) -> Any:
    """Lists as tuples, for what was looked at is no longer validated as JSON."""
    if isinstance(value, Mapping):
        return {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _check_fragments(labelled: Mapping[str, Any]) -> None:
    for label, fragment in labelled.items():
        if not isinstance(fragment, Mapping):
            raise ValueError(f"{label}: {fragment} is no fragment such as {{model.n_layers: 2}}")
        if not label.strip():
            raise ValueError("a label is empty; give it a name")


def _kind(entry: Any) -> str:
    if isinstance(entry, Range | Choices):
        return "range" if isinstance(entry, Range) else "choices"
    return "range" if isinstance(entry, Mapping) and {"low", "high"} & entry.keys() else "choices"


Entry = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")],
    Discriminator(_kind),
]
Space = dict[str, Entry]


def is_active(entry: Range | Choices, settings: Mapping[str, Scalar]) -> bool:
    """Whether an entry is there, given the entries it depends on."""
    return all(
        name in settings and any(same(settings[name], v) for v in values)
        for name, values in entry.when.items()
    )


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are one: 1 is 1.0, but true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def ordered(space: Mapping[str, Range | Choices]) -> list[str]:
    """The names, each after those it depends on; raises ValueError for a circle."""
    found: list[str] = []
    waiting = list(space)
    while waiting:
        ready = [name for name in waiting if all(parent in found for parent in space[name].when)]
        if not ready:
            raise ValueError(f"the conditions of {', '.join(waiting)} go round in a circle")
        found.append(ready[0])
        waiting.remove(ready[0])
    return found


def changes(space: Mapping[str, Range | Choices], settings: Mapping[str, Scalar]) -> dict[str, Any]:
    """What some settings change in a run's config, by dotted path: wholes before their parts."""
    found: dict[str, Any] = {}
    for name in ordered(space):
        if name in settings:
            found |= space[name].changes(name, settings[name])
    return dict(sorted(found.items(), key=lambda item: item[0].count(".")))


def grid(space: Mapping[str, Range | Choices]) -> list[Settings]:
    """Every cell, the last entry fastest; an entry that is not there is left out of its cells."""
    return list(_cells(space, ordered(space), {}))


def n_cells(space: Mapping[str, Range | Choices], *, most: int) -> int:
    """How many cells there are, counted up to `most`."""
    return sum(1 for _ in itertools.islice(_cells(space, ordered(space), {}), most))


def _cells(
    space: Mapping[str, Range | Choices], names: Sequence[str], chosen: Settings
) -> Iterator[Settings]:
    if not names:
        yield chosen
        return
    name, rest = names[0], names[1:]
    if not is_active(space[name], chosen):
        yield from _cells(space, rest, chosen)
        return
    for value in space[name].values() or []:
        yield from _cells(space, rest, {**chosen, name: value})
