"""The parts of one run, built from its order: data, model, optimizer; and what they come to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lab.batch import Batch
from lab.config.order import WorkOrder
from lab.data.feed import Feed, build_feed
from lab.data.prepare import prepare
from lab.data.prompt import prompt_ids
from lab.data.store import open_prepared
from lab.decode.samples import SampleText
from lab.decode.sampling import Sampling
from lab.files import write_text
from lab.model.gpt import build_model
from lab.model.init import logical_shapes
from lab.package.standing import put_away
from lab.package.verify import verify
from lab.package.write import write_package
from lab.provenance.record import recorded
from lab.result import result
from lab.track.base import RunInfo, Tracker
from lab.track.evaluations import evaluations
from lab.train.by_position import table
from lab.train.clock import Clock
from lab.train.device import computed_by, pick_device
from lab.train.lengths import judge_lengths
from lab.train.loop import Outcome
from lab.train.spending import spending
from lab.train.world import ALONE, World

POSITIONS = "positions.csv"
EVAL_TOKENS = 1024  # a batch: as many as a core's cache holds
MANY_TOKENS = 8192  # on a GPU: enough to keep it busy


class Parts:
    """The parts of one run, built from its order."""

    def __init__(
        self,
        order: WorkOrder,
        folder: Path,
        clock: Clock,
        *,
        beat: Callable[[], object] = lambda: None,
        world: World = ALONE,
    ) -> None:
        """`beat` is called at every batch that is evaluated: no silence, however long it takes."""
        config = order.config
        self.world = world
        self.order, self.config, self.folder, self.clock = order, config, folder, clock
        self.device = pick_device(config.device)
        torch.set_num_threads(order.threads)
        self.data = open_prepared(Path(order.data)) if order.data else prepare(config.data)
        length = config.model.max_seq_len
        self.feed = build_feed(
            self.data, config.data, seq_len=length, batch_size=config.train.batch_size,
            seed=config.seed, limit=config.evaluate.tokens,
        )  # fmt: skip
        self.batches = Source(self.feed, length, beat, eval_tokens(self.device))
        vocab_size = self.data.tokenizer.vocab_size
        model = build_model(config.model, vocab_size, seed=config.seed, source=config.init_stream)
        model.recomputes = config.train.activation_checkpointing
        self.weights = logical_shapes(model)
        self.state = world.state(model, config.train, device=self.device)
        self.model = self.state.model
        self.provenance = {
            **order.provenance, "device": self.device.type, "threads": order.threads,
            "execution": order.execution,
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

    def hooks(self, tracker: Tracker) -> "list[Samples]":
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
        return [Samples(text, tracker)]

    def judged(self, outcome: Outcome) -> dict[str, float]:
        """The metrics of the last row, and those of the split opened once, at the end.

        Of a paused run those of its last evaluation, which another process may have made.
        """
        if outcome.status == "paused":
            return list(evaluations(self.folder).values())[-1]
        found = {name: value for name, value in outcome.metrics.items() if "/" in name}
        if outcome.status == "complete":
            with self.clock.phase("eval"):
                found |= self._judge(self.order.judge)
        return found

    def _judge(self, split: str) -> dict[str, float]:
        """The split, if the last row has not judged it already, then its windows of other lengths,
        whose losses by position are written down.
        """
        values, precision = dict[str, float](), self.config.train.precision
        if split != "val":
            batches = self.batches.evaluation(split)
            values = self.world.evaluate(self.model, batches, precision=precision)
        if lengths := self.config.lengths:
            found, by_position = judge_lengths(
                self.model,
                lambda length: self.batches.evaluation(split, seq_len=length),
                lengths,
                precision=precision,
                evaluate=self.world.evaluate,
            )
            values |= found
            if self.world.is_first:
                write_text(self.folder / POSITIONS, table(by_position))
        return {f"{split}/{name}": value for name, value in values.items()}

    def package(self, folder: Path, metrics: Mapping[str, float]) -> Path | None:
        """A whole package, which has been read back; one of an attempt without a result goes.

        Of several processes the first alone writes one.
        """
        model = self.world.whole(self.model)
        if model is None:
            return None
        put_away(folder, digest=self.order.digest)
        written = write_package(
            folder,
            config=self.config,
            tokenizer=self.data.tokenizer,
            model=model,
            metrics_csv=self.folder / "metrics.csv",
            run=self.order.run,
            digest=self.order.digest,
            corpus_digest=self.data.corpus_digest,
            data_digest=self.data.digest,
            metrics=metrics,
            labels=self.order.labels,
            provenance=self._record(),
        )
        verify(written)
        return written

    def _record(self) -> dict[str, Any]:
        """Of code, machine and environment, with what torch says of them."""
        return {**recorded(self.folder), **self.provenance, "compute": computed_by(self.device)}

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
                "weights": {name: list(shape) for name, shape in self.weights.items()},
            },
            data=self.data.facts() | {"evaluated": self._evaluated()},
            timing=spending(self.clock, tokens=tokens, device=self.device),
            provenance=self.provenance,
            diverged_at=outcome.diverged_at,
            reason=outcome.reason,
        )

    def _evaluated(self) -> dict[str, int]:
        """How many tokens are read of each split that is evaluated."""
        splits = dict.fromkeys(("val", self.order.judge))
        return {split: self.feed.evaluated(split) for split in splits}


def eval_tokens(device: torch.device) -> int:
    """How many tokens are evaluated at once."""
    return EVAL_TOKENS if device.type == "cpu" else MANY_TOKENS


@dataclass(frozen=True)
class Source:
    """Batches with an evaluation batch size that suits the length of their windows."""

    feed: Feed
    seq_len: int
    beat: Callable[[], object]
    tokens: int  # of an evaluation batch

    def batch(self, step: int, *, part: slice | None = None) -> Batch:
        return self.feed.batch(step, part=part)

    def evaluation(self, split: str, *, seq_len: int | None = None) -> Iterator[Batch]:
        length = seq_len or self.seq_len
        size = max(1, self.tokens // length)
        for batch in self.feed.evaluation(split, batch_size=size, seq_len=length):
            self.beat()
            yield batch


@dataclass(frozen=True)
class Samples:
    """Hands the text of a fixed prompt to the tracker."""

    text: SampleText
    tracker: Tracker

    def on_eval(self, model: nn.Module, *, step: int) -> None:
        text = self.text.on_eval(model, step=step)
        if text is not None:
            self.tracker.sample(text, step=step)
