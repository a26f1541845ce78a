"""Keeps what a sweep has decided, at every barrier: schedule, trials, and Optuna's study."""

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from lab.config.space import Settings
from lab.errors import SweepError
from lab.sweep.folder import SweepFolder
from lab.sweep.importance import importance
from lab.sweep.record import schedule_content, trials_content
from lab.sweep.story import Story
from lab.sweep.study import record

SCHEDULE, TRIALS = "schedule.json", "trials.json"
_ASKED: TypeAdapter[dict[str, list[Settings]]] = TypeAdapter(dict[str, list[Settings]])


class Keeper:
    """Writes into a sweep's folder. `trouble` is the last error of the study, a mere cache.

    Without `optuna`, neither that is written nor what its tools say of the settings.
    """

    def __init__(self, folder: SweepFolder, plan_hash: str, *, optuna: bool = True) -> None:
        self.folder, self.plan_hash, self.optuna = folder, plan_hash, optuna
        self.trouble: Exception | None = None

    def asked(self) -> Mapping[str, Sequence[Settings]]:
        """The settings that this very plan has asked for before, by variant."""
        found = self.folder.kept(SCHEDULE, self.plan_hash).get("asked", {})
        try:
            return _ASKED.validate_python(found)
        except ValidationError:
            raise SweepError(
                f"{self.folder.path / SCHEDULE} is damaged (asked holds no settings); move it away"
            ) from None

    def __call__(self, story: Story) -> None:
        found = schedule_content(story, plan_hash=self.plan_hash, surplus=self._surplus(story))
        self.folder.keep(SCHEDULE, found)
        tune = story.plan.question.tune
        if tune is None:
            return
        shares = {}
        if story.is_over and self.optuna:
            shares = {
                variant: importance(
                    [trial for trial in story.trials if trial.variant == variant],
                    tune,
                    story.plan.question.objectives[0],
                )
                for variant in story.plan.question.arms
            }
        self.folder.keep(TRIALS, trials_content(story, plan_hash=self.plan_hash, importance=shares))
        if self.optuna and (story.is_over or not _has_been_further(story)):
            self._tell_optuna(story)

    def _surplus(self, story: Story) -> list[str]:
        """The runs that ended, ahead of the plan, and that it will never ask for."""
        spare = {run.name: self.folder.result(run) for run in story.spare(self.folder.begun())}
        return [name for name, found in spare.items() if found and found["status"] != "running"]

    def _tell_optuna(self, story: Story) -> None:
        """The answer does not depend on Optuna's tools."""
        try:
            record(
                self.folder.study,
                name=self.folder.name,
                plan_hash=self.plan_hash,
                question=story.plan.question,
                trials=story.trials,
                warm=story.plan.warm.trials,
            )
        except Exception as error:
            self.trouble = error


def _has_been_further(story: Story) -> bool:
    """Whether an early trial is trained again, so that the study knows more than the story yet."""
    made = dict.fromkeys(story.plan.asked, 0)
    for trial in story.trials:
        made[trial.variant] = made.get(trial.variant, 0) + 1
    return any(made[variant] < len(kept) for variant, kept in story.plan.asked.items())
