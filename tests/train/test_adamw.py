"""The optimizer that imports no compiler, against torch's own."""

import torch
from torch import Tensor, nn

from lab.train.adamw import AdamW

SHAPES = [(19, 8), (8, 8), (8,), (3, 8, 8), (1,)]


def grown(kind: type[torch.optim.AdamW], *, fused: bool, again_after: int) -> list[Tensor]:
    """Parameters and moments after some steps, of which one leaves a parameter alone; in the middle
    the state is taken out and put into another optimizer."""
    draws = torch.Generator().manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape, generator=draws)) for shape in SHAPES]

    def new() -> torch.optim.AdamW:
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.1},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        return kind(groups, lr=1.0, betas=(0.9, 0.99), eps=1e-8, fused=fused)

    optimizer = new()
    for step in range(1, 21):
        for number, parameter in enumerate(parameters):
            there = torch.randn(parameter.shape, generator=draws)
            parameter.grad = None if (step, number) == (3, 1) else there
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 / step
        optimizer.step()
        optimizer.zero_grad()
        assert all(parameter.grad is None for parameter in parameters)
        if step == again_after:
            kept = optimizer.state_dict()
            optimizer = new()
            optimizer.load_state_dict(kept)
    states = [optimizer.state[parameter] for parameter in parameters]
    kinds = ("step", "exp_avg", "exp_avg_sq")
    return [*parameters, *(state[kind] for state in states for kind in kinds)]


def test_it_makes_torchs_steps_bit_for_bit() -> None:
    for fused in (True, False):
        ours = grown(AdamW, fused=fused, again_after=7)
        theirs = grown(torch.optim.AdamW, fused=fused, again_after=12)
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_what_it_keeps_is_laid_out_as_torchs() -> None:
    found = []
    for kind in (AdamW, torch.optim.AdamW):
        parameter = nn.Parameter(torch.ones(3))
        optimizer = kind([parameter], lr=0.1, fused=True)
        parameter.grad = torch.ones(3)
        optimizer.step()
        found.append(optimizer.state_dict())
    ours, theirs = found
    assert ours["param_groups"] == theirs["param_groups"]
    assert list(ours["state"][0]) == list(theirs["state"][0])
    for kind, value in ours["state"][0].items():
        assert value.dtype == theirs["state"][0][kind].dtype
        assert torch.equal(value, theirs["state"][0][kind])
