"""The header of a safetensors file: which tensors there are, of which shape, and where.

It is read here, and not by the library, so that the values can go straight from the file into the
memory of a model, hashed on their way: what is used is what was verified, and no second copy of it
is ever held. The format: eight bytes of length, that much JSON, then the values without gaps.
"""

import json
import math
from typing import Any, BinaryIO, NamedTuple

from lab.package.layout import MAX_HEADER_BYTES
from lab.package.shown import shown

MAX_DIMENSIONS = 8
METADATA = "__metadata__"
_KEYS = {"dtype", "shape", "data_offsets"}


class Stored(NamedTuple):
    """A tensor in a file; `begin` and `end` count from the first byte after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(file: BinaryIO, *, size: int) -> tuple[bytes, list[Stored]]:
    """The first bytes of a file of this size, header included, and its tensors as they follow.

    Raises ValueError for anything that is not safetensors to the letter.
    """
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or 8 + length > size:
        raise ValueError("it ends within its header")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header has {length} bytes, of {MAX_HEADER_BYTES} at most")
    text = file.read(length)
    try:
        raw = json.loads(text.decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(raw, dict):
        raise ValueError("its header is no table of tensors")
    raw.pop(METADATA, None)
    found = sorted((_stored(*item) for item in raw.items()), key=lambda one: (one.begin, one.end))
    end = 0
    for stored in found:
        if stored.begin != end:
            raise ValueError(f"{shown(stored.name)} does not begin where the one before it ends")
        end = stored.end
    if 8 + length + end != size:
        raise ValueError(
            f"its tensors have {end} bytes, and after its header there are {size - 8 - length}"
        )
    return prefix + text, found


def _stored(name: str, raw: Any) -> Stored:
    if not isinstance(raw, dict) or raw.keys() != _KEYS:
        raise ValueError(f"{shown(name)} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = raw["dtype"], raw["shape"], raw["data_offsets"]
    numbers = _is_sizes(shape) and _is_sizes(offsets) and len(offsets) == 2
    if not isinstance(dtype, str) or not numbers or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{shown(name)} has no dtype, shape and data_offsets that could be")
    begin, end = offsets
    if begin > end or (dtype == "F32" and end - begin != 4 * math.prod(shape)):
        raise ValueError(f"{shown(name)} has not as many bytes as its shape asks for")
    return Stored(name, dtype, tuple(shape), begin, end)


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in its header")
    return found
