"""How a sweep goes, told from its beginning: try, judge, try again, confirm.

Design choices:
- the story reads results and asks for rounds of runs; told again with the same results it is the
  same story. It goes on only when a round is complete, so it can be written straight down;
- every arm that is confirmed gets the first seeds, then one seed a round while any comparison of
  its own is unsettled; a twin has the seeds of its reference;
- what may be asked for next is known before it is: idle workers may run it ahead.
"""

from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence

from lab.config.seeds import seeds_of
from lab.config.space import Settings
from lab.sweep.asking import Waves
from lab.sweep.carry import Carrier
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.trials import Trial, best

Round = list[PlannedRun]


class Story:
    """`results` may grow between calls of `advance`, never change.

    `given_up` names the runs that are not carried on, with the reason; `going` the arms and twins
    that may get more seeds: none before there is something to confirm, nor when the story is over.
    """

    def __init__(self, plan: Plan, results: Mapping[str, Result]) -> None:
        self.plan, self.results = plan, results
        self.rounds: list[Round] = []
        self.trials: list[Trial] = []
        self.skipped: list[tuple[str, Settings, str]] = []
        self.given_up: dict[str, str] = {}
        self.going: list[str] = []
        self.is_over = False
        self._confirmed: dict[str, Settings] = {}
        self._runs: dict[str, PlannedRun] = {}
        self._n_seeds = 0  # asked for, of all that are going
        self._script = self._tell()

    def advance(self) -> None:
        """Go on as far as the results allow."""
        while not self.rounds or all(run.is_done(self.results) for run in self.rounds[-1]):
            following = next(self._script, None)
            if following is None:
                self.is_over, self.going = True, []
                return
            if following:
                self.rounds.append(following)
                self._runs |= {run.name: run for run in following}

    def ahead(self) -> Iterator[PlannedRun]:
        """The runs that may be asked for after this round, in the order of the plan."""
        confirm, most = self.plan.question.confirm, seeds_of(self.plan.question)
        names = [name for name in self.going if most[name][1] > self._n_seeds]
        if confirm is not None and names:
            yield from self._seeds(names, self._n_seeds + 1, confirm.max_seeds)

    def spare(self, begun: Iterable[str]) -> list[PlannedRun]:
        """Of the runs of these names, those ahead that will never be asked for."""
        confirm = self.plan.question.confirm
        over = [name for name in self._confirmed if name not in self.going]
        if confirm is None or not over:
            return []
        there = {_place(name) for name in begun if name not in self._runs}
        found = (  # to make up a run takes time
            self._run(name, k)
            for k in range(1, confirm.max_seeds + 1)
            for name in over
            if f"{name}-{self.plan.question.confirm_seed(k)}" in there
        )
        return [run for run in found if run.name not in self._runs]

    def best(self, variant: str) -> Trial | None:
        """The trial of a variant that did best; diverged and failed ones count as the worst."""
        tried = [trial for trial in self.trials if trial.variant == variant]
        return best(tried, sign=self.plan.question.objectives[0].sign)

    def _tell(self) -> Iterator[Round]:
        question = self.plan.question
        if question.tune:
            waves, carrier = Waves(self), Carrier(self)
            while wave := waves.next():
                self.trials += wave
                yield from carrier.carry(wave)
        if question.confirm:
            yield from self._confirm()
        elif not question.tune:
            yield [self.plan.run(v, "run", question.base.seed) for v in question.arms]

    def _confirm(self) -> Iterator[Round]:
        question, confirm = self.plan.question, self.plan.question.confirm
        assert confirm is not None
        self._confirmed = self._chosen()
        self.going = list(self._confirmed)
        if not self.going:
            return
        self._n_seeds = confirm.first_seeds if question.contrasts else confirm.max_seeds
        yield list(self._seeds(self.going, 1, self._n_seeds))
        while self._n_seeds < confirm.max_seeds:
            settled = self.plan.settled(self.runs, self.results)
            self.going = [n for n in self.going if question.twins.get(n, n) not in settled]
            if not self.going:
                return
            self._n_seeds += 1
            yield list(self._seeds(self.going, self._n_seeds, self._n_seeds))

    def _chosen(self) -> dict[str, Settings]:
        """The best settings of every arm that has a comparison all of whose arms found some, and
        of their twins."""
        question = self.plan.question
        found = {arm: self.best(arm) for arm in question.arms}
        chosen = {
            arm: trial.settings if trial else {}
            for arm, trial in found.items()
            if trial is not None or question.tune is None
        }
        if question.contrasts:
            possible = [c.weights for c in question.contrasts if c.weights.keys() <= chosen.keys()]
            compared = {arm for weights in possible for arm in weights}
            chosen = {arm: settings for arm, settings in chosen.items() if arm in compared}
        twins = {twin: chosen[arm] for twin, arm in question.twins.items() if arm in chosen}
        return chosen | twins

    def _seeds(self, names: Sequence[str], first: int, last: int) -> Iterator[PlannedRun]:
        """The runs of these arms and twins, seed by seed; seeds are counted from 1."""
        for k in range(first, last + 1):
            for name in names:
                yield self._run(name, k)

    def _run(self, name: str, k: int) -> PlannedRun:
        seed, settings = self.plan.question.confirm_seed(k), self._confirmed[name]
        return self.plan.run(name, "confirm", seed, settings=settings)

    @property
    def runs(self) -> Round:
        """Every run asked for so far, each once, as it was asked for last."""
        return list(self._runs.values())

    @property
    def names(self) -> KeysView[str]:
        """Of the same."""
        return self._runs.keys()


def _place(name: str) -> str:
    """`rope-3` of the run `rope-3-1f2a9c01`."""
    return name.rpartition("-")[0]
