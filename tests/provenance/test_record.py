"""All that is known of where numbers come from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.provenance.facts import facts
from lab.provenance.record import record, recorded, write_record


def test_the_record_has_the_facts_and_all_that_they_leave_out() -> None:
    found = record()
    assert json.loads(json.dumps(found)) == found
    assert facts().items() <= found.items()
    assert found.keys() - facts().keys() == {"hardware", "environment", "diff"}
    assert found["command"]
    if found["diff"] is not None:
        assert found["git_dirty"]


def test_it_is_asked_once_a_process() -> None:
    assert facts() is facts()
    assert record() is record()


def test_what_was_left_in_a_folder_is_read_in_the_environment_of_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is given a GPU in its own environment, whatever its supervisor had."""
    write_record(tmp_path, device="cuda", threads=3, execution="cohort")
    left = json.loads((tmp_path / "provenance.json").read_text())
    assert left == {**record(), "device": "cuda", "threads": 3, "execution": "cohort"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    found = recorded(tmp_path)
    assert found["environment"]["CUDA_VISIBLE_DEVICES"] == "5"
    assert {**found, "environment": left["environment"]} == left
    assert recorded(tmp_path / "nowhere").keys() == record().keys()


def test_it_needs_no_torch() -> None:
    ask = "from lab.provenance.record import record; record()"
    code = f"import sys; {ask}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
