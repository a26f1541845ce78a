"""`lab train`: one run, with a progress bar, its loss curve and its package."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lab.commands.progress_bar import progress_bar
from lab.commands.together import require_devices, require_shares, shared, stopping
from lab.commands.usable import require_usable
from lab.config.compiling import is_compiled
from lab.config.digest import run_digest
from lab.config.loading import find, load_run, load_sweep
from lab.config.order import Judge, WorkOrder
from lab.config.run import RunConfig
from lab.data.prepare import Prepared, prepare
from lab.endings import INTERRUPTED
from lab.errors import ConfigError, LabError, SweepError
from lab.holding import held
from lab.log import start_logs
from lab.provenance.facts import facts
from lab.report.curve import draw_curve
from lab.result import how_it_diverged
from lab.run_folder import CHECKPOINT, ending_in, lay_order, order_in
from lab.sweep.attempts import is_out_of_memory, raised
from lab.sweep.changes import in_words, since
from lab.track.wandb_mode import check_mode
from lab.train.distributed.meeting import Meeting

FOLDER = "train"
console = Console(stderr=True, highlight=False, emoji=False)


def train_one(
    config: str,
    *,
    variant: str | None,
    overrides: Sequence[str],
    threads: int,
    judge: Judge = "val",
    meeting: Meeting | None = None,
    sharded: bool = False,
    keep: bool = False,
    quiet: int = 0,
    experiments: Path = Path("experiments"),
    artifacts: Path = Path("artifacts"),
) -> int:
    """Train or continue the run of a config; returns the exit code.

    In a `meeting` of several processes this is the first, and `sharded` says how they share.
    """
    run = load_run(config, overrides=overrides, variant=variant)
    if variant is not None:
        _refuse_unmatched(config, variant, overrides)
    if judge == "test" and not run.data.has_test:
        raise ConfigError(
            f"data.splits={list(run.data.splits)} has no test split; give it a share, or leave "
            "--test out"
        )
    if meeting is not None:
        require_shares(run.train, meeting.size)
    check_mode(run.tracking.wandb)
    with progress_bar() as progress:
        data = prepare(run.data, progress=progress)
    require_usable(run, data)
    from lab.train.device import pick_device  # imports torch

    device = pick_device(run.device)
    shape: dict[str, Any] = {}
    if meeting is not None:
        require_devices(device.type)
        shape = {"processes": meeting.size, "parallel": "fsdp" if sharded else "ddp"}
    digest = run_digest(
        run, corpus_digest=data.corpus_digest, tokenizer_digest=data.tokenizer_digest
    )
    stem = find(config).stem + (f"-{variant}" if variant else "")
    name = f"{stem}-{run.seed}-{digest[:8]}"
    folder, package = experiments / FOLDER / name, artifacts / FOLDER / name
    order = WorkOrder(
        run=name,
        digest=digest,
        config=run,
        labels={"sweep": FOLDER, "variant": stem, "phase": "run"},
        settings={},
        judge=judge,
        threads=threads,
        compiled=_is_compiled(
            run, data, folder, device=device.type, threads=threads, timed=meeting is None
        ),
        data=str(data.folder) if data.folder else None,
        package=str(package.absolute()),
        provenance={**facts(), "device": device.type, **shape},
    )
    with held(folder):
        done = _carry_out(order, folder, meeting, keep=keep, quiet=quiet)
        if done is None:
            console.print("stopped at a checkpoint; the same command continues")
            return INTERRUPTED
        draw_curve(folder)
    _say(done, run, folder, package)
    return 0


def _carry_out(
    order: WorkOrder, folder: Path, meeting: Meeting | None, *, keep: bool, quiet: int
) -> dict[str, Any] | None:
    """The result that is there already, or else comes of it; None where it was interrupted."""
    if not keep:
        _check_unchanged(folder, {**order.provenance, "threads": order.threads})
    if (done := _finished(folder, order.digest, order.judge)) is not None:
        return done
    lay_order(folder, order)
    with start_logs(folder, quiet=quiet, console=console):
        return _execute(order, folder, meeting, silent=quiet > 0)


def _execute(
    order: WorkOrder, folder: Path, meeting: Meeting | None, *, silent: bool
) -> dict[str, Any] | None:
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.completed}/{task.total} steps"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=silent or not console.is_terminal,
    )
    task = bars.add_task(order.run, total=order.config.train.steps, note="")

    def show(step: int, row: Mapping[str, float]) -> None:
        if "val/loss" in row:
            note = f"val/loss {row['val/loss']:.4f}"
            bars.update(task, completed=step, note=note)
            if not silent and not console.is_terminal:
                console.print(f"step {step}/{order.config.train.steps} {note}")
        bars.update(task, completed=step)

    with bars, stopping(meeting) as stopped:
        from lab.run import execute  # imports torch

        try:
            with shared(meeting, order, folder) as world:
                return execute(
                    order, folder=folder, stop=lambda: bool(stopped), on_row=show, world=world
                )
        except Exception as error:
            if is_out_of_memory(error):
                raise LabError(raised(error)) from error
            raise


def _say(done: Mapping[str, Any], run: RunConfig, folder: Path, package: Path) -> None:
    if done["status"] == "diverged":
        console.print(
            f"[yellow]{escape(how_it_diverged(done))}[/yellow]; "
            f"try a lower train.optimizer.lr than {run.train.optimizer.lr:g}"
        )
    metrics, names = done["metrics"], ("loss", "perplexity", "bpb", "accuracy", "excess")
    for split in ("val", "test"):
        lengths = (name for name in metrics if name.startswith(f"{split}/loss@"))
        for name in (*(f"{split}/{name}" for name in names), *lengths):
            if name in metrics:
                console.print(f"{name:<15}{metrics[name]:.4f}")
    for line in _read(done):
        console.print(f"data           {line}", soft_wrap=True)
    console.print(f"run            {folder}\ncurve          {folder / 'curve.png'}")
    if done["package"]:
        console.print(f"package        {package}")


def _read(done: Mapping[str, Any]) -> list[str]:
    """What the run read, in a few lines."""
    data = done["data"]
    if data["kind"] == "task":
        return [f"the task {data['name']}, digest {data['digest'][:12]}"]
    train, val = data["stats"]["train"], data["stats"]["val"]
    found = [
        f"{data['name']}, digest {data['digest'][:12]}: {train['tokens']:,} tokens to train on, "
        f"read {done['tokens'] / train['tokens']:.1f} times; "
        f"{train['bytes'] / train['tokens']:.2f} bytes a token"
    ]
    if data["overlap"].get("val") is not None:
        found.append(f"{data['overlap']['val']:.1%} of the validation text stands in training too")
    if data["evaluated"]["val"] < val["tokens"]:
        found.append(
            f"judged on the first {data['evaluated']['val']:,} of {val['tokens']:,} tokens"
        )
    return found


def _refuse_unmatched(config: str, variant: str, overrides: Sequence[str]) -> None:
    """What a sweep would train is known once it has matched the variants."""
    sweep = load_sweep(config, overrides=overrides)
    if sweep.match != "tokens" and variant not in {*sweep.matched, *sweep.references.values()}:
        raise ConfigError(
            f"{variant} is matched in {sweep.match} by a sweep, and that is not done here: train "
            "runs/<run>/config.yaml of the sweep, or add --set match=tokens"
        )


def _is_compiled(
    run: RunConfig, data: Prepared, folder: Path, *, device: str, threads: int, timed: bool
) -> bool:
    """What was decided when the run began stands; else some steps may be `timed` for it."""
    before = order_in(folder)
    if before is not None and run.train.compile == "auto":
        return before.compiled

    def seconds_a_token() -> float:
        from lab.run import time_steps  # imports torch

        return time_steps(run, data.folder, threads=threads) if timed else 0.0

    vocab_size = data.tokenizer.vocab_size
    return is_compiled(run, device=device, vocab_size=vocab_size, seconds_a_token=seconds_a_token)


def _check_unchanged(folder: Path, here: Mapping[str, Any]) -> None:
    """Other code or another machine neither continues a run nor answers for it."""
    order = order_in(folder)
    if order is not None and (changed := since(order, here)):
        raise SweepError(
            f"{folder} was run under another {in_words(changed)}; move it away to train it anew, "
            "or add --keep to go on with it"
        )


def _finished(folder: Path, digest: str, judge: Judge) -> dict[str, Any] | None:
    order, found = order_in(folder), ending_in(folder, digest=digest)
    if order is None or found is None:
        return None
    if order.judge != judge:
        raise SweepError(
            f"{folder} was judged on {order.judge}; move it away to judge it on {judge}"
        )
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)  # where a kill came just before
    return found
