"""One run of `lab train` carried out by several processes that torchrun has started.

Design choices:
- the first process is the command as it is alone: it reads the config, prepares the data, holds the
  folder, writes and speaks. The others know the order that it gives them, do their part of the
  training, write nothing, say nothing, and end with its exit code;
- whoever fails says so before it leaves, so that nobody takes it for a defect of their own;
- torchrun hands on a Ctrl-C that the terminal has sent already, and ends by force who takes longer
  than its patience: so a second signal is taken for the first.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lab.config.order import WorkOrder
from lab.config.train import TrainConfig
from lab.endings import INTERRUPTED, REFUSED
from lab.errors import ConfigError, LabError
from lab.files import no_space
from lab.sweep.attempts import is_out_of_memory, raised
from lab.sweep.signals import caught, say
from lab.train.distributed.meeting import Meeting, count_here, meet

if TYPE_CHECKING:
    from lab.train.world import World

ORDER, END, FAILED = "order", "end", "failed"  # what is told
DEFECT = 1  # the exit code
PATIENCE = 60.0  # seconds for the first process to end what it has begun
STOPPING = b"\nstopping after a checkpoint; once more ends now\n"
STOPPING_TOGETHER = b"\nstopping after a checkpoint\n"


class LeftAloneError(LabError):
    """Another process has failed: what happened here follows from it."""


def require_shares(train: TrainConfig, size: int) -> None:
    """Raise `ConfigError` where so many processes cannot have equal shares of a batch."""
    together = train.batch_size // train.micro_batches
    if together % size == 0:
        return
    name = "micro_batch_size" if train.micro_batch_size else "batch_size"
    tries = [n for n in (together // size * size, together // size * size + size) if n]
    raise ConfigError(
        f"train.{name}={together} is not a multiple of the {size} processes that share it; try "
        f"{' or '.join(map(str, tries))}"
    )


def require_devices(device: str) -> None:
    """Raise `ConfigError` where the processes on this machine cannot have a device each."""
    import torch

    if device == "mps":
        raise ConfigError(
            "device: mps is for one process; start without torchrun, or with --set device=cpu"
        )
    if device == "cuda" and count_here() > torch.cuda.device_count():
        raise ConfigError(
            f"{count_here()} processes on a machine with {torch.cuda.device_count()} GPUs have not "
            "one each; start as many as there are, or use --set device=cpu"
        )


def together(work: Callable[[Meeting | None], int]) -> int:
    """The exit code of a command's work, which is that of the first process in all of them."""
    meeting = meet()
    if meeting is None:
        return work(None)
    return lead(meeting, partial(work, meeting)) if meeting.is_first else follow(meeting)


def lead(meeting: Meeting, work: Callable[[], int]) -> int:
    """Be the first process: whatever the work comes to, the others are told."""
    code = DEFECT
    try:
        code = work()
        return code
    except BaseException as error:
        code = _code(error)
        raise
    finally:
        meeting.tell(END, code)


def follow(meeting: Meeting) -> int:
    """Be one of the others; returns the exit code of the first."""
    try:
        name, word = _heard(meeting, ORDER, END)
        if name == ORDER:
            _take_part(meeting, WorkOrder.parse(word["order"]), Path(word["folder"]))
            _, word = _heard(meeting, END)
        return int(word)
    except KeyboardInterrupt:
        return INTERRUPTED
    except LeftAloneError:
        ended = meeting.wait(END, patience=PATIENCE)
        return DEFECT if ended is None else int(ended[1])
    except Exception as error:
        if not (isinstance(error, LabError | OSError) or is_out_of_memory(error)):
            raise
        said = error if isinstance(error, LabError) else raised(error)
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(
            f"process {meeting.rank} of {meeting.size}: {said}"
        )
        return REFUSED


@contextmanager
def shared(meeting: Meeting | None, order: WorkOrder, folder: Path) -> Iterator["World"]:
    """Who trains a run: the others are given the order, if there are any."""
    if meeting is None:
        from lab.train.world import ALONE  # imports torch

        yield ALONE
        return
    meeting.tell(ORDER, {"order": order.dump(), "folder": str(folder)})
    with _world(meeting, order) as world:
        yield world


@contextmanager
def stopping(meeting: Meeting | None) -> Iterator[list[int]]:
    """Collects signals: the first asks for a checkpoint; of one process, a second ends at once."""
    seen: list[int] = []

    def react() -> None:
        if seen and meeting is None:
            raise KeyboardInterrupt
        if not seen and (meeting is None or meeting.is_first):
            say(STOPPING if meeting is None else STOPPING_TOGETHER)
        seen.append(1)

    with caught(react):
        yield seen


def _take_part(meeting: Meeting, order: WorkOrder, folder: Path) -> None:
    from lab.run import execute  # imports torch

    with warnings.catch_warnings(), stopping(meeting) as stopped, _world(meeting, order) as world:
        warnings.simplefilter("ignore")  # the first process is told the same
        execute(order, folder=folder, stop=lambda: bool(stopped), world=world)


@contextmanager
def _world(meeting: Meeting, order: WorkOrder) -> Iterator["World"]:
    """All processes together. An error is told before the connections to the others are lost."""
    import torch

    from lab.train.distributed.world import Several

    device = torch.device(order.provenance["device"])
    with Several(meeting, parallel=order.provenance["parallel"], device=device) as world:
        try:
            yield world
        except Exception as error:
            if meeting.told(FAILED):
                raise LeftAloneError(
                    "another process of this run has failed, and says why"
                ) from error
            meeting.tell(FAILED, meeting.rank)
            raise


def _heard(meeting: Meeting, *names: str) -> tuple[str, Any]:
    found = meeting.wait(*names)
    assert found is not None, "it waits until there is a word"
    return found


def _code(error: BaseException) -> int:
    """The exit code that `lab.endings` has for it, where it can be known here."""
    if isinstance(error, KeyboardInterrupt) or (isinstance(error, Exception) and no_space(error)):
        return INTERRUPTED
    return REFUSED if isinstance(error, LabError | OSError) else DEFECT
