"""Members of cohorts, and the same runs alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from lab.model.stack import stack
from lab.train.clock import Clock
from lab.train.cohort import Cohort
from lab.train.loop import Outcome, train_many
from lab.train.member import Member
from lab.train.update import Alone, Update
from tests.train.loops import Rows, Setup

# what members may differ in, and do
OWN: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 1, "train.optimizer.lr": 1e-2, "train.clip_norm": 0.05},
    {"seed": 2, "train.optimizer.weight_decay": 0.0, "train.schedule": {"kind": "linear"}},
    {"seed": 1, "init_stream": "twin", "train.clip_norm": None},
    {"seed": 0, "train.optimizer.betas": [0.5, 0.9], "train.optimizer.eps": 1e-4},
]


def member(parts: Setup, **options: Any) -> Member:
    state, source, config = parts
    numbers = (config.train, config.seed, config.tokens_per_step)
    return Member(state, source, *numbers, Rows(), Clock(), **options)


def build(
    setup: Callable[..., Setup], own: Sequence[Mapping[str, Any]], **all_: Any
) -> list[Member]:
    return [member(setup(**all_, **mine)) for mine in own]


def cohort_of(members: Sequence[Member]) -> Cohort:
    return Cohort(members, stack=stack)


def alone(run: Member) -> Alone:
    return Alone(run.state, run.batches, run.config, seed=run.seed)


def trained_alone(runs: Sequence[Member], **options: Any) -> list[Outcome]:
    return [train_many([run], alone(run), **options)[0] for run in runs]


def trained_together(runs: Sequence[Member], **options: Any) -> list[Outcome]:
    return train_many(runs, cohort_of(runs), **options)


def stepped(update: Update, last: int, *, first: int = 1) -> None:
    for number in range(first, last + 1):
        update.step(number)


def assert_same(one: Member, other: Member) -> None:
    """Of parameters, moments, vitals and rows every bit."""
    assert one.state.step == other.state.step
    assert told(one) == told(other)
    found, expected = one.state.tensors(), other.state.tensors()
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert same(value, expected[name]), name


def told(run: Member) -> dict[int, dict[str, float]]:
    assert isinstance(run.tracker, Rows)
    return run.tracker.rows


def same(one: Tensor, other: Tensor) -> bool:
    """Every bit, that of a NaN apart."""
    assert one.shape == other.shape
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def owned(run: Member) -> bool:
    """Whether no tensor of a run's state is a part of a larger one."""
    tensors = run.state.tensors().values()
    return all(t.untyped_storage().nbytes() == t.numel() * t.element_size() for t in tensors)
