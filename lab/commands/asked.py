"""A question asked: loaded, validated and its text prepared, before anything is written."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lab.commands.progress_bar import progress_bar
from lab.commands.usable import require_alike, require_usable
from lab.config.checks import variant_faults
from lab.config.data import DataConfig
from lab.config.execution import stated
from lab.config.explain import config_error
from lab.config.loading import find, load_sweep
from lab.config.matching import (
    kept_matched,
    matching,
    require_matchable,
    require_matched,
    require_taken,
    unmatched,
)
from lab.config.samplers import Gp
from lab.config.space import Range, Settings
from lab.config.sweep import SweepConfig
from lab.data.prepare import Prepared, prepare
from lab.errors import ConfigError
from lab.sweep.apart import ask_apart, seconds_a_token
from lab.sweep.ask import Ask
from lab.sweep.earlier import Warm, kept_warm
from lab.sweep.folder import SweepFolder
from lab.sweep.plan import Plan, PlannedRun, Result
from lab.sweep.suggest import require, suggest
from lab.sweep.warm import load_warm
from lab.track.wandb_mode import check_mode

if TYPE_CHECKING:
    import pandas as pd

EXPERIMENTS, ARTIFACTS = Path("experiments"), Path("artifacts")
ROUNDS = 5  # of timing all arms in turn


@dataclass(frozen=True)
class Asked:
    """A question whose every part has been found to be usable; nothing is written yet."""

    name: str
    question: SweepConfig
    data: Mapping[str, Prepared]
    warm: Warm

    @cached_property
    def plan(self) -> Plan:
        corpus_digest = next(iter(self.data.values())).corpus_digest
        return Plan(
            self.question,
            corpus_digest,
            settled=self._settled,
            vocab_sizes=self.vocab_sizes,
            tokenizer_digests={n: data.tokenizer_digest for n, data in self.data.items()},
            suggest=_suggest,
            warm=self.warm,
        )

    @property
    def vocab_sizes(self) -> dict[str, int]:
        return {name: data.tokenizer.vocab_size for name, data in self.data.items()}

    def _settled(self, runs: Sequence[PlannedRun], results: Mapping[str, Result]) -> set[str]:
        from lab.report.judging.verdicts import settled_arms  # with pandas: after the first runs
        from lab.report.records import frame

        table: pd.DataFrame = frame(
            self.question,
            [
                (
                    {"run": run.name, "labels": run.labels, "settings": run.settings},
                    results[run.name],
                )
                for run in runs
            ],
        )
        return settled_arms(self.question, table)


def ask(config: str, *, overrides: Sequence[str]) -> Asked:
    """Load, validate and prepare a question; raises `LabError` before anything is written."""
    question = load_sweep(config, overrides=overrides)
    check_mode(question.base.tracking.wandb)
    if question.tune:
        require(question.tune.sampler)
    data: dict[str, Prepared] = {}
    lengths = _lengths(question)
    prepared: dict[DataConfig, Prepared] = {}  # text may be large: it is read once, not by variant
    with progress_bar() as progress:
        for arm in question.arms:
            run = question.variant(arm)
            if run.data not in prepared:
                prepared[run.data] = prepare(run.data, progress=progress)
            data[arm] = prepared[run.data]
            require_usable(run, data[arm], lengths=lengths)
    name = find(config).stem
    folder = SweepFolder(EXPERIMENTS / name)
    question = _made_equal(question, data, folder)
    if faults := variant_faults(question):  # at other lengths there may be new ones
        raise config_error(str(find(config)), faults)
    require_alike(question, data)
    corpus_digest = next(iter(data.values())).corpus_digest
    warm = _warm(question, folder, corpus_digest)
    return Asked(name, question, data, warm)


def _made_equal(
    question: SweepConfig, data: Mapping[str, Prepared], folder: SweepFolder
) -> SweepConfig:
    """The question with what matching changes; seconds that were measured once stand."""
    sizes = {arm: prepared.tokenizer.vocab_size for arm, prepared in data.items()}
    if question.match != "wall-clock":
        found = matching(question, vocab_sizes=sizes)
        require_matched(question, found)
        return question.completed(found)
    if question.launcher.kind != "local":
        raise ConfigError(
            f"match: wall-clock goes by seconds of this machine, and launcher.kind="
            f"{question.launcher.kind} trains on others; take match: flops, or launcher.kind=local"
        )
    taken = question.matched or kept_matched(folder.plan(), question)
    if not taken:
        require_matchable(question)
        taken = matching(question, vocab_sizes=sizes, seconds=_seconds(question, data))
    question = question.completed(taken)
    require_taken(question)
    return question


def _seconds(question: SweepConfig, data: Mapping[str, Prepared]) -> dict[str, float]:
    """Seconds a training token here, by arm, the least of some rounds through all arms: what else
    the machine is doing meets them alike."""
    executed = stated(question.execution)
    assert executed is not None, "a question that is matched by seconds says how it is executed"

    def seconds(arm: str) -> float:
        config, folder = unmatched(question, arm), data[arm].folder
        return float(ask_apart(seconds_a_token, config, folder, executed.threads))

    rounds = [{arm: seconds(arm) for arm in question.arms} for _ in range(ROUNDS)]
    return {arm: min(found[arm] for found in rounds) for arm in question.arms}


def _warm(question: SweepConfig, folder: SweepFolder, corpus_digest: str) -> Warm:
    """What an earlier sweep taught; what was taken over when this one began stands."""
    if question.tune is None or question.tune.warm_start is None:
        return Warm()
    kept = kept_warm(folder.plan(), question)
    if kept is not None:
        return kept
    return load_warm(question.tune.warm_start, question, corpus_digest=corpus_digest)


def _lengths(question: SweepConfig) -> list[int]:
    """The window lengths that the search may come to."""
    found = []
    for name, entry in question.tune.space.items() if question.tune else ():
        if isinstance(entry, Range):
            values = [entry.value(end) for end in (entry.low, entry.high)]
        else:
            values = list(entry.keys)
        for value in values:
            with suppress(ValidationError):  # valid only beside other settings
                changed = question.base.replaced(entry.changes(name, value))
                found.append(changed.model.max_seq_len)
    return found


def _suggest(ask: Ask) -> list[Settings]:
    """The Gaussian process needs torch, which this process does without."""
    if isinstance(ask.tune.sampler, Gp):
        found: list[Settings] = ask_apart(suggest, ask)
        return found
    return suggest(ask)
