"""The precision in which a packaged model computes; its file is float32 whatever is chosen.

Design choices:
- `int8` is torchao's, weights only: each row of a projection becomes whole numbers from -128 to
  127 with one float32 scale, a quarter of the memory, and products are still computed in float32;
- the embedding is looked up, not multiplied, and stays as it is; so does a head that is tied to
  it, which is the same parameter;
- torchao is optional and imported where it is used; what its import logs and filters is undone.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import nn

from lab.config.explain import did_you_mean
from lab.errors import ConfigError
from lab.model.gpt import GPT
from lab.model.linear import Projection

Dtype = Literal["float32", "float64", "bfloat16", "int8"]

_CHATTY = ("torchao", "torch.utils._pytree")  # about kernels for GPUs that are not here


def converted(model: GPT, dtype: Dtype) -> GPT:
    """The same model, in place, in another precision.

    Raises `ConfigError` for a precision that there is none of, and for int8 without torchao.
    """
    match dtype:
        case "float32" | "float64" | "bfloat16":
            return model.to(getattr(torch, dtype))
        case "int8":
            return _in_int8(model)
    raise ConfigError(f"no dtype {dtype!r}{did_you_mean(str(dtype), get_args(Dtype))}")


def _in_int8(model: GPT) -> GPT:
    try:
        with _undisturbed():
            from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError:
        raise ConfigError(
            "dtype='int8' needs torchao 0.18 or later, which is not installed: pip install torchao"
        ) from None

    def is_quantised(module: nn.Module, name: str) -> bool:
        return isinstance(module, Projection) and module.weight is not model.embedding.weight

    quantize_(model, Int8WeightOnlyConfig(version=2, set_inductor_config=False), is_quantised)
    return model


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Whatever is imported within says nothing below an error, and leaves no filter behind."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
