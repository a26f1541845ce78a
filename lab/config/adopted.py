"""A model that was trained elsewhere: what it is and where it comes from.

Its corpus, training and seed are not known here, so it has none, rather than invented ones.
"""

from typing import Literal

from pydantic import Field

from lab.config.base import Strict
from lab.config.model import ModelConfig


class SpecialTokens(Strict):
    """The names of what stands before every prompt, and of what ends a text; None: no such."""

    bos: str | None
    eos: str | None


class Origin(Strict):
    """The architecture of the folder, and the SHA-256 of its weights, a file each."""

    architecture: Literal["gpt2", "llama"]
    weights: dict[str, str] = Field(min_length=1)


class AdoptedConfig(Strict):
    model: ModelConfig
    tokenizer: SpecialTokens
    origin: Origin

    @property
    def seed(self) -> None:
        return None
