"""Normalisation: what every norm of the model makes of numbers of any size."""

import torch
from torch import Tensor, nn

from lab.certify.certificate import Finding, all_of, at_most, number, worst
from lab.certify.counts import norms_of
from lab.certify.subject import Subject

ROWS = 16


def statistics(subject: Subject) -> Finding:
    """A LayerNorm gives mean 0 and mean square 1 (Ba et al. 2016, eq. 4); an RMSNorm gives mean
    square 1 and keeps the ratio of mean to root mean square (Zhang and Sennrich 2019, eq. 4).

    Of every norm, its weight and bias taken off, for numbers so large that its epsilon is nothing.
    """
    centred, eps = subject.config.norm.kind == "layernorm", subject.config.norm.eps
    means, squares = [0.0], [0.0]
    for norm in norms_of(subject.small, subject.small_config).values():
        x = 1e6 * (eps + 1) ** 0.5 * (3 + _numbers(norm))
        y = _bare(norm, x)
        mean = torch.zeros(()) if centred else x.mean(-1) / x.square().mean(-1).sqrt()
        means.append(float((y.mean(-1) - mean).abs().max()))
        spread = float(x.var(-1, correction=0).min()) > 0  # of one number there is none
        if spread or not centred:
            squares.append(float((y.square().mean(-1) - 1).abs().max()))
    return all_of(at_most("mean", worst(means)), at_most("mean square", worst(squares)))


def epsilon(subject: Subject) -> Finding:
    """The config's epsilon is added below the root: where the variance (of an RMSNorm the mean
    square) equals it, the mean square of what comes out is one half; and zeros stay zeros.
    """
    centred, eps = subject.config.norm.kind == "layernorm", subject.config.norm.eps
    off = [0.0]
    for norm in norms_of(subject.small, subject.small_config).values():
        x = _numbers(norm)
        if centred:
            x = x - x.mean(-1, keepdim=True)
        size = x.square().mean(-1, keepdim=True).sqrt()
        if bool((size > 0).all()):
            half = _bare(norm, x / size * eps**0.5).square().mean(-1)
            off.append(float((half - 0.5).abs().max()))
        off.append(float(_bare(norm, torch.zeros_like(x)).abs().max()))
    return at_most(f"{number(eps)}, off by", worst(off))


def _numbers(norm: nn.Module) -> Tensor:
    """(16, 1, width): any numbers around 0."""
    assert isinstance(norm.weight, Tensor)
    generator = torch.Generator().manual_seed(0)
    shape = (ROWS, 1, len(norm.weight))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _bare(norm: nn.Module, x: Tensor) -> Tensor:
    """What a norm gives, without its weight and bias."""
    y: Tensor = norm(x)
    bias = getattr(norm, "bias", None)
    assert isinstance(norm.weight, Tensor)
    return (y if bias is None else y - bias) / norm.weight
