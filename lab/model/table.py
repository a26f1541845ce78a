"""Fixed numbers of a model: a formula's rows, exact in whatever precision the model has."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

Formula = Callable[[int], Tensor]


class Table(nn.Module):
    """The first rows of a formula: n to (n, ...) in float64 on the CPU, with any shape of a row.

    Rows are rounded once, from float64 to the model's precision: moving a model to float64 makes
    them exact again, where a rounded buffer would stay rounded. A table is not trained and not
    saved; it grows when rows beyond its end are asked for.
    """

    rows: Tensor

    def __init__(self, formula: Formula, length: int) -> None:
        super().__init__()
        self.formula = formula
        self.register_buffer("rows", _rows(formula, length, like=torch.empty(0)), persistent=False)

    def first(self, length: int) -> Tensor:
        """Rows 0 to length - 1."""
        if length > len(self.rows):
            self.rows = _rows(self.formula, max(length, 2 * len(self.rows)), like=self.rows)
        return self.rows[:length]

    def at(self, positions: Int[Tensor, "*b"], *, length: int) -> Tensor:
        """The row of each position; `length` is more than every one of them."""
        rows = self.first(length)
        if rows.ndim == 2:
            return F.embedding(positions, rows)
        return rows[positions]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Table":
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.rows = _rows(self.formula, len(self.rows), like=self.rows)
        return self

    def extra_repr(self) -> str:
        return f"{tuple(self.rows.shape)}"


def _rows(formula: Formula, length: int, *, like: Tensor) -> Tensor:
    """In float64, which not every device has; and fit for training, wherever it was asked for.

    An outline needs their shape alone.
    """
    with torch.inference_mode(False), torch.device("cpu"):
        if like.is_meta:
            return like.new_empty((length, *formula(1).shape[1:]))
        return formula(length).to(like.device, like.dtype)
