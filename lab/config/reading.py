"""Files of configs: where a name is looked up, and what stands in a file, as plain data."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.config.explain import did_you_mean
from lab.config.yaml12 import load_yaml
from lab.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "configs"
SIZES = "sizes"


def look_up(name: str | Path, *, what: str, below: Sequence[str] = ("",)) -> Path:
    """The file that a path means, or a name in folders of `configs/`, here or shipped.

    Raises `ConfigError` with the nearest name; `what` says what was sought.
    """
    path = Path(name)
    for candidate in [path, *(folder / path for folder in _folders(below))]:
        for file in (candidate, Path(f"{candidate}.yaml")):
            with suppress(OSError):  # a name too long for a file
                if file.is_file():
                    return file
    raise ConfigError(f"no {what} {str(name)!r}{did_you_mean(path.name, names(below=below))}")


def names(*, below: Sequence[str] = ("",)) -> list[str]:
    """What may be looked up: files of `configs/`, and sizes by their bare names."""
    files = {file for folder in _folders(below) for file in folder.glob("*.yaml")}
    return sorted({file.stem if file.parent.name == SIZES else file.name for file in files})


def read_mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    raw = load_yaml(text, source=str(path))
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ConfigError(f"{path}: must be a mapping of keys to values")
    return raw


def _folders(below: Sequence[str]) -> Iterator[Path]:
    for part in below:
        yield Path("configs") / part
        yield SHIPPED / part
