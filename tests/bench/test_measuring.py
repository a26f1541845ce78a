"""A row on a clock of its own, and what is said of bf16."""

from collections.abc import Callable

import pytest
import torch

from lab.bench.measuring import PRODUCT, Bench
from lab.bench.shapes import NANOGPT, POSENC, WIDE


class Planned(Bench):
    """On which a matrix product takes two seconds."""

    def matrix_product(self, precision: str) -> Callable[[], None]:
        return self.takes(2.0)

    def takes(self, *seconds: float) -> Callable[[], None]:
        left = list(seconds)

        def do() -> None:
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return do


@pytest.fixture
def planned() -> Planned:
    found = Planned(torch.device("cpu"), rounds=3, at_least=0.0, product=10)
    found.now = 0.0
    found.clock = lambda: found.now
    return found


def test_a_row_has_medians_ratios_rate_and_share(planned: Planned) -> None:
    told: list[str] = []
    planned.tell = told.append
    ours = planned.takes(9.0, 4.0, 6.0, 5.0)  # the first is to warm up
    peers = {"theirs": planned.takes(9.0, 8.0, 3.0, 10.0)}
    row = planned.row("a row", ours, peers, flops=400.0, amount=20, of="tokens", headline=True)
    assert told == [row.name] == ["a row"]
    assert row.rounds == 3
    assert row.ours is not None
    assert (row.ours.median, row.ours.lower, row.ours.upper) == (5.0, 4.5, 5.5)
    assert row.peers["theirs"].median == 8.0
    assert row.ratios["theirs"].median == 0.5  # of 4/8, 6/3 and 5/10
    assert row.ratios["theirs"].upper == 1.25
    assert row.rate == 4.0
    assert row.share is not None
    assert row.share.median == pytest.approx(400 / 5 / (2 * 10**3 / 2))
    assert planned.rates == {"fp32": [1000.0] * 3}
    assert PRODUCT not in row.peers
    assert row.headline


def test_a_call_may_do_what_several_of_the_peers_do(planned: Planned) -> None:
    alone = {"alone": planned.takes(1.0)}
    row = planned.row("of 4", planned.takes(2.0), alone, each=4, flops=100.0)
    assert row.ours is not None
    assert row.share is not None
    assert row.ours.median == row.ratios["alone"].median == 0.5
    assert row.share.median == pytest.approx(100 / 0.5 / 1000)


def test_without_flops_nothing_is_multiplied(planned: Planned) -> None:
    row = planned.row("a row", planned.takes(1.0))
    assert row.share is None
    assert not planned.rates
    assert row.rate is None


def test_rounds_and_calls_a_timing_may_be_given(planned: Planned) -> None:
    count = 0

    def do() -> None:
        nonlocal count
        count += 1
        planned.now += 1.0

    row = planned.row("a row", do, rounds=2, together=5)
    assert row.rounds == 2
    assert count == 1 + 2 * 5  # one to warm up


def test_full_has_more_shapes_and_rounds_than_quick() -> None:
    device = torch.device("cpu")
    quick, full = (Bench.of(device, quick=quick, threads=3) for quick in (True, False))
    assert quick.shapes == (NANOGPT,)
    assert full.shapes == (POSENC, NANOGPT, WIDE)
    assert full.rounds > quick.rounds
    assert quick.threads == full.threads == 3
    assert quick.quick
    assert not full.quick


@pytest.mark.parametrize(
    ("instructions", "is_there"),
    [
        (["avx2", "fma"], False),
        (["avx512f"], False),
        (["avx512f", "avx512_bf16"], True),
        (["bf16"], True),
    ],
)
def test_bf16_is_measured_where_the_processor_computes_in_it(
    bench: Bench, instructions: list[str], is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"instructions": instructions}
    monkeypatch.setattr("lab.bench.measuring.hardware", lambda: found)
    why = bench.without_bf16()
    assert (why is None) is is_there
    assert is_there or "this processor" in str(why)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_matrix_product_is_of_that_precision(bench: Bench, precision: str) -> None:
    found = bench.matrix_product(precision)()
    assert isinstance(found, torch.Tensor)
    assert found.shape == (16, 16)
    assert found.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    assert bench.product_flops == 2 * 16**3
