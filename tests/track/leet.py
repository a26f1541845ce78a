"""Offline runs of wandb, read back with its own tools."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def leet(*arguments: str | Path) -> str:
    return _wandb("leet", "inspect", *arguments)


def sync(folder: Path) -> None:
    _wandb("sync", folder)


def of_kind(records: list[dict[str, Any]], kind: str) -> list[Any]:
    return [record[kind] for record in records if record["type"] == kind]


def _wandb(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "wandb", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
