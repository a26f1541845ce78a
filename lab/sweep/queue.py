"""What waits to be started, and which runs go together as one job.

Design choices:
- the longest first: the last to end are then short ones, and few workers wait for them. Nothing
  that is decided depends on who is started when;
- where runs go in cohorts, a job takes those that are alike, as many as leave something for every
  slot: two halves side by side end sooner than a whole beside an idle worker;
- a run that is asked for waits for no company: what is there goes with it. On a GPU, where a step
  of more members takes hardly longer, runs ahead of the plan fill what room is left;
- short runs that go alone may be gathered into a job all the same, one after the other, where a
  job is dear: the supervisor says how many;
- one whose last attempt failed goes alone, so that it does not take others with it again.
"""

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence

from lab.sweep.plan import PlannedRun

Alike = Callable[[PlannedRun], Hashable]


class Queue:
    """`alike` is equal of runs that may go together, and None of one that goes alone: it is asked
    once a round. With `fills`, runs that nobody has asked for yet are company, too."""

    def __init__(
        self, *, slots: int, members: int = 1, alike: Alike = lambda run: None, fills: bool = False
    ) -> None:
        self.slots, self.members, self.fills = slots, members, fills
        self.gathered = 1  # runs of a job, one after the other
        self.asked: list[PlannedRun] = []
        self._alike, self._keys = alike, dict[str, Hashable]()
        self._ahead: Iterator[PlannedRun] = iter(())
        self._looked_at: list[PlannedRun] = []  # of those ahead, and passed over

    def renew(
        self,
        asked: Sequence[PlannedRun],
        ahead: Iterator[PlannedRun],
        *,
        cost: Callable[[PlannedRun], float],
    ) -> None:
        """Another round: what it asks for, longest first, and what may be asked for after it."""
        self.asked = sorted(asked, key=cost, reverse=True)
        self._ahead, self._looked_at, self._keys = ahead, [], {}

    def again(self, runs: Sequence[PlannedRun]) -> None:
        """These are to be tried again, before all others and each alone."""
        self.asked[:0] = runs
        self._keys |= dict.fromkeys((run.name for run in runs), None)

    def back(self, runs: Sequence[PlannedRun]) -> None:
        """These have not been tried; they wait as before."""
        self.asked[:0] = runs

    @property
    def jobs(self) -> int:
        """Into how many jobs to make what is asked for now: as few as give each slot as many."""
        return self.slots * -(-len(self.asked) // (self.slots * self._most))

    @property
    def _most(self) -> int:
        return self.gathered if self.members == 1 else self.members

    def take(self, may: Callable[[PlannedRun], bool], *, jobs: int) -> list[PlannedRun]:
        """The runs of the next of so many jobs; none where nothing is left, or may be started.

        `may` is asked of each once, and one it has said yes to is started.
        """
        share = max(1, min(self._most, -(-len(self.asked) // max(1, jobs))))
        line = self.asked or self._next_ahead()
        if not line or not may(line[0]):
            return []
        first = line.pop(0)
        if self._most == 1 or self._key(first) is None:
            return [first]
        if self.members == 1:
            return self._gather(first, share, may)
        found, there = [first], [run for run in self.asked if self._goes_with(first, run)]
        for run in there[: share - 1]:
            if not may(run):
                return found
            self.asked.remove(run)
            found.append(run)
        if self.fills and len(there) < share:
            found += self._fill(first, self.members - len(found), may)
        return found

    def _gather(
        self, first: PlannedRun, share: int, may: Callable[[PlannedRun], bool]
    ) -> list[PlannedRun]:
        """A run and those that wait behind it."""
        found = [first]
        while len(found) < share and self.asked and self._key(self.asked[0]) is not None:
            if not may(self.asked[0]):
                break
            found.append(self.asked.pop(0))
        return found

    def _fill(
        self, first: PlannedRun, room: int, may: Callable[[PlannedRun], bool]
    ) -> list[PlannedRun]:
        """Runs ahead that go with one that is asked for."""
        found, passed = list[PlannedRun](), list[PlannedRun]()
        while len(found) < room and (line := self._next_ahead()):
            run = line.pop(0)
            if not self._goes_with(first, run):
                passed.append(run)
            elif may(run):
                found.append(run)
            else:
                passed.append(run)
                break
        self._looked_at[:0] = passed
        return found

    def _next_ahead(self) -> list[PlannedRun]:
        """Runs ahead, the next one first; none where there are no more."""
        if not self._looked_at:
            self._looked_at += itertools.islice(self._ahead, 1)
        return self._looked_at

    def _goes_with(self, one: PlannedRun, other: PlannedRun) -> bool:
        key = self._key(one)
        return key is not None and key == self._key(other)

    def _key(self, run: PlannedRun) -> Hashable:
        if run.name not in self._keys:
            self._keys[run.name] = self._alike(run)
        return self._keys[run.name]
