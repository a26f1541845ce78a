"""The loss of every member of a cohort, from the logits of all: (K, B, T, V) against (K, B, T).

Both ways give the losses and what is descended, (K,) each: that and the weighted z-loss.

Design choices:
- on a CPU each member's loss is computed by the very functions that a run alone calls: its bits
  are those of the run alone, and calls cost little there;
- elsewhere all are computed in one pass, whose number of kernels does not grow with K, and which
  asks the device for nothing.
"""

import torch
from torch import Tensor

from lab.batch import IGNORED
from lab.train.evaluation import cross_entropy, cross_entropy_and_z_loss


def member_losses(logits: Tensor, targets: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    ways = one_by_one if logits.device.type == "cpu" else at_once
    return ways(logits, targets, weight)


def one_by_one(logits: Tensor, targets: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    pairs = list(zip(logits.unbind(), targets.unbind(), strict=True))
    if not weight:
        losses = torch.stack([cross_entropy(said, wanted) for said, wanted in pairs])
        return losses, losses
    found = zip(*(cross_entropy_and_z_loss(said, wanted) for said, wanted in pairs), strict=True)
    losses, z_losses = (torch.stack(parts) for parts in found)
    return losses, losses + weight * z_losses


def at_once(logits: Tensor, targets: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    members = len(logits)
    scored = (targets != IGNORED).view(members, -1)
    count = scored.sum(-1)
    losses = cross_entropy(logits, targets, reduction="none").view(members, -1).sum(-1) / count
    if not weight:
        return losses, losses
    log_z = logits.float().logsumexp(-1).view(members, -1)
    drifts = torch.where(scored, log_z, 0.0).square().sum(-1) / count
    return losses, losses + weight * drifts
