"""The loss over a whole split, in order: never over a random sample of it."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
            n_tokens += targets.numel()
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
    """Next-token loss of logits (..., T, V) against targets (..., T), in float32."""
    return F.cross_entropy(logits.flatten(0, -2).float(), targets.flatten(), reduction=reduction)
