"""config.json of GPT-2 and Llama, as a model of the lab.

Design choices:
- a setting that changes what the model computes is either expressed or refused by its name;
  one that does not (how it was initialised, what it is to be trained on) is not read;
- what the file leaves out has the architecture's default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.config.explain import explained
from lab.config.model import ModelConfig
from lab.errors import PackageError
from lab.package.shown import one_line

Raw = Mapping[str, Any]
_GELU = {
    "gelu": "none",
    "gelu_python": "none",
    "gelu_new": "tanh",
    "gelu_pytorch_tanh": "tanh",
}


def model_config(path: Path, raw: Raw) -> ModelConfig:
    """Raises `PackageError` that names the setting in the way."""
    match raw.get("model_type"):
        case "gpt2":
            found = _gpt2(path, raw)
        case "llama":
            found = _llama(path, raw)
        case other:
            raise PackageError(
                f"{path}: model_type={_said(other)} cannot be adopted; gpt2 and llama can"
            )
    try:
        return ModelConfig.parse(found)
    except ValidationError as error:
        faults = one_line("; ".join(explained(error, ModelConfig)))
        raise PackageError(f"{path} describes no model of the lab: {faults}") from None


def _gpt2(path: Path, raw: Raw) -> dict[str, Any]:
    _demand(path, raw, "scale_attn_weights", True)
    _demand(path, raw, "scale_attn_by_inverse_layer_idx", False)
    _demand(path, raw, "add_cross_attention", False)
    dropouts = {_scalar(path, raw, f"{name}_pdrop", 0.1) for name in ("resid", "embd", "attn")}
    return {
        "n_layers": raw.get("n_layer", 12),
        "n_heads": raw.get("n_head", 12),
        "d_model": raw.get("n_embd", 768),
        "max_seq_len": raw.get("n_positions", 1024),
        "position": {"kind": "learned"},
        "norm": {"kind": "layernorm", "eps": raw.get("layer_norm_epsilon", 1e-5)},
        "mlp": _plain_mlp(path, raw),
        "bias": True,
        "tie_embeddings": raw.get("tie_word_embeddings", True),
        # The lab has one rate for all three; a model in use drops nothing.
        "dropout": dropouts.pop() if len(dropouts) == 1 else 0.0,
        "init_std": raw.get("initializer_range", 0.02),
    }


def _llama(path: Path, raw: Raw) -> dict[str, Any]:
    d, heads = raw.get("hidden_size", 4096), raw.get("num_attention_heads", 32)
    if isinstance(d, int) and isinstance(heads, int) and heads > 0:
        _demand(path, raw, "head_dim", d // heads, unless=None)
    bias, attention_bias = raw.get("mlp_bias", False), raw.get("attention_bias", False)
    return {
        "n_layers": raw.get("num_hidden_layers", 32),
        "n_heads": heads,
        "d_model": d,
        "max_seq_len": raw.get("max_position_embeddings", 2048),
        "position": _rope(path, raw),
        "norm": {"kind": "rmsnorm", "eps": raw.get("rms_norm_eps", 1e-6)},
        "mlp": _gated_mlp(path, raw),
        "attention": {
            **_heads(raw.get("num_key_value_heads"), heads),
            "bias": attention_bias if attention_bias != bias else None,
        },
        "bias": bias,
        "tie_embeddings": raw.get("tie_word_embeddings", False),
        "dropout": 0.0,
        "init_std": raw.get("initializer_range", 0.02),
    }


def _plain_mlp(path: Path, raw: Raw) -> dict[str, Any]:
    name = _scalar(path, raw, "activation_function", "gelu_new")
    width = {"d_ff": raw.get("n_inner")}
    if name in _GELU:
        return {"kind": "gelu", "approximate": _GELU[name], **width}
    if name in ("relu", "relu2"):
        return {"kind": name, **width}
    known = [*_GELU, "relu", "relu2"]
    raise _refused(path, "activation_function", name, f"one of {', '.join(known)}")


def _gated_mlp(path: Path, raw: Raw) -> dict[str, Any]:
    name = _scalar(path, raw, "hidden_act", "silu")
    width = {"d_ff": raw.get("intermediate_size", 11008)}
    if name in ("silu", "swish"):
        return {"kind": "swiglu", **width}
    if name in _GELU:
        return {"kind": "geglu", "approximate": _GELU[name], **width}
    raise _refused(path, "hidden_act", name, f"one of {', '.join(['silu', *_GELU])}")


def _heads(groups: Any, heads: Any) -> dict[str, Any]:
    if groups is None or groups == heads:
        return {"kind": "multi-head"}
    if groups == 1:
        return {"kind": "multi-query"}
    return {"kind": "grouped-query", "n_kv_heads": groups}


def _rope(path: Path, raw: Raw) -> dict[str, Any]:
    """`rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before."""
    said = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    if not isinstance(said, Mapping):
        raise _refused(path, "rope_parameters", said, "names and values")
    kind = said.get("rope_type", said.get("type", "default"))
    theta = said.get("rope_theta", raw.get("rope_theta", 10_000.0))
    rope = {"kind": "rope", "theta": theta}
    _demand(path, said, "partial_rotary_factor", 1.0, unless=None)
    if kind == "linear":
        return rope | {"scaling": {"kind": "linear", "factor": said.get("factor")}}
    if kind != "default":
        raise _refused(path, "rope_type", kind, "default or linear")
    return rope


def _demand(path: Path, raw: Raw, name: str, value: Any, *, unless: Any = ...) -> None:
    found = raw.get(name, value)
    if found != value and (unless is ... or found is not unless):
        raise _refused(path, name, found, _said(value))


def _refused(path: Path, name: str, value: Any, wanted: str) -> PackageError:
    return PackageError(
        f"{path}: {name}={_said(value)} cannot be expressed by the lab, which has {wanted}"
    )


def _scalar(path: Path, raw: Raw, name: str, default: Any) -> Any:
    value = raw.get(name, default)
    if isinstance(value, list | dict):
        raise PackageError(f"{path}: {name}={_said(value)} should be one word or number")
    return value


def _said(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
