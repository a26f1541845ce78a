"""The loss of a model position by position, over windows of one length.

    length,position,tokens,loss,floor

Position p is that of the p-th token read, counted from 1: the loss there is that of the token
after it. `tokens` counts the scored targets that stood there; where there were none, there is no
row. `floor`, the best possible loss, stands where it is known.
"""

import torch
from torch import Tensor

from lab.batch import IGNORED, Batch

HEADER = ("length", "position", "tokens", "loss")


class ByPosition:
    """Sums in float64 of windows of at most `length` tokens."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.tokens = torch.zeros(length, dtype=torch.int64)
        self.nats = torch.zeros(length, dtype=torch.float64)
        self.floor: Tensor | None = None

    def add(self, batch: Batch, losses: Tensor) -> None:
        """`losses` are (B, T), 0 where a target is not scored."""
        here = slice(losses.shape[-1])
        self.tokens[here] += (batch.targets != IGNORED).sum(0)
        self.nats[here] += losses.cpu().double().sum(0)
        if batch.floor is not None:
            self.floor = torch.zeros_like(self.nats) if self.floor is None else self.floor
            self.floor[here] += batch.floor.sum(0)

    def merge(self, other: "ByPosition") -> None:
        """Add what was added up elsewhere, of other windows of the same length."""
        self.tokens += other.tokens
        self.nats += other.nats
        if other.floor is not None:
            self.floor = other.floor if self.floor is None else self.floor + other.floor

    def rows(self) -> list[tuple[float, ...]]:
        """A row a position, as in the header."""
        sums = [self.nats] if self.floor is None else [self.nats, self.floor]
        return [
            (self.length, place + 1, count, *(column[place].item() / count for column in sums))
            for place, count in enumerate(self.tokens.tolist())
            if count
        ]


def table(found: list[ByPosition]) -> str:
    """What was found at each length, as the text of a CSV file; floats read back equal."""
    header = HEADER if any(one.floor is None for one in found) else (*HEADER, "floor")
    lines = [",".join(map(repr, row)) for one in found for row in one.rows()]
    return "\n".join([",".join(header), *lines]) + "\n"
