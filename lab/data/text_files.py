"""The `file` corpus: UTF-8 text, a document a file.

Design choices:
- text comes as it is: no change of line ends, no normalisation, byte order marks kept;
- files are read in order of path whatever the order of the patterns, and each only once;
- a path that exists is that file, also when its name holds `*` or `[`.
"""

import difflib
import glob
from collections.abc import Sequence
from pathlib import Path

from lab.errors import DataError

_SHOWN = 8  # names listed where none is near


def read(patterns: Sequence[str]) -> list[str]:
    """The text of every file that the patterns name, one string a file.

    A pattern is a path, or a glob in which `**` looks into folders and `~` is the home folder;
    hidden files count only when named. Raises `DataError` where a pattern matches no file, and
    where a file cannot be read or is not UTF-8.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        try:
            for path in _matches(pattern):
                found.setdefault(path.resolve(), path.absolute())
        except OSError as error:
            raise DataError(f"{pattern}: {error.strerror or error}") from None
    return [_text(path) for path in sorted(found.values())]


def _matches(pattern: str) -> list[Path]:
    path = Path.home() / pattern[2:] if pattern.startswith("~/") else Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        raise DataError(f"{pattern} is a folder; to read what is in it, write {path}/*.txt")
    names = glob.glob(str(path), recursive=True)  # noqa: PTH207  (pathlib's cannot be absolute)
    files = [Path(name) for name in names if Path(name).is_file()]
    if not files:
        raise DataError(f"no file {pattern!r}{_nearest(path)}")
    return files


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte 0x{content[error.start]:02x} at offset {error.start} is not UTF-8; "
            "convert the file, for example with: iconv -f LATIN1 -t UTF-8"
        ) from None


def _nearest(path: Path) -> str:
    """`; did you mean …?`, or what the last folder that exists holds."""
    missing = path.absolute()
    while not missing.parent.is_dir():
        missing = missing.parent
    folder = missing.parent
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    near = difflib.get_close_matches(missing.name, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {str(folder / near[0])!r}?"
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"; {folder} holds {shown}" if names else f"; {folder} is empty"
