"""The loss over what is evaluated of a split, in order: never over a random sample of it."""

from collections.abc import Iterable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.batch import IGNORED, Batch
from lab.train.by_position import ByPosition
from lab.train.device import on
from lab.train.precision import computing
from lab.train.tally import Tally


class Evaluate(Protocol):
    """What `evaluate` is: over what it is told of, whoever reads it."""

    def __call__(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        *,
        precision: str,
        by_position: ByPosition | None = None,
    ) -> dict[str, float]: ...


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    precision: str,
    by_position: ByPosition | None = None,
) -> dict[str, float]:
    """Mean loss in nats a scored target and perplexity; bits a byte where batches know the bytes.

    Where they know the best possible loss, also accuracy, that floor, the mean excess over it with
    its standard error, and loss and accuracy of every slice. One pass, which `by_position` may
    watch. Raises `DataError` where nothing is scored.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    tally = Tally(device)
    read(computing(model, precision), batches, tally, device=device, by_position=by_position)
    model.train(was_training)
    return tally.metrics()


def read(
    model: nn.Module,
    batches: Iterable[Batch],
    tally: Tally,
    *,
    device: torch.device,
    by_position: ByPosition | None = None,
) -> None:
    """Add up what a model on this device says of batches."""
    for batch in batches:
        there = on(batch, device)
        logits = logits_of(model, there)
        losses = cross_entropy(logits, there.targets, reduction="none").view(batch.targets.shape)
        tally.add(batch, losses, logits)
        if by_position is not None:
            by_position.add(batch, losses)


def logits_of(model: nn.Module, batch: Batch) -> Tensor:
    """What a model says of a batch where it is; it hears of documents only where there are any."""
    told = {} if batch.documents is None else {"documents": batch.documents}
    logits: Tensor = model(batch.inputs, **told)
    return logits


def cross_entropy(logits: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """Next-token loss of logits (..., T, V) against targets (..., T), at least in float32.

    Its mean is over scored targets; without reduction, it is 0 where a target is `IGNORED`.
    """
    scores, wanted = _scores(logits), targets.flatten()
    return F.cross_entropy(scores, wanted, reduction=reduction, ignore_index=IGNORED)


def cross_entropy_and_z_loss(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss, and mean(log(Z)^2) over scored targets, Z the sum of exp(logits): it keeps
    logits from drifting (Chowdhery et al. 2022, section 5). One pass over the logits has both.
    """
    scores, wanted = _scores(logits), targets.flatten()
    scored = wanted != IGNORED
    log_z = scores.logsumexp(-1)
    said = scores.gather(-1, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    count = scored.sum()
    loss = torch.where(scored, log_z - said, 0.0).sum() / count
    return loss, torch.where(scored, log_z, 0.0).square().sum() / count


def _scores(logits: Tensor) -> Tensor:
    scores = logits.flatten(0, -2)
    return scores if scores.dtype == torch.float64 else scores.float()
