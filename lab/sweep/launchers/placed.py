"""A job of a Slurm cluster, as the supervisor sees it from afar.

Design choices:
- what the job itself says is believed first: its last word, then its heartbeat. What Slurm says of
  it counts only where it says nothing, and what accounting says never does;
- a job that is silent and not shown any more has ended, a few beats later: its last word may be on
  its way through a network. One that is shown as running, and silent, is given up in the end;
- only seconds in which the supervisor itself looked count, by its own clock.
"""

import time
from collections.abc import Callable, Sequence

from lab.config.launcher import Slurm
from lab.sweep.launchers import sbatch
from lab.sweep.launchers.heartbeat import BEAT, Pulse
from lab.sweep.launchers.slurm_folder import NOW, SAVE, JobFolder, refresh
from lab.sweep.launchers.squeue import HELD_UP, Shown

GRACE = 3 * BEAT  # seconds


class PlacedJob:
    """`began` once somebody on a node has taken it, `vanished` where it ended before that;
    `is_ours` where this supervisor started it."""

    def __init__(
        self,
        folder: JobFolder,
        config: Slurm,
        *,
        is_ours: bool = True,
        clock: Callable[[], float] = time.monotonic,
        cancel: Callable[[Sequence[str]], None] = sbatch.cancel,
    ) -> None:
        self.folder, self.folders = folder, folder.run_folders
        self.number = ""
        self.exit_code: int | None = None
        self.lost: str | None = None
        self.began = self.vanished = False
        self.is_ours = is_ours
        self._silence, self._clock, self._cancel = config.silence, clock, cancel
        self._pulse = Pulse(folder.heartbeat)
        self._alive = True
        self._state: str | None = None  # as Slurm said it of one that is silent
        self._heard = clock()
        self._silent = 0.0
        self._gone: float | None = None  # seconds since Slurm showed it no more
        self._told: str | None = None

    def is_alive(self) -> bool:
        return self._alive

    @property
    def waits(self) -> bool:
        return self._alive and (not self.began or self._state in HELD_UP)

    def placed(self, number: str) -> None:
        """Slurm has taken it, under a number."""
        self.number, self._heard = number, self._clock()

    def stop(self) -> None:
        self._tell(SAVE)

    def kill(self) -> None:
        self._tell(NOW)

    def look(self, seconds: float, shown: Shown | None) -> None:
        """See how it is, `seconds` after the last look, and by a new answer of Slurm, if any."""
        if not self._alive:
            return
        self.began = self.began or self.folder.claim is not None
        if self.folder.ended is not None:
            self._take_last_word()
        elif self._pulse.beats():
            self._state, self._heard = None, self._clock()
            self._silent, self._gone = 0.0, None
        elif self.number:
            if self._gone is not None:
                self._gone += seconds
            if self._state and self._state not in HELD_UP:
                self._silent += seconds
            if shown is not None and shown.asked > self._heard:
                self._state = shown.states.get(self.number)
                self._gone = None if self._state else self._gone or 0.0
            self._judge()

    def _judge(self) -> None:
        """Whether it has ended, without a word."""
        if self._gone is not None and self._gone >= GRACE:
            refresh(self.folder.path)
            if self.folder.ended is not None:
                self._take_last_word()
                return
            self.vanished = not self.began
            self._end(self.folder.left or self._in_words("has gone from the queue"))
        elif self._silent >= self._silence:
            self._cancel([self.number])
            self.vanished = not self.began
            self._end(self._in_words(f"has given no sign of life for {self._silence} s"))

    def _tell(self, how: str) -> None:
        if not self._alive or self._told in (how, NOW):
            return
        self._told = how
        self.folder.tell_to_stop(how)
        if not self.began and self.folder.revoke():
            self._end(None)
        if self.number and (how == NOW or self.waits or not self._alive):
            self._cancel([self.number])

    def _take_last_word(self) -> None:
        for run in self.folders:  # what they hold was written before that word, and may be unseen
            refresh(run)
        word = self.folder.ended or {}
        self.exit_code = word.get("code")
        before = "was stopped by an earlier call" if self.folder.told_to_stop else None
        self._end(word.get("lost") or before)

    def _end(self, lost: str | None) -> None:
        self._alive = False
        self.lost = None if self._told else lost

    def _in_words(self, what: str) -> str:
        node = (self.folder.claim or {}).get("node")
        where = f"on node {node}" if node else "before it began"
        return f"was lost {where}: job {self.number} of Slurm {what}"
