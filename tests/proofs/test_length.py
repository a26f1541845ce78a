"""Read on beyond training's length, ALiBi's loss stays where it was and RoPE's does not.

Learned positions have nothing to say there, and say nothing.
"""

import logging
import math
from pathlib import Path

import pandas as pd
import pytest

from tests.proofs.order import trained

LOG = logging.getLogger(__name__)  # shown by --log-cli-level=info
BRIEF = ("train.steps=300", "train.optimizer.lr=4.0e-3")
NEAR = 0.15  # nats


@pytest.mark.proof
@pytest.mark.trains
def test_alibi_reads_on_and_rope_does_not(tmp_path: Path) -> None:
    rise = {}
    for variant in ("rope", "alibi"):
        metrics = trained("length", variant, tmp_path / variant, *BRIEF)
        table = pd.read_csv(tmp_path / variant / "positions.csv")
        for length in (64, 128, 256):
            rows = table[table["length"] == length]
            assert rows["position"].tolist() == list(range(1, length + 1))
            assert rows["loss"].map(math.isfinite).all()
            mean = (rows["loss"] * rows["tokens"]).sum() / rows["tokens"].sum()
            assert mean == pytest.approx(metrics[f"test/loss@{length}"])
        rise[variant] = loss(table, 129, 256) - loss(table, 33, 64)
    LOG.info("nats more at 129-256 than at 33-64: %s", rise)
    assert abs(rise["alibi"]) < NEAR < rise["rope"]


@pytest.mark.proof
@pytest.mark.trains
def test_learned_positions_end_where_training_did(tmp_path: Path) -> None:
    metrics = trained("length", "learned", tmp_path, *BRIEF)
    assert [name for name in metrics if "@" in name] == ["test/loss@64"]
    table = pd.read_csv(tmp_path / "positions.csv")
    assert set(table["length"]) == {64}
    assert table["position"].tolist() == list(range(1, 65))


def loss(table: pd.DataFrame, first: int, last: int) -> float:
    """Of a target at these positions of the longest windows."""
    rows = table[(table["length"] == 256) & table["position"].between(first, last)]
    return float((rows["loss"] * rows["tokens"]).sum() / rows["tokens"].sum())
