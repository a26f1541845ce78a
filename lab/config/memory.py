"""What a model needs of memory, as arithmetic: to be trained, and to write.

Assumptions:
- float32 throughout, trained by AdamW on one device: a weight, its gradient and two moments;
- activations are what autograd keeps for the backward pass, read off the code of `lab.model`
  operation by operation, with the fused attention kernel of a CPU, which keeps no T x T weights
  (Dao et al. 2022). With dropout that kernel cannot be had there, and they are kept, thrice. (A
  model with one head then keeps some copies more than are counted here);
- the loss adds three numbers a logit, which are there together when the backward pass begins: the
  logits and the gradients on both sides of the softmax. Further down, gradients on their way take
  the place of activations that are let go;
- not counted: the libraries, the allocator's slack, padding masks, z-loss. With
  `train.activation_checkpointing` a layer keeps `d_model` numbers a token, and one at a time all.
"""

from typing import assert_never

from lab.config.mlp import GegluMLP, GeluMLP, NoMLP, ReluMLP, SquaredReluMLP, SwigluMLP
from lab.config.model import ModelConfig
from lab.config.norm import LayerNorm, RMSNorm
from lab.config.position import AlibiPosition, LearnedPosition, RopePosition

BYTES = 4  # of a number
STATES = 4  # of a parameter: weight, gradient, two moments
LOSS = 3  # of a logit, aside from what is kept


def training_bytes(config: ModelConfig, vocab_size: int, *, batch: int) -> int:
    """Of one step on `batch` windows of `max_seq_len` tokens."""
    states = STATES * BYTES * config.n_params(vocab_size)
    loss = LOSS * BYTES * batch * config.max_seq_len * vocab_size
    return states + kept_bytes(config, vocab_size, batch=batch) + loss


def inference_bytes(config: ModelConfig, vocab_size: int, *, batch: int) -> int:
    """Of writing `batch` texts of `max_seq_len` tokens: weights, and a full cache."""
    tokens = batch * config.max_seq_len
    return BYTES * config.n_params(vocab_size) + tokens * cache_bytes_per_token(config)


def cache_bytes_per_token(config: ModelConfig) -> int:
    """A key and a value in every layer."""
    return 2 * BYTES * config.n_layers * config.n_kv_heads * config.head_dim


def kept_bytes(config: ModelConfig, vocab_size: int, *, batch: int) -> int:
    """What autograd keeps of the forward pass and the loss, parameters aside."""
    layer = _attention(config) + _mlp(config) + config.n_branches * _around_branch(config)
    last = config.d_model if config.norm_placement == "post" else _norm(config) + config.d_model
    loss = vocab_size * (1 if config.logit_cap is None else 2)
    embedding = 4 + bool(config.dropout) * config.d_model  # ids and targets, of 8 bytes
    a_token = embedding + config.n_layers * layer + last + loss
    tokens = batch * config.max_seq_len
    return round(BYTES * (tokens * a_token + _tables(config)))


def _around_branch(config: ModelConfig) -> int:
    """The norms of a branch, what they hand to it, and its dropout."""
    norms = 2 if config.norm_placement == "sandwich" else 1
    return norms * _norm(config) + config.d_model + bool(config.dropout) * config.d_model


def _norm(config: ModelConfig, *, heads: int = 0) -> int:
    """Its input and the statistics, of a head each for `heads`; of RMSNorm, the norm as well."""
    width = config.head_dim * heads or config.d_model
    match config.norm:
        case LayerNorm():
            return width + 2 * max(1, heads)
        case RMSNorm():
            return 2 * width + max(1, heads)
        case unreachable:
            assert_never(unreachable)


def _attention(config: ModelConfig) -> int:
    """Queries, keys and values as they come and as they are turned; the output and its parts."""
    d, heads, groups = config.d_model, config.n_heads, config.n_kv_heads
    turned = d + groups * config.head_dim
    projected = turned + groups * config.head_dim
    kept = d  # what o_proj reads
    if config.attention.qk_norm:
        kept += _norm(config, heads=heads + groups) - turned  # its input is part of `projected`
    if _keeps_weights(config):
        weights = heads * config.max_seq_len * (3 if config.dropout else 1)
        read = projected if config.attention.qk_norm else 0
        return kept + read + 3 * d + weights  # queries, keys and values are copied for it
    if config.attention.qk_norm or isinstance(config.position, RopePosition):
        kept += turned
    return kept + projected + heads  # log of each row's sum


def _mlp(config: ModelConfig) -> int:
    match config.mlp:
        case GeluMLP() | SquaredReluMLP():
            return 2 * config.d_ff  # before and after the activation
        case ReluMLP():
            return config.d_ff  # which tells its own gradient
        case SwigluMLP() | GegluMLP():
            return 4 * config.d_ff  # gate and up, the gate's activation, the product
        case NoMLP():
            return 0
        case unreachable:
            assert_never(unreachable)


def _tables(config: ModelConfig) -> float:
    """What a pass keeps once, however many rows it has: positions, rotations, masks."""
    t, kept = config.max_seq_len, 0.0
    alibi = isinstance(config.position, AlibiPosition)
    if isinstance(config.position, LearnedPosition):
        kept += 2 * t
    if isinstance(config.position, RopePosition):
        kept += t * config.position.rotated(config.head_dim)
    if config.attention.path == "plain":
        return kept + (0 if alibi else config.n_layers * t * t / 4)  # a byte each
    if config.dropout:
        return kept
    if alibi:
        return kept + config.n_heads * t * t
    return kept + (config.n_layers * t * t if config.attention.window else 0)


def _keeps_weights(config: ModelConfig) -> bool:
    return config.attention.path == "plain" or config.dropout > 0
