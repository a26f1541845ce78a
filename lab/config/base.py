"""The base of every config: frozen, strict, closed.

Design choices:
- an unknown key, a bool for an int, a NaN or an infinity is an error;
- input is validated through JSON, where a list may stand for a tuple and an int for a float, and
  nothing else is converted;
- there is no `model_copy(update=...)`: it skips validation. `replaced` validates a new whole.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        serialize_by_alias=True,
    )

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Validate plain data; raises `pydantic.ValidationError` with every fault at once."""
        return cls.model_validate_json(json.dumps(raw))

    def dump(self) -> dict[str, Any]:
        """The whole config as plain data, defaults included: `parse(dump())` is the identity."""
        return self.model_dump(mode="json")

    def replaced(self, changes: Mapping[str, Any]) -> Self:
        """A new config with the values at dotted paths replaced, validated as a whole.

        Where a kind is replaced, what stood at its default stands at the new kind's default.
        """
        raw = self.dump()
        for path, value in changes.items():
            section, _, key = path.rpartition(".")
            found = _section(self, section) if key == "kind" else None
            if found is not None and get(raw, section) == found.dump():
                put(raw, section, found.model_dump(mode="json", exclude_defaults=True))
            put(raw, path, copy.deepcopy(value))  # a later change may reach into it
        return self.parse(raw).sharing(self)

    def sharing(self, of: "Strict") -> Self:
        """This config, which holds the very sections of another from now on where they are equal:
        they take no room."""
        for name, mine in self.__dict__.items():
            other = of.__dict__.get(name)
            if not isinstance(mine, Strict) or mine is other:
                continue
            if isinstance(other, Strict) and type(mine) is type(other):
                if mine == other:
                    self.__dict__[name] = other
                else:
                    mine.sharing(other)
        return self


def _section(config: Strict, path: str) -> Strict | None:
    here: Any = config
    for part in path.split("."):
        here = getattr(here, part, None)
    return here if isinstance(here, Strict) else None


def put(raw: dict[str, Any], path: str, value: Any) -> None:
    """Replace the value at a dotted path of nested dicts, making dicts on the way.

    A key that is there and has dots itself, as those of variants do, is taken whole.
    """
    parts = path.split(".")
    while len(parts) > 1:
        keys = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        if keys[0] in raw:
            break
        key = next((k for k in keys if isinstance(raw.get(k), dict)), parts[0])
        if not isinstance(raw.get(key), dict):
            raw[key] = {}
        raw, parts = raw[key], parts[key.count(".") + 1 :]
    raw[".".join(parts)] = value


def get(raw: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None where there is none."""
    value: Any = raw
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
