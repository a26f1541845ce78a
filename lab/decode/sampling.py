"""From logits to one token: repetition penalty, temperature, top-k, top-p, min-p, and a draw.

Design choices:
- they apply in this order, each to what the one before left over: the order of Hugging Face's
  `generate`, so that settings mean the same there;
- rows of a batch are filtered together, and each draws from a generator of its own;
- probabilities are float64 on the CPU whatever computed the logits, and a draw inverts their
  cumulative sum at one uniform number: a seed gives the same text on any device, as far as the
  device's own rounding of the logits allows;
- equal logits are told apart by their ids, the lower one first, so that nothing depends on a
  sorting algorithm; top-k keeps every token that ties with its last one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lab.errors import ConfigError, LabError


class NoDistributionError(LabError):
    """Logits from which no token can be drawn."""


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn. Temperature 0 is greedy: the most likely token, filters or not.

    top_k: the k most likely tokens. top_p: the fewest most likely tokens that together reach p
    (nucleus sampling, Holtzman et al. 2020). min_p: tokens at least p times as likely as the most
    likely one (Nguyen et al. 2024). None leaves a filter out.

    repetition_penalty: logits of tokens that the text, prompt and all, holds already are divided
    by it where positive and multiplied by it where negative (Keskar et al. 2019); 1 leaves them.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or self.temperature < 0:
            raise ConfigError(
                f"temperature={self.temperature!r} must be a number of at least 0; "
                "0 takes the most likely token, 1 samples as the model says"
            )
        k = self.top_k
        if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
            raise ConfigError(
                f"top_k={k!r} must be a whole number of at least 1; leave it out to keep all tokens"
            )
        if self.top_p is not None and not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise ConfigError(
                f"top_p={self.top_p!r} must be above 0 and at most 1; leave it out for no limit"
            )
        if self.min_p is not None and not (_is_number(self.min_p) and 0 <= self.min_p <= 1):
            raise ConfigError(
                f"min_p={self.min_p!r} must be between 0 and 1; leave it out for no limit"
            )
        if not _is_number(self.repetition_penalty) or self.repetition_penalty <= 0:
            raise ConfigError(
                f"repetition_penalty={self.repetition_penalty!r} must be a number above 0; "
                "1 is no penalty, and more makes repetition rarer"
            )


def next_tokens(
    logits: Float[Tensor, "b v"],
    sampling: Sampling,
    *,
    generators: Sequence[torch.Generator],
    seen: Bool[Tensor, "b v"] | None = None,
) -> Int[Tensor, " b"]:
    """A token for each row, on the CPU; `seen` marks those that its text holds.

    Every row has a generator of its own, which is used once, and not at all for temperature 0.
    """
    logits = penalised(logits.detach().cpu(), seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        best, tokens = logits.max(-1)
        require_finite(best)
        return tokens
    uniform = [torch.rand(1, dtype=torch.float64, generator=one) for one in generators]
    return pick(filtered_probabilities(logits, sampling), torch.cat(uniform))


def penalised(
    logits: Float[Tensor, "*b v"], seen: Bool[Tensor, "*b v"] | None, penalty: float
) -> Float[Tensor, "*b v"]:
    """The logits with those of `seen` tokens made smaller, for a penalty above 1."""
    if seen is None or penalty == 1:
        return logits
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def filtered_probabilities(
    logits: Float[Tensor, "*b v"], sampling: Sampling
) -> Float[Tensor, "*b v"]:
    """The distribution that a token is drawn from: float64, on the CPU, 0 where filtered out.

    Of logits with any repetition penalised already.
    """
    scores = logits.detach().to("cpu", torch.float64)
    best = scores.amax(-1, keepdim=True)
    require_finite(best)
    if sampling.temperature == 0:
        return torch.zeros_like(scores).scatter_(-1, scores.argmax(-1, keepdim=True), 1.0)
    scores = (scores - best) / sampling.temperature  # shifted first: no temperature overflows
    if sampling.top_k is not None and sampling.top_k < scores.shape[-1]:
        last = scores.topk(sampling.top_k).values[..., -1:]
        scores = scores.masked_fill(scores < last, -math.inf)
    probs = scores.softmax(-1)
    if sampling.top_p is not None and sampling.top_p < 1:
        probs = _renormalised(probs.masked_fill(_outside_nucleus(probs, sampling.top_p), 0.0))
    if sampling.min_p is not None:
        floor = sampling.min_p * probs.amax(-1, keepdim=True)
        probs = _renormalised(probs.masked_fill(probs < floor, 0.0))
    return probs


def pick(probs: Float[Tensor, "*b v"], uniform: Float[Tensor, "*b"]) -> Int[Tensor, "*b"]:
    """A token id for each distribution and number in [0, 1); never one of probability 0.

    `probs` need not sum to 1.
    """
    total = probs.double().cumsum(-1)
    end = total[..., -1:]
    point = torch.minimum(uniform.unsqueeze(-1) * end, torch.nextafter(end, torch.zeros_like(end)))
    return torch.searchsorted(total, point, right=True).squeeze(-1)


def require_finite(best: Tensor) -> None:
    """Raises `NoDistributionError` unless the largest logits are numbers."""
    if not all(map(math.isfinite, best.flatten().tolist())):
        raise NoDistributionError(
            "the model's logits are not finite, so no token can be drawn from them; "
            "its training diverged: sample from another run"
        )


def _outside_nucleus(probs: Tensor, top_p: float) -> Tensor:
    """True where more likely tokens reach `top_p` already."""
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    outside = torch.zeros_like(probs, dtype=torch.bool)
    return outside.scatter_(-1, order, before >= top_p)


def _renormalised(probs: Tensor) -> Tensor:
    return probs / probs.sum(-1, keepdim=True)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
