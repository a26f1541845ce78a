"""A space in Optuna's terms: distributions, what it is told of settings, settings it suggests.

Design choices:
- suggesting follows the conditions: an entry that is not there is never asked for;
- a number of an interval keeps four significant digits, as in the lists of trials; Optuna is told
  the rounded number once the trial has ended, so both know the same one;
- a choice is told as itself, or, where Optuna could take two choices for one (1, 1.0 and true),
  by its spelling.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lab.config.space import Choices, Range, Scalar, Settings, Space, is_active, ordered

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial as OptunaTrial

Entry = Range | Choices
MANY = 16  # values of a range: up to here Optuna's GP tries each, beyond it takes seconds


def distribution(entry: Entry, *, smooth: bool = False) -> "BaseDistribution":
    """The values of an entry, for Optuna; with `smooth`, many values in a row as an interval."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(entry, Choices):
        return CategoricalDistribution(_names(entry))
    low, high, log = entry.low, _last(entry), entry.log
    if smooth and (entry.count or 0) > MANY:
        return FloatDistribution(low, high, log=log)
    if entry.integer:
        return IntDistribution(int(low), int(high), log=log, step=int(entry.step or 1))
    return FloatDistribution(low, high, log=log, step=_step(entry))


def distributions(
    space: Space, settings: Mapping[str, Scalar], *, smooth: bool = False
) -> dict[str, "BaseDistribution"]:
    """Of the entries that some settings have."""
    return {name: distribution(space[name], smooth=smooth) for name in settings}


def params(space: Space, settings: Mapping[str, Scalar]) -> dict[str, Any]:
    """Settings as Optuna has them."""
    return {name: _told(space[name], value) for name, value in settings.items()}


def setting(entry: Entry, value: Any) -> Scalar:
    """The setting that Optuna has as `value`; raises ValueError where the entry has none such."""
    if isinstance(entry, Choices):
        for key, name in zip(entry.keys, _names(entry), strict=True):
            if type(name) is type(value) and name == value:
                return key
    elif entry.holds(value):
        return entry.value(value)
    raise ValueError(f"{value!r} is not in {entry.shown()}")


def suggested(
    trial: "OptunaTrial",
    space: Space,
    *,
    fixed: Mapping[str, Scalar] | None = None,
    smooth: bool = False,
) -> Settings:
    """What a trial suggests for every entry that is there, asked in the order of conditions.

    What is `fixed`, and enqueued, stays to the last digit.
    """
    found: Settings = {}
    for name in ordered(space):
        if is_active(space[name], found):
            value = _suggested(trial, name, space[name], smooth)
            found[name] = (fixed or {}).get(name, value)
    return {name: found[name] for name in space if name in found}


def _suggested(trial: "OptunaTrial", name: str, entry: Entry, smooth: bool) -> Scalar:
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(entry, Choices):
        names = _names(entry)
        return entry.keys[names.index(trial.suggest_categorical(name, names))]
    match distribution(entry, smooth=smooth):
        case IntDistribution(low=low, high=high, step=step, log=log):
            return entry.value(trial.suggest_int(name, low, high, step=step, log=log))
        case FloatDistribution(low=low, high=high, step=by, log=log):
            return entry.rounded(trial.suggest_float(name, low, high, step=by, log=log))
        case other:
            raise AssertionError(f"{other} is no range")


def _last(entry: Range) -> float:
    """The greatest value: Optuna warns of a range that is not a whole number of steps."""
    value = entry.value(entry.high)
    assert isinstance(value, int | float)
    return float(value)


def _step(entry: Range) -> float | None:
    """The step, where decimals hold it; else (a third) Optuna is told of the interval only."""
    if entry.step is None:
        return None
    low, high, step = (Decimal(str(x)) for x in (entry.low, _last(entry), float(entry.step)))
    return None if (high - low) % step else float(entry.step)


def _names(entry: Choices) -> tuple[Any, ...]:
    alike = len(set(entry.keys)) < len(entry.keys)
    return tuple(repr(key) for key in entry.keys) if alike else entry.keys


def _told(entry: Entry, value: Scalar) -> Any:
    if not isinstance(entry, Choices):
        return value
    same = (type(key) is type(value) and key == value for key in entry.keys)
    return _names(entry)[list(same).index(True)]
