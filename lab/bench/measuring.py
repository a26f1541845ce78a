"""How a row comes about: our side and its peers in turn, a matrix product among them.

Design choices:
- the matrix product of the same precision is one of the sides, so that the share of its rate is
  taken round by round, as ratios are;
- bf16 is measured only where the hardware computes in it: what emulates it says nothing.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from lab.bench.record import Row
from lab.bench.shapes import NANOGPT, POSENC, WIDE, Shape
from lab.bench.spread import ratios, spread
from lab.bench.timing import Do, in_turn
from lab.provenance.hardware import hardware

OURS, PRODUCT = "ours", "a matrix product"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
COMPUTES_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
ON_CPU, ON_GPU = 512, 8192  # the width of the product: large enough for the full rate


@dataclass
class Bench:
    """What all sections share: where, how often, and who is told."""

    device: torch.device
    quick: bool = True
    threads: int = 1
    rounds: int = 5
    at_least: float = 0.02  # seconds of a timing
    most: float = 10.0  # seconds of all rounds of a row, or there are fewer
    shapes: tuple[Shape, ...] = (NANOGPT,)
    clock: Callable[[], float] = time.perf_counter
    tell: Callable[[str], None] = lambda what: None
    product: int | None = None
    rates: dict[str, list[float]] = field(default_factory=dict)  # of products, by precision

    @classmethod
    def of(cls, device: torch.device, *, quick: bool, threads: int) -> "Bench":
        if quick:
            return cls(device, threads=threads)
        return cls(device, False, threads, 21, 0.05, 60.0, (POSENC, NANOGPT, WIDE))

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def row(
        self,
        name: str,
        ours: Do,
        peers: Mapping[str, Do] | None = None,
        *,
        precision: str = "fp32",
        flops: float | None = None,
        amount: float | None = None,
        of: str | None = None,
        each: int = 1,
        together: int | None = None,
        rounds: int | None = None,
        headline: bool = False,
        values: Mapping[str, float] | None = None,
    ) -> Row:
        """Measured here and now. A call of ours does what `each` calls of the peers do, and its
        time is told for one of these; `together` fixes how many calls are one timing.
        """
        self.tell(name)
        sides: dict[str, Do] = {OURS: ours, **(peers or {})}
        fixed = {} if together is None else dict.fromkeys(sides, together)
        if flops is not None:
            sides[PRODUCT] = self.matrix_product(precision)
        seconds = in_turn(
            sides,
            rounds=rounds or self.rounds,
            at_least=self.at_least,
            most=self.most,
            together=fixed,
            clock=self.clock,
            settle=self.settle,
        )
        mine = [taken / each for taken in seconds.pop(OURS)]
        product = seconds.pop(PRODUCT, None)
        share = None
        if product is not None and flops is not None:
            rates = [self.product_flops / taken for taken in product]
            self.rates.setdefault(precision, []).extend(rates)
            share = spread([flops / own / rate for own, rate in zip(mine, rates, strict=True)])
        return Row(
            name=name,
            rounds=len(mine),
            ours=spread(mine),
            peers={peer: spread(theirs) for peer, theirs in seconds.items()},
            ratios={peer: ratios(mine, theirs) for peer, theirs in seconds.items()},
            amount=amount,
            of=of,
            flops=flops,
            share=share,
            values=dict(values or {}),
            headline=headline,
        )

    def matrix_product(self, precision: str) -> Do:
        """What takes `product_flops`."""
        a, b = (
            torch.randn(self.width, self.width).to(self.device, DTYPES[precision]) for _ in range(2)
        )
        return lambda: a @ b

    @property
    def product_flops(self) -> float:
        return 2.0 * self.width**3

    @property
    def width(self) -> int:
        return self.product or (ON_GPU if self.on_gpu else ON_CPU)

    def settle(self) -> None:
        """Wait for what was asked of the device."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def without_bf16(self) -> str | None:
        """Why bf16 is not measured here; None where it is."""
        if self.on_gpu:
            if torch.cuda.is_bf16_supported(including_emulation=False):
                return None
            return "not measured: this GPU does not compute in bf16"
        if COMPUTES_BF16 & set(hardware()["instructions"]):
            return None
        return "not measured: this processor has no instructions for bf16 and would emulate it"
