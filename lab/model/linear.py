"""Projections: the linear leaves of the model, each knowing how its rows are named and drawn."""

from torch import nn


class Projection(nn.Linear):
    """One or several projections of the same input, stored as one matrix.

    `parts` gives the logical name and number of output rows of each; their initial values depend
    on those names, never on how they are stored. `scale` multiplies the model's `init_std`.
    """

    def __init__(self, d_in: int, parts: dict[str, int], *, bias: bool, scale: float = 1.0) -> None:
        super().__init__(d_in, sum(parts.values()), bias=bias)
        self.parts = parts
        self.scale = scale
