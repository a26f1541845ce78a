"""GPUs by the names that torch gives them."""

import pytest

from lab.bench.peaks import peak


@pytest.mark.parametrize(
    ("device", "teraflops"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A10G", 70),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("NVIDIA GeForce RTX 4090", 165),
        ("Tesla T4", None),
    ],
)
def test_a_peak_is_the_makers_or_unknown(device: str, teraflops: int | None) -> None:
    assert peak(device) == (None if teraflops is None else teraflops * 1e12)
