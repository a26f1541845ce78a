"""The Ray cluster that a launcher's section names: found, joined, and looked at.

Design choices:
- what can be refused is refused in one sentence before anything is written. Ray itself would try
  for minutes to reach what is not there, so it is asked first whether anybody is;
- Ray says much that is not for whoever waits for a sweep: it is told to be silent, and what it
  says all the same of its own accord goes nowhere.
"""

import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from lab.config.launcher import Ray
from lab.errors import ConfigError, in_a_line

PATIENCE = 10.0  # seconds for somebody to answer
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
SETTINGS = 4  # the kind of frame that a server of this protocol begins with
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning of what a later Ray will do
}
REMEDY = "start one with `ray start --head`, or name another in launcher.address"


def joined(config: Ray) -> Any:
    """Ray, with this process as a driver in the cluster.

    Raises `ConfigError` where Ray is missing, or the cluster cannot be reached or joined.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    try:
        ray = import_module("ray")
    except ImportError:
        raise ConfigError(
            "launcher: {kind: ray} needs Ray, which is not installed here; "
            "pip install 'gpt-lab[ray]'"
        ) from None
    if not ray.is_initialized():
        address = _address(config.address)
        named = address if config.address == "auto" else config.address
        if not _answers(address):
            raise ConfigError(f"no Ray cluster answers at launcher.address={named}; {REMEDY}")
        _join(ray, address)
    return ray


def needs(config: Ray, *, threads: int) -> dict[str, float]:
    """What Ray is to set aside for a job, in its own words."""
    cpus = config.cpus or threads * config.processes
    memory = {"memory": config.memory * 1e9} if config.memory else {}
    found = {"CPU": cpus, "GPU": config.gpus, **memory, **config.resources}
    return {name: amount for name, amount in found.items() if amount}


def room(ray: Any, need: Mapping[str, float]) -> int:
    """How many jobs the nodes that are there can carry out at a time."""
    return sum(_room(node["Resources"], need) for node in _alive(ray))


def require_room(ray: Any, need: Mapping[str, float]) -> None:
    """Raise `ConfigError` where no node, were it idle, could carry out one job."""
    nodes = [node["Resources"] for node in _alive(ray)]
    if any(_room(node, need) for node in nodes):
        return
    for name, amount in need.items():
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if most < amount:
            raise ConfigError(
                f"launcher: a run asks for {_in_words(name, amount)}, and no node of the cluster "
                f"has more than {_in_words(name, most)}; ask for less, or have a larger one join"
            )
    asked = ", ".join(_in_words(name, amount) for name, amount in need.items())
    raise ConfigError(
        f"launcher: a run asks for {asked}, and no node of the cluster has all of it; "
        "ask for less, or have a larger one join"
    )


def _address(named: str) -> str:
    """host:port of what may be called by another name."""
    if "://" in named:
        raise ConfigError(
            f"launcher.address={named} is one of Ray's client; work on a machine of the cluster, "
            "with auto or host:port"
        )
    services = import_module("ray._private.services")
    try:
        with _silence():
            address = str(services.canonicalize_bootstrap_address(named))
    except ConnectionError:
        raise ConfigError(f"launcher.address={named}: no Ray cluster is here; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"launcher.address={named} is no address ({in_a_line(error)}); write host:port"
        ) from None
    if not address.rpartition(":")[2].isdigit():
        raise ConfigError(f"launcher.address={named} has no port; write host:port")
    return address


def _answers(address: str) -> bool:
    """Whether a server of the protocol that Ray speaks is there."""
    host, _, port = address.rpartition(":")
    with (
        suppress(OSError),
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as there,
    ):
        there.settimeout(PATIENCE)
        there.sendall(HTTP2)
        head = there.recv(9)
        return len(head) > 3 and head[3] == SETTINGS
    return False


def _join(ray: Any, address: str) -> None:
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # Ray takes this for itself
        handlers = {signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    try:
        with _silence():
            ray.init(
                address=address,
                namespace="lab",
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
            ray._private.worker.print_to_stdstream = lambda *_, **more: None
    except Exception as error:
        raise ConfigError(
            f"the Ray cluster at launcher.address={address} cannot be joined ({in_a_line(error)}); "
            "work on a machine that has joined it, with the Ray and the Python that it has"
        ) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class _silence:  # noqa: N801 - it reads as what it does
    """Nothing of Ray's own logger for a while, which it sets up anew each time."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        logging.disable(self._before)


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _room(node: Mapping[str, float], need: Mapping[str, float]) -> int:
    """How often a node has what is needed; a share of a GPU is one of a single GPU."""
    counts = []
    for name, amount in need.items():
        there = node.get(name, 0.0)
        if name == "GPU" and amount < 1:
            counts.append(int(there) * math.floor(1 / amount + 1e-9))
        else:
            counts.append(math.floor(there / amount + 1e-9))
    return min(counts, default=1)


def _in_words(name: str, amount: float) -> str:
    if name == "memory":
        return f"{amount / 1e9:g} GB of memory"
    return f"{name}={amount:g}"
