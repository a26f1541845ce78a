"""Every part of a question tried on the run it would change, before the first one is trained."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from lab.config.alike import length_refused, trial_refused, variant_refused
from lab.config.arms import fragments_of, overlap_faults
from lab.config.constraint import parse_constraint, quantity
from lab.config.explain import did_you_mean
from lab.config.fields import is_integer, is_number, number_paths, setting_paths, types_of
from lab.config.objective import COUNTED
from lab.config.overlaps import both, both_set, clashes, conditions, context, settings_of
from lab.config.pruners import WilcoxonPruner, rung_step, rung_tokens
from lab.config.run import RunConfig
from lab.config.space import Choices, Range, Scalar, Space, changes, n_cells, ordered
from lab.config.sweep import SweepConfig
from lab.config.trying import fits, lacks, tried
from lab.config.tune import TuneConfig

LENGTHS = ("train.steps", "train.batch_size", "train.eval_every", "model.max_seq_len")


def variant_faults(sweep: SweepConfig) -> list[str]:
    """What is wrong with the variants, factors and scales, a line each."""
    fragments = list(fragments_of(sweep))
    faults = [
        fault
        for where, fragment in fragments
        for fault in variant_refused(where, fragment, sweep.base)
        + tried(sweep.base, fragment, f"{where}.")
    ]
    faults += overlap_faults(sweep)
    if faults:
        return list(dict.fromkeys(faults))
    resolved: dict[str, str] = {}
    for name, fragment in sweep.arms.items():
        matched = sweep.matched.get(name, {})
        if found := tried(sweep.base, {**fragment, **matched}, f"{name}: "):
            faults += found
            continue
        other = resolved.setdefault(sweep.variant(name).model_dump_json(), name)
        if other != name:
            faults.append(f"{_where(sweep, name)}: resolves to the same run as {other!r}")
        faults += space_faults(sweep, name)
    return list(dict.fromkeys(faults))


def _where(sweep: SweepConfig, arm: str) -> str:
    """Where an arm stands in its question: of several parts, under its own name."""
    return arm if sweep.factors or sweep.scales else f"variants.{arm}"


def space_faults(sweep: SweepConfig, variant: str) -> list[str]:
    """What is wrong with the search of one variant: each value, range and fragment is tried."""
    if sweep.tune is None:
        return []
    space, run = sweep.tune.space, sweep.variant(variant)
    faults = clashes(space)
    faulty: set[str] = set()
    for name in ordered(space):
        entry = space[name]
        if faulty & entry.when.keys():
            continue  # what it depends on is to be put right first
        if not all(conditions(space, name).values()):
            faults.append(f"tune.space.{name}.when: these conditions never hold together")
            continue
        found = [fault for path in _paths(name, entry) if (fault := trial_refused(name, path))]
        found += length_refused(sweep.base, _paths(name, entry))
        found += _fixed_faults(sweep, name, entry)
        found = found or _part_faults(space, run, name) or _entry_faults(sweep, run, name, entry)
        faults += found
        faulty |= {name} if found else set()
    if faults:
        return faults
    faults += _count_faults(sweep.tune) + _pruner_faults(sweep, run, variant)
    return faults + _constraint_faults(sweep, run) + _enqueued_faults(sweep, run)


def _fixed_faults(sweep: SweepConfig, name: str, entry: Range | Choices) -> list[str]:
    return [
        f"{where}.{fixed}: is tuned, so no {where.split('.')[0].rstrip('s')} may fix it"
        for where, fragment in fragments_of(sweep)
        for fixed, constant in fragment.items()
        if any(
            both_set(fixed, constant, path, value) or fixed.startswith(f"{path}.")
            for path, value, _ in settings_of(name, entry)
        )
    ]


def _entry_faults(
    sweep: SweepConfig, run: RunConfig, name: str, entry: Range | Choices
) -> list[str]:
    assert sweep.tune is not None
    if fault := _name_fault(name, entry):
        return [f"tune.space.{name}: {fault}"]
    space = sweep.tune.space
    faults: list[str] = []
    seen: set[str] = set()
    for value, prefix in _values(name, entry):
        settings = {**context(conditions(space, name)), name: value}
        changed = changes(space, settings)
        found = tried(run, changed, prefix)
        if found and not fits(run, space, settings):
            faults += found
        elif not found:
            config = run.replaced(changed).model_dump_json()
            if isinstance(entry, Choices) and config in seen:
                faults.append(f"tune.space.{name}: {value!r} gives the same run as another choice")
            seen.add(config)
    return faults or _rung_faults(sweep, run, name, entry)


def _name_fault(name: str, entry: Range | Choices) -> str | None:
    """A range and a plain choice are named by their setting, fragments by a word of their own."""
    kinds = types_of(RunConfig, name)
    if _has_fragments(entry):
        return (
            "fragments are named by a word of their own, and each names its settings in full, as "
            f"in {name.rsplit('.')[-1]}: {{one: {{{name}: ...}}, other: {{{name}: ...}}}}"
            if kinds and "." in name
            else None
        )
    if isinstance(entry, Range):
        if not is_number(RunConfig, name):
            return f"not a number of this run{_nearest(name, number_paths(RunConfig))}"
        if is_integer(RunConfig, name) and not entry.integer:
            return "is a whole number; leave out integer: false"
        return None
    if not kinds:
        return f"not a setting of this run{_nearest(name, setting_paths(RunConfig))}"
    if any(issubclass(kind, BaseModel) for kind in kinds):
        return (
            "a section has no plain values; choose between fragments, as in "
            f"{name.rsplit('.')[-1]}: {{one: {{{name}: ...}}, other: {{{name}: ...}}}}"
        )
    return None


def _nearest(name: str, paths: Iterable[str]) -> str:
    return did_you_mean(name, [path for path in paths if not trial_refused(name, path)])


def _values(name: str, entry: Range | Choices) -> list[tuple[Any, str]]:
    """What is tried of an entry, each with where it stands."""
    if isinstance(entry, Range):
        ends = (("low", entry.low), ("high", entry.high))
        return [(entry.value(x), f"tune.space.{end} of ") for end, x in ends]
    if _has_fragments(entry):
        return [(key, f"tune.space.{name}.{key}.") for key in entry.keys]
    return [(value, "tune.space: ") for value in entry.keys]


def _part_faults(space: Space, run: RunConfig, name: str) -> list[str]:
    """A setting that only some choices have needs a condition, or every other is passed over."""
    if _name_fault(name, space[name]):
        return []
    first = _values(name, space[name])[0][0]
    for whole, entry in space.items():
        if not isinstance(entry, Choices) or whole == name:
            continue
        having, lacking = list[Scalar](), list[Scalar]()
        for key in entry.keys:
            met = both(both(conditions(space, name), conditions(space, whole)), {whole: (key,)})
            if not all(met.values()):
                continue  # never together
            beside = context(met)
            alone, together = changes(space, beside), changes(space, {**beside, name: first})
            if not lacks(run, alone):
                (lacking if lacks(run, together) else having).append(key)
        if lacking and having:
            needed = json.dumps(having).replace('"', "")
            return [
                f"tune.space.{name}: there is no such setting where {whole} is "
                f"{' or '.join(map(str, lacking))}; give it the condition "
                f"when: {{{whole}: {needed}}}"
            ]
    return []


def _has_fragments(entry: Range | Choices) -> bool:
    return isinstance(entry, Choices) and isinstance(entry.choices, dict)


def _paths(name: str, entry: Range | Choices) -> list[str]:
    if isinstance(entry, Choices) and isinstance(entry.choices, dict):
        return list(dict.fromkeys(path for part in entry.choices.values() for path in part))
    return [name]


def _count_faults(tune: TuneConfig) -> list[str]:
    """More trials than combinations would be the same runs again."""
    if tune.trials is None or any(entry.values() is None for entry in tune.space.values()):
        return []
    cells = n_cells(tune.space, most=tune.trials)
    if cells >= tune.trials:
        return []
    return [
        f"tune.trials: {tune.trials} are more than there are combinations, {cells}; "
        "take no more, or leave it out and try all with sampler: {kind: grid}"
    ]


def _changes_length(paths: Iterable[str]) -> bool:
    """Whether settings change the tokens a step, or where a run evaluates or ends."""
    return any(f"{length}.".startswith(f"{path}.") for path in paths for length in LENGTHS)


def _rung_faults(
    sweep: SweepConfig, run: RunConfig, name: str, entry: Range | Choices
) -> list[str]:
    """Trials that are pruned must meet at equal tokens, whatever they change."""
    assert sweep.tune is not None
    space, rungs = sweep.tune.space, rung_tokens(sweep.tune.pruner, sweep.base)
    if not rungs or not _changes_length(_paths(name, entry)):
        return []
    values = entry.values()
    if values is None:
        return [f"tune.space.{name}: with a pruner, list its values, to meet at equal tokens"]
    for value in values:
        try:
            settings = {**context(conditions(space, name)), name: value}
            config = run.replaced(changes(space, settings))
            for tokens in rungs:
                rung_step(config, tokens)
        except ValidationError:
            continue  # passed over when it is drawn
        except ValueError as error:
            return [f"tune.space.{name}: {value}: {error}"]
    return []


def _pruner_faults(sweep: SweepConfig, run: RunConfig, variant: str) -> list[str]:
    """A pruner needs rungs, and a variant must come by them."""
    assert sweep.tune is not None
    pruner, train = sweep.tune.pruner, sweep.base.train
    if pruner is None or isinstance(pruner, WilcoxonPruner):
        return []
    rungs = rung_tokens(pruner, sweep.base)
    if not rungs:
        return [
            f"tune.pruner: {pruner.kind} never judges a run of {train.steps} steps that evaluates "
            f"every {train.eval_interval}; evaluate more often (train.eval_every), or let it "
            f"begin earlier ({'every' if 'every' in type(pruner).model_fields else 'min_steps'})"
        ]
    if any(_changes_length(_paths(name, entry)) for name, entry in sweep.tune.space.items()):
        return []
    try:
        for tokens in rungs:
            rung_step(run, tokens)
    except ValueError as error:
        return [f"{_where(sweep, variant)}: {error}"]
    return []


def _constraint_faults(sweep: SweepConfig, run: RunConfig) -> list[str]:
    assert sweep.tune is not None
    faults = []
    for text in sweep.tune.constraints:
        name = parse_constraint(text).quantity
        try:
            quantity(name, run, vocab_size=1)
        except ValueError:
            if not is_number(RunConfig, name):
                valid = [*COUNTED, *number_paths(RunConfig)]
                faults.append(f"tune.constraints: {name} is not known{_nearest(name, valid)}")
    return faults


def _enqueued_faults(sweep: SweepConfig, run: RunConfig) -> list[str]:
    assert sweep.tune is not None
    faults = []
    for number, settings in enumerate(sweep.tune.enqueued):
        found = tried(run, sweep.changes(settings), f"tune.try.{number}: ")
        faults += [] if found and fits(run, sweep.tune.space, settings) else found
    return faults
