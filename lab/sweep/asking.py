"""Which trials come next: from a list, from around the best, or from a sampler."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.config.samplers import Grid
from lab.config.space import Settings
from lab.errors import ConfigError
from lab.sweep.ask import Ask
from lab.sweep.brackets import bracket
from lab.sweep.space import Against, Skipped, explore, filled, refine
from lab.sweep.trials import Source, Trial

if TYPE_CHECKING:
    from lab.sweep.story import Story

Asked = dict[str, list[tuple[Source, Settings]]]


class Waves:
    """Trials in waves: all of a wave stand before any is asked for that learns from them."""

    def __init__(self, story: "Story") -> None:
        self.story, self.plan = story, story.plan
        assert self.plan.question.tune is not None
        self.tune, self.number = self.plan.question.tune, 0
        self.seed = self.plan.question.base.seed

    def next(self) -> list[Trial]:
        """The next wave, the first of each variant before the second of any; [] at the end."""
        variants = self.plan.question.arms
        asked: Asked = {variant: self._ask(variant) for variant in variants}
        before = {variant: len(self._told(variant)) for variant in variants}
        wave = [
            self._trial(variant, before[variant] + index, *asked[variant][index])
            for index in range(max(map(len, asked.values())))
            for variant in variants
            if index < len(asked[variant])
        ]
        self.number += 1
        return wave

    def _ask(self, variant: str) -> list[tuple[Source, Settings]]:
        if self.tune.is_adaptive:
            return self._suggested(variant)
        if self.number == 0:
            return self._listed(variant)
        found = self.story.best(variant)
        if self.number > 1 or found is None or not self.tune.n_refine:
            return []
        against = self.plan.against(variant)
        before = [trial.settings for trial in self._told(variant)]
        points, skipped = refine(
            self.tune, found.settings, seed=self.seed, against=against, before=before
        )
        self._skip(variant, skipped)
        return [("refined", point) for point in points]

    def _listed(self, variant: str) -> list[tuple[Source, Settings]]:
        against = self.plan.against(variant)
        points, skipped = explore(self.tune, seed=self.seed, against=against)
        self._skip(variant, skipped)
        if isinstance(self.tune.sampler, Grid):
            return [("list", point) for point in points]
        first = [
            self._filled(number, partial, points, against)
            for number, partial in enumerate(self.tune.enqueued)
        ]
        if first:
            points, _ = explore(self.tune, seed=self.seed, against=against, before=first)
        return [*(("try", s) for s in first), *(("list", point) for point in points)]

    def _filled(
        self, number: int, partial: Settings, points: Sequence[Settings], against: Against
    ) -> Settings:
        """Settings to try, with what they leave open from the first point that suits them."""
        reason = None
        for index in range(len(points)):
            found = filled(self.tune, partial, points[(number + index) % len(points)])
            reason = against(found)
            if reason is None:
                return found
        raise ConfigError(f"tune.try.{number} can not be tried: {reason}")

    def _suggested(self, variant: str) -> list[tuple[Source, Settings]]:
        told = self._told(variant)
        count = min(self.tune.width, self.tune.n_trials - len(told))
        if count <= 0:
            return []
        partial = self.tune.enqueued[len(told) : len(told) + count]
        kept = list(self.plan.asked.get(variant, ()))[len(told) : len(told) + count]
        settings: Sequence[Settings] = kept
        if len(kept) < count:
            settings = self.plan.suggest(
                Ask(
                    tune=self.tune,
                    objectives=self.plan.question.objectives,
                    told=tuple(told),
                    warm=self.plan.warm.trials,
                    count=count,
                    partial=partial,
                    seed=self.seed,
                    batch=self.number,
                    feasible=self.plan.against(variant),
                )
            )
        return [
            ("try" if index < len(partial) else "asked", point)
            for index, point in enumerate(settings)
        ]

    def _told(self, variant: str) -> list[Trial]:
        return [trial for trial in self.story.trials if trial.variant == variant]

    def _trial(self, variant: str, number: int, source: Source, settings: Settings) -> Trial:
        config = self.plan.run(variant, "tune", self.seed, settings=settings).config
        tokens = self.tune.seeds * config.train.steps * config.tokens_per_step
        bracketed = bracket(self.tune.pruner, len(self.plan.rungs), number)
        return Trial(variant, number, source, self.number, settings, tokens, bracket=bracketed)

    def _skip(self, variant: str, skipped: Skipped) -> None:
        self.story.skipped += [(variant, settings, reason) for settings, reason in skipped]
