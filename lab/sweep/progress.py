"""What a user sees while a sweep runs: one bar for all, one for each job under way."""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lab.config.objective import Objective, value_of
from lab.result import how_it_diverged
from lab.sweep.plan import PlannedRun, Result

SHOWN = 24  # jobs under way: more are on no screen


class Display:
    """Bars on a terminal, a line a finished run elsewhere."""

    def __init__(self, *, objective: Objective, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, emoji=False)
        self.metric, self.sign = objective.metric, objective.sign
        self.best: tuple[float, str] | None = None
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._whole = self._bars.add_task("sweep", total=None, note="")
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    @property
    def is_live(self) -> bool:
        """Whether it shows what is under way."""
        return self.console.is_terminal

    def say(self, text: str) -> None:
        if self.console.quiet:
            return
        self.console.print(text, highlight=False, soft_wrap=True)

    def at(self, *, done: float, total: float) -> None:
        """Runs done and runs to do, over the whole sweep as far as it is known."""
        best = f"best {self.metric} {self.best[0]:.4f} ({self.best[1]})" if self.best else ""
        self._bars.update(self._whole, completed=done, total=total, note=best)

    def running(self, run: PlannedRun, progress: Mapping[str, Any], *, others: int = 0) -> None:
        """A run, which stands for so many others of its job."""
        if run.name not in self._tasks and len(self._tasks) >= SHOWN:
            return
        if run.name not in self._tasks:
            total = run.config.train.steps
            self._tasks[run.name] = self._bars.add_task("", total=total, note="")
        loss = progress.get("val/loss")
        note = f"val/loss {loss:.4f}" if isinstance(loss, float) else ""
        label = f"  {run.variant} {_what(run)}" + (f" and {others} more" if others else "")
        step = progress.get("step", 0)
        self._bars.update(self._tasks[run.name], description=label, completed=step, note=note)

    def ended(self, run: PlannedRun, result: Result | None, *, done: int, total: int) -> None:
        """A run has its result, or was interrupted (None): the one that made it `done` runs."""
        if run.name in self._tasks:
            self._bars.remove_task(self._tasks.pop(run.name))
        if result is None:
            return
        if result["status"] == "running":
            return
        value = value_of(self.metric, result) if result["status"] == "complete" else None
        if value is not None and (self.best is None or self.sign * (value - self.best[0]) < 0):
            self.best = (value, run.variant)
        if value is None or not self.console.is_terminal:
            shown = f"{self.metric} {value:.4f}" if value is not None else _fate(result)
            self.say(f"{done:>4}/{total}  {run.name:<28} {_what(run):<24} {shown}")

    def given_up(self, name: str, reason: str, *, done: int, total: int) -> None:
        """A run that had paused is not carried on."""
        if not self.console.is_terminal:
            self.say(f"{done:>4}/{total}  {name:<28} [dim]given up: {escape(reason)}[/dim]")


def _what(run: PlannedRun) -> str:
    if run.phase != "tune":
        return f"seed {run.seed}"
    settings = " ".join(
        f"{path.split('.')[-1]}={value:g}" if isinstance(value, float) else f"{path}={value}"
        for path, value in run.settings.items()
    )
    return f"trial {run.trial} {settings}"


def _fate(result: Result) -> str:
    if result["status"] == "diverged":
        return f"[yellow]{escape(how_it_diverged(result))}[/yellow]"
    return f"[red]failed: {escape(str(result['error']))}[/red]"
