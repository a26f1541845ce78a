"""A sweep on a Ray cluster of two nodes on this machine comes to what this machine comes to alone,
whatever is killed on the way. Commands run as processes of their own: a driver of Ray stays one."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from lab.files import read_json
from lab.provenance.command import LAB
from tests.clusters.ray_nodes import RayCluster, RayNode
from tests.commands.folder import Lab, wait_for
from tests.commands.test_sweep import QUESTION

if not find_spec("ray") and not os.environ.get("LAB_CLUSTERS"):
    pytest.skip("Ray is not installed; pip install 'gpt-lab[ray]'", allow_module_level=True)

TRAIN = {**QUESTION["base"]["train"], "steps": 600, "log_every": 10, "checkpoint_every": 30}
BASE: dict[str, Any] = {**QUESTION["base"], "train": TRAIN, "evaluate": {"tokens": 256}}
COMPARED: dict[str, Any] = {
    "question": "Do rotations help a tiny model?",
    "base": BASE,
    "variants": QUESTION["variants"],
    "confirm": {"test": "fixed", "max_seeds": 2},
}
ONE_RUN = {**COMPARED, "variants": {"learned": {}}, "confirm": None}
SHORT = ("--set", "train.steps=40")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("LAB_CACHE", str(cache))
        yield cache


@pytest.fixture(autouse=True)
def _same_cache(_private_cache: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results name the text as the cache does."""
    monkeypatch.setenv("LAB_CACHE", str(cache))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, corpus: Path, cache: Path) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("alone"), corpus, COMPARED)
    done = finished(lab.start("--workers", "2"))
    assert done.returncode == 0, done.stderr
    return lab


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    found = RayCluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.join()
        yield found
    finally:
        found.end()


def on(cluster: RayCluster) -> tuple[str, ...]:
    return "--set", "launcher.kind=ray", "--set", f"launcher.address={cluster.address}"


def finished(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def events(lab: Lab, kind: str) -> list[dict[str, Any]]:
    """What the log of a sweep has of one kind."""
    lines = (lab.sweep / "log.jsonl").read_text().splitlines()
    return [found for found in map(json.loads, lines) if found.get("event") == kind]


def same(lab: Lab, alone: Lab) -> None:
    """Results, curves, answers and packages are those of this machine; nothing is left over."""
    assert lab.results() == alone.results()
    assert lab.curves() == alone.curves()
    for run in alone.rows("run"):
        here, there = (each.sweep / "runs" / run for each in (lab, alone))
        assert listing(here) - {"attempts.json"} == listing(there)
        for name in ("config.yaml", "samples.csv"):
            assert (here / name).read_bytes() == (there / name).read_bytes()
        answers = [read_json(folder / "result.json") for folder in (here, there)]
        for answer in answers:
            del answer["timing"], answer["provenance"], answer["package"]
        assert answers[0] == answers[1]
        packages = [each.artifacts / run for each in (lab, alone)]
        assert listing(packages[0]) == listing(packages[1])
        for name in listing(packages[0]) - {"provenance.json", "manifest.json"}:
            assert (packages[0] / name).read_bytes() == (packages[1] / name).read_bytes()


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} - {".lock"}


