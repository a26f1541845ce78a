"""From a command to its answer, and what a worker imports, each in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

from lab.bench.measuring import Bench
from lab.bench.peers import is_installed
from lab.bench.record import Row
from lab.bench.timing import Do

ROUNDS = {True: 2, False: 9}  # quick or full
NOTHING = ("-c", "pass")
TORCH = ("-c", "import torch")
COMMANDS = {
    "lab --help": ("-m", "lab", "--help"),
    "lab sweep posenc.yaml --dry-run": ("-m", "lab", "sweep", "posenc.yaml", "--dry-run"),
    "import lab": ("-c", "import lab"),
    "import lab.run, as workers do": ("-c", "import lab.run"),
}
PEERS = {
    "lab --help": {"python, nothing": NOTHING},
    "lab sweep posenc.yaml --dry-run": {"python, nothing": NOTHING},
    "import lab": {"python, nothing": NOTHING},
    "import lab.run, as workers do": {
        "import torch": TORCH,
        "transformers": ("-c", "from transformers import GPT2LMHeadModel"),
    },
}


def rows(bench: Bench) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        for name, words in COMMANDS.items():
            peers = {
                peer: _process(theirs, folder)
                for peer, theirs in PEERS[name].items()
                if peer != "transformers" or is_installed(peer)
            }
            yield bench.row(
                name,
                _process(words, folder),
                peers,
                rounds=min(bench.rounds, ROUNDS[bench.quick]),
                together=1,
                headline=True,
            )


def _process(words: tuple[str, ...], folder: str) -> Do:
    """A Python that does this in an empty folder; raises where it fails."""
    return lambda: subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, check=True
    )
