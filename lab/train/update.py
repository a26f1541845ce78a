"""One step of the optimizer: from a batch to new parameters.

Design choices:
- every random number is a function of names and step, so a resumed run needs no generator state;
- rows of unequal lengths are padded at their end, where causality keeps the padding from
  mattering; every scored token of a step weighs the same, in whatever micro-batch;
- nothing here waits for the device: losses and norms stay on it as the step's vitals.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.streams import stream
from lab.train.device import on
from lab.train.evaluation import cross_entropy, cross_entropy_and_z_loss, logits_of
from lab.train.finite import vitals
from lab.train.member import BatchSource, Member
from lab.train.optimizer import set_rate
from lab.train.precision import Working
from lab.train.schedule import rate_factor
from lab.train.state import TrainState


class Update(Protocol):
    """How the parameters of some runs are updated."""

    def step(self, number: int) -> None:
        """The update of that number, of each run: its state then stands there, and has its vitals
        among those that are pending."""

    def drop(self, members: Sequence[Member]) -> None:
        """These have ended, if any, and are updated no more."""


class Alone:
    """Of one run: over all micro-batches of a step, clipped, by its own optimizer.

    With `compiled`, the loss and its gradient are one compiled graph.
    """

    def __init__(
        self,
        state: TrainState,
        batches: BatchSource,
        config: TrainConfig,
        *,
        seed: int,
        compiled: bool = False,
    ) -> None:
        self.state, self.batches, self.config, self.seed = state, batches, config, seed
        self.parameters = [p for p in state.model.parameters() if p.requires_grad]
        self.values = [p.detach() for p in state.model.parameters()]
        self.device = self.parameters[0].device
        self.working = Working(state.model, config.precision)
        self.losses = torch.compile(losses) if compiled else losses
        size = config.batch_size // config.micro_batches
        self.parts = [slice(n * size, (n + 1) * size) for n in range(config.micro_batches)]

    def step(self, number: int) -> None:
        state, config = self.state, self.config
        set_rate(state.optimizer, rate_at(config, number))
        loss = self._gradient(number)
        limit = math.inf if config.clip_norm is None else config.clip_norm
        norm = nn.utils.clip_grad_norm_(self.parameters, limit)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.pending.append(vitals(loss, norm.detach(), self.values))
        state.step = number

    def drop(self, members: Sequence[Member]) -> None:
        """There is no other to go on without it."""

    def _gradient(self, number: int) -> Tensor:
        """Leave the gradient of a step in the parameters; returns the loss."""
        batches = [self.batches.batch(number, part=part) for part in self.parts]
        self.working.refresh()
        found = []
        for index, (batch, share) in enumerate(zip(batches, shares(batches), strict=True)):
            if not share:
                continue
            seed_draws(self.device, stream(self.seed, "dropout", number, index))
            there = on(batch, self.device)  # outside of what is compiled, which cannot pin memory
            loss, total = self.losses(self.working.model, there, self.config.z_loss)
            (total * share).backward()  # type: ignore[no-untyped-call]
            self.working.collect()
            found.append(loss.detach() * share)
        return torch.stack(found).sum()


def losses(model: nn.Module, batch: Batch, weight: float) -> tuple[Tensor, Tensor]:
    """The loss of a batch, and what is descended: that and the weighted z-loss."""
    logits = logits_of(model, batch)
    if not weight:
        loss = cross_entropy(logits, batch.targets)
        return loss, loss
    loss, z_loss = cross_entropy_and_z_loss(logits, batch.targets)
    return loss, loss + weight * z_loss


def seed_draws(device: torch.device, seed: int) -> None:
    """Begin the random numbers of a pass anew; quicker than `torch.manual_seed`, which asks every
    kind of device that there is."""
    torch.default_generator.manual_seed(seed)
    match device.type:
        case "cuda":
            torch.cuda.manual_seed(seed)
        case "mps":
            torch.mps.manual_seed(seed)


def shares(batches: Sequence[Batch]) -> list[float]:
    """What each micro-batch has of a step's scored targets."""
    if len(batches) == 1:
        return [1.0]
    scored = [batch.n_scored for batch in batches]
    return [n / sum(scored) for n in scored]


def rate_at(config: TrainConfig, number: int) -> float:
    """The learning rate of an update."""
    return config.optimizer.lr * rate_factor(config.schedule, number, steps=config.steps)
