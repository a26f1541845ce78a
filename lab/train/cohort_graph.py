"""A step of a cohort as one CUDA graph.

At small sizes a GPU waits for its kernels to be launched, one by one, by Python; a graph launches
them all at once. What is captured reads and writes the same memory at every replay: what is given
is copied to where the captured kernels look for it, and what comes out is copied away.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lab.train.device import moved

WARM = 3  # steps as usual, in which libraries take their memory, as torch asks for before a capture

Given = Sequence[Tensor | None]
Work = Callable[..., Tensor]


def repeatable(work: Work, device: torch.device) -> Work:
    """The work itself, or on a CUDA device its graph: tensors of always the same shapes in, given
    on the CPU, a tensor out. It must not ask the device for anything."""
    return _Graph(work, device) if device.type == "cuda" else _Eager(work, device)


class _Eager:
    def __init__(self, work: Work, device: torch.device) -> None:
        self.work, self.device = work, device

    def __call__(self, *given: Tensor | None) -> Tensor:
        return self.work(*(None if x is None else moved(x, self.device) for x in given))


class _Graph:
    def __init__(self, work: Work, device: torch.device) -> None:
        self.work, self.device = work, device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.places: list[Tensor | None] = []
        self.graph: torch.cuda.CUDAGraph | None = None
        self.result = torch.empty(0)
        self.calls = 0

    def __call__(self, *given: Tensor | None) -> Tensor:
        self._place(given)
        self.calls += 1
        if self.calls <= WARM:
            return self._as_usual()
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, stream=self.stream):
                self.result = self.work(*self.places)
        self.graph.replay()
        return self.result.clone()

    def _place(self, given: Given) -> None:
        told = [None if x is None else moved(x, self.device) for x in given]
        if not self.places:
            self.places = told
            return
        for place, x in zip(self.places, told, strict=True):
            if place is not None and x is not None:
                assert place.shape == x.shape, "a graph has one shape"
                place.copy_(x)

    def _as_usual(self) -> Tensor:
        before = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(before)
        with torch.cuda.stream(self.stream):
            result = self.work(*self.places)
        before.wait_stream(self.stream)
        return result
