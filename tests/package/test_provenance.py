"""Where numbers come from stands in the folder of every run, and in its package."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lab.config.order import WorkOrder
from lab.package.read import load_package
from lab.provenance.facts import facts
from lab.provenance.record import record, write_record
from lab.run import execute
from lab.sweep.plan import Plan
from tests.sweep.crew import FakeLauncher, settled, sweep
from tests.sweep.simulated import question


def test_a_package_has_the_record_of_its_run(
    order: Callable[..., WorkOrder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    asked, folder = order(), tmp_path / "run"
    write_record(folder, device="cpu", threads=1)
    content = execute(asked, folder=folder)
    assert content is not None
    left = json.loads((folder / "provenance.json").read_text())
    assert left.keys() == record().keys() | {"device", "threads", "execution"}
    (package,) = map(load_package, (tmp_path / "artifacts").iterdir())
    found = package.provenance
    assert found.keys() == left.keys() | asked.provenance.keys() | {"compute"}
    assert found["environment"]["MKL_CBWR"] == "COMPATIBLE"
    assert found["hardware"] == left["hardware"]
    assert found["diff"] == left["diff"]
    assert found["command"]
    assert found["compute"]["threads"] == asked.threads == found["threads"]
    assert found["compute"]["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    short = package.manifest.provenance.dump()
    assert "command" not in short
    assert short.items() <= found.items()
    assert not {"diff", "environment", "hardware"} & content["provenance"].keys()


def test_a_run_that_nobody_left_a_record_for_has_one_all_the_same(
    order: Callable[..., WorkOrder], tmp_path: Path
) -> None:
    execute(order(), folder=tmp_path / "run")
    (package,) = map(load_package, (tmp_path / "artifacts").iterdir())
    assert package.provenance.keys() >= record().keys()


def test_every_run_of_a_sweep_has_a_record(tmp_path: Path) -> None:
    asked = question(variants={"a": {}, "b": {"model.norm.eps": 1e-6}}, confirm={"max_seeds": 4})
    plan = Plan(asked, "digest", settled=settled(asked))
    done = sweep(tmp_path, plan, FakeLauncher(2, lambda order: 2.0))
    assert done.launcher.started
    for name in done.launcher.started:
        found = json.loads((tmp_path / "runs" / name / "provenance.json").read_text())
        assert facts().items() <= found.items()
        assert found["hardware"] == record()["hardware"]
        assert found["device"] == "cpu"
        short = json.loads((tmp_path / "runs" / name / "order.json").read_text())["provenance"]
        assert not {"diff", "environment", "hardware"} & short.keys()
