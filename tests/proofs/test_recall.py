"""Attention recalls a value by its key with two layers, and cannot with one.

The first layer tells a value which key stands before it, the second finds it by that key. One layer
without an MLP sees which values there are, and little else.
"""

import logging
from pathlib import Path

import pytest

from tests.proofs.order import trained

LOG = logging.getLogger(__name__)  # shown by --log-cli-level=info
FULL = ("train.steps=2000",)


@pytest.mark.proof
@pytest.mark.trains
@pytest.mark.parametrize(
    ("variant", "low", "high"), [("two-layers", 0.99, 1), ("one-layer", 0, 0.5)]
)
def test_recall_takes_two_layers(variant: str, low: float, high: float, tmp_path: Path) -> None:
    metrics = trained("recall", variant, tmp_path, *FULL)
    LOG.info("%s: %s", variant, metrics)
    assert low <= metrics["test/accuracy"] <= high
    assert metrics["test/excess"] == pytest.approx(metrics["test/loss"])
