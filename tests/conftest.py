"""Every test has a cache of its own and no wandb account; shapes are checked at every call."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

from lab.config.digest import run_digest
from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.data.prepare import prepare
from lab.provenance.facts import facts
from tests.model.configs import FAMILY

with install_import_hook("lab.model", "beartype.beartype"):
    import lab.model.gpt
    import lab.model.stack  # noqa: F401

settings.register_profile("lab", derandomize=True, deadline=None)  # the same suite everywhere
settings.load_profile("lab")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is deaf to it
os.environ["OMP_NUM_THREADS"] = "1"  # of commands that tests start
torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    cache = tmp_path_factory.getbasetemp() / "lab-cache"
    monkeypatch.setenv("LAB_CACHE", str(cache))
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(cache / "no-netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(cache / "wandb-config"))


@pytest.fixture(params=FAMILY)
def family(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Every position x norm x MLP as config, the rest drawn; for 4 heads and a head_dim of 8."""
    return FAMILY[request.param]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sums in words, for whole sweeps."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("".join(f"{i} and {i * i % 97} make {i + i * i % 97};\n" for i in range(1500)))
    return path


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    """Enough text to train on, different everywhere."""
    path = tmp_path / "corpus.txt"
    words = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
    lines = (f"{words[i % 6]} {i} {words[i * i % 5]} ({i * 7919 % 1000}).\n" for i in range(900))
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def tiny_run(corpus_file: Path) -> dict[str, Any]:
    """A run that trains in a fraction of a second, as plain data."""
    return {
        "data": {"corpus": {"kind": "file", "path": str(corpus_file)}},
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
        "train": {
            "steps": 12,
            "batch_size": 4,
            "optimizer": {"kind": "adamw", "lr": 3e-3},
            "schedule": {"kind": "cosine", "warmup_steps": 2},
            "log_every": 2,
            "eval_every": 4,
        },
        "device": "cpu",
        "tracking": {"wandb": {"mode": "disabled"}},
    }


@pytest.fixture
def order(tiny_run: dict[str, Any], tmp_path: Path) -> Callable[..., WorkOrder]:
    """An order for that run, or one that differs from it; its package goes to `artifacts`."""

    def build(package: bool = True, judge: str = "val", **changes: Any) -> WorkOrder:
        config = RunConfig.parse(tiny_run).replaced(changes)
        data = prepare(config.data)
        digest = run_digest(config, corpus_digest=data.corpus_digest)
        return WorkOrder.parse(
            {
                "run": f"tiny-{config.seed}-{digest[:8]}",
                "digest": digest,
                "config": config.dump(),
                "labels": {"sweep": "s", "variant": "tiny", "phase": "run"},
                "settings": {},
                "judge": judge,
                "data": str(data.folder) if data.folder else None,
                "package": str(tmp_path / "artifacts" / digest[:8]) if package else None,
                "provenance": facts(),
            }
        )

    return build
