"""One step of the optimizer that several processes make together.

Design choices:
- a batch is the same whoever computes it: every process takes its own rows of every micro-batch;
- every scored target of a step weighs the same, wherever it was read: a process multiplies the mean
  over its own by their share in all, and by the number of processes, over which the gradient is
  averaged;
- one that has nothing to score computes as the others do: they would wait for it;
- dropout depends on seed, step, micro-batch and process.
"""

import math

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from lab.batch import Batch
from lab.config.train import TrainConfig
from lab.streams import stream
from lab.train.device import on
from lab.train.distributed.layout import Layout, gathered, here
from lab.train.evaluation import logits_of
from lab.train.member import Member
from lab.train.optimizer import set_rate
from lab.train.update import losses, rate_at, seed_draws


class Together:
    """Of one run, by `size` processes, of which this is number `rank`.

    With `compiled`, what lies between two journeys of weights or gradients is compiled.
    """

    def __init__(
        self, member: Member, layout: Layout, *, rank: int, size: int, compiled: bool = False
    ) -> None:
        self.member, self.layout, self.rank, self.size = member, layout, rank, size
        parameters = list(member.state.model.parameters())
        self.parameters = [p for p in parameters if p.requires_grad]
        self.values = [p.detach() for p in parameters]
        self.device = here(self.values[0]).device
        self.losses = torch.compile(losses) if compiled else losses
        self.parts = parts(member.config, rank=rank, size=size)

    def step(self, number: int) -> None:
        state, config = self.member.state, self.member.config
        set_rate(state.optimizer, rate_at(config, number))
        loss = self._gradient(number)
        limit = math.inf if config.clip_norm is None else config.clip_norm
        norm = gathered(nn.utils.clip_grad_norm_(self.parameters, limit)).detach()
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        state.pending.append(self._vitals(loss, norm))
        state.step = number

    def drop(self, members: object) -> None:
        """There is no other to go on without it."""

    def _gradient(self, number: int) -> Tensor:
        """Leave the gradient of a step in the parameters; returns what is ours of the loss."""
        member = self.member
        batches = [member.batches.batch(number, part=part) for part in self.parts]
        counts = [batch.n_scored for batch in batches]
        scored = torch.tensor(sum(counts))
        dist.all_reduce(scored)
        found = []
        for index, (batch, count) in enumerate(zip(batches, counts, strict=True)):
            seed_draws(self.device, stream(member.seed, "dropout", number, index, self.rank))
            share = count / int(scored)
            with self.layout.travelling(index == len(batches) - 1):
                loss, total = self._losses(on(batch, self.device), count)
                (total * (share * self.size)).backward()  # type: ignore[no-untyped-call]
            found.append(loss.detach() * share)
        return torch.stack(found).sum()

    def _losses(self, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
        computes = self.layout.computes
        if count:
            return self.losses(computes, batch, self.member.config.z_loss)
        nothing = logits_of(computes, batch).sum() * 0.0
        return nothing, nothing

    def _vitals(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Those of `lab.train.finite`, the same in every process."""
        shared = isinstance(self.values[0], DTensor)
        norms = torch.stack(torch._foreach_norm([here(value) for value in self.values]))
        told = torch.cat([loss[None], norms.square()]) if shared else loss[None]
        dist.all_reduce(told)
        if shared:
            norms = told[1:].sqrt()
        return torch.cat([told[:1], norm[None], norms])


def parts(config: TrainConfig, *, rank: int, size: int) -> list[slice]:
    """The rows of each micro-batch that a process takes."""
    of_all = config.batch_size // config.micro_batches
    ours = of_all // size
    firsts = [n * of_all + rank * ours for n in range(config.micro_batches)]
    return [slice(first, first + ours) for first in firsts]
