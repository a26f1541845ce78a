"""A Ray cluster on this machine: nodes that share neither cache nor scratch with anybody."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.commands.folder import wait_for

COMMAND = Path(sys.executable).with_name("ray")
STARTED = "Ray runtime started"
STORE = 80 * 2**20  # bytes: the least that Ray takes


class RayNode:
    """What `ray start` begins, in a session of its own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.cache, self.scratch = folder / "cache", folder / "scratch"
        self.scratch.mkdir(parents=True)
        own = {"LAB_CACHE": str(self.cache), "TMPDIR": str(self.scratch)}
        own["RAY_worker_niceness"] = "0"  # else all else on this machine goes first
        self.log = (folder / "ray.txt").open("w")
        self.process = subprocess.Popen(
            [
                *(str(COMMAND), "start", "--block", "--num-cpus=1", "--disable-usage-stats"),
                *(f"--object-store-memory={STORE}", *options),
            ],
            env={**os.environ, **own, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            cwd=folder,
        )

    def raylet(self) -> int:
        """The process that stands for this node in the cluster."""
        return next(pid for pid in self._session() if _name(pid) == "raylet")

    def jobs(self) -> list[Path]:
        """The folders of the runs that are under way here."""
        return [*self.scratch.glob("lab-ray-*/runs/*")]

    def end(self) -> None:
        for pid in self._session():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.log.close()

    def _session(self) -> list[int]:
        """All that it began, workers too."""
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(each.name)) == self.process.pid:
                    found.append(int(each.name))
            except ProcessLookupError:
                continue
        return found


class RayCluster:
    """A head and further nodes, each of one core."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.nodes = folder, _free_port(), list[RayNode]()
        self.sockets = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # their paths are short
        self.address = f"127.0.0.1:{self.port}"
        self.head = RayNode(
            folder / "head",
            *("--head", f"--port={self.port}", "--include-dashboard=false"),
            f"--temp-dir={self.sockets}",
        )
        self.nodes.append(self.head)
        _joined(self.head)

    def begin(self, *options: str, **environment: str) -> RayNode:
        """One more node, which has not joined yet."""
        folder = self.folder / f"node-{len(self.nodes)}"
        node = RayNode(folder, f"--address={self.address}", *options, **environment)
        self.nodes.append(node)
        return node

    def join(self, *options: str, **environment: str) -> RayNode:
        """One more node."""
        return _joined(self.begin(*options, **environment))

    def end(self) -> None:
        for node in reversed(self.nodes):
            node.end()
        shutil.rmtree(self.sockets, ignore_errors=True)


def _joined(node: RayNode) -> RayNode:
    log = Path(node.log.name)
    wait_for(lambda: STARTED in log.read_text() or node.process.poll() is not None, seconds=60)
    assert node.process.poll() is None, log.read_text()
    return node


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
