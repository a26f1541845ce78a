"""`lab train` as torchrun starts it: several processes on this machine."""

import subprocess
import sys
from pathlib import Path

RUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")


def start(work: Path, *options: str, processes: int = 2) -> "subprocess.Popen[str]":
    """The command on `run.yaml` in a folder; its own process group, as a terminal gives it."""
    return subprocess.Popen(
        [sys.executable, *RUN, str(processes), "-m", "lab.train", "run.yaml", *options],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    """All that it has printed, once it has ended."""
    out, _ = process.communicate(timeout=200)
    return out
