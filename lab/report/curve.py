"""The loss curve of one run, beside its CSV."""

import csv
from pathlib import Path

from lab.files import write_bytes
from lab.report.figures.style import COLUMN, FAINT, INK, PALETTE, blank, paper, png

FILE = "curve.png"


def draw_curve(folder: Path) -> Path:
    """Training and validation loss of `metrics.csv` against tokens, as `curve.png`."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with paper():
        figure = blank(COLUMN * 1.4, 2.6)
        axes = figure.subplots()
        looks = {"train/loss": (FAINT, 1.0, ""), "val/loss": (PALETTE[0], 1.6, "o")}
        for metric, (color, width, marker) in looks.items():
            points = [(float(r["tokens"]), float(r[metric])) for r in rows if r.get(metric)]
            if points:
                tokens, losses = zip(*points, strict=True)
                label = "training" if metric == "train/loss" else "validation"
                axes.plot(tokens, losses, color=color, lw=width, marker=marker, ms=3, label=label)
        axes.set_xlabel("Training tokens")
        axes.set_ylabel("Loss (nats a token)", color=INK)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 4), useMathText=True)
        axes.legend(loc="upper right")
    write_bytes(folder / FILE, png(figure))
    return folder / FILE
