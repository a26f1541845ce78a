"""Whether settings can be tried: their run must be a valid one, and keep to the constraints."""

from dataclasses import dataclass

from pydantic import ValidationError

from lab.config.constraint import parse_constraint, quantity
from lab.config.explain import explained
from lab.config.pruners import rung_step, rung_tokens
from lab.config.run import RunConfig
from lab.config.space import Settings
from lab.config.sweep import SweepConfig


@dataclass(frozen=True)
class Feasibility:
    """Says why settings of one variant cannot be tried; None where they can."""

    question: SweepConfig
    variant: str
    vocab_size: int

    def __call__(self, settings: Settings) -> str | None:
        tune = self.question.tune
        assert tune is not None
        try:
            config = self.question.variant(self.variant, settings)
            for tokens in rung_tokens(tune.pruner, self.question.base):
                rung_step(config, tokens)
        except ValidationError as error:
            return explained(error, RunConfig)[0]
        except ValueError as error:
            return str(error)
        for text in tune.constraints:
            constraint = parse_constraint(text)
            try:
                excess = constraint.excess(config, vocab_size=self.vocab_size)
            except ValueError:
                continue  # this run has no such number, so there is nothing to keep to
            if excess > 0:
                value = quantity(constraint.quantity, config, vocab_size=self.vocab_size)
                return f"{constraint.quantity} = {value:,.6g} breaks {text}"
        return None
