"""The loss over a whole split, in order: never over a random sample of it."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.train.padding import IGNORED, n_scored
from lab.train.precision import autocast

Windows = Iterable[tuple[Tensor, Tensor, int]]


@torch.inference_mode()
def evaluate(model: nn.Module, windows: Windows, *, precision: str) -> dict[str, float]:
    """Mean loss in nats a token, perplexity, and bits a byte of the text.

    `windows` yields inputs (B, T), targets (B, T) and the bytes of text that the targets stand
    for. Sums are kept in float64.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device="cpu" if device.type == "mps" else device)
    n_tokens = n_bytes = 0
    with autocast(device, precision):
        for inputs, targets, bytes_here in windows:
            logits = model(inputs.to(device))
            losses = cross_entropy(logits, targets.to(device), reduction="none")
            total += losses.to(total.device).double().sum()
            n_tokens += n_scored(targets)
            n_bytes += bytes_here
    model.train(was_training)
    nats = total.item()
    loss = nats / n_tokens
    return {
        "loss": loss,
        "perplexity": math.exp(loss) if loss < 700 else math.inf,
        "bpb": nats / math.log(2) / n_bytes,
    }


def cross_entropy(logits: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """Next-token loss of logits (..., T, V) against targets (..., T), at least in float32.

    Its mean is over scored targets; without reduction, it is 0 where a target is `IGNORED`.
    """
    scores = logits.flatten(0, -2)
    scores = scores if scores.dtype == torch.float64 else scores.float()
    return F.cross_entropy(scores, targets.flatten(), reduction=reduction, ignore_index=IGNORED)


def z_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """mean(log(Z)^2) over scored targets, Z the sum of exp(logits): it keeps logits from drifting.

    Chowdhery et al. 2022, section 5.
    """
    log_z = logits[targets != IGNORED].float().logsumexp(-1)
    return log_z.square().mean()
