"""A benchmark of almost nothing."""

import pytest
import torch

from lab.bench.measuring import Bench
from lab.bench.record import Record
from lab.bench.shapes import TINY
from tests.bench.rows import made_up_record


@pytest.fixture
def bench() -> Bench:
    return Bench(torch.device("cpu"), rounds=2, at_least=0.0, shapes=(TINY,), product=16)


@pytest.fixture
def record() -> Record:
    return made_up_record()
