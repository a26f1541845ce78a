"""torch's AdamW without what it imports: it is as fused, and as exact, and there a second sooner.

Design choices:
- torch's own methods are wrapped for its compiler, and the first call of one imports that compiler
  (1.2 s), which few runs use: here they are unwrapped;
- a step is the one fused kernel, called as torch calls it: the same bits. Where something has no
  such kernel, torch's own step is taken;
- everything else is inherited: groups, state and its layout are torch's.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class AdamW(torch.optim.AdamW):
    """As torch's, of real parameters; without closures."""

    add_param_group: Callable[..., None] = unwrap(Optimizer.add_param_group)
    state_dict: Callable[..., dict[str, Any]] = unwrap(Optimizer.state_dict)
    load_state_dict: Callable[..., None] = unwrap(Optimizer.load_state_dict)
    zero_grad: Callable[..., None] = unwrap(Optimizer.zero_grad)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        assert closure is None, "nothing here evaluates a loss again"
        how = self.defaults
        if not how["fused"] or how["amsgrad"] or how["maximize"]:
            super().step()
            return
        for group in self.param_groups:
            own = [p for p in group["params"] if p.grad is not None]
            if not own:
                continue
            states = [self._moments(p) for p in own]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            beta1, beta2 = group["betas"]
            torch._fused_adamw_(
                own,
                [p.grad for p in own],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=group["lr"],
                beta1=beta1,
                beta2=beta2,
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )

    def _moments(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state
