"""How the runs of a question are executed here: as it says, as its plan has it, or as measured."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from pydantic import ValidationError

from lab.commands.asked import EXPERIMENTS, Asked
from lab.config.compiling import is_compiled
from lab.config.execution import (
    Alone,
    Cohort,
    Executed,
    Quicker,
    kept_compiled,
    kept_executed,
    stated,
)
from lab.config.overlaps import conditions, context
from lab.config.run import RunConfig
from lab.config.shape import stackable
from lab.config.space import Range, Settings
from lab.config.sweep import SweepConfig
from lab.errors import ConfigError
from lab.provenance.hardware import cores_usable
from lab.sweep.apart import ask_apart, seconds_a_token
from lab.sweep.folder import SweepFolder
from lab.sweep.quickest import MOST, by_members, by_threads, thread_counts, time_members
from lab.sweep.timing import seconds_in_cohort, tokens_side_by_side


def decided(asked: Asked, *, device: str | None = None) -> Executed | None:
    """How runs are executed, where nothing is to be measured for that (any more).

    What was measured on another `device` does not stand; None takes any. Raises `ConfigError` where
    a cohort is asked for of runs that cannot be in one.
    """
    question = asked.question
    refused = None if isinstance(question.execution, Alone) else _refused(question)
    if refused and isinstance(question.execution, Cohort):
        raise ConfigError(f"execution: {{kind: cohort}}: {refused}")
    if refused:
        return Executed(why=refused)
    found = stated(question.execution)
    if found is None and device == "cuda" and isinstance(question.execution, Alone):
        found = Executed(device=device, why="threads of the CPU make no run on a GPU quicker")
    if found is None:
        plan = SweepFolder(EXPERIMENTS / asked.name).plan()
        found = kept_executed(plan, question.dump(), device=device)
    return found


def measured(asked: Asked, *, device: str) -> Executed:
    """How runs are executed the quickest, by steps of the arm that a sweep spends most on."""
    question, arm = asked.question, _dearest(asked)
    config, data = question.variant(arm), asked.data[arm].folder
    if isinstance(question.execution, Alone):
        cores = cores_usable()
        rates = {
            threads: tokens_side_by_side(config, data, threads=threads, workers=cores // threads)
            for threads in thread_counts(cores)
        }
        return by_threads(rates, cores=cores, device=device)

    def alone() -> float:
        return float(ask_apart(seconds_a_token, config, data, 1))

    def in_cohort(members: int) -> float:
        return float(ask_apart(seconds_in_cohort, config, data, members, 1))

    first, most = alone(), min(MOST.get(device, MOST["cpu"]), asked.plan.span()[1])
    seconds = time_members(in_cohort, most=most)
    choose = isinstance(question.execution, Quicker)
    return by_members(seconds, alone=min(first, alone()), device=device, choose=choose)


def compiled(asked: Asked, executed: Executed, *, device: str, timed: bool = True) -> Executed:
    """With the arms whose steps are compiled; what was decided when the sweep began stands.

    Where arithmetic leaves it open, steps are `timed` here, or else are not compiled.
    """
    question = asked.question
    plan = SweepFolder(EXPERIMENTS / asked.name).plan()
    arms = kept_compiled(plan, question.dump())
    compile_arm = partial(_is_compiled, asked, executed=executed, device=device, timed=timed)
    if arms is None:
        arms = tuple(arm for arm in question.arms if compile_arm(arm))
    return Executed.parse(executed.dump() | {"compiled": arms})


def to_be_measured(question: SweepConfig) -> str:
    """What a sweep would find out when it starts, in a sentence without a full stop."""
    match question.execution:
        case Alone():
            return "the number of threads is measured when the sweep starts"
        case Cohort():
            return "the size of cohorts is measured when the sweep starts"
        case Quicker():
            return "runs alone and in cohorts are timed when the sweep starts; the quicker is taken"


def _is_compiled(asked: Asked, arm: str, *, executed: Executed, device: str, timed: bool) -> bool:
    config, data = asked.question.variant(arm), asked.data[arm].folder

    def seconds() -> float:
        return float(ask_apart(seconds_a_token, config, data, executed.threads)) if timed else 0.0

    vocab_size = asked.vocab_sizes[arm]
    return is_compiled(config, device=device, vocab_size=vocab_size, seconds_a_token=seconds)


def _dearest(asked: Asked) -> str:
    """The arm whose runs take the most FLOPs."""

    def flops(arm: str) -> float:
        config = asked.question.variant(arm)
        tokens = config.train.steps * config.tokens_per_step
        return tokens * config.model.flops_per_token(asked.vocab_sizes[arm])

    return max(asked.question.arms, key=flops)


def _refused(question: SweepConfig) -> str | None:
    """Why one of the runs that a question may come to can be in no cohort."""
    found = ((arm, stackable(config)) for arm, config in _configs(question))
    return next((f"{arm}: {why}" for arm, why in found if why), None)


def _configs(question: SweepConfig) -> Iterator[tuple[str, RunConfig]]:
    """Each arm as it is, and with each end or choice of the search."""
    space = question.tune.space if question.tune else {}
    tried: list[Settings] = [{}]
    for name, entry in space.items():
        ends = (
            [entry.value(end) for end in (entry.low, entry.high)]
            if isinstance(entry, Range)
            else entry.keys
        )
        tried += [{**context(conditions(space, name)), name: value} for value in ends]
    for arm in question.arms:
        for settings in tried:
            with suppress(ValidationError):  # valid only beside other settings
                yield arm, question.variant(arm, settings)
