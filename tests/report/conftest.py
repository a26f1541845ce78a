"""Sweeps and searches with a planted truth, as questions, tables and folders."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.config.loading import load_sweep
from lab.config.sweep import SweepConfig
from lab.report.records import frame
from tests.report.searched import SPACE, build_search
from tests.report.sweeps import LR, Outcome, Truth, build_sweep, pair_of

CONFIG = Path(__file__).parents[2] / "configs" / "posenc.yaml"
SIZE = (  # what the tests count with
    "train.steps=400",
    "train.batch_size=16",
    "train.schedule.warmup_steps=40",
    "model.max_seq_len=128",
    "model.d_model=64",
)


@pytest.fixture(scope="session")
def question() -> SweepConfig:
    return load_sweep(CONFIG, overrides=SIZE)


@pytest.fixture
def make_sweep(tmp_path: Path, question: SweepConfig) -> Callable[..., Path]:
    """`make(asked=..., name=..., **truth)` writes a sweep folder and returns its path."""

    def make(*, asked: SweepConfig | None = None, name: str = "posenc", **truth: Any) -> Path:
        return build_sweep(tmp_path / name, asked or question, Truth(**truth))

    return make


@pytest.fixture(scope="session")
def plain_sweep(tmp_path_factory: pytest.TempPathFactory, question: SweepConfig) -> Path:
    """A complete sweep for tests that write nothing into it."""
    return build_sweep(tmp_path_factory.mktemp("plain") / "posenc", question, Truth())


@pytest.fixture(scope="session")
def asking(question: SweepConfig) -> Callable[..., SweepConfig]:
    """The posenc question with top-level parts replaced; None leaves a part out."""

    def ask(**parts: Any) -> SweepConfig:
        return SweepConfig.parse({**question.dump(), **parts})

    return ask


@pytest.fixture
def runs_of() -> Callable[..., pd.DataFrame]:
    """A table of runs without a folder.

    `confirm` maps a variant to its outcomes by seed, `tune` to (settings, outcome) by trial.
    """

    def build(
        question: SweepConfig,
        confirm: Mapping[str, Mapping[int, Outcome]] | None = None,
        tune: Mapping[str, Sequence[tuple[Mapping[str, float], Outcome]]] | None = None,
        chosen: Mapping[str, Mapping[str, float]] | None = None,
    ) -> pd.DataFrame:
        pairs = []
        for name, trials in (tune or {}).items():
            for trial, (settings, outcome) in enumerate(trials):
                labels = {"variant": name, "phase": "tune", "trial": str(trial)}
                pairs.append(pair_of(labels, 0, settings, outcome, question.tuning_metric))
        for name, seeds in (confirm or {}).items():
            for seed, outcome in seeds.items():
                labels = {"variant": name, "phase": "confirm"}
                settings = (chosen or {}).get(name, {})
                pairs.append(pair_of(labels, seed, settings, outcome, question.endpoint))
        return frame(question, pairs)

    return build


@pytest.fixture(scope="session")
def searching(asking: Callable[..., SweepConfig]) -> Callable[..., SweepConfig]:
    """A question that is a search; the arguments are parts of its `tune`."""

    def ask(*, confirm: Any = None, **tune: Any) -> SweepConfig:
        tune = {"trials": 8, "space": SPACE, "refine": 0, **tune}
        tune = {name: value for name, value in tune.items() if value is not None}
        return asking(baseline=None, variants={"base": {}}, tune=tune, confirm=confirm)

    return ask


@pytest.fixture
def make_search(tmp_path: Path) -> Callable[..., Path]:
    """`make(question, fates={3: "pruned"}, ...)` writes the folder of a search."""

    def make(asked: SweepConfig, *, name: str = "search", **more: Any) -> Path:
        return build_search(tmp_path / name, asked, **more)

    return make


@pytest.fixture(scope="session")
def plain_search(
    tmp_path_factory: pytest.TempPathFactory, searching: Callable[..., SweepConfig]
) -> Path:
    """A finished search with everything in it, for tests that write nothing into it."""
    return build_search(
        tmp_path_factory.mktemp("plain") / "search",
        searching(confirm={"max_seeds": 3}, seeds=2, pruner={"kind": "median"}),
        fates={1: "pruned", 2: "diverged", 5: "failed"},
        importance={LR: 0.6, "model.n_layers": 0.25, "position": 0.15},
        warm_notes=["2 trials are of other data"],
        skipped=[{"variant": "base", "settings": {LR: 0.01}, "reason": "too big"}],
        n_skipped=2,
    )
