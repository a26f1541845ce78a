"""A GPT-2 and its training loop as one writes them by hand, after nanoGPT's model.py and train.py.

Neither is clever and neither is slow: fused attention, one matrix for queries, keys and values;
batches as a stack of slices, torch's own AdamW, clipping, and the loss read at every step.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab.bench.shapes import TANH
from lab.config.model import ModelConfig

NAME = "plain PyTorch"


class Attention(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads, self.d_model = config.n_heads, config.d_model
        self.c_attn = nn.Linear(config.d_model, 3 * config.d_model)
        self.c_proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        parts = self.c_attn(x).split(self.d_model, dim=2)
        q, k, v = (p.view(b, t, self.n_heads, d // self.n_heads).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(b, t, d))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, config: ModelConfig, activation: nn.Module) -> None:
        super().__init__()
        d = config.d_model
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = Attention(config)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), activation, nn.Linear(4 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class PlainGPT(nn.Module):
    """Token ids (B, T) in, logits (B, T, V) out."""

    def __init__(self, kind: str, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        activation = nn.GELU(approximate="tanh" if kind == TANH else "none")
        self.wte = nn.Embedding(vocab_size, config.d_model)
        self.wpe = nn.Embedding(config.max_seq_len, config.d_model)
        self.h = nn.ModuleList(Block(config, activation) for _ in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, vocab_size, bias=False)
        self.lm_head.weight = self.wte.weight
        self.apply(_initialise)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))  # type: ignore[no-any-return]


class Loop:
    """Training of any model as one writes it by hand; `logits` takes them from what it returns."""

    def __init__(
        self,
        model: nn.Module,
        ids: npt.NDArray[np.uint16],
        *,
        batch_size: int,
        length: int,
        logits: Callable[[Any], Tensor] = lambda out: out,
        bf16: bool = False,
        micro_batches: int = 1,
    ) -> None:
        self.model, self.ids = model.train(), ids
        self.batch_size, self.length, self.micro_batches = batch_size, length, micro_batches
        self.device = next(model.parameters()).device
        self.logits = logits
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        kind = self.device.type
        self.context: Callable[[], AbstractContextManager[Any]] = (
            partial(torch.autocast, kind, torch.bfloat16) if bf16 else nullcontext
        )

    def batch(self) -> tuple[Tensor, Tensor]:
        size = self.batch_size // self.micro_batches
        return self._windows(torch.randint(len(self.ids) - self.length, (size,)).tolist())

    def step(self) -> float:
        """One update; returns the loss."""
        total = 0.0
        self.optimizer.zero_grad(set_to_none=True)
        for _ in range(self.micro_batches):
            x, y = self.batch()
            with self.context():
                loss = self._loss(x, y)
            (loss / self.micro_batches).backward()  # type: ignore[no-untyped-call]
            total += loss.item() / self.micro_batches
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return total

    @torch.no_grad()
    def evaluate(self) -> float:
        """The mean loss over all windows of the text, in order."""
        self.model.eval()
        losses = []
        count = (len(self.ids) - 1) // self.length
        for first in range(0, count, self.batch_size):
            numbers = range(first, min(first + self.batch_size, count))
            x, y = self._windows([number * self.length for number in numbers])
            with self.context():
                loss = self._loss(x, y)
            losses.append(loss.item() * len(numbers))
        self.model.train()
        return sum(losses) / count

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self.logits(self.model(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))

    def _windows(self, starts: list[int]) -> tuple[Tensor, Tensor]:
        x, y = (
            torch.stack(
                [
                    torch.from_numpy(self.ids[i + shift : i + shift + self.length].astype(np.int64))
                    for i in starts
                ]
            )
            for shift in (0, 1)
        )
        if self.device.type == "cpu":
            return x, y
        return (
            x.pin_memory().to(self.device, non_blocking=True),
            y.pin_memory().to(self.device, non_blocking=True),
        )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
