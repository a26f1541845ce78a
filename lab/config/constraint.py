"""Which settings a search may try: comparisons that are known before a run is trained.

model.n_params < 200_000        model.d_model <= 64        train.batch_size > 4
"""

import math
import re
from dataclasses import dataclass

from lab.config.base import get
from lab.config.objective import COUNTED
from lab.config.run import RunConfig

NUMBER = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
FORM = re.compile(rf"\s*([a-zA-Z_][\w.]*)\s*(<=|>=|<|>)\s*({NUMBER})\s*")


@dataclass(frozen=True)
class Constraint:
    text: str
    quantity: str
    sign: str
    bound: float

    def excess(self, config: RunConfig, *, vocab_size: int) -> float:
        """How far a run is beyond the bound, as a share of it; not above 0 where it keeps to it.

        Raises ValueError where the run has no such number.
        """
        value = quantity(self.quantity, config, vocab_size=vocab_size)
        over = value - self.bound if self.sign.startswith("<") else self.bound - value
        if over == 0:
            return 0.0 if self.sign.endswith("=") else 1e-9
        return over / (abs(self.bound) or 1.0)


def parse_constraint(text: str) -> Constraint:
    """Raises ValueError for anything but a quantity, a sign and a number."""
    found = FORM.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no constraint; write one such as 'model.n_params < 200_000'")
    name, sign, number = found.groups()
    bound = float(number.replace("_", ""))
    if not math.isfinite(bound):
        raise ValueError(f"{text!r}: {number} is not a finite number")
    return Constraint(text, name, sign, bound)


def quantity(name: str, config: RunConfig, *, vocab_size: int) -> float:
    """A count of the model's, or a number of the run's config."""
    if name in COUNTED:
        return float(getattr(config.model, name.removeprefix("model."))(vocab_size))
    value = config.model.d_ff if name == "model.d_ff" else get(config.dump(), name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number of this run")
    return float(value)
