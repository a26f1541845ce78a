"""What resuming needs, and nothing that a report reads."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

PENDING = "pending"


@dataclass
class TrainState:
    """A model and its optimizer after `step` updates.

    `pending` holds the `lab.train.finite.vitals` of each step since the last logged row, (2 + N,)
    each; `seconds` the time spent by phase; `initial` the metrics before the first update.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    pending: list[Tensor] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    initial: dict[str, float] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters, the optimizer's moments of each, and pending rows, by name, none shared."""
        flat = {f"model.{name}": p.detach() for name, p in self.model.named_parameters()}
        names = self._in_the_optimizers_order()
        for index, moments in self.optimizer.state_dict()["state"].items():
            flat |= {f"optimizer.{names[index]}.{kind}": value for kind, value in moments.items()}
        if self.pending:
            flat[PENDING] = torch.stack(self.pending)
        return flat

    def check(self, flat: Mapping[str, Tensor]) -> None:
        """Raise `ValueError` unless every parameter is there, nothing is unknown, and each has the
        shape and type that it has here. A moment has its parameter's shape, or is one number.
        """
        wanted = {name: parameter.shape for name, parameter in self.model.named_parameters()}
        if missing := [name for name in wanted if f"model.{name}" not in flat]:
            raise ValueError(f"it has no parameter {missing[0]}")
        shapes = {f"model.{name}": [shape] for name, shape in wanted.items()}
        for name in self._in_the_optimizers_order():
            shapes[f"optimizer.{name}"] = [wanted[name], torch.Size()]
        for key, value in flat.items():
            known = shapes.get(key.rpartition(".")[0] if key.startswith("optimizer.") else key, [])
            if key == PENDING:
                known = [torch.Size([*value.shape[:1], 2 + len(wanted)])]
            if value.shape not in known or not value.dtype.is_floating_point:
                raise ValueError(
                    f"{key!r} of {value.dtype} and shape {list(value.shape)} is not of this run"
                )

    @torch.no_grad()
    def load_tensors(self, flat: Mapping[str, Tensor]) -> None:
        """Take over the tensors of a state of the same shape.

        Raises `ValueError` on those of any other, and then nothing has changed.
        """
        self.check(flat)
        numbers = {name: number for number, name in enumerate(self._in_the_optimizers_order())}
        moments: defaultdict[int, dict[str, Tensor]] = defaultdict(dict)
        for key, value in flat.items():
            if key.startswith("optimizer."):
                name, _, kind = key.removeprefix("optimizer.").rpartition(".")
                moments[numbers[name]][kind] = value
        for name, parameter in self.model.named_parameters():
            parameter.copy_(flat[f"model.{name}"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": dict(moments), "param_groups": groups})
        device = next(self.model.parameters()).device
        rows = flat.get(PENDING)
        self.pending = [] if rows is None else list(rows.to(device))

    def _in_the_optimizers_order(self) -> list[str]:
        """Names of parameters; an optimizer knows them by number only."""
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        groups = self.optimizer.param_groups
        return [names[id(parameter)] for group in groups for parameter in group["params"]]
