"""What resuming needs, and nothing that a report reads."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class TrainState:
    """A model and its optimizer after `step` updates.

    `pending` holds loss and gradient norm of each step since the last logged row; `seconds` the
    time spent by phase; `initial` the metrics before the first update.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    pending: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    initial: dict[str, float] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters, optimizer moments and pending rows, each by name, none shared."""
        flat = {f"model.{name}": p.detach() for name, p in self.model.named_parameters()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            flat |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        if self.pending:
            flat["pending"] = torch.stack([torch.stack(row) for row in self.pending])
        return flat

    @torch.no_grad()
    def load_tensors(self, flat: dict[str, Tensor]) -> None:
        """Take over the tensors of a state of the same shape; raises `KeyError` on another's."""
        for name, parameter in self.model.named_parameters():
            parameter.copy_(flat[f"model.{name}"])
        moments: dict[int, dict[str, Any]] = {}
        for key, value in flat.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".", 2)
                moments.setdefault(int(index), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        rows = flat.get("pending")
        device = next(self.model.parameters()).device
        self.pending = [] if rows is None else [(row[0], row[1]) for row in rows.to(device)]
