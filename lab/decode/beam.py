"""Beam search: several continuations at once, of which the likeliest are followed.

The rules are those of Hugging Face's `generate(num_beams=k)`, so that it finds the same texts:
- of all one-token continuations of the open beams, the `num_beams` likeliest that do not end are
  followed; one that ends is kept if it is among the `num_beams` likeliest of all;
- a finished text's score is its log-probability divided by its number of new tokens, the last one
  too, to the power `length_penalty`; 0 compares plain probabilities, 1 means, more favours length;
- the search stops when `num_beams` texts have ended and the best open beam, as it stands, scores no
  better than the worst of them.

All beams are rows of one cache, which is reordered as beams are dropped and split.
"""

from collections.abc import Collection
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from lab.decode.generate import check_request
from lab.decode.reader import PREFILL, Reader
from lab.decode.sampling import require_finite
from lab.errors import ConfigError
from lab.model.gpt import GPT

LARGEST_PENALTY = 10  # lengths to a larger power leave the range of numbers


class Beam(NamedTuple):
    """New token ids, one of the stop ids possibly the last, and how they score."""

    ids: list[int]
    score: float


class _Open(NamedTuple):
    """A continuation that has not ended: the row it grew from, and its log-probability."""

    row: int
    ids: list[int]
    log_prob: float


def beam_search(
    model: GPT,
    prompt: Int[Tensor, " t"],
    *,
    num_beams: int,
    max_new_tokens: int,
    length_penalty: float = 1.0,
    stop_ids: Collection[int] = (),
    prefill: int = PREFILL,
) -> list[Beam]:
    """The `num_beams` best continuations found, the best first; fewer where no more exist.

    Raises `NoDistributionError` for a model that diverged.
    """
    check_request([prompt], max_new_tokens=max_new_tokens, seed=0, prefill=prefill)
    if num_beams < 1:
        raise ConfigError(f"num_beams={num_beams} must be at least 1; 1 is greedy")
    if not abs(length_penalty) <= LARGEST_PENALTY:
        raise ConfigError(
            f"length_penalty={length_penalty} must be from -{LARGEST_PENALTY} to "
            f"{LARGEST_PENALTY}; 0 compares plain probabilities, 1 their means"
        )
    if max_new_tokens == 0:
        return [Beam([], 0.0)]
    stops = frozenset(stop_ids)
    finished: list[Beam] = []
    beams = [_Open(0, [], 0.0)]
    with torch.inference_mode():
        reader = Reader(model, [prompt.tolist()], room=max_new_tokens - 1, prefill=prefill)
        logits = reader.begin()
        for length in range(1, max_new_tokens + 1):
            found = _continuations(beams, logits, n=(1 + max(1, len(stops))) * num_beams)
            beams = []
            for rank, beam in enumerate(found):
                if length == max_new_tokens or beam.ids[-1] in stops:
                    if rank < num_beams:
                        finished.append(Beam(beam.ids, beam.log_prob / length**length_penalty))
                elif len(beams) < num_beams:
                    beams.append(beam)
            finished = sorted(finished, key=lambda beam: -beam.score)[:num_beams]
            if not beams or _is_settled(finished, beams[0], num_beams, length**length_penalty):
                break
            reader.keep([beam.row for beam in beams])
            logits = reader.read(torch.tensor([beam.ids[-1] for beam in beams]))
    return finished


def _continuations(beams: list[_Open], logits: Tensor, *, n: int) -> list[_Open]:
    """The n likeliest of all one-token continuations, the likeliest first."""
    require_finite(logits.amax(-1))
    so_far = torch.tensor([beam.log_prob for beam in beams], dtype=torch.float64)
    log_probs = logits.cpu().double().log_softmax(-1) + so_far[:, None]
    best, places = log_probs.flatten().topk(min(n, log_probs.numel()))
    rows, tokens = places // logits.shape[-1], places % logits.shape[-1]
    return [
        _Open(row, [*beams[row].ids, token], log_prob)
        for row, token, log_prob in zip(rows.tolist(), tokens.tolist(), best.tolist(), strict=True)
        if log_prob > -torch.inf
    ]


def _is_settled(finished: list[Beam], best_open: _Open, num_beams: int, norm: float) -> bool:
    return len(finished) == num_beams and best_open.log_prob / norm <= finished[-1].score
