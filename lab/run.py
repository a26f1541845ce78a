"""The composition root: a work order in, a finished run folder and a package out.

    config ─► data, model, optimizer ─► train ─► evaluate ─► package ─► result.json

This is the one place where every room meets. A run knows nothing of the sweep it belongs to: its
labels are passed on to the tracker, unread.
"""

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lab.batch import Batch
from lab.config.order import WorkOrder
from lab.config.run import RunConfig
from lab.data.feed import Feed, build_feed
from lab.data.prepare import prepare
from lab.data.prompt import prompt_ids
from lab.data.store import open_prepared
from lab.decode.samples import SampleText
from lab.decode.sampling import Sampling
from lab.files import write_json, write_text
from lab.model.gpt import build_model
from lab.model.init import logical_shapes
from lab.package.layout import MANIFEST
from lab.package.manifest import read_manifest
from lab.package.write import write_package
from lab.result import result
from lab.track.base import RunInfo, Tracker
from lab.track.build import build_tracker
from lab.track.evaluations import evaluations
from lab.train.by_position import table
from lab.train.checkpoint import Checkpoints
from lab.train.clock import Clock
from lab.train.device import pick_device
from lab.train.evaluation import cross_entropy, evaluate, logits_of
from lab.train.lengths import judge_lengths
from lab.train.loop import Outcome, train
from lab.train.optimizer import build_optimizer
from lab.train.spending import spending
from lab.train.state import TrainState

POSITIONS = "positions.csv"
EVAL_TOKENS = 8192  # a batch: large enough to be quick, small enough for any memory
Row = Callable[[int, Mapping[str, float]], None]


def execute(
    order: WorkOrder,
    *,
    folder: Path,
    stop: Callable[[], bool] = lambda: False,
    on_row: Row = lambda step, row: None,
) -> dict[str, Any] | None:
    """Train, judge and package a run in its folder; returns the content of its `result.json`.

    Continues from the newest checkpoint in the folder. A run that has come to `order.until` gets a
    `reached.json` instead, and an order with a later one continues it. None means that `stop` said
    yes: the state is saved, and the same call continues. Raises whatever went wrong.
    """
    clock = Clock()
    with clock.phase("setup"):
        run = _Run(order, folder, clock)
        checkpoints = Checkpoints(folder / "checkpoint")
        resumed = checkpoints.restore(run.state)
        if resumed:
            clock.restore(run.state.seconds)
    tracker = build_tracker(order.config.tracking)
    with clock.phase("track"):
        tracker.start(run.info(resumed=resumed), step=run.state.step)
    status = "failed"
    try:
        outcome = train(
            run.state,
            run.batches,
            order.config.train,
            seed=order.config.seed,
            tokens_per_step=order.config.tokens_per_step,
            tracker=tracker,
            clock=clock,
            until=order.until,
            checkpoints=checkpoints,
            hooks=run.hooks(tracker),
            stop=stop,
            on_row=on_row,
        )
        status = outcome.status
        if outcome.status == "interrupted":
            return None
        metrics = run.judged(outcome)
        if outcome.status == "complete" and order.package:
            with clock.phase("package"):
                package = run.package(Path(order.package), metrics)
            with clock.phase("track"):
                tracker.artifact(package)
        with clock.phase("track"):
            tracker.summary(metrics)
    finally:
        with clock.phase("track"):
            tracker.finish(status=status)
    content, reached = run.result(outcome, metrics), folder / "reached.json"
    if outcome.status == "paused":
        write_json(reached, content)
        return content
    write_json(folder / "result.json", content)
    checkpoints.delete()
    reached.unlink(missing_ok=True)
    return content


def time_steps(config: RunConfig, data: Path | None, *, threads: int, steps: int = 8) -> float:
    """Seconds a training token takes here, from the quickest of some real steps.

    Of one thread on a CPU they are its own: a busy machine does not make a model dearer.
    """
    order = WorkOrder(
        run="timed", digest="", config=config, labels={}, settings={}, threads=threads,
        data=str(data) if data else None, provenance={},
    )  # fmt: skip
    run = _Run(order, Path(), Clock())
    alone = run.device.type == "cpu" and threads == 1
    clock = time.thread_time if alone else time.perf_counter
    seconds = []
    for number in range(1, steps + 1):
        since = clock()
        batch = run.batches.batch(number)
        logits = logits_of(run.state.model, batch, run.device)
        cross_entropy(logits, batch.targets.to(run.device)).backward()  # type: ignore[no-untyped-call]
        run.state.optimizer.step()
        run.state.optimizer.zero_grad()
        if run.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(clock() - since)
    return min(seconds) / config.tokens_per_step


