"""How the processes of one run find each other, and what they tell each other in words.

Design choices:
- `torchrun` starts them and says in their environment who each of them is; a process that it did
  not start, or started alone, is like any other;
- what is told is plain JSON in the store that torchrun keeps. Waiting for a word looks into it
  again and again, so that a signal ends it, and the first process may take its time over the data;
- whoever ends says so: the others then know why they are left alone.
"""

import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

STARTED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # torchrun's word to each process
LOOK = 0.05  # seconds between two looks into the store
FAILED = "failed"


class Meeting:
    """One of `size` processes: that of number `rank`, counted from 0."""

    def __init__(self, store: "Store", *, rank: int, size: int) -> None:
        self.store, self.rank, self.size = store, rank, size
        self._said = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def tell(self, name: str, word: Any) -> None:
        """Leave a word for the others under a name that nobody has used."""
        self.store.set(name, json.dumps(word))

    def told(self, *names: str) -> tuple[str, Any] | None:
        """The first of these names under which there is a word, and the word."""
        for name in names:
            if self.store.check([name]):
                return name, json.loads(self.store.get(name))
        return None

    def wait(self, *names: str, patience: float | None = None) -> tuple[str, Any] | None:
        """What was told under one of these names, once it is; None after `patience` seconds."""
        until = None if patience is None else time.monotonic() + patience
        while (found := self.told(*names)) is None:
            if until is not None and time.monotonic() > until:
                return None
            time.sleep(LOOK)
        return found

    def say(self, word: Any) -> Any:
        """The first process's word, in all of them; all call this the same number of times."""
        self._said += 1
        name = f"said/{self._said}"
        if self.is_first:
            self.tell(name, word)
            return word
        found = self.wait(name)
        assert found is not None
        return found[1]


def is_silent() -> bool:
    """Whether this process is one of several, and another speaks for them."""
    return _is_of_several() and os.environ["RANK"] != "0"


def meet() -> Meeting | None:
    """The meeting that torchrun has called; None in a process that works alone."""
    if not _is_of_several():
        return None
    from torch.distributed.rendezvous import rendezvous

    store, rank, size = next(rendezvous("env://"))
    return Meeting(store, rank=rank, size=size)


def number_here() -> int:
    """Which of the processes on this machine this one is, and with that, which GPU is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def count_here() -> int:
    """How many of the processes are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", "1")))


def _is_of_several() -> bool:
    return all(os.environ.get(name) for name in STARTED) and os.environ["WORLD_SIZE"] != "1"
