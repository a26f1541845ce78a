"""Runs in wandb: grouped so that its pages compare variants, and never in a run's way.

Design choices:
- wandb lives in a thread of its own (importing and starting it takes a second, a lost server makes
  its calls hang): training only queues, and `finish` waits for `finish_timeout` seconds at most;
- it begins once training has, or soon: what it imports would hold up the first step;
- the first error of any kind is warned about once and ends wandb for this run, not the run;
- one wandb run a run folder: its id is made once and kept in `wandb/id`, so that a resumed run
  continues it, and the same run trained anew elsewhere does not (a server ignores steps that it
  has seen);
- offline, a run that goes on is recorded anew, its first rows from the CSV, in place of the record
  that was broken off: were both synced, rows done again would be there twice. Where one has been
  synced, it is continued;
- id: sweep, run and six digits; name: the run; group: what differs only by seed, so that wandb
  averages seeds; job type: the phase; tags: sweep and variant; x axis: tokens.
"""

import logging
import secrets
import shutil
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lab.config.digest import digest
from lab.config.tracking import WandbConfig
from lab.errors import in_a_line
from lab.files import write_text
from lab.track.background import Background
from lab.track.base import RunInfo
from lab.track.csv import read_rows, read_samples
from lab.track.trouble import LOST
from lab.track.wandb_mode import resolve_mode, server
from lab.track.wandb_server import reachable
from lab.track.wandb_session import (
    borrow_environment,
    give_back_environment,
    let_go,
    log_package,
    may_be_sent,
    open_run,
    safe_name,
)

# For `multiprocessing`'s fork server: with these imported there (they start no thread), wandb costs
# a run 0.1 s of CPU instead of 1.1, starts in 0.3 s instead of 1.2, ends in 0.07 instead of 0.55.
PRELOAD = ("wandb", "wandb.sdk.launch.inputs.internal", "pandas")

SOON = 3.0  # seconds

_LOG = logging.getLogger("lab.track")


class WandbTracker:
    def __init__(self, config: WandbConfig, *, finish_timeout: float = 30.0) -> None:
        self._config = config
        self._finish_timeout = finish_timeout
        self._thread: Background | None = None
        self._one_at_a_time = threading.Lock()
        self._warned = False
        self._borrowed: list[str] = []
        self._begun = 0
        self._training = threading.Event()

    def start(self, info: RunInfo, *, step: int) -> None:
        self._borrowed = borrow_environment(info.folder / "wandb")
        self._run = _Run(self._config, info, step=step, finish_timeout=self._finish_timeout)
        self._thread = Background(name="lab-wandb", on_error=self._give_up)
        self._begun = step
        self._thread.put(self._await_training)
        self._thread.put(self._run.open)

    def log(self, metrics: Mapping[str, float], *, step: int) -> None:
        if step > self._begun:
            self._training.set()
        if self._thread:
            self._thread.put(partial(self._run.log, dict(metrics), step))

    def sample(self, text: str, *, step: int) -> None:
        if self._thread:
            self._thread.put(partial(self._run.sample, text, step))

    def summary(self, values: Mapping[str, Any]) -> None:
        if self._thread:
            self._thread.put(partial(self._run.summary, dict(values)))

    def artifact(self, folder: Path) -> None:
        if self._thread:
            self._thread.put(partial(self._run.artifact, folder))

    def finish(self, *, status: str) -> None:
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._training.set()
        thread.put(partial(self._run.close, status))
        if not thread.close(timeout=self._finish_timeout):
            self._give_up(
                TimeoutError(
                    f"not finished in {self._finish_timeout:g} s; "
                    f"`wandb sync {self._run.folder}/*run-*` sends what is missing"
                )
            )
        give_back_environment(self._borrowed)

    def _await_training(self) -> None:
        self._training.wait(SOON)

    def _give_up(self, error: BaseException) -> None:
        with self._one_at_a_time:  # the thread may fail while `finish` tires of waiting for it
            if not self._warned:
                self._warned = True
                what = in_a_line(error)
                _LOG.warning(
                    "wandb failed and gets nothing more of this run, which goes on (metrics.csv "
                    "has all of it): %s",
                    what,
                    extra={"fields": {"event": LOST, "error": what}},
                )
                let_go()


