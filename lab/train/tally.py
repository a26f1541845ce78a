"""What is added up while a model is evaluated, and the metrics that it comes to.

Design choices:
- sums are kept in float64, and on the device until they are asked for;
- accuracy and what is told of the floor are for data whose best possible loss is known; of text,
  the loss says it all;
- the windows of a split are independent of one another, the tokens of one window are not: the
  standard error of the mean excess is that of a ratio of sums over windows (Cochran 1977,
  section 2.11).
"""

import math

import torch
from torch import Tensor

from lab.batch import IGNORED, Batch
from lab.errors import DataError


class Tally:
    """Sums over batches. `losses` are (B, T) in nats, 0 where a target is not scored."""

    def __init__(self, device: torch.device) -> None:
        self.device = device if device.type != "mps" else torch.device("cpu")  # has no float64
        self.nats = torch.zeros((), dtype=torch.float64, device=self.device)
        self.n_scored = 0
        self.n_bytes: int | None = 0
        self.task: _TaskTally | None = None

    def add(self, batch: Batch, losses: Tensor, logits: Tensor) -> None:
        self.nats += losses.to(self.device).double().sum()
        self.n_scored += batch.n_scored
        if self.n_bytes is not None:
            self.n_bytes = None if batch.n_bytes is None else self.n_bytes + batch.n_bytes
        if batch.floor is not None:
            self.task = self.task or _TaskTally()
            self.task.add(batch, losses, logits, batch.floor)

    def merge(self, other: "Tally") -> None:
        """Add what was added up elsewhere, over other batches of the same split."""
        self.nats += other.nats.to(self.device)
        self.n_scored += other.n_scored
        if self.n_bytes is not None:
            self.n_bytes = None if other.n_bytes is None else self.n_bytes + other.n_bytes
        if other.task is not None:
            self.task = self.task or _TaskTally()
            self.task.merge(other.task)

    def metrics(self) -> dict[str, float]:
        """Raises `DataError` where nothing was scored."""
        if not self.n_scored:
            raise DataError(
                "evaluation came by no token that is scored; read more with evaluate.tokens"
            )
        nats = self.nats.item()
        loss = nats / self.n_scored
        found = {"loss": loss, "perplexity": math.exp(loss) if loss < 700 else math.inf}
        if self.n_bytes:
            found["bpb"] = nats / math.log(2) / self.n_bytes
        return found | (self.task.metrics() if self.task else {})


class _TaskTally:
    """Accuracy, the floor, the excess over it window by window, and the same of each slice."""

    def __init__(self) -> None:
        self.right = 0
        self.floor = 0.0
        self.windows: list[tuple[Tensor, Tensor]] = []  # excess and scored targets, (B,) each
        self.of_slices: dict[str, Tensor] = {}  # scored, right and nats, (3,)

    def add(self, batch: Batch, losses: Tensor, logits: Tensor, floor: Tensor) -> None:
        losses = losses.cpu().double()
        scored = batch.targets != IGNORED
        right = (logits.argmax(-1).cpu() == batch.targets) & scored
        self.right += int(right.sum())
        self.floor += floor[scored].sum().item()
        excess = torch.where(scored, losses - floor, 0.0)
        self.windows.append((excess.sum(-1), scored.sum(-1).double()))
        for name, chosen in batch.slices.items():
            chosen = chosen & scored
            here = [chosen.sum(), right[chosen].sum(), losses[chosen].sum()]
            sums = torch.stack([number.double() for number in here])
            self.of_slices[name] = self.of_slices.get(name, 0.0) + sums

    def merge(self, other: "_TaskTally") -> None:
        self.right += other.right
        self.floor += other.floor
        self.windows += other.windows
        for name, sums in other.of_slices.items():
            self.of_slices[name] = self.of_slices.get(name, 0.0) + sums

    def metrics(self) -> dict[str, float]:
        excess, counts = (torch.cat(parts) for parts in zip(*self.windows, strict=True))
        n_scored = int(counts.sum())
        found = {
            "accuracy": self.right / n_scored,
            "floor": self.floor / n_scored,
            "excess": excess.sum().item() / n_scored,
        }
        n_windows = int((counts > 0).sum())
        if n_windows > 1:
            residuals = excess - found["excess"] * counts
            variance = residuals.square().sum().item() * n_windows / (n_windows - 1)
            found["excess_se"] = math.sqrt(variance) / n_scored
        for name, sums in self.of_slices.items():
            count, right, nats = sums.tolist()
            if count:
                found |= {f"loss/{name}": nats / count, f"accuracy/{name}": right / count}
        return found
