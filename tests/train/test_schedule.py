"""Schedules against torch's own and against their closed forms."""

import itertools
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.train import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    Schedule,
    WsdSchedule,
)
from lab.train.schedule import rate_factor

STEPS = 40


def factors(schedule: Schedule) -> list[float]:
    return [rate_factor(schedule, step, steps=STEPS) for step in range(1, STEPS + 1)]


def test_warmup_rises_in_equal_parts() -> None:
    assert factors(ConstantSchedule(warmup_steps=4))[:6] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_cosine_equals_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=0.1)
    for factor in factors(CosineSchedule(final_ratio=0.1)):
        optimizer.step()
        theirs.step()
        assert math.isclose(factor, theirs.get_last_lr()[0], rel_tol=1e-9)


def test_linear_is_a_line_to_its_end() -> None:
    values = factors(LinearSchedule(warmup_steps=10, final_ratio=0.25))
    steps = [b - a for a, b in itertools.pairwise(values[9:])]
    assert all(math.isclose(step, -0.75 / 30) for step in steps)
    assert math.isclose(values[-1], 0.25)


def test_wsd_is_stable_then_decays() -> None:
    values = factors(WsdSchedule(warmup_steps=5, decay_steps=10))
    assert values[4:30] == [1.0] * 26
    assert math.isclose(values[34], 0.5)
    assert math.isclose(values[-1], 0.0, abs_tol=1e-12)


@settings(deadline=None, max_examples=50, database=None)
@given(
    schedule=st.one_of(
        st.builds(ConstantSchedule, warmup_steps=st.integers(0, 20)),
        st.builds(LinearSchedule, warmup_steps=st.integers(0, 20), final_ratio=st.floats(0, 1)),
        st.builds(CosineSchedule, warmup_steps=st.integers(0, 20), final_ratio=st.floats(0, 1)),
        st.builds(WsdSchedule, warmup_steps=st.integers(0, 20), decay_steps=st.integers(1, 20)),
    )
)
def test_every_schedule_rises_then_falls_within_bounds(schedule: Schedule) -> None:
    values = factors(schedule)
    assert all(0 <= value <= 1 + 1e-12 for value in values)
    peak = schedule.warmup_steps
    assert values[:peak] == sorted(values[:peak])
    assert all(a >= b - 1e-12 for a, b in zip(values[peak:], values[peak + 1 :], strict=False))
    assert math.isclose(values[max(peak - 1, 0)], 1.0) or peak == 0
