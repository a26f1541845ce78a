"""What is recorded while a run trains. None of it changes a number, so the digest leaves it out."""

from typing import Literal

from pydantic import Field

from lab.config.base import Strict


class WandbConfig(Strict):
    """`auto` is online where a key is configured, else offline; it never asks for a login."""

    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    project: str = Field("lab", pattern=r"^[^/\\#?%:]{1,128}$")
    entity: str | None = None


class SamplesConfig(Strict):
    """A fixed prompt continued at every evaluation, to watch a model learn to write."""

    prompt: str = Field("The ", min_length=1)
    max_new_tokens: int = Field(80, ge=0, description="0 turns samples off")
    temperature: float = Field(0.8, ge=0)
    every: int = Field(5, ge=1, description="evaluations")


class TrackingConfig(Strict):
    wandb: WandbConfig = WandbConfig()
    samples: SamplesConfig = SamplesConfig()
