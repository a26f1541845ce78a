"""What may watch a run from inside: samples, early stops, whatever comes."""

from typing import Protocol

from torch import nn


class Hook(Protocol):
    """Called by the training loop; must leave the model and every random stream as they were."""

    def on_eval(self, model: nn.Module, *, step: int) -> None:
        """After each evaluation."""
