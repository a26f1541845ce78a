"""How a sweep goes, told from its beginning: try, judge, try again, confirm.

The story reads results and asks for rounds of runs; told again with the same results it is the
same story. It goes on only when a round is complete, so it can be written straight down.
"""

from collections.abc import Iterator, Mapping, Sequence

from lab.config.space import Settings
from lab.sweep.asking import Waves
from lab.sweep.carry import Carrier
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.trials import Trial, best

Round = list[PlannedRun]


class Story:
    """`results` may grow between calls of `advance`, never change.

    `given_up` names the runs that are not carried on, with the reason.
    """

    def __init__(self, plan: Plan, results: Mapping[str, Result]) -> None:
        self.plan, self.results = plan, results
        self.rounds: list[Round] = []
        self.trials: list[Trial] = []
        self.skipped: list[tuple[str, Settings, str]] = []
        self.given_up: dict[str, str] = {}
        self.is_over = False
        self._script = self._tell()

    def advance(self) -> None:
        """Go on as far as the results allow."""
        while not self.rounds or all(run.is_done(self.results) for run in self.rounds[-1]):
            following = next(self._script, None)
            if following is None:
                self.is_over = True
                return
            if following:
                self.rounds.append(following)

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
            yield [self.plan.run(v, "run", question.base.seed) for v in question.variants]

    def _confirm(self) -> Iterator[Round]:
        question, confirm = self.plan.question, self.plan.question.confirm
        assert confirm is not None
        chosen: dict[str, Settings] = {}
        for variant in question.variants:
            found = self.best(variant)
            if found is not None or question.tune is None:
                chosen[variant] = found.settings if found else {}
        if question.reference not in chosen:
            return
        first = confirm.first_seeds if question.comparisons else confirm.max_seeds
        yield self._seeds(range(1, first + 1), chosen)
        if not question.comparisons:
            return
        for k in range(first + 1, confirm.max_seeds + 1):
            settled = self.plan.settled(self.runs, self.results)
            going = {v: s for v, s in chosen.items() if v not in settled}
            if set(going) <= {question.reference}:
                return
            yield self._seeds([k], going)

    def _seeds(self, ks: Sequence[int], chosen: Mapping[str, Settings]) -> Round:
        return [
            self.plan.run(
                variant, "confirm", self.plan.question.confirm_seed(k), settings=chosen[variant]
            )
            for k in ks
            for variant in self.plan.question.variants
            if variant in chosen
        ]

    @property
    def runs(self) -> Round:
        """Every run asked for so far, each once, as it was asked for last."""
        return list({run.name: run for batch in self.rounds for run in batch}.values())
