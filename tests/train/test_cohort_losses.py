"""The losses of all members in one pass are those of each."""

import pytest
import torch
from torch import Tensor

from lab.batch import IGNORED
from lab.train.cohort_losses import at_once, one_by_one
from lab.train.evaluation import cross_entropy, cross_entropy_and_z_loss

K, B, T, V = 3, 2, 5, 7


@pytest.fixture
def drawn() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(K, B, T, V, generator=generator, dtype=torch.float64) * 3
    targets = torch.randint(V, (K, B, T), generator=generator)
    targets[1, 0] = IGNORED
    targets[2, :, ::2] = IGNORED
    return logits.requires_grad_(), targets


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_both_ways_are_the_losses_of_each(drawn: tuple[Tensor, Tensor], weight: float) -> None:
    logits, targets = drawn
    for way in (one_by_one, at_once):
        losses, totals = way(logits, targets, weight)
        for k in range(K):
            alone = cross_entropy(logits[k], targets[k])
            total = alone + weight * cross_entropy_and_z_loss(logits[k], targets[k])[1].double()
            torch.testing.assert_close(losses[k], alone)
            torch.testing.assert_close(totals[k], total, rtol=1e-6, atol=0)  # z is in float32


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_both_ways_have_one_gradient(drawn: tuple[Tensor, Tensor], weight: float) -> None:
    logits, targets = drawn
    found = []
    for way in (one_by_one, at_once):
        _, totals = way(logits, targets, weight)
        (gradient,) = torch.autograd.grad((totals * torch.tensor([1.0, 2.0, 3.0])).sum(), logits)
        found.append(gradient)
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("way", [one_by_one, at_once])
def test_a_member_that_is_no_number_is_alone_with_it(way, drawn: tuple[Tensor, Tensor]) -> None:
    logits, targets = drawn
    spoilt = logits.detach().clone()
    spoilt[1] = torch.nan
    spoilt.requires_grad_()
    fine, broken = way(logits, targets, 0.1)[1], way(spoilt, targets, 0.1)[1]
    assert torch.equal(fine[::2], broken[::2])
    assert broken[1].isnan()
    (gradient,) = torch.autograd.grad(broken.sum(), spoilt)
    assert torch.equal(gradient[::2], torch.autograd.grad(fine.sum(), logits)[0][::2])


@pytest.mark.parametrize("way", [one_by_one, at_once])
def test_a_member_that_is_not_asked_gets_no_gradient(way, drawn: tuple[Tensor, Tensor]) -> None:
    logits, targets = drawn
    targets[1] = IGNORED  # its loss is a mean over nothing
    losses, totals = way(logits, targets, 0.1)
    assert losses[1].isnan()
    torch.autograd.backward([totals], [torch.tensor([1.0, 0.0, 1.0], dtype=totals.dtype)])
    assert logits.grad is not None
    assert not logits.grad[1].any()
    assert logits.grad[0].any()
