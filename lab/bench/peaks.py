"""What makers say their GPUs can do, in dense bf16 matrix products with sums in fp32.

Their data sheets give most of these with sparsity, which is twice as much; here they are without.
What a GPU reaches under its power limit is less: see the measured rate beside it.
"""

TERA = 1e12
# The longest name that a device's own begins with or holds decides.
PEAKS = {
    "B200": 2250 * TERA,  # NVIDIA DGX B200 data sheet, an eighth of it
    "H200": 989 * TERA,  # NVIDIA H200 data sheet, SXM
    "H100 80GB HBM3": 989 * TERA,  # NVIDIA H100 data sheet, SXM
    "H100 PCIe": 756 * TERA,  # the same, PCIe
    "A100": 312 * TERA,  # NVIDIA A100 data sheet
    "A10G": 70 * TERA,  # NVIDIA A10G data sheet
    "L40S": 362 * TERA,  # NVIDIA L40S data sheet
    "L4": 121 * TERA,  # NVIDIA L4 data sheet
    "RTX 4090": 165 * TERA,  # NVIDIA Ada architecture white paper
    "RTX 3090": 71 * TERA,  # NVIDIA Ampere GA102 white paper
}


def peak(device: str) -> float | None:
    """FLOPs a second of a device by its name; None where it is not known."""
    found = [name for name in PEAKS if name in device]
    return PEAKS[max(found, key=len)] if found else None
