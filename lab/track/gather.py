"""One folder with the wandb runs of many run folders, for `wandb leet` to compare them."""

import os
from collections.abc import Iterable
from pathlib import Path


def gather_wandb(run_folders: Iterable[Path], *, into: Path) -> int:
    """Fill `into` with relative links to the runs' wandb folders; returns how many there are.

    Links are left as they are where they stand, so this may be called after every run; those to a
    folder that has gone, since its run was recorded anew, go too.
    """
    patterns = ("offline-run-*", "run-*")
    for link in [link for pattern in patterns for link in into.glob(pattern)]:
        if not link.exists():
            link.unlink()
    found = [
        folder
        for run in run_folders
        for pattern in patterns
        for folder in sorted((run / "wandb").glob(pattern))
        if folder.is_dir()
    ]
    if found:
        into.mkdir(parents=True, exist_ok=True)
    for folder in found:
        link = into / folder.name
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(folder, into), target_is_directory=True)
    return len(found)
