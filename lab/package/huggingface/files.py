"""Files of a transformers folder, which may hold what anybody put there.

Design choices:
- a link may lead to a file of the folder, or, in the cache of Hugging Face's hub, whose snapshots
  are made of links, to the blobs beside them; a link that leads anywhere else is refused;
- a file's size is known before it is read.
"""

import json
from pathlib import Path
from typing import Any

from lab.errors import PackageError
from lab.package.layout import MIB
from lab.package.plain import NotPlainError, TooLargeError, plain_file, read_plain

TEXTS = 64 * MIB  # of tokenizer.json, and more than any other has


def plain_place(path: Path) -> Path | None:
    """Where a file really lies, None where there is none; raises `PackageError` for a link away."""
    if not path.is_file():
        return None
    folder, place = path.parent.resolve(), path.resolve()
    roots = [folder]
    if folder.parent.name == "snapshots":
        roots.append(folder.parent.parent / "blobs")
    if not any(place.is_relative_to(root) for root in roots):
        raise PackageError(
            f"{path} is a link that leads out of its folder, and such links are not followed: put "
            "the file itself there"
        )
    return place


def content_of(path: Path) -> bytes | None:
    """The bytes of a file, None where there is none."""
    place = plain_place(path)
    if place is None:
        return None
    try:
        return read_plain(place, limit=TEXTS)
    except TooLargeError as error:
        raise PackageError(
            f"{path} has {error.size} bytes, and such a file at most {TEXTS}: do not use it"
        ) from None
    except OSError as error:
        raise PackageError(f"{path} cannot be read ({error.strerror or error})") from None


def table_of(path: Path) -> dict[str, Any] | None:
    """The names and values of a JSON file, None where there is none."""
    content = content_of(path)
    if content is None:
        return None
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise PackageError(f"{path} cannot be read as JSON: {reason}") from None
    if not isinstance(raw, dict):
        raise PackageError(f"{path} holds no settings; it should hold names and values")
    return raw


def size_of(path: Path) -> int:
    """Bytes of a file that is there."""
    try:
        with plain_file(path) as (_, size):
            return size
    except NotPlainError as error:
        raise PackageError(f"{path} is {error}") from None
    except OSError as error:
        raise PackageError(f"{path} cannot be read ({error.strerror})") from None
