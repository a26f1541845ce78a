"""Whatever training offers, killed wherever and however often: the bytes of a run never killed."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from lab.config.order import WorkOrder
from lab.files import read_json
from lab.run import execute

DATA: dict[str, dict[str, Any]] = {
    "text": {},
    "strided": {"data.windows": {"kind": "strided"}},
    "separate": {
        "data.tokenizer": {"kind": "char", "specials": True},
        "data.documents": "separate",
    },
    "bpe": {"data.tokenizer": {"kind": "bpe", "vocab_size": 300}},
    "task": {"data.corpus": {"kind": "mqar", "symbols": 8, "pairs": 2, "held_out": 8}},
}
LENGTHS: dict[str, Any] = {"model.position": {"kind": "rope"}, "evaluate.lengths": [8, 32]}

schedules = st.one_of(
    st.fixed_dictionaries({"kind": st.just("constant"), "warmup_steps": st.integers(0, 5)}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["linear", "cosine"]),
            "warmup_steps": st.integers(0, 5),
            "final_ratio": st.sampled_from([0.0, 0.1, 1.0]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("wsd"),
            "warmup_steps": st.integers(0, 5),
            "decay_steps": st.integers(1, 7),
        }
    ),
)
changes = st.fixed_dictionaries(
    {
        "train.schedule": schedules,
        "train.optimizer.betas": st.sampled_from([[0.9, 0.99], [0, 0.5]]),
        "train.optimizer.weight_decay": st.sampled_from([0.0, 0.1]),
        "train.clip_norm": st.sampled_from([None, 0.5]),
        "train.z_loss": st.sampled_from([0.0, 1e-3]),
        "train.log_every": st.integers(1, 5),
        "train.checkpoint_every": st.integers(1, 6),
        "model.dropout": st.sampled_from([0.0, 0.2]),
        "tracking.samples.every": st.integers(1, 2),
    }
)
kills = st.lists(st.tuples(st.integers(1, 11), st.booleans()), min_size=1, max_size=3)


class Killed(BaseException):
    """Nothing in the lab catches this."""


@pytest.mark.proof
@pytest.mark.parametrize(("precision", "size"), [("fp32", None), ("fp32", 2), ("bf16", 1)])
@pytest.mark.parametrize("kind", DATA)
def test_killed_is_never_killed(
    order: Callable[..., WorkOrder], kind: str, precision: str, size: int | None
) -> None:
    @seed(crc32(f"{kind} {precision} {size}".encode()))  # the same every time, each case its own
    @settings(
        max_examples=3,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(changes=changes, kills=kills)
    def check(changes: dict[str, Any], kills: list[tuple[int, bool]]) -> None:
        lengths = {} if kind == "separate" else LENGTHS
        fixed = {"train.precision": precision, "train.micro_batch_size": size}
        asked = order(
            package=False, **DATA[kind], **lengths, **fixed, **changes, **{"evaluate.tokens": 300}
        )
        with tempfile.TemporaryDirectory() as name:
            whole, parts = Path(name, "whole"), Path(name, "parts")
            execute(asked, folder=whole)
            for at, gently in kills:
                end(asked, parts, at=at, gently=gently)
            execute(asked, folder=parts)
            for file in ("metrics.csv", "samples.csv", "positions.csv"):
                if (whole / file).exists():
                    assert (parts / file).read_bytes() == (whole / file).read_bytes(), file
            assert untimed(parts) == untimed(whole)
            assert {file.name for file in parts.iterdir()} == {f.name for f in whole.iterdir()}

    check()


def end(asked: WorkOrder, folder: Path, *, at: int, gently: bool) -> None:
    """Train for `at` steps more, then ask for a checkpoint, or die without one."""
    n = 0

    def stop() -> bool:
        nonlocal n
        n += 1
        if n >= at and not gently:
            raise Killed
        return n >= at

    try:
        execute(asked, folder=folder, stop=stop)
    except Killed:
        assert not gently


def untimed(folder: Path) -> dict[str, Any]:
    return {k: v for k, v in read_json(folder / "result.json").items() if k != "timing"}
