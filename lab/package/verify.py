"""Whether a folder is a package, whole and unchanged. Needs no torch.

Nothing of a file is used before all of them were checked; a file is not read when its size or
kind is wrong already.
"""

import os
import stat
from pathlib import Path

from lab.config.explain import did_you_mean
from lab.errors import PackageError
from lab.files import sha256_file
from lab.package.layout import FILES, MANIFEST, MAX_BYTES, MAX_HEADER_BYTES, WEIGHTS
from lab.package.manifest import Manifest, read_manifest

NAMED = 10  # faults in one message


def verify(folder: str | Path) -> Manifest:
    """The manifest of a package whose every byte agrees with it.

    Raises `PackageError` that names each file that is missing, added, changed or no plain file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PackageError(f"no package {str(folder)!r}: {_why_not(folder)}")
    manifest = read_manifest(folder / MANIFEST)
    faults = _listing_faults(folder)
    if not faults:
        faults = [fault for name in FILES if (fault := _fault(folder / name, manifest)) is not None]
    if faults:
        shown = "; ".join(faults[:NAMED]) + ("; and more" if len(faults) > NAMED else "")
        raise PackageError(f"{folder} is damaged: {shown}. Package the run again")
    return manifest


def _why_not(folder: Path) -> str:
    if folder.exists():
        return "it is a file, and a package is a folder"
    parent = folder.parent
    if not parent.is_dir():
        return f"the folder {str(parent)!r} does not exist"
    siblings = sorted(p.name for p in parent.iterdir() if (p / MANIFEST).is_file())
    return f"there is no such folder{did_you_mean(folder.name, siblings[:1000])}"


def _listing_faults(folder: Path) -> list[str]:
    """Files that are missing, added, or not plain files."""
    present = {entry.name: entry for entry in os.scandir(folder)}
    expected = {*FILES, MANIFEST}
    faults = [f"{name} is missing" for name in sorted(expected - present.keys())]
    faults += [f"{name!r} was added, remove it" for name in sorted(present.keys() - expected)]
    for name in sorted(expected & present.keys()):
        if not stat.S_ISREG(present[name].stat(follow_symlinks=False).st_mode):
            faults.append(f"{name} is not a regular file (links are not followed)")
    return faults


def _fault(path: Path, manifest: Manifest) -> str | None:
    record, size = manifest.files[path.name], path.stat().st_size
    limit = (
        4 * manifest.n_params + MAX_HEADER_BYTES if path.name == WEIGHTS else MAX_BYTES[path.name]
    )
    if size != record.bytes:
        return f"{path.name} has {size} bytes, not the {record.bytes} of its manifest"
    if size > limit:
        return f"{path.name} has {size} bytes, and such a file at most {limit}"
    if sha256_file(path) != record.sha256:
        return f"{path.name} does not match the sha256 of its manifest"
    return None
