"""Hugging Face's transformers as the oracle of exported and adopted models."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

with warnings.catch_warnings():  # what its optional libraries say when they are imported
    warnings.simplefilter("ignore")
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


class TrueFloat64(TorchFunctionMode):
    """Their code in float64 throughout.

    Whatever the precision of the model, transformers computes norms, angles or softmaxes in
    float32. That is right for bfloat16, and hides everything below 1e-7 from a comparison. Within
    this mode, whoever asks for float32 gets float64.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        if function is Tensor.float:
            function = Tensor.double
        arguments = tuple(_widened(argument) for argument in arguments)
        return function(*arguments, **{k: _widened(v) for k, v in (named or {}).items()})


def _widened(argument: Any) -> Any:
    return torch.float64 if argument is torch.float32 else argument


def load_theirs(folder: Path, *, dtype: torch.dtype = torch.float32) -> nn.Module:
    """As any user would load it; float64 within `TrueFloat64`, in which it should be called."""
    if dtype == torch.float64:
        with TrueFloat64():
            return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    return AutoModelForCausalLM.from_pretrained(folder).eval()


def logits_of_theirs(model: nn.Module, ids: Tensor) -> Tensor:
    with torch.no_grad():
        if next(model.parameters()).dtype == torch.float64:
            with TrueFloat64():
                return model(ids).logits
        return model(ids).logits


def load_their_tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)
