"""What stands where a run's package goes, left by an attempt that came to no result.

Put aside whole before it is removed, so that a kill leaves all of it or nothing in its place.
"""

import shutil
from pathlib import Path

from lab.package.layout import FILES, MANIFEST
from lab.package.manifest import read_manifest


def put_away(folder: Path, *, digest: str) -> None:
    """Remove a package of the run with this digest, or the remains of one without a manifest.

    Whatever else stands there stays. Raises `PackageError` for a damaged manifest.
    """
    aside = folder.with_name(f".{folder.name}.aside")
    if aside.is_dir():
        shutil.rmtree(aside)
    if _is_left_over(folder, digest):
        folder.rename(aside)
        shutil.rmtree(aside)


def _is_left_over(folder: Path, digest: str) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    if (folder / MANIFEST).exists():
        return read_manifest(folder / MANIFEST).digest == digest
    return {file.name for file in folder.iterdir()} <= {*FILES}
