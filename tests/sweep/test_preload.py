"""What the fork server imports, and when; and that what it does not import, no run needs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.config.order import WorkOrder
from lab.files import write_json
from lab.sweep.lifeline import say_under_way

STAGES = """
import time
from lab.sweep.apart import ask_apart
from tests.sweep.test_preload import imported, under_way

print(ask_apart(imported, "lab.run"), ask_apart(imported, "wandb"))
ask_apart(under_way)
deadline = time.monotonic() + 60
while not ask_apart(imported, "wandb") and time.monotonic() < deadline:
    time.sleep(0.1)
print(ask_apart(imported, "wandb"))
"""
A_RUN = """
import sys
from pathlib import Path
import lab.sweep.preload
from lab.certify.many import certify_models
from lab.config.order import WorkOrder
from lab.files import read_json
from lab.run import execute

before, folder = set(sys.modules), Path(sys.argv[1])
order = WorkOrder.parse(read_json(folder / "order.json"))
certify_models([(order.config.model, 37)])
assert execute(order, folder=folder)["status"] == "complete"
print(*sorted(sys.modules.keys() - before))
"""


def imported(name: str) -> bool:
    """In the fork server, as a process sees it that was forked just now."""
    return name in sys.modules


def under_way() -> None:
    say_under_way()


def printed(script: str, *words: object) -> list[list[str]]:
    """What a process of its own prints, by lines and words."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], stdout=subprocess.PIPE, check=True
    )
    return [line.split() for line in done.stdout.decode().splitlines()]


def test_what_tracking_needs_is_imported_once_a_worker_is_under_way() -> None:
    assert printed(STAGES) == [["True", "False"], ["True"]]


def test_a_run_imports_no_compiler(order: Callable[..., WorkOrder], tmp_path: Path) -> None:
    """Neither where it is certified, nor where it is trained, judged and packaged."""
    write_json(tmp_path / "order.json", order(judge="test").dump())
    ((*found,),) = printed(A_RUN, tmp_path)
    assert not {"torch._dynamo", "torch._inductor", "sympy", "scipy", "pandas"} & set(found)
    assert len(found) < 30  # or a run would be quicker with more of it in the server


def test_a_process_that_is_no_worker_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise AssertionError((pid, number))

    monkeypatch.setattr(os, "kill", refuse)
    say_under_way()
