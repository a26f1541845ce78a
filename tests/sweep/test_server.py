"""When the fork server is begun, and what of where it cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import main
from lab.sweep import server

IMPORTED = """
import sys
from lab.config.tune import TuneConfig
from lab.sweep.server import import_meanwhile

space = {"train.optimizer.lr": {"low": 1e-4, "high": 1e-2, "log": True}}
for kind in ("random", "quasi-random"):
    import_meanwhile(TuneConfig.parse({"sampler": {"kind": kind}, "trials": 2, "space": space}))
    print("optuna" in sys.modules, "scipy.stats" in sys.modules, "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("options", "begun"), [([], 1), (["--measure"], 1), (["--dry-run"], 0), (["-v", "-q"], 0)]
)
def test_it_is_begun_before_the_question_is_read(
    options: list[str], begun: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where processes will be asked for; a question that is not there is refused all the same."""
    told: list[None] = []
    monkeypatch.setattr(server, "begin_early", lambda: told.append(None))
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "nowhere.yaml", *options]) == 2
    assert len(told) == begun


def test_where_none_can_be_begun_early_nothing_is_said_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(server.forkserver, "ensure_running", refuse)
    server.begin_early()
    with pytest.raises(OSError, match="no more"):
        server.running_server()


def test_what_a_search_needs_is_imported_and_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().splitlines() == ["True False False", "True True False"]
    server.import_meanwhile(None)
