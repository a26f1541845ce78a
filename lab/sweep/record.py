"""The content of `trials.json`: what was tried and what came of it, for reports."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.sweep.story import Story

SHOWN = 20  # settings that could not be tried


def trials_content(
    story: Story, *, plan_hash: str, importance: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """All trials in plan order; tokens are counted once a run, however many trials share it."""
    question = story.plan.question
    tune = question.tune
    assert tune is not None
    return {
        "schema": 1,
        "plan": plan_hash,
        "objectives": [objective.dump() for objective in question.objectives],
        "seeds": tune.seeds,
        "sampler": tune.sampler.kind,
        "pruner": tune.pruner.kind if tune.pruner else None,
        "rungs": story.plan.rungs,
        "space": tune.dump()["space"],
        "tokens": {
            "spent": _spent(story),
            "full": sum(trial.full_tokens for trial in story.trials),
        },
        "over": story.is_over,
        "n_skipped": len(story.skipped),
        "skipped": [
            {"variant": variant, "settings": settings, "reason": reason}
            for variant, settings, reason in story.skipped[:SHOWN]
        ],
        "warm": [trial.dump() for trial in story.plan.warm.trials],
        "warm_notes": list(story.plan.warm.notes),
        "trials": [trial.dump() for trial in story.trials],
        "importance": {name: dict(shares) for name, shares in importance.items()},
    }


def schedule_content(
    story: Story, *, plan_hash: str, surplus: Sequence[str] = ()
) -> dict[str, Any]:
    """What the plan has come to: the runs round by round, and the settings that were asked for.

    `surplus` names runs that were run ahead and turned out to be needed by no verdict.
    """
    asked: dict[str, list[Any]] = {name: [] for name in story.plan.question.arms}
    for trial in story.trials:
        asked[trial.variant].append(trial.settings)
    for variant, settings in asked.items():  # told again from the start, it has not come to these
        settings += story.plan.asked.get(variant, ())[len(settings) :]
    return {
        "schema": 1,
        "plan": plan_hash,
        "rounds": [[run.name for run in batch] for batch in story.rounds],
        "asked": asked,
        "surplus": list(surplus),
    }


def _spent(story: Story) -> int:
    """Tokens that this plan's trials were trained on, each run as far as any of them asked."""
    spent: dict[str, int] = {}
    for trial in story.trials:
        at_a_rung = trial.state == "pruned" and not trial.replicates
        for name in trial.runs:
            result = story.results.get(name, {})
            tokens = trial.tokens if at_a_rung else int(result.get("tokens") or 0)
            spent[name] = max(spent.get(name, 0), tokens)
    return sum(spent.values())
