"""Files of configs: where a name is looked up, and what stands in a file, as plain data."""

import codecs
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.config.explain import did_you_mean, shown
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError
from lab.files import read_bounded

SHIPPED = Path(__file__).parents[2] / "configs"
SIZES = "sizes"
LIMIT = 2**20  # bytes
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def look_up(
    name: str | Path, *, what: str, below: Sequence[str] = ("",), beside: Path | None = None
) -> Path:
    """The file that a path means, `beside` a folder if given, or a name in folders of `configs/`,
    here or shipped.

    Raises `ConfigError` with the nearest name; `what` says what was sought.
    """
    path = Path(name)
    folders = [*([] if beside is None else [beside]), Path(), *_folders(below)]
    for candidate in [folder / path for folder in folders]:
        for file in (candidate, Path(f"{candidate}.yaml")):
            with suppress(OSError):  # a name too long for a file
                if file.is_file():
                    return file
    why = did_you_mean(path.name, names(below=below))
    if os.path.lexists(path):
        why = f": that is no file; give the {what}'s file, or its name in configs/"
    raise ConfigError(f"no {what} {shown(str(name))}{why}")


def names(*, below: Sequence[str] = ("",)) -> list[str]:
    """What may be looked up: files of `configs/`, and sizes by their bare names."""
    files = {file for folder in _folders(below) for file in folder.glob("*.yaml")}
    return sorted({file.stem if file.parent.name == SIZES else file.name for file in files})


def read_mapping(path: Path) -> dict[str, Any]:
    """What stands in a file; raises `ConfigError` where that is no mapping, or no text."""
    raw = load_yaml(_text(path), source=str(path))
    if not isinstance(raw, dict):
        got = "nothing" if raw is None else shown(raw)
        raise ConfigError(f"{path}: must be a mapping of keys to values; got {got}")
    return raw


def _text(path: Path) -> str:
    try:
        content = read_bounded(path, limit=LIMIT)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be a config: {error}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        kind = "UTF-16" if content[:2] in UTF16 else "not UTF-8"
        raise ConfigError(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} cannot be read, for the "
            f"file is {kind}; save it as UTF-8"
        ) from None


def _folders(below: Sequence[str]) -> Iterator[Path]:
    for part in below:
        yield Path("configs") / part
        yield SHIPPED / part
