"""Whether a folder is a package, whole and unchanged. Needs no torch.

Design choices:
- nothing of a file is used before all of them were checked; a file is not read when its size or
  kind is wrong already;
- `content` gives the very bytes that were hashed, so that a file which is replaced after it was
  verified is not used;
- an archive is refused, not opened: whoever unpacks it with a tool of their own has a package.
"""

import hashlib
import os
from itertools import islice
from pathlib import Path

from lab.config.explain import did_you_mean
from lab.errors import PackageError
from lab.package.layout import (
    MANIFEST,
    MAX_BYTES,
    MAX_HEADER_BYTES,
    TOKENIZER,
    TOKENIZER_BYTES,
    WEIGHTS,
)
from lab.package.manifest import Manifest, read_manifest
from lab.package.plain import NotPlainError, hash_plain, plain_file, read_plain
from lab.package.shown import shown

NAMED = 10  # faults in one message
LOOKED_AT = 1000  # names in a folder
ARCHIVES = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z"}


def verify(folder: str | Path) -> Manifest:
    """The manifest of a package whose every byte agrees with it.

    Raises `PackageError` that names each file that is missing, added, changed or no plain file.
    """
    folder = Path(folder)
    manifest = outline(folder)
    names = list(manifest.files)
    _refuse(folder, [fault for name in names if (fault := _changed(folder / name, manifest))])
    return manifest


def outline(folder: str | Path) -> Manifest:
    """As `verify`, without a look into the files beside the manifest: their names and sizes only.

    What a package asks for is known from here before any of it is read.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            raise PackageError(f"no package {_said(folder)}: {_why_not(folder)}")
        manifest = read_manifest(folder / MANIFEST)
        faults = _listed(folder, manifest)
        faults += [fault for name in manifest.files if (fault := _sized(folder / name, manifest))]
    except (OSError, ValueError) as error:  # a name too long, a null in it, a folder that is closed
        reason = getattr(error, "strerror", None) or error
        raise PackageError(
            f"no package {shown(str(folder), length=300)}: it cannot be read ({reason})"
        ) from None
    _refuse(folder, faults)
    return manifest


def content(folder: Path, name: str, manifest: Manifest) -> bytes:
    """The bytes of a file, which agree with the manifest; raises `PackageError` where none do."""
    record = manifest.files[name]
    try:
        found = read_plain(folder / name, limit=record.bytes)
        changed = hashlib.sha256(found).hexdigest() != record.sha256
    except (OSError, ValueError):
        changed = True
    if changed:
        raise PackageError(f"{folder / name} was changed while it was read: load the package again")
    return found


def _refuse(folder: Path, faults: list[str]) -> None:
    if faults:
        named = "; ".join(faults[:NAMED]) + ("; and more" if len(faults) > NAMED else "")
        raise PackageError(f"{folder} is damaged: {named}. Package the run again")


def _why_not(folder: Path) -> str:
    if folder.exists():
        if folder.suffix in ARCHIVES:
            return "it is an archive, and a package is a folder: unpack it first"
        return "it is a file, and a package is a folder"
    parent = folder.parent
    if not parent.is_dir():
        return f"the folder {_said(parent)} does not exist"
    siblings = sorted(p.name for p in parent.iterdir() if (p / MANIFEST).is_file())
    return f"there is no such folder{did_you_mean(folder.name, siblings[:LOOKED_AT])}"


def _listed(folder: Path, manifest: Manifest) -> list[str]:
    """Files that are missing or were added; names are shown so that no two look alike."""
    expected = {*manifest.files, MANIFEST}
    with os.scandir(folder) as entries:
        added = {entry.name for entry in islice(entries, LOOKED_AT)} - expected
    missing = [name for name in sorted(expected) if not os.path.lexists(folder / name)]
    faults = [f"{name} is missing" for name in missing]
    return faults + [f"{shown(name)} was added, remove it" for name in sorted(added)]


def _sized(path: Path, manifest: Manifest) -> str | None:
    record, limit = manifest.files[path.name], _limit(path.name, manifest)
    try:
        with plain_file(path) as (_, size):
            pass
    except FileNotFoundError:
        return None  # is said already
    except NotPlainError as error:
        return f"{path.name} is {error}"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    if size != record.bytes:
        return f"{path.name} has {size} bytes, not the {record.bytes} of its manifest"
    if size > limit:
        return f"{path.name} has {size} bytes, and such a file at most {limit}"
    return None


def _changed(path: Path, manifest: Manifest) -> str | None:
    record = manifest.files[path.name]
    try:
        found = hash_plain(path, size=record.bytes)
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror or error})"
    if found != record.sha256:
        return f"{path.name} does not match the sha256 of its manifest"
    return None


def _limit(name: str, manifest: Manifest) -> int:
    if name == WEIGHTS:
        return 4 * manifest.n_params + MAX_HEADER_BYTES
    if name == TOKENIZER:
        least, each = TOKENIZER_BYTES
        return min(MAX_BYTES[name], least + each * manifest.vocab_size)
    return MAX_BYTES[name]


def _said(path: Path) -> str:
    return shown(str(path), length=300)
