"""Arms made equal along one axis, and what that changes of each.

    tokens        nothing: all train on as many tokens as they are asked to
    flops         train.steps, so that training takes the FLOPs that the reference's takes
    parameters    model.mlp.d_ff, so that there are as many parameters
    wall-clock    train.steps, so that training takes as long, by measured seconds

Design choices:
- what is changed is a setting of the run, so its digest, its plan and its package all tell of it;
- an arm is matched with the reference of its own scale, which stays as it is;
- the nearest whole number is taken; what mismatch that leaves is for the report to say;
- warm-up keeps its steps, and the rest of the schedule follows the new end;
- what was asked for is never undone in silence: an arm that sets by itself what matching would set
  is refused, and so is a search that changes what a run costs.
"""

import copy
from collections.abc import Mapping
from typing import Any

from lab.config.base import get, put
from lab.config.mlp import NoMLP
from lab.config.overlaps import settings_of
from lab.config.run import RunConfig
from lab.config.space import Fragment
from lab.config.sweep import SweepConfig
from lab.config.trying import tried
from lab.errors import ConfigError

STEPS, WIDTH = "train.steps", "model.mlp.d_ff"
SETS = {"flops": STEPS, "parameters": WIDTH, "wall-clock": STEPS}
COSTS = (STEPS, "train.batch_size", "train.micro_batch_size", "train.precision")
RUNS = ("base", "baseline", "variants", "factors", "scales", "match")
BY_HAND = "leave matched out: the lab fills it in"


def matching(
    question: SweepConfig,
    *,
    vocab_sizes: Mapping[str, int],
    seconds: Mapping[str, float] | None = None,
) -> dict[str, Fragment]:
    """What matching changes, by arm; of `wall-clock` every arm, else those that it changes.

    `vocab_sizes` is in tokens and `seconds` in seconds a training token, both by arm; the latter
    are for `wall-clock` alone. What the question has in `matched` is not looked at. Raises
    `ConfigError` where an arm cannot be made equal, or may not.
    """
    if question.match == "tokens":
        return {}
    require_matchable(question)
    setting, found = SETS[question.match], {}
    for arm in question.comparisons:
        reference = question.reference_of(arm)
        run, other = unmatched(question, arm), unmatched(question, reference)
        if setting == WIDTH:
            target = other.model.n_params(vocab_sizes[reference])
            now, value = run.model.d_ff, _width(arm, run, vocab_sizes[arm], target)
        else:
            mine, theirs = (
                seconds[name] if seconds else a_run.model.flops_per_token(vocab_sizes[name])
                for name, a_run in ((arm, run), (reference, other))
            )
            budget = theirs * other.tokens_per_step * other.train.steps
            now, value = run.train.steps, max(1, round(budget / (mine * run.tokens_per_step)))
        if faults := tried(run, {setting: value}, f"match: {question.match}: {arm}: "):
            raise ConfigError(faults[0])
        if value != now or seconds:
            found[arm] = {setting: value}
    return found


def require_matchable(question: SweepConfig) -> None:
    """Raise `ConfigError` where an arm or the search sets by itself what matching decides."""
    if question.match == "tokens":
        return
    setting = SETS[question.match]
    for arm in question.comparisons:
        if (own := _own(question, arm, setting)) is not None:
            raise ConfigError(
                f"match: {question.match} decides {setting}, and {arm} sets it to {own} by itself; "
                "leave it out there, or take match: tokens"
            )
    for name, entry in question.tune.space.items() if question.tune else ():
        for path, _, _ in settings_of(name, entry):
            if path.startswith("model") or any(f"{cost}.".startswith(f"{path}.") for cost in COSTS):
                raise ConfigError(
                    f"match: {question.match}: the search changes {path} and with it what a run "
                    f"costs, so variants would be equal at one point of it only; set base.{path}, "
                    "or take match: tokens"
                )


def require_matched(question: SweepConfig, found: Mapping[str, Fragment]) -> None:
    """Raise `ConfigError` where the question has another `matched` than what was found."""
    if question.matched and question.matched != found:
        arm = next(name for name in question.arms if question.matched.get(name) != found.get(name))
        raise ConfigError(
            f"matched: {arm} has {question.matched.get(arm, 'nothing')}, where match: "
            f"{question.match} finds {found.get(arm, 'nothing')} to change; {BY_HAND}"
        )


def require_taken(question: SweepConfig) -> None:
    """Raise `ConfigError` where `matched` is nothing that measured seconds could have given."""
    require_matchable(question)
    for arm, given in question.matched.items():
        if arm not in question.comparisons or given.keys() != {STEPS}:
            raise ConfigError(
                f"matched: {arm} has {given}, where match: wall-clock changes nothing but "
                f"{STEPS} of what is compared; {BY_HAND}"
            )
    if missing := [arm for arm in question.comparisons if arm not in question.matched]:
        raise ConfigError(f"matched: {missing[0]} is missing; {BY_HAND}")


def kept_matched(plan: Mapping[str, Any], question: SweepConfig) -> dict[str, Fragment] | None:
    """What a plan found by measuring, if it trains the same runs as this question; it stands."""
    resolved, asked = plan.get("resolved") or {}, question.dump()
    if any(resolved.get(part) != asked[part] for part in RUNS):
        return None
    kept: dict[str, Fragment] | None = resolved.get("matched")
    return kept


def unmatched(question: SweepConfig, arm: str) -> RunConfig:
    """The run of an arm before it is made equal."""
    return question.base.replaced(question.arms[arm])


def _width(arm: str, run: RunConfig, vocab_size: int, target: int) -> int:
    """The width of the MLP that brings the parameters, linear in it, nearest to the target."""
    if isinstance(run.model.mlp, NoMLP):
        raise ConfigError(
            f"match: parameters decides {WIDTH}, and {arm} has no MLP; give it one, "
            "or take match: tokens"
        )

    def n_params(width: int) -> int:
        return run.replaced({WIDTH: width}).model.n_params(vocab_size)

    least = n_params(1)
    width = 1 + round((target - least) / (n_params(2) - least))
    if width < 1:
        raise ConfigError(
            f"match: parameters: {arm} has {least:,} parameters even with {WIDTH}=1, and its "
            f"reference {target:,}; make it smaller, or take match: tokens"
        )
    return width


def _own(question: SweepConfig, arm: str, setting: str) -> Any:
    """What an arm, not its scale, sets a setting to; None where it leaves it alone."""
    of_scale, own = question.scales.get(question.scale_of(arm) or "", {}), dict[str, Any]()
    for path, value in question.arms[arm].items():
        if of_scale.get(path) != value:
            put(own, path, copy.deepcopy(value))  # a later one may reach into it
    return get(own, setting)
