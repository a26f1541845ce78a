"""Sizes: models with a name, one a file in `configs/sizes/`.

Design choices:
- a question may name a size where a whole model stands: as `model` of its base, of a variant or
  of a fragment of its search. It is spelled out before anything is validated, so that what is
  hashed and kept holds the whole model;
- a size is spelled out as its file has it, without defaults, so that `model.position.kind` can
  still be changed;
- a question's vocabulary comes from its tokenizer; a size's `vocab_size` is for counting alone.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lab.config.base import Strict
from lab.config.model import ModelConfig
from lab.config.reading import SIZES, look_up, read_mapping
from lab.errors import ConfigError

MODEL = "model"


class Size(Strict):
    about: str = Field(min_length=1)
    vocab_size: int = Field(ge=1)
    model: ModelConfig


def model_of(size: str) -> Any:
    """The model of a size as plain data, not yet validated."""
    path = look_up(size, what="size", below=(SIZES,))
    raw = read_mapping(path)
    if MODEL not in raw:
        raise ConfigError(f"{path}: is no size, which has a model")
    return raw[MODEL]


def with_sizes(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A run or question with a whole model wherever it names a size."""
    found = _sized(raw)
    if isinstance(base := raw.get("base"), dict):
        found["base"] = _sized(base)
    for part in ("variants", "scales"):
        if isinstance(fragments := raw.get(part), dict):
            found[part] = _each_sized(fragments)
    if isinstance(factors := raw.get("factors"), dict):
        found["factors"] = {k: _entry(v) for k, v in factors.items()}
    tune = raw.get("tune")
    if isinstance(tune, dict) and isinstance(tune.get("space"), dict):
        found["tune"] = tune | {"space": {k: _entry(v) for k, v in tune["space"].items()}}
    return found


def _entry(entry: Any) -> Any:
    """Of a search: fragments stand under their labels, or under `choices`."""
    if not isinstance(entry, dict):
        return entry
    if isinstance(choices := entry.get("choices"), dict):
        return entry | {"choices": _each_sized(choices)}
    return entry | _each_sized({k: v for k, v in entry.items() if k != "when"})


def _each_sized(fragments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _sized(v) if isinstance(v, dict) else v for k, v in fragments.items()}


def _sized(raw: Mapping[str, Any]) -> dict[str, Any]:
    named = raw.get(MODEL)
    return {**raw, MODEL: model_of(named)} if isinstance(named, str) else dict(raw)