def children(node: RayNode) -> list[int]:
    """The processes that train at a node."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
        except OSError:
            continue
        if "lab.commands.carry_out" in command and str(node.scratch) in command:
            found.append(int(process.name))
    return found


def kill_a_child(node: RayNode) -> bool:
    for pid in children(node):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def checkpointed(lab: Lab, node: RayNode) -> bool:
    """Whether a run that is under way at a node has a checkpoint that came back."""
    folders = [lab.sweep / "runs" / run.name / "checkpoint" for run in node.jobs()]
    return any([*folder.glob("*.json")] for folder in folders)


def test_a_cluster_comes_to_what_this_machine_comes_to(
    cluster: RayCluster, alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    """Tokens go to a node once, nothing is left there, and Ray says nothing."""
    lab = Lab(tmp_path, corpus, COMPARED)
    done = finished(lab.start(*on(cluster)))
    assert done.returncode == 0, done.stderr
    same(lab, alone)
    assert "raylet" not in done.stdout + done.stderr
    assert "ray." not in done.stderr.lower()
    assert len(events(lab, "placed")) == 4
    tokens = [[*node.cache.glob("tokens/*")] for node in cluster.nodes]
    assert all(len(found) == 1 for found in tokens)
    assert len(events(lab, "brought")) == len(cluster.nodes)
    for node in cluster.nodes:
        assert not node.jobs()


def test_a_killed_run_and_a_killed_node_lose_nothing(
    cluster: RayCluster, alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    """The node joins while the sweep begins, and is given a run."""
    lab = Lab(tmp_path, corpus, COMPARED)
    node = cluster.begin()
    process = lab.start(*on(cluster))
    wait_for(lambda: kill_a_child(cluster.head) or process.poll() is not None)
    wait_for(lambda: checkpointed(lab, node) or process.poll() is not None)
    lost = children(node)
    os.kill(node.raylet(), signal.SIGKILL)
    done = finished(process)
    assert done.returncode == 0, done.stderr
    assert not {pid for pid in lost if Path(f"/proc/{pid}/stat").exists()}
    same(lab, alone)
    (event,) = events(lab, "lost")
    assert event["error"] == "was lost with its node"
    assert event["step"] > 0
    errors = {each["error"] for each in events(lab, "retried")}
    assert errors == {"killed by SIGKILL"}


def test_a_killed_supervisor_is_followed_by_the_next(
    cluster: RayCluster, alone: Lab, corpus: Path, tmp_path: Path
) -> None:
    """Its jobs end with it; what came back is gone on with, also after a signal."""
    lab = Lab(tmp_path, corpus, COMPARED)
    process = lab.start(*on(cluster))
    ours = lambda: [pid for node in cluster.nodes for pid in children(node)]  # noqa: E731
    wait_for(lambda: any(checkpointed(lab, node) for node in cluster.nodes))
    process.kill()
    process.communicate()
    wait_for(lambda: not ours(), seconds=60)
    assert [*lab.sweep.glob("runs/*/checkpoint/*.json")]
    process = lab.start(*on(cluster))
    wait_for(lambda: bool(ours()))
    process.send_signal(signal.SIGINT)
    stopped = finished(process)
    assert stopped.returncode == 130, stopped.stderr
    assert not ours()
    done = finished(lab.start(*on(cluster)))
    assert done.returncode == 0, done.stderr
    same(lab, alone)


def test_parts_of_a_core_and_several_processes(
    cluster: RayCluster, corpus: Path, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, corpus, ONE_RUN)
    asked = ("--set", "launcher.cpus=0.5", "--set", "launcher.processes=2")
    done = finished(lab.start(*on(cluster), *asked, *SHORT))
    assert done.returncode == 0, done.stderr
    (run,) = lab.sweep.glob("runs/*")
    assert read_json(run / "result.json")["provenance"]["processes"] == 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("launcher.address=127.0.0.1:1", "no Ray cluster answers at launcher.address="),
        ("launcher.address=ray://here:10001", "is one of Ray's client"),
        ("launcher.cpus=64", "a run asks for CPU=64, and no node of the cluster has more than"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    cluster: RayCluster, corpus: Path, tmp_path: Path, asked: str, told: str
) -> None:
    lab = Lab(tmp_path, corpus, ONE_RUN)
    done = finished(lab.start(*on(cluster), "--set", asked, *SHORT))
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not lab.sweep.exists()


@pytest.mark.parametrize(
    ("code", "told"), [("another", "has source_digest "), ("none", "has not this lab (")]
)
def test_a_node_of_another_lab_trains_nothing(
    cluster: RayCluster, corpus: Path, tmp_path: Path, code: str, told: str
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "lab").mkdir(parents=True)
    (theirs / "lab" / "__init__.py").write_text("raise ModuleNotFoundError('there is none')\n")
    if code == "another":
        copytree(LAB, theirs / "lab", dirs_exist_ok=True)
        with (theirs / "lab" / "batch.py").open("a") as file:
            file.write("# another line\n")
    node = cluster.join(f'--resources={{"{code}": 1}}', PYTHONPATH=str(theirs))
    lab = Lab(tmp_path / "here", corpus, ONE_RUN)
    done = finished(lab.start(*on(cluster), "--set", f"launcher.resources={{{code}: 1}}", *SHORT))
    node.end()
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "install the same lab" in done.stderr
    assert not [*lab.sweep.glob("runs/*/metrics.csv")]
