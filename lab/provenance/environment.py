"""The environment variables that may change results, each for a reason; none that is a secret."""

import os
from collections.abc import Mapping

from lab.provenance.secrets import bounded, is_secret, without_login

# How many threads share a sum, and so in which order it is made.
_THREADS = (
    "OMP_NUM_THREADS", "OMP_DYNAMIC", "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
# Which instructions kernels may use, and whether they promise the same result on any processor.
_KERNELS = (
    "ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE",
    "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "OPENBLAS_CORETYPE",
)  # fmt: skip
# Whether products of float32 may be computed in less.
_PRECISION = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE")
# Which GPU computes, and whether its sums are made in a fixed order.
_GPU = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING",
    "CUDNN_DETERMINISTIC", "HIP_VISIBLE_DEVICES", "PYTORCH_ENABLE_MPS_FALLBACK",
)  # fmt: skip
# The order of sets, in whatever library forgets to sort them.
_ORDER = ("PYTHONHASHSEED",)
# Libraries that are taken in place of those whose versions are recorded.
_LIBRARIES = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH")
# Where texts and tokenizers are taken from, and whether the network is asked for newer ones.
_DATA = (
    "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE", "TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR",
)  # fmt: skip
ENVIRONMENT = (*_THREADS, *_KERNELS, *_PRECISION, *_GPU, *_ORDER, *_LIBRARIES, *_DATA)
FAMILIES = ("TORCH_", "TORCHINDUCTOR_", "LAB_")  # too many to be listed, and few are ever set


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Those variables, by default of this process, that change results and are set, by name."""
    found = os.environ if variables is None else variables
    return {
        name: bounded(without_login(value))
        for name, value in sorted(found.items())
        if name in ENVIRONMENT or (name.startswith(FAMILIES) and not is_secret(name))
    }
