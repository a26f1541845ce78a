"""One training run, complete: with the corpus's text it determines every number."""

from typing import Literal

from pydantic import Field

from lab.config.base import Strict
from lab.config.data import DataConfig
from lab.config.model import ModelConfig
from lab.config.tracking import TrackingConfig
from lab.config.train import TrainConfig


class RunConfig(Strict):
    model: ModelConfig
    data: DataConfig
    train: TrainConfig
    seed: int = Field(0, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    tracking: TrackingConfig = TrackingConfig()

    @property
    def tokens_per_step(self) -> int:
        return self.train.batch_size * self.model.max_seq_len
