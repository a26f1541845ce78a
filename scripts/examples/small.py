"""A small package for the other examples: the one that is named, or one trained in seconds."""

import sys
from pathlib import Path
from tempfile import mkdtemp

from lab.commands.train import train_one
from lab.package.read import Package, load_package

SETTINGS = (
    "model.n_layers=1",
    "train.steps=150",
    "train.optimizer.lr=1e-2",
    "tracking.wandb.mode=disabled",
)


def small_package() -> Package:
    """The package whose folder is the first word on the command line; else a new one."""
    if len(sys.argv) > 1:
        return load_package(sys.argv[1])
    place = Path(mkdtemp(prefix="lab-example-"))
    train_one(
        "posenc.yaml",
        variant="rope",
        overrides=SETTINGS,
        threads=1,
        experiments=place / "experiments",
        artifacts=place / "artifacts",
    )
    (folder,) = (place / "artifacts" / "train").iterdir()
    return load_package(folder)
