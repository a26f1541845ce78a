"""One training run, complete: with the corpus's text it determines every number."""

from typing import Literal

from pydantic import Field, model_validator

from lab.config.base import Strict
from lab.config.data import DataConfig
from lab.config.evaluate import EvaluateConfig
from lab.config.model import ModelConfig
from lab.config.tracking import TrackingConfig
from lab.config.train import TrainConfig


class RunConfig(Strict):
    model: ModelConfig
    data: DataConfig
    train: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    seed: int = Field(0, ge=0, lt=2**32)
    init_stream: Literal["init", "twin"] = Field(
        "init", description="the stream of initial values; a twin differs from its run by it alone"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _lengths_mean_something(self) -> "RunConfig":
        if self.evaluate.lengths and self.data.documents == "separate":
            raise ValueError(
                f"evaluate.lengths={list(self.evaluate.lengths)} ask how much of the text before "
                "is used, and with documents: separate positions begin anew in each document; "
                "leave out one of the two"
            )
        return self

    @property
    def tokens_per_step(self) -> int:
        return self.train.batch_size * self.model.max_seq_len

    @property
    def lengths(self) -> tuple[int, ...]:
        """Those of `evaluate.lengths` at which the model is defined."""
        longest = self.model.longest
        return tuple(n for n in self.evaluate.lengths if longest is None or n <= longest)
