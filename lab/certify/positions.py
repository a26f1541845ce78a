"""How a model knows where a token stands: each kind against its own theory.

Design choices:
- numbers (angles, sines, slopes) are compared with their formula at the full size, through the
  seams of `lab.model.position`;
- what follows from them is measured from outside, on what the small copy says and looks at: a
  text of one token repeated makes all queries alike, and all keys, so that scores can differ by
  position alone.
"""

import torch
from torch import Tensor

from lab.certify import reference
from lab.certify.certificate import Finding, all_of, at_least, at_most, worst
from lab.certify.subject import LENGTH, Subject
from lab.config.position import RopePosition, SinusoidalPosition

NEAR = (0, 1, 2, 3, 7)


def offset_alone(subject: Subject) -> Finding:
    """Scores depend on how far apart query and key stand, not on where (Su et al. 2021, eq. 16).

    In a text of one token repeated: the logarithm of what a token gives one `n` back, less that of
    what it gives itself, is the same for every token. All values being equal, the logits are the
    same everywhere, too; a position table left in would be seen in both.
    """
    ids = _repeated(subject)
    spread = []
    for scores in _scores(subject):
        for distance in range(1, _seen(subject)):
            diagonal = scores.diagonal(-distance, dim1=-2, dim2=-1)
            spread.append(float((diagonal - diagonal[..., :1]).abs().max()))
    logits = subject.small(ids)
    return all_of(
        at_most("scores", worst(spread)),
        at_most("logits", float((logits - logits[:, :1]).abs().max())),
    )


def slopes(subject: Subject) -> Finding:
    """A score is lowered by slope * distance, with the paper's slope for each head.

    Press et al. 2022, section 3. At the full number of heads as it is added to scores; and on the
    small copy as it can be told from what each head looks at.
    """
    heads = subject.config.n_heads
    places = _places(subject)
    bias = subject.full_position.bias(places, places)
    assert bias is not None
    distance = (places[:, None] - places).double()
    expected = -_column(reference.alibi_slopes(heads)) * distance
    small = -_column(reference.alibi_slopes(subject.small_config.n_heads))
    steps = torch.arange(LENGTH)
    steps_back = steps[:, None] - steps
    lowered = small * steps_back.double()
    seen = (steps_back >= 0) & (steps_back < _seen(subject))
    looked = [float((scores - lowered)[..., seen].abs().max()) for scores in _scores(subject)]
    return all_of(
        at_most("added to scores", float((bias - expected).abs().max())),
        at_most("seen in weights", worst(looked)),
    )


def angles(subject: Subject) -> Finding:
    """Pair i of a head's first r numbers is turned by position * theta^(-2i/r), scaled as the
    config says; at the full size, at the first positions, at the last, and beyond it.

    Su et al. 2021, section 3.2; Chen et al. 2023; Peng et al. 2023.
    """
    rope = subject.config.position
    assert isinstance(rope, RopePosition)
    places = _places(subject)
    turn = subject.full_position.rotation(places, length=int(places[-1]) + 1)
    assert turn is not None
    dim = rope.rotated(subject.config.head_dim)
    expected = torch.tensor(
        [reference.rope_angles(place, dim, rope) for place in places.tolist()], dtype=torch.float64
    )
    off = [turn.cos.squeeze(-2) - expected.cos(), turn.sin.squeeze(-2) - expected.sin()]
    return at_most(f"{dim} of {subject.config.head_dim} numbers, off by", _largest(*off))


def sinusoids(subject: Subject) -> Finding:
    """amplitude * sine and cosine of position / theta^(2i/d) are added to embeddings, at the full
    width; at the first positions, at the last, and beyond it (Vaswani et al. 2017, section 3.5).
    """
    config, places = subject.config, _places(subject)
    assert isinstance(config.position, SinusoidalPosition)
    zeros = torch.zeros(len(places), config.d_model, dtype=torch.float64)
    added = subject.full_position.embed(zeros, places, length=int(places[-1]) + 1)
    theta, amplitude = config.position.theta, config.position.amplitude
    table = [reference.sinusoids(t, config.d_model, theta=theta) for t in places.tolist()]
    off = added / amplitude - torch.tensor(table, dtype=torch.float64)
    return at_most("off by, in amplitudes,", _largest(off))


def learned(subject: Subject) -> Finding:
    """A trained vector is added at each position, in a table that ends at `max_seq_len`: more
    tokens are refused, not given a position that was never trained (Radford et al. 2018).
    """
    limit, length = subject.full_position.limit, subject.config.max_seq_len
    if limit != length:
        return Finding(False, f"the table ends at {limit}, not at {length}")
    try:
        subject.small(torch.zeros(1, LENGTH + 1, dtype=torch.int64))
    except ValueError:
        return Finding(True, f"{length} positions, one more is refused")
    return Finding(False, "more tokens than positions are not refused")


def blind(subject: Subject) -> Finding:
    """Without positions, one layer sees a bag: the logits at the last token do not move when the
    tokens before it change places. (Of several layers that is not so: the causal mask tells them
    apart; Haviv et al. 2022.)
    """
    return at_most("changes", _moved_by_order(subject))


def order_counts(subject: Subject) -> Finding:
    """With positions, one layer tells the order of the tokens before the last, which a layer
    without them cannot.
    """
    return at_least("changes", _moved_by_order(subject))


def _moved_by_order(subject: Subject) -> float:
    layer = subject.changed({"n_layers": 1, "attention.window": None})
    ids = subject.ids
    turned = torch.cat([ids[:, :-1].flip(-1), ids[:, -1:]], dim=-1)
    return _largest(layer(ids)[:, -1] - layer(turned)[:, -1])


def _repeated(subject: Subject) -> Tensor:
    return subject.ids[:, :1].expand(-1, LENGTH)


def _scores(subject: Subject) -> list[Tensor]:
    """Of each layer (B, H, T, T): scores less that of a token with itself, for one token repeated;
    not finite where nothing is seen.
    """
    inside = subject.small.inspect(_repeated(subject))
    return [
        weights.log() - weights.diagonal(dim1=-2, dim2=-1).unsqueeze(-1).log()
        for weights in inside.attention
    ]


def _seen(subject: Subject) -> int:
    """How many tokens one sees at most, itself among them."""
    return subject.small_config.attention.window or LENGTH


def _places(subject: Subject) -> Tensor:
    """Some positions, the last one and one beyond it among them."""
    length = subject.config.max_seq_len
    return torch.tensor(sorted({*NEAR, length - 1, length + 5}))


def _column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None, None]


def _largest(*differences: Tensor) -> float:
    return worst([float(difference.abs().max()) for difference in differences])
