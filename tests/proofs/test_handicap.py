"""A planted truth found from end to end: RoPE that does not turn is worse than RoPE.

With positions divided by 10^12 every angle is 0, so `frozen` knows no positions beyond what the
causal mask tells. It is tuned and confirmed like any variant, on text, by the shipped question.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab import open_sweep

LOG = logging.getLogger(__name__)  # shown by --log-cli-level=info
ROOT = Path(lab.__file__).parents[1]


@pytest.mark.proof
@pytest.mark.trains
def test_rope_without_rotation_is_found_to_be_worse(tmp_path: Path) -> None:
    question = ROOT / "configs" / "handicap.yaml"
    subprocess.run(
        [sys.executable, "-m", "lab.sweep", str(question), "--set", "tracking.wandb.mode=disabled"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    sweep = open_sweep(tmp_path / "experiments" / "handicap")
    (verdict,) = sweep.verdicts()
    (twin,) = sweep.controls()
    LOG.info("%s\n%s", verdict.sentence, twin.sentence)
    assert verdict.kind == "decided"
    assert verdict.low > 0
    assert verdict.sentence.startswith("frozen is worse than rope: its test loss is higher by")
    assert twin.n == verdict.n
