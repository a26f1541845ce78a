"""Where numbers come from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.provenance import (
    ENVIRONMENT,
    LAB,
    _command,
    environment,
    facts,
    identity,
    record,
    recorded,
    version,
    write_record,
)


def test_facts_are_plain_and_know_the_libraries() -> None:
    found = facts()
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == version("torch")
    assert version("no-such-library") is None
    assert len(found["source_digest"]) == 64


def test_identity_is_what_may_change_a_number() -> None:
    here = {**facts(), "device": "cpu", "threads": 1}
    assert identity(here) == identity({**here, "git_commit": "other", "command": "other"})
    for key in ("source_digest", "torch", "device", "threads"):
        assert identity(here) != identity({**here, key: "other"})


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([str(LAB / "sweep" / "__main__.py"), "posenc.yaml"], "lab sweep posenc.yaml"),
        ([str(LAB / "__main__.py"), "train", "x"], "lab train x"),
        ([str(LAB / "doctor.py")], "lab doctor"),
        ([str(Path("/usr/bin/lab")), "sweep", "a b"], "lab sweep 'a b'"),
        ([str(Path("/usr/bin/pytest")), "-q"], "pytest -q"),
        (
            ["lab", "train", "x", "--set", "data.tokenizer.kind=bpe"],
            "lab train x --set data.tokenizer.kind=bpe",
        ),
        (["lab", "sample", "p", "--max-new-tokens", "40"], "lab sample p --max-new-tokens 40"),
        (["mine", "--api-key", "abc", "-q"], "mine --api-key '***' -q"),
        (["mine", "--hf-token=abc", "db.password=abc"], "mine '--hf-token=***' 'db.password=***'"),
        (["mine", "https://me:abc@host/x"], "mine 'https://***@host/x'"),
        (["mine", "caf\udce9"], "mine 'caf?'"),
    ],
)
def test_the_command_is_as_a_user_would_give_it(argv: list[str], expected: str) -> None:
    assert _command(argv) == expected


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


def test_variables_that_change_results_are_recorded_and_no_others() -> None:
    variables = {
        "OMP_NUM_THREADS": "2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "TORCH_LOGS": "x",
        "LAB_CACHE": "cache",
        "HF_ENDPOINT": "https://me:abc@mirror/x",
        "PYTHONHASHSEED": "caf\udce9",
        "LD_PRELOAD": "x" * 20_000,
        "HOME": "/home/me",
        "PATH": "/usr/bin",
    }
    names = ("HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "LAB_API_KEY", "LAB_PASSWORD")
    secrets = dict.fromkeys([*names, "TORCH_HUB_TOKEN", "TORCH_SECRET"], "abc")
    found = environment({**variables, **secrets})
    assert found.keys() == variables.keys() - {"HOME", "PATH"}
    assert "abc" not in str(found)
    assert found["HF_ENDPOINT"] == "https://***@mirror/x"
    assert found["PYTHONHASHSEED"] == "caf?"
    assert len(found["LD_PRELOAD"]) == 10_000
    assert len(set(ENVIRONMENT)) == len(ENVIRONMENT)


def test_what_was_left_in_a_folder_is_read_in_the_environment_of_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is given a GPU in its own environment, whatever its supervisor had."""
    write_record(tmp_path, device="cuda", threads=3)
    left = json.loads((tmp_path / "provenance.json").read_text())
    assert left == {**record(), "device": "cuda", "threads": 3}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    found = recorded(tmp_path)
    assert found["environment"]["CUDA_VISIBLE_DEVICES"] == "5"
    assert {**found, "environment": left["environment"]} == left
    assert recorded(tmp_path / "nowhere").keys() == record().keys()


def test_it_needs_no_torch() -> None:
    code = "import sys; from lab.provenance import record; record(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
