"""What a captured step is given, and what it leaves; a double stands in for the GPU.

The double records the calls of the work while it 'captures', and replays them on the very same
tensors, as a CUDA graph does.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from lab.train import cohort_graph
from lab.train.cohort_graph import WARM, repeatable


class Stream:
    def __init__(self, device: torch.device | None = None) -> None:
        pass

    def wait_stream(self, other: "Stream") -> None:
        pass


class Gpu:
    """Of `torch.cuda` what a graph needs."""

    Stream = Stream

    def __init__(self, work: "Work") -> None:
        self.work, self.captures, self.replays = work, 0, 0

    def CUDAGraph(self) -> "Gpu":  # noqa: N802 - torch's name
        return self

    @contextmanager
    def graph(self, graph: "Gpu", *, stream: Stream) -> Iterator[None]:
        self.captures += 1
        self.work.is_captured = True
        yield
        self.work.is_captured = False

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        yield

    def current_stream(self, device: torch.device) -> Stream:
        return Stream()

    def replay(self) -> None:
        self.replays += 1
        self.work.run()


class Work:
    """Adds what it is given to a state; captured, it only notes the memory that it would use."""

    def __init__(self) -> None:
        self.state = torch.zeros(2)
        self.is_captured = False
        self.given: tuple[Tensor | None, ...] = ()
        self.result = torch.empty(2)

    def __call__(self, *given: Tensor | None) -> Tensor:
        self.given, self.result = given, torch.empty(2)
        if not self.is_captured:
            self.run()
        return self.result

    def run(self) -> None:
        for x in self.given:
            if x is not None:
                self.state += x
        self.result.copy_(self.state)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    monkeypatch.setattr(cohort_graph.torch, "cuda", Gpu(work))
    monkeypatch.setattr(cohort_graph, "moved", lambda tensor, device: tensor.clone())
    return work


def told(n: int) -> tuple[Tensor, None, Tensor]:
    return torch.tensor([float(n), 0.0]), None, torch.tensor([0.0, 10.0 * n])


def test_every_call_is_one_step_with_what_it_was_given(work: Work) -> None:
    gpu, step = cohort_graph.torch.cuda, repeatable(work, torch.device("cuda"))
    found = [step(*told(n)) for n in range(1, 8)]
    sums = [sum(range(1, n + 1)) for n in range(1, 8)]
    assert [f.tolist() for f in found] == [[float(s), 10.0 * s] for s in sums]
    assert (gpu.captures, gpu.replays) == (1, 7 - WARM)


def test_what_came_out_is_not_overwritten(work: Work) -> None:
    step = repeatable(work, torch.device("cuda"))
    for n in range(WARM + 1):
        early = step(*told(n))
    before = early.clone()
    step(*told(9))
    assert torch.equal(early, before)


def test_another_shape_is_no_replay(work: Work) -> None:
    step = repeatable(work, torch.device("cuda"))
    step(*told(1))
    with pytest.raises(AssertionError, match="one shape"):
        step(torch.zeros(3), None, torch.zeros(2))


def test_on_a_cpu_it_is_the_work_itself() -> None:
    work = Work()
    assert repeatable(work, torch.device("cpu"))(*told(2)).tolist() == [2.0, 20.0]
