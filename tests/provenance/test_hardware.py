"""The machine, as it says of itself."""

import json
import os
from pathlib import Path

from lab.provenance.hardware import gpus, hardware, memory


def test_hardware_is_plain_and_true_of_this_machine() -> None:
    found = hardware()
    assert json.loads(json.dumps(found)) == found
    assert found["cores"] == os.cpu_count() >= found["cores_usable"] >= 1
    assert found["processor"]
    assert found["memory"] == memory() > 2**28


def test_gpus_are_told_by_name_without_torch(tmp_path: Path) -> None:
    for bus, name in (("0000:0b:00.0", "NVIDIA A100"), ("0000:0a:00.0", "NVIDIA H200")):
        (tmp_path / bus).mkdir()
        text = f"Model: \t\t {name}\nIRQ:   \t\t 21\nGPU UUID: \t GPU-0\n"
        (tmp_path / bus / "information").write_text(text)
    assert gpus(tmp_path) == ["NVIDIA H200", "NVIDIA A100"]
    assert gpus(tmp_path / "nowhere") == []