class _Run:
    """One wandb run; every method but the first runs in the background, in the order called."""

    def __init__(
        self, config: WandbConfig, info: RunInfo, *, step: int, finish_timeout: float
    ) -> None:
        self.folder = info.folder / "wandb"
        self._config = config
        self._info = info
        self._step = step
        self._finish_timeout = finish_timeout
        self._samples: list[tuple[int, str]] = []

    def open(self) -> None:
        info, config = self._info, reachable(self._config)
        if config is not self._config:
            what = f"{server()} does not answer: recorded offline, for `wandb sync` to send"
            _LOG.warning("%s", what, extra={"fields": {"event": LOST, "error": what}})
        earlier = sorted(self.folder.glob("offline-run-*"))
        anew = resolve_mode(config) == "offline" and not may_be_sent(self.folder)
        self._wandb, self._run = open_run(
            config,
            folder=info.folder,
            content=_config(info),
            place=_place(info),
            finish_timeout=self._finish_timeout,
        )
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("tokens", hidden=True)
        self._run.define_metric("*", step_metric="tokens")
        self._run.define_metric("val/loss", step_metric="tokens", summary="min,last")
        if self._step:
            self._samples = read_samples(info.folder, until=self._step)
        if self._step and anew:
            for step, metrics in read_rows(info.folder, until=self._step):
                self.log(metrics, step)
        for folder in earlier if anew else ():  # only now, so that a kill loses nothing
            shutil.rmtree(folder, ignore_errors=True)

    def log(self, metrics: dict[str, float], step: int) -> None:
        self._run.log({"step": step, **metrics}, step=step, commit=True)

    def sample(self, text: str, step: int) -> None:
        self._samples.append((step, text))

    def summary(self, values: dict[str, Any]) -> None:
        """Without val/loss: wandb keeps its minimum and its last, and one value would hide both."""
        self._run.summary.update({k: v for k, v in values.items() if k != "val/loss"})

    def artifact(self, folder: Path) -> None:
        log_package(self._wandb, self._run, folder, name=_full_name(self._info))

    def close(self, status: str) -> None:
        if self._samples:
            # In the summary and not the history, which has the rows of metrics.csv and no other.
            table = self._wandb.Table(columns=["step", "text"], data=self._samples)
            self._run.summary["samples"] = table
        self._run.summary["status"] = status
        self._run.finish(exit_code=0 if status in ("complete", "pruned", "paused") else 1)
        self._wandb.teardown()  # else its helper process outlives a worker by a second or two


def _place(info: RunInfo) -> dict[str, Any]:
    """Where the run stands among others."""
    sweep, variant = info.labels.get("sweep", ""), info.labels.get("variant", "")
    comparable = {k: v for k, v in info.config.items() if k not in ("seed", "tracking")}
    group = "-".join([*filter(None, (sweep, variant)), digest(comparable)[:8]])
    return {
        "run_id": _run_id(info),
        "run_name": info.name,
        "run_group": group[-128:],
        "run_job_type": info.labels.get("phase", "run"),
        "run_tags": tuple(label[:64] for label in (sweep, variant) if label),
    }


def _config(info: RunInfo) -> dict[str, Any]:
    return {
        **info.config,
        "labels": dict(info.labels),
        "data_digest": info.data_digest,
        "provenance": dict(info.provenance),
    }


def _run_id(info: RunInfo) -> str:
    file = info.folder / "wandb" / "id"
    if not file.is_file():
        write_text(file, f"{safe_name(_full_name(info))}-{secrets.token_hex(3)}\n")
    return file.read_text(encoding="utf-8").strip()


def _full_name(info: RunInfo) -> str:
    return "-".join(filter(None, (info.labels.get("sweep"), info.name)))
