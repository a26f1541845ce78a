"""Made-up measurements."""

from lab.bench.record import Part, Record, Row
from lab.bench.spread import Spread


def around(median: float, *, by: float = 0.1) -> Spread:
    """Quartiles a tenth to either side."""
    return Spread(median=median, lower=median * (1 - by), upper=median * (1 + by))


def made_up_record() -> Record:
    step = Row(
        name="nanogpt-cpu, GPT-2, fp32",
        rounds=5,
        ours=around(0.05),
        peers={"transformers": around(0.1), "plain PyTorch": around(0.04)},
        ratios={"transformers": around(0.5), "plain PyTorch": around(1.25)},
        amount=768,
        of="tokens",
        flops=4e9,
        share=around(0.8),
        headline=True,
    )
    small = Row(name="posenc, GPT-2, fp32", rounds=5, ours=around(2e-3))
    none = Row(name="nanogpt-cpu, GPT-2, bf16", note="not measured: no bf16", headline=True)
    report = Row(name="90 runs", rounds=1, ours=around(3.0), values={"page, bytes": 8e5})
    return Record(
        mode="quick",
        begun="2026-01-02T03:04:05Z",
        device="cpu",
        threads=1,
        machine={"processor": "A processor", "torch": "2.13.0", "python": "3.11.1"},
        load=(0.1, 0.9),
        matmul={"fp32": 9e10},
        parts=(
            Part(section="step", title="a training step", rows=(step, small, none)),
            Part(section="report", title="a report", rows=(report,), notes=("x is missing",)),
        ),
    )
