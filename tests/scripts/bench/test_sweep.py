"""That the measuring of a sweep still measures, and says so of each part."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import lab

SCRIPT = Path(lab.__file__).parents[1] / "scripts" / "bench" / "sweep.py"
QUESTION = {
    "question": "Which norm?",
    "base": {
        "data": {"corpus": {"kind": "file", "path": str(SCRIPT)}},
        "model": {"n_layers": 1, "n_heads": 2, "d_model": 16, "max_seq_len": 16},
        "train": {
            "steps": 40,
            "batch_size": 4,
            "optimizer": {"kind": "adamw", "lr": 3e-3},
            "schedule": {"kind": "cosine", "warmup_steps": 2},
        },
        "device": "cpu",
    },
    "baseline": "layernorm",
    "variants": {
        "layernorm": {"model.norm": {"kind": "layernorm"}},
        "rmsnorm": {"model.norm": {"kind": "rmsnorm"}},
    },
}

OPTIONS = ("--workers", "1", "--starts", "1", "--against-one-process", "1")


@pytest.mark.proof  # some 15 s, most of which torch's import takes, four times
def test_every_part_is_measured(tmp_path: Path) -> None:
    question = tmp_path / "norms.yaml"
    question.write_text(yaml.safe_dump(QUESTION))
    done = subprocess.run(
        [sys.executable, SCRIPT, question, *OPTIONS],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    empty, cached = (float(x) for x in re.findall(r"cache: ([\d.]+) s", said))
    first = float(re.findall(r"first update ([\d.]+) s after", said)[0])
    assert min(empty, cached, first) > 0
    assert "2 runs by 1 workers" in said
    share, own = (float(x) for x in re.findall(r"([\d.]+)% of the", said))
    assert 0 < share < own < 100
    start, wind, together = (
        float(x) for x in re.findall(r"([\d.]+) s[ ,]", said.split("A run:")[1])[:3]
    )
    assert 0 < max(start, wind) < together
    sweep, one = re.findall(r"second: ([\d,]+), and ([\d,]+) of 1", said)[0]
    ratio = float(re.findall(r"threads: ([\d.]+) times", said)[0])
    found = float(sweep.replace(",", "")) / float(one.replace(",", ""))
    assert ratio == pytest.approx(found, abs=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["norms.yaml"]
