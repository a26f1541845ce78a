"""Every sampler with every pruner it may go with: trained, killed, continued, at any width."""

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from lab import open_sweep
from tests.commands.folder import Lab

BASE: dict[str, Any] = {
    "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
    "train": {"steps": 40, "batch_size": 4, "eval_every": 4, "log_every": 4},
    "device": "cpu",
    "tracking": {"wandb": {"mode": "disabled"}, "samples": {"max_new_tokens": 0}},
}
SPACE = {
    "train.optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "train.optimizer.weight_decay": {"low": 0.0, "high": 0.5},
}
CELLS = {"train.optimizer.lr": [1e-3, 3e-3, 1e-2, 3e-2], "train.optimizer.weight_decay": [0.0, 0.1]}
SAMPLERS: dict[str, dict[str, Any]] = {
    "quasi-random": {"trials": 8},
    "random": {"trials": 8},
    "grid": {"space": CELLS},
    "tpe": {"trials": 8, "sampler": {"kind": "tpe", "width": 3, "startup": 3}},
    "gp": {"trials": 8, "sampler": {"kind": "gp", "width": 3, "startup": 3}},
    "cma-es": {"trials": 8, "sampler": {"kind": "cma-es", "width": 2, "population": 4}},
    "nsga-ii": {"trials": 8, "sampler": {"kind": "nsga-ii", "width": 3, "population": 3}},
}
PRUNERS: dict[str, dict[str, Any]] = {
    "none": {},
    "median": {"pruner": {"kind": "median", "startup": 2}},
    "successive-halving": {"pruner": {"kind": "successive-halving"}},
    "hyperband": {"pruner": {"kind": "hyperband"}},
    "threshold": {"pruner": {"kind": "threshold", "upper": 3.6}},
    "wilcoxon": {"pruner": {"kind": "wilcoxon", "p": 0.25}, "seeds": 3},
}
PAIRS = list(itertools.product(SAMPLERS, PRUNERS))


@pytest.mark.proof
@pytest.mark.parametrize(("sampler", "pruner"), PAIRS, ids=map("-".join, PAIRS))
def test_a_real_search(sampler: str, pruner: str, corpus: Path, tmp_path: Path) -> None:
    tune = {"sampler": {"kind": sampler}, "space": SPACE, **SAMPLERS[sampler], **PRUNERS[pruner]}
    question = {"question": "Which rate?", "base": BASE, "tune": tune}
    one = Lab(tmp_path / "one", corpus, question)
    done = one.run("--workers", "1")
    assert done.returncode == 0, done.stderr
    two = Lab(tmp_path / "two", corpus, question)
    process = two.start("--workers", "2")
    count = random.Random(f"{sampler} {pruner}").randrange(1, 8)
    two.kill_after(process, count)
    done = two.run("--workers", "2")
    assert done.returncode == 0, done.stderr
    for name in ("trials.json", "results.csv"):
        assert (two.sweep / name).read_bytes() == (one.sweep / name).read_bytes()
    trials = open_sweep(one.sweep).trials()
    assert len(trials) == 8
    assert set(trials["state"]) <= {"complete", "pruned"}
    assert (trials["state"] == "complete").any()