@dataclass(frozen=True)
class _Source:
    """Batches with an evaluation batch size that suits the length of their windows."""

    feed: Feed
    seq_len: int

    def batch(self, step: int, *, part: slice | None = None) -> Batch:
        return self.feed.batch(step, part=part)

    def evaluation(self, split: str, *, seq_len: int | None = None) -> Iterator[Batch]:
        length = seq_len or self.seq_len
        size = max(1, EVAL_TOKENS // length)
        return self.feed.evaluation(split, batch_size=size, seq_len=length)


@dataclass(frozen=True)
class _Samples:
    """Hands the text of a fixed prompt to the tracker."""

    text: SampleText
    tracker: Tracker

    def on_eval(self, model: nn.Module, *, step: int) -> None:
        text = self.text.on_eval(model, step=step)
        if text is not None:
            self.tracker.sample(text, step=step)


class _Run:
    """The parts of one run, built from its order."""

    def __init__(self, order: WorkOrder, folder: Path, clock: Clock) -> None:
        config = order.config
        self.order, self.config, self.folder, self.clock = order, config, folder, clock
        self.device = pick_device(config.device)
        torch.set_num_threads(order.threads)
        self.data = open_prepared(Path(order.data)) if order.data else prepare(config.data)
        length = config.model.max_seq_len
        self.feed = build_feed(
            self.data, config.data, seq_len=length, batch_size=config.train.batch_size,
            seed=config.seed, limit=config.evaluate.tokens,
        )  # fmt: skip
        self.batches = _Source(self.feed, length)
        vocab_size = self.data.tokenizer.vocab_size
        self.model = build_model(
            config.model, vocab_size, seed=config.seed, source=config.init_stream
        ).to(self.device)
        self.state = TrainState(self.model, build_optimizer(self.model, config.train.optimizer))
        self.provenance = {
            **order.provenance, "device": self.device.type, "threads": order.threads
        }  # fmt: skip

    def info(self, *, resumed: bool) -> RunInfo:
        return RunInfo(
            name=self.order.run,
            folder=self.folder,
            labels=self.order.labels,
            config=self.config.dump(),
            provenance=self.provenance,
            data_digest=self.data.digest,
            resumed=resumed,
        )

    def hooks(self, tracker: Tracker) -> list[_Samples]:
        wanted, steps = self.config.tracking.samples, self.config.train
        tokenizer = self.data.tokenizer
        prompt = prompt_ids(self.config, tokenizer)
        if prompt is None:
            return []
        text = SampleText(
            prompt,
            decode=tokenizer.decode,
            sampling=Sampling(temperature=wanted.temperature),
            every=wanted.every * steps.eval_interval,
            stop_id=tokenizer.eos_id,
            max_new_tokens=wanted.max_new_tokens,
            last=steps.steps,
        )
        return [_Samples(text, tracker)]

    def judged(self, outcome: Outcome) -> dict[str, float]:
        """The finite metrics of the last row, and those of the split opened once, at the end.

        Of a paused run those of its last evaluation, which another process may have made.
        """
        if outcome.status == "paused":
            return list(evaluations(self.folder).values())[-1]
        found = {k: v for k, v in outcome.metrics.items() if "/" in k and math.isfinite(v)}
        if outcome.status == "complete":
            with self.clock.phase("eval"):
                values = self._judge(self.order.judge)
            found |= {name: value for name, value in values.items() if math.isfinite(value)}
        return found

    def _judge(self, split: str) -> dict[str, float]:
        """The split, if the last row has not judged it already, then its windows of other lengths,
        whose losses by position are written down.
        """
        values, precision = dict[str, float](), self.config.train.precision
        if split != "val":
            values = evaluate(self.model, self.batches.evaluation(split), precision=precision)
        if lengths := self.config.lengths:
            found, by_position = judge_lengths(
                self.model,
                lambda length: self.batches.evaluation(split, seq_len=length),
                lengths,
                precision=precision,
            )
            values |= found
            write_text(self.folder / POSITIONS, table(by_position))
        return {f"{split}/{name}": value for name, value in values.items()}

    def package(self, folder: Path, metrics: Mapping[str, float]) -> Path:
        """A package of this very run that stands there is of an attempt without a result."""
        standing = folder / MANIFEST
        if standing.is_file() and read_manifest(standing).digest == self.order.digest:
            shutil.rmtree(folder)
        return write_package(
            folder,
            config=self.config,
            tokenizer=self.data.tokenizer,
            model=self.model,
            metrics_csv=self.folder / "metrics.csv",
            run=self.order.run,
            digest=self.order.digest,
            corpus_digest=self.data.corpus_digest,
            data_digest=self.data.digest,
            metrics=metrics,
            labels=self.order.labels,
            provenance={k: v for k, v in self.provenance.items() if k != "command"},
        )

    def result(self, outcome: Outcome, metrics: Mapping[str, float]) -> dict[str, Any]:
        assert outcome.status != "interrupted", "it has no result"
        model, vocab_size = self.config.model, self.data.tokenizer.vocab_size
        tokens = outcome.step * self.config.tokens_per_step
        return result(
            self.order,
            "running" if outcome.status == "paused" else outcome.status,
            step=outcome.step,
            metrics=metrics,
            initial=outcome.initial,
            evaluations=evaluations(self.folder),
            model={
                "n_params": model.n_params(vocab_size),
                "n_params_embedding": model.n_params_embedding(vocab_size),
                "flops_per_token": model.flops_per_token(vocab_size),
                "vocab_size": vocab_size,
                "weights": {name: list(s) for name, s in logical_shapes(self.model).items()},
            },
            data=self.data.facts() | {"evaluated": self._evaluated()},
            timing=spending(self.clock, tokens=tokens, device=self.device),
            provenance=self.provenance,
            diverged_at=outcome.diverged_at,
        )

    def _evaluated(self) -> dict[str, int]:
        """How many tokens are read of each split that is evaluated."""
        splits = dict.fromkeys(("val", self.order.judge))
        return {split: self.feed.evaluated(split) for split in splits}
