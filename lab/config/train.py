"""How a model is trained: optimizer, schedule, batches, precision, intervals."""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.config.base import Strict


class AdamW(Strict):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Decay applies to matrices and tables only, never to norms and biases.
    """

    kind: Literal["adamw"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.99,
    )
    eps: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.1, ge=0)


class _Warmup(Strict):
    warmup_steps: int = Field(0, ge=0)


class ConstantSchedule(_Warmup):
    kind: Literal["constant"] = "constant"


class LinearSchedule(_Warmup):
    """A straight line from the peak to `final_ratio` of it at the last step."""

    kind: Literal["linear"] = "linear"
    final_ratio: float = Field(0.0, ge=0, le=1)


class CosineSchedule(_Warmup):
    """Half a cosine from the peak to `final_ratio` of it (Loshchilov and Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    final_ratio: float = Field(0.1, ge=0, le=1)


class WsdSchedule(_Warmup):
    """Warm-up, a stable stretch, and a linear decay over the last steps (Hu et al. 2024)."""

    kind: Literal["wsd"] = "wsd"
    decay_steps: int = Field(ge=1)
    final_ratio: float = Field(0.0, ge=0, le=1)


Schedule = Annotated[
    ConstantSchedule | LinearSchedule | CosineSchedule | WsdSchedule, Field(discriminator="kind")
]


class TrainConfig(Strict):
    """`batch_size` is in sequences a step, over all micro-batches and processes, and
    `micro_batch_size` in those of a micro-batch over all processes.
    """

    steps: int = Field(ge=1, le=10**9)
    batch_size: int = Field(ge=1, le=2**24)
    micro_batch_size: int | None = Field(None, ge=1, description="None means batch_size")
    optimizer: AdamW = AdamW()
    schedule: Schedule = CosineSchedule()
    clip_norm: float | None = Field(1.0, gt=0)
    z_loss: float = Field(0.0, ge=0, description="weight of mean(logsumexp(logits)^2)")
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: Literal["auto"] | bool = Field(
        "auto", description="torch.compile; auto: where a run is long enough to earn it back"
    )
    activation_checkpointing: bool = Field(
        False, description="keep each layer's input only, and compute the rest again going back"
    )
    log_every: int = Field(10, ge=1, description="steps")
    eval_every: int | None = Field(None, ge=1, description="steps; None means ten times a run")
    checkpoint_every: int | None = Field(None, ge=1, description="steps; None means with each eval")

    @model_validator(mode="after")
    def _parts_fit(self) -> "TrainConfig":
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size={self.batch_size} is not a multiple of "
                f"micro_batch_size={self.micro_batch_size}"
            )
        warmup = self.schedule.warmup_steps
        if warmup >= self.steps:
            raise ValueError(
                f"schedule.warmup_steps={warmup} leaves nothing of steps={self.steps}; "
                f"try {max(self.steps // 10, 0)}"
            )
        match self.schedule:
            case WsdSchedule(decay_steps=decay) if warmup + decay > self.steps:
                raise ValueError(
                    f"schedule.warmup_steps={warmup} and decay_steps={decay} "
                    f"are more than steps={self.steps}"
                )
            case _:
                return self

    @property
    def eval_interval(self) -> int:
        return self.eval_every or math.ceil(self.steps / 10)

    @property
    def checkpoint_interval(self) -> int:
        return self.checkpoint_every or self.eval_interval

    @property
    def micro_batches(self) -> int:
        return self.batch_size // (self.micro_batch_size or self.batch_size)
