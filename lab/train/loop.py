"""The training loop: any modules, any sources of batches, resumable to the byte.

Design choices:
- runs that are updated together go through it side by side, usually one; what each tells, saves
  and comes to is its own business, and one that ends leaves the others as they were;
- a run pauses only where it evaluates anyway, so that a pause leaves no trace in any row.
"""

import time
from collections.abc import Callable, Sequence

from lab.config.train import TrainConfig
from lab.track.base import Tracker
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.hooks import Hook
from lab.train.member import BatchSource, Member, Outcome
from lab.train.state import TrainState
from lab.train.update import Alone, Update

__all__ = ["BatchSource", "Outcome", "train", "train_many"]


def train(
    state: TrainState,
    batches: BatchSource,
    config: TrainConfig,
    *,
    seed: int,
    tokens_per_step: int,
    tracker: Tracker,
    clock: Clock,
    until: int | None = None,
    checkpoints: Checkpoints | None = None,
    hooks: Sequence[Hook] = (),
    stop: Callable[[], bool] = lambda: False,
    on_row: Callable[[int, dict[str, float]], None] = lambda step, row: None,
) -> Outcome:
    """Train `state` in place from its step to `config.steps`, as `train_many` does for several."""
    member = Member(
        state, batches, config, seed, tokens_per_step, tracker, clock, checkpoints, hooks, on_row
    )
    update = Alone(state, batches, config, seed=seed)
    return train_many([member], update, until=until, stop=stop)[0]


def train_many(
    members: Sequence[Member],
    update: Update,
    *,
    until: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Train runs of equal steps and intervals, all at the same step, to the end of their configs.

    Or to `until`, an earlier step with an evaluation (else `ValueError`): there each is saved and
    its outcome is 'paused', also where it stands at or beyond it already. `stop` is asked after
    every step: once it says yes, those with checkpoints are saved, and are 'interrupted'.
    """
    goal = _goal(members[0].config, until)
    ended: dict[int, Outcome] = {}
    for number, member in enumerate(members):
        outcome = member.begin() or member.stands_beyond(goal)
        if outcome is not None:
            ended[number] = outcome
    update.drop([members[number] for number in ended])
    while going := [n for n in range(len(members)) if n not in ended]:
        since = time.perf_counter()
        update.step(members[going[0]].state.step + 1)
        share = (time.perf_counter() - since) / len(going)
        for number in going:
            members[number].clock.add("train", share)
        found = {number: members[number].judge() for number in going}
        stopping = stop()
        for number in going:
            outcome = found[number] or members[number].save(goal=goal, stopping=stopping)
            if outcome is not None:
                ended[number] = outcome
        update.drop([members[number] for number in going if number in ended])
    return [ended[number] for number in range(len(members))]


def _goal(config: TrainConfig, until: int | None) -> int:
    """The step to train to."""
    if until is None or until >= config.steps:
        return config.steps
    every = config.eval_interval
    if until < 1 or until % every:
        raise ValueError(
            f"until={until} is not a step with an evaluation; pause at a multiple of {every}"
        )
    return until
