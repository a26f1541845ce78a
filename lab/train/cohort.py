"""Many runs updated as one: their models stacked, one forward and backward pass a step.

Design choices:
- a member sees its own batches, and has its own rate, weight decay, betas and clipping; nothing
  that one member computes enters another's numbers, so that one whose numbers are no longer finite
  changes nobody;
- each member's model stays a plain one, and its optimizer its own: their tensors are slices of the
  stacked ones. So a member is evaluated, saved and packaged as it is alone, and its checkpoint is
  that of a run alone;
- on a CPU, unless it is compiled, every number is computed by the kernels, and added in the order,
  of the run alone: members are equal to the run alone bit for bit, whatever their company;
- those that have ended are copied out, and the others stacked anew: at once on a CPU; on a GPU,
  where a step has been captured for one K, when half have ended, and until then the places of
  those that have ended are computed for nothing.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lab.batch import Batch
from lab.train.cohort_graph import repeatable
from lab.train.cohort_losses import member_losses
from lab.train.cohort_optimizer import Optimizers, take_out
from lab.train.member import Member
from lab.train.optimizer import set_rate
from lab.train.precision import Working
from lab.train.update import rate_at, shares

Stack = Callable[[Sequence[nn.Module]], nn.Module]


class Cohort:
    """The `Update` of runs of one shape (`lab.config.shape`), all at the same step.

    `stack` makes a module with a leading axis of members out of theirs, with parameters of the
    same names. With `compiled`, the forward and backward passes are compiled.
    """

    def __init__(self, members: Sequence[Member], *, stack: Stack, compiled: bool = False) -> None:
        self.config = members[0].config  # what all share of it
        self.stack, self.compiled = stack, compiled
        self.device = next(members[0].state.model.parameters()).device
        self.keeps_places = compiled or self.device.type == "cuda"
        size = self.config.batch_size // self.config.micro_batches
        self.parts = [slice(n * size, (n + 1) * size) for n in range(self.config.micro_batches)]
        self.members: list[Member] = []
        self._form(members)

    def step(self, number: int) -> None:
        rates = [rate_at(member.config, number) for member in self.members]
        rows = self.update(*self._given(number), torch.tensor(rates, dtype=self.exact))
        for member, rate, row in zip(self.members, rates, rows.unbind(), strict=True):
            if member in self.gone:
                continue
            set_rate(member.state.optimizer, rate)
            member.state.pending.append(row)
            member.state.step = number

    def drop(self, members: Sequence[Member]) -> None:
        if not members:
            return
        self.gone.update(members)
        left = [member for member in self.members if member not in self.gone]
        if not left:  # theirs is all that there is of the stacked tensors
            del self.update, self.working  # and of a captured step's memory nobody has any use
            return
        for member in members:
            _take_out(member)
        if not self.keeps_places or 2 * len(left) <= len(self.members):
            self._form(left)

    def _form(self, members: Sequence[Member]) -> None:
        """Make these the members."""
        self.members, self.gone = list(members), set[Member]()
        models = [member.state.model for member in members]
        self.stacked = self.stack(models)
        _lend(self.stacked, models)
        self.parameters = [p for p in self.stacked.parameters() if p.requires_grad]
        self.values = [p.detach().flatten(1) for p in self.stacked.parameters()]
        optimizers = [member.state.optimizer for member in members]
        self.optimizers = Optimizers(optimizers, models, self.parameters)
        limits = [member.config.clip_norm for member in members]
        self.limits = torch.tensor(
            [math.inf if limit is None else limit for limit in limits], device=self.device
        )
        self.working = Working(self.stacked, self.config.precision)
        self.losses = torch.compile(self._losses) if self.compiled else self._losses
        self.update = repeatable(self._updated, self.device)

    @property
    def exact(self) -> torch.dtype:
        """Of rates: what the optimizer's kernel takes them in."""
        return torch.float64 if self.device.type == "cpu" else torch.float32

    def _given(self, number: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """Inputs, targets and documents (n, K, b, t) of n micro-batches, and what each has of its
        member's scored targets, (n, K)."""
        batches = [
            [member.batches.batch(number, part=part) for part in self.parts]
            for member in self.members
        ]
        told = [batch.documents for own in batches for batch in own]
        return (
            _gathered(batches, lambda batch: batch.inputs),
            _gathered(batches, lambda batch: batch.targets),
            None if told[0] is None else _gathered(batches, _documents),
            torch.tensor([shares(own) for own in batches]).T.contiguous(),
        )

    def _updated(
        self,
        inputs: Tensor,
        targets: Tensor,
        documents: Tensor | None,
        shares: Tensor,
        rates: Tensor,
    ) -> Tensor:
        """Update the parameters; returns each member's vitals, (K, 2 + N)."""
        self.working.refresh()
        found = []
        for number, share in enumerate(shares.unbind()):
            told = {} if documents is None else {"documents": documents[number]}
            loss, total = self.losses(inputs[number], targets[number], **told)
            torch.autograd.backward([total], [share])
            self.working.collect()
            found.append(torch.where(share > 0, loss.detach() * share, 0.0))
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = clip_each(gradients, self.limits)
        self.optimizers.step(gradients, rates)
        for parameter in self.parameters:
            parameter.grad = None
        losses = torch.stack(found, dim=1).sum(dim=1)
        return torch.cat([torch.stack([losses, norm], dim=1), norms(self.values)], dim=1)

    def _losses(self, inputs: Tensor, targets: Tensor, **told: Tensor) -> tuple[Tensor, Tensor]:
        return member_losses(self.working.model(inputs, **told), targets, self.config.z_loss)


@torch.no_grad()
def clip_each(gradients: Sequence[Tensor], limits: Tensor) -> Tensor:
    """Scale down each member's gradients (K, ...) to its limit (K,), as
    `torch.nn.utils.clip_grad_norm_` does alone; returns their norms before, (K,)."""
    found: Tensor = torch.linalg.vector_norm(norms([g.flatten(1) for g in gradients]), dim=1)
    factors = ((found + 1e-6).reciprocal() * limits).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))
    return found


def norms(values: Sequence[Tensor]) -> Tensor:
    """Of P tensors (K, n), each member's norms: (K, P)."""
    return torch.stack([torch.linalg.vector_norm(value, dim=1) for value in values], dim=1)


def _lend(stacked: nn.Module, models: Sequence[nn.Module]) -> None:
    """Make the parameters of each model its slices of the stacked ones."""
    for name, parameter in stacked.named_parameters():
        for model, values in zip(models, parameter.detach().unbind(), strict=True):
            model.get_parameter(name).data = values


def _take_out(member: Member) -> None:
    """Give a member tensors of its own, so that it does not keep those of all."""
    for parameter in member.state.model.parameters():
        parameter.data = parameter.detach().clone()
    take_out(member.state.optimizer)
    member.state.pending = [row.clone() for row in member.state.pending]


def _gathered(batches: Sequence[Sequence[Batch]], part: Callable[[Batch], Tensor]) -> Tensor:
    """Of K members' n micro-batches each, (n, K, b, t)."""
    rows = [[part(batch) for batch in own] for own in batches]
    return torch.stack([torch.stack(places) for places in zip(*rows, strict=True)])


def _documents(batch: Batch) -> Tensor:
    assert batch.documents is not None, "all batches of a run know documents, or none"
    return batch.documents
