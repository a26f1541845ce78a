"""The room that a sweep needs on its disks, and the room there is.

Design choices:
- what is needed is an upper bound: the greatest number of runs that the plan may come to, and
  every worker in the middle of writing a checkpoint. So it warns and refuses nothing: a disk that
  turns out to be full pauses a sweep and loses nothing;
- what already lies there of this sweep is not needed again;
- folders may lie on different disks, and those that share one share its room.

Prepared text is no part of it: it is there before a plan is made.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.config.run import RunConfig
from lab.config.seeds import seeds_of
from lab.files import existing
from lab.provenance.record import record
from lab.sweep.plan import Plan

BYTES_A_PARAMETER = 4
STATES = 3  # weights and two moments
KEPT, WRITTEN = 2, 1  # checkpoints of a run, and one that is to take another's place
BLOCK = 4096  # what a file is rounded up to
RUN_FILES, PACKAGE_FILES = 14 * BLOCK, 4 * BLOCK  # config, order, result, logs ...; manifest ...
REPORT = 2_000_000
ROW = 160  # of metrics.csv and timing.csv together
TOKEN = 60  # of tokenizer.json, for each token of the vocabulary
WANDB_FILES, WANDB_ROW = 50_000, 900


@dataclass(frozen=True)
class Room:
    """Of folders on one disk: the bytes that are needed on top of what lies there, and are free."""

    folders: tuple[Path, ...]
    needed: int
    free: int

    @property
    def suffices(self) -> bool:
        return self.needed <= self.free

    @property
    def place(self) -> str:
        return " and ".join(map(str, self.folders))


@dataclass(frozen=True)
class Space:
    """Bytes at the plan's greatest number of runs, of the largest model each."""

    packages: int  # all at once, also those that are deleted in the end
    files: tuple[int, int]  # at the plan's least number of runs, too
    checkpoints: int  # at their most, while runs are under way


def space_needed(plan: Plan, *, vocab_sizes: Mapping[str, int], workers: int) -> Space:
    """With `workers` runs at a time, in whatever jobs."""
    question, provenance = plan.question, len(json.dumps(record()))
    arms = {name: _Arm(question.variant(name), vocab_sizes[name]) for name in question.arms}
    arms |= {twin: arms[reference] for twin, reference in question.twins.items()}
    spans = plan.spans()
    packaged = seeds_of(question) if question.confirm and question.packages != "all" else spans
    state = STATES * max(arm.weights for arm in arms.values())
    low, high = (
        REPORT + sum(spans[name][end] * (arm.files + provenance) for name, arm in arms.items())
        for end in (0, 1)
    )
    return Space(
        packages=sum(
            packaged[name][1] * (arm.package + provenance)
            for name, arm in arms.items()
            if name in packaged
        ),
        files=(low, high),
        checkpoints=(workers * (KEPT + WRITTEN) + _n_paused(plan) * KEPT) * state,
    )


def rooms(space: Space, *, files: Path, packages: Path) -> list[Room]:
    """The disks that two folders lie or will lie on, that of the runs' files and of packages."""
    needed = {files: space.files[1] + space.checkpoints, packages: space.packages}
    disks: dict[int, list[Path]] = {}
    for folder in needed:
        disks.setdefault(existing(folder).stat().st_dev, []).append(folder)
    return [
        Room(
            tuple(folders),
            sum(max(0, needed[folder] - occupied(folder)) for folder in folders),
            shutil.disk_usage(existing(folders[0])).free,
        )
        for folders in disks.values()
    ]


def short_of_room(rooms: Sequence[Room]) -> list[str]:
    """A sentence for each disk that may turn out to be too small."""
    return [
        f"there may be too little room: up to {megabytes(room.needed)} more are needed for "
        f"{room.place}, and {megabytes(room.free)} are free there; make room, or the sweep pauses "
        "when the disk is full, loses nothing, and is continued by the same command"
        for room in rooms
        if not room.suffices
    ]


def megabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:,.1f} GB"


def occupied(folder: Path) -> int:
    """Bytes that the files below a folder take up on their disk; links count as they are."""
    return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in _entries(folder))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            for entry in found:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    yield from _entries(Path(entry.path))
    except (FileNotFoundError, NotADirectoryError):  # not there yet, or not any more
        return


@dataclass(frozen=True)
class _Arm:
    """Bytes of one run."""

    config: RunConfig
    vocab_size: int

    @property
    def weights(self) -> int:
        return BYTES_A_PARAMETER * self.config.model.n_params(self.vocab_size)

    @property
    def package(self) -> int:
        return self.weights + PACKAGE_FILES + self.vocab_size * TOKEN + self._rows * ROW

    @property
    def files(self) -> int:
        recorded = RUN_FILES + self._rows * ROW
        if self.config.tracking.wandb.mode == "disabled":
            return recorded
        return recorded + WANDB_FILES + self._rows * WANDB_ROW

    @property
    def _rows(self) -> int:
        """Of metrics.csv."""
        train = self.config.train
        return train.steps // train.log_every + train.steps // train.eval_interval + 2


def _n_paused(plan: Plan) -> int:
    """How many runs at most have paused at a rung, with a checkpoint to be continued at."""
    tune = plan.question.tune
    return len(plan.question.arms) * tune.width if tune and plan.rungs else 0
