"""Plant faults in a copy of the lab, one at a time: does its certificate fail, does a test fail?

    python scripts/mutation_check.py [--list] [NAME ...]

Each fault is a line of `lab/` changed as a careless patch would. In the copy, `lab certify` must
then exit with 1 and name the check that is expected, and a test of `tests/model` must fail which
passes in the copy without the fault. Exit code 1 if a fault survives either.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).parents[1]
COPIED = ("lab", "tests", "configs", "pyproject.toml")


@dataclass(frozen=True)
class Fault:
    """Changes of lines in a file below `lab/model`, the model that shows it, and what finds it."""

    file: str
    changes: Sequence[tuple[str, str]]
    model: str
    check: str


FAULTS = {
    "RoPE with a left-over learned table": Fault(
        "gpt.py",
        [
            (
                "        self.position = build_position(config)\n",
                "        self.position = build_position(config)\n"
                '        if config.position.kind == "rope":\n'
                "            self.left = nn.Embedding(config.max_seq_len, config.d_model)\n",
            ),
            (
                "x = self.position.embed(self.embedding(ids), positions, length=length)\n",
                "x = self.position.embed(self.embedding(ids), positions, length=length)\n"
                '        if hasattr(self, "left"):\n'
                "            x = x + self.left(positions % self.config.max_seq_len)\n",
            ),
        ],
        "position={kind: rope}",
        "position: scores depend on the offset alone",
    ),
    "a leaking mask": Fault(
        "context.py",
        [("seen = distance >= 0", "seen = distance >= -1")],
        "position={kind: alibi}",
        "causality",
    ),
    "ALiBi slopes off by one": Fault(
        "position.py",
        [("torch.arange(1, n + 1,", "torch.arange(0, n,")],
        "position={kind: alibi}",
        "position: slopes",
    ),
    "a norm without its epsilon": Fault(
        "norm.py",
        [("self.weight, self.bias, self.eps)", "self.weight, self.bias, 0.0)")],
        "norm={kind: layernorm}",
        "norm: epsilon",
    ),
    "a norm that is not centred": Fault(
        "norm.py",
        [
            ("F.layer_norm(x,", "F.rms_norm(x,"),
            ("self.weight, self.bias, self.eps)", "self.weight, self.eps)"),
        ],
        "norm={kind: layernorm}",
        "norm: statistics",
    ),
    "a window of one more": Fault(
        "context.py",
        [("distance < window", "distance <= window")],
        "attention={kind: multi-head, window: 16}",
        "attention: window",
    ),
    "groups interleaved": Fault(
        "attention.py",
        [("kv.repeat_interleave(group, dim=1)", "kv.repeat(1, group, 1, 1)")],
        "attention={kind: grouped-query, n_kv_heads: 2, path: plain}",
        "attention: groups share keys",
    ),
    "gate and up swapped": Fault(
        "mlp.py",
        [("gate, up = self.gate_up_proj(x)", "up, gate = self.gate_up_proj(x)")],
        "mlp={kind: swiglu}",
        "equals its written-out formula",
    ),
    "a head that is a copy": Fault(
        "gpt.py",
        [
            (
                "self.head.weight = self.embedding.weight\n",
                "self.head.weight = nn.Parameter(self.embedding.weight.detach().clone())\n",
            )
        ],
        "tie_embeddings=true",
        "head: is the embedding",
    ),
    "dropout in evaluation": Fault(
        "block.py",
        [("F.dropout(x, self.dropout, self.training)", "F.dropout(x, self.dropout)")],
        "dropout=0.1",
        "dropout: off in evaluation",
    ),
    "chunks from a cache see ahead": Fault(
        "context.py",
        [("causal = len(queries) == len(keys) or len(queries) == 1", "causal = True")],
        "position={kind: rope}",
        "cache: equals the whole pass",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults; by default all")
    parser.add_argument("--list", action="store_true", help="print the names of the faults")
    asked = parser.parse_args()
    if asked.list:
        print("\n".join(FAULTS))
        return 0
    if unknown := [name for name in asked.names if name not in FAULTS]:
        parser.error(f"no fault {unknown[0]!r}; --list prints all")
    table = Table("fault", "failing check", "failing test", box=box.SIMPLE_HEAD, pad_edge=False)
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=ignored)
            else:
                shutil.copy(source, copy / name)
        for name in asked.names or FAULTS:
            check, test = _caught(copy, FAULTS[name])
            survived += check is None or test is None
            table.add_row(name, *(found or "SURVIVED" for found in map(_plain, (check, test))))
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    return 1 if survived else 0


def _plain(found: str | None) -> str | None:
    """Brackets as they are."""
    return None if found is None else escape(found)


def _caught(copy: Path, fault: Fault) -> tuple[str | None, str | None]:
    """The check and the test that fail in a copy with the fault; it is taken out again."""
    file = copy / "lab" / "model" / fault.file
    whole = file.read_text()
    text = whole
    for old, new in fault.changes:
        if text.count(old) != 1:
            raise SystemExit(f"{fault.file} has not this one line: {old.strip()}")
        text = text.replace(old, new)
    file.write_text(text)
    try:
        check, test = _failing_check(copy, fault), _failing_test(copy)
    finally:
        file.write_text(whole)
    if test and not _passes(copy, test):
        raise SystemExit(f"{test} fails without a fault")
    return check, test


def _failing_check(copy: Path, fault: Fault) -> str | None:
    done = _run(copy, "lab.certify", "tiny", "--set", f"model.{fault.model}")
    if done.returncode == 1 and re.search(
        rf"^ *{re.escape(fault.check)} +FAILED", done.stdout, re.M
    ):
        return fault.check
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return None


def _failing_test(copy: Path) -> str | None:
    done = _run(copy, "pytest", "-x", "-q", "--tb=no", "--no-header", "tests/model")
    found = re.search(r"^FAILED (.*?)(?: - .*)?$", done.stdout, re.M)
    if done.returncode > 1:
        raise SystemExit(done.stdout + done.stderr)
    return found[1] if found else None


def _passes(copy: Path, test: str) -> bool:
    return _run(copy, "pytest", "-q", test).returncode == 0


def _run(copy: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A module of this Python, that finds the copy's `lab` first."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-B", "-m", *words],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
