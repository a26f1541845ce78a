"""`lab doctor`: what a bug report needs, as a table."""

import os
import shutil
from pathlib import Path

from rich.table import Table

from lab.config.tracking import WandbConfig
from lab.files import cache_folder
from lab.provenance.facts import facts
from lab.track.wandb_mode import resolve_mode


def examine() -> Table:
    """Versions, devices, threads, wandb state, free space."""
    import torch

    table = Table("", "", show_header=False, title="lab doctor", title_justify="left")
    for name, value in facts().items():
        table.add_row(name, "not there" if value is None else str(value))
    table.add_section()
    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    table.add_row("cuda", ", ".join(cuda) or "none")
    table.add_row("mps", "yes" if torch.backends.mps.is_available() else "none")
    table.add_row("cpu capability", torch.backends.cpu.get_cpu_capability())
    table.add_row("torch threads", str(torch.get_num_threads()))
    table.add_row("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "not set"))
    table.add_section()
    table.add_row("wandb, mode auto", resolve_mode(WandbConfig()))
    for label, folder in (("working folder", Path.cwd()), ("cache (LAB_CACHE)", cache_folder())):
        table.add_row(label, str(folder))
        table.add_row("  free", f"{_free(folder) / 1e9:.1f} GB")
    return table


def _free(folder: Path) -> int:
    """Bytes free where a folder lies or would lie."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


if __name__ == "__main__":
    from lab.entry import entry

    entry("doctor")
