"""Memory as arithmetic, against what autograd keeps and what a cache and a training state hold."""

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor
from torch.distributed._tools.mem_tracker import MemTracker

from lab.config.memory import (
    cache_bytes_per_token,
    inference_bytes,
    kept_bytes,
    training_bytes,
)
from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model
from lab.train.evaluation import cross_entropy
from tests.model.configs import model_configs

VOCAB, BATCH = 29, 3
SHAPE = {"n_layers": 3, "n_heads": 4, "d_model": 32, "max_seq_len": 24}
GROUPED = {"kind": "grouped-query", "n_kv_heads": 2}
PLAIN = {"kind": "multi-head", "path": "plain"}
ROPE, ALIBI = {"kind": "rope"}, {"kind": "alibi"}
VARIANTS: dict[str, dict[str, Any]] = {
    "gpt": {"bias": True},
    "llama": {"position": ROPE, "norm": {"kind": "rmsnorm"}, "mlp": {"kind": "swiglu"}},
    "post": {"norm_placement": "post", "mlp": {"kind": "relu2"}, "position": {"kind": "none"}},
    "sandwich": {"norm_placement": "sandwich", "mlp": {"kind": "geglu", "d_ff": 50}},
    "relu": {"mlp": {"kind": "relu"}, "logit_cap": 5.0, "tie_embeddings": False},
    "no mlp": {"mlp": {"kind": "none"}, "position": {"kind": "sinusoidal"}},
    "grouped": {"attention": GROUPED, "position": {"kind": "rope", "share": 0.5}},
    "qk-norm": {"attention": {"kind": "multi-query", "qk_norm": True}},
    "qk-norm, rms": {"attention": GROUPED | {"qk_norm": True}, "norm": {"kind": "rmsnorm"}},
    "window": {"attention": GROUPED | {"window": 5}},
    "alibi": {"position": ALIBI},
    "alibi, window": {"position": ALIBI, "attention": GROUPED | {"window": 5}},
    "plain": {"attention": PLAIN | {"window": 5}, "position": ROPE},
    "plain, alibi": {"attention": PLAIN, "position": ALIBI},
    "plain, qk-norm": {"attention": PLAIN | {"qk_norm": True}},
    "dropout": {"dropout": 0.1, "position": ROPE},
    "dropout, plain": {"dropout": 0.1, "attention": PLAIN | {"qk_norm": True}},
    "dropout, sandwich": {"dropout": 0.1, "norm_placement": "sandwich", "attention": GROUPED},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_activations_are_what_autograd_keeps(name: str) -> None:
    config = ModelConfig.parse(SHAPE | VARIANTS[name])
    kept = kept_by_autograd(build_model(config, VOCAB, seed=0))
    assert kept == kept_bytes(config, VOCAB, batch=BATCH) + 4  # the sum of the loss's weights


@settings(deadline=None, max_examples=30, database=None)
@given(config=model_configs(dropout=True))
def test_activations_of_any_config(config: ModelConfig) -> None:
    weights_are_kept = config.dropout or config.attention.path == "plain"
    assume(config.n_heads > 1 or not weights_are_kept)
    kept = kept_by_autograd(build_model(config, VOCAB, seed=0))
    assert kept == kept_bytes(config, VOCAB, batch=BATCH) + 4


def kept_by_autograd(model: GPT) -> int:
    """Bytes of all storages, each once, that a pass leaves for its backward pass."""
    own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)  # alive, or the address is
        return tensor  # given to the next

    ids = torch.zeros(BATCH, model.config.max_seq_len, dtype=torch.int64)
    targets = ids.clone()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        cross_entropy(model(ids), targets)
    return sum(t.untyped_storage().nbytes() for at, t in kept.items() if at not in own)


def test_activations_grow_with_the_batch_but_tables_do_not() -> None:
    config = ModelConfig.parse(SHAPE | VARIANTS["window"])
    one, two, three = (kept_bytes(config, VOCAB, batch=n) for n in (1, 2, 3))
    assert three - two == two - one < one


@pytest.mark.parametrize("name", ["gpt", "llama", "plain"])
@pytest.mark.parametrize("vocab_size", [VOCAB, 2000])
def test_a_step_takes_that_much_at_its_peak(name: str, vocab_size: int) -> None:
    """Against PyTorch's own account of every storage that is alive, to the odd gradient."""
    config = ModelConfig.parse(SHAPE | {"d_model": 64} | VARIANTS[name])
    model = build_model(config, vocab_size, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False)
    ids = torch.zeros(BATCH, config.max_seq_len, dtype=torch.int64)
    tracker = MemTracker()
    tracker.track_external(model, optimizer)
    with tracker:
        for _ in range(2):  # moments are there from the second step on
            logits = model(ids)
            cross_entropy(logits, ids.clone()).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            del logits
            tracker.reset_mod_stats()
    peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert training_bytes(config, vocab_size, batch=BATCH) == pytest.approx(peak, rel=0.03)


@pytest.mark.parametrize("name", ["gpt", "grouped", "qk-norm"])
def test_writing_takes_the_weights_and_a_full_cache(name: str) -> None:
    config = ModelConfig.parse(SHAPE | VARIANTS[name])
    model = GPT(config, VOCAB)
    cache = model.cache(rows=BATCH, capacity=config.max_seq_len)
    held = [*model.parameters(), cache.keys, cache.values]
    expected = sum(t.numel() * t.element_size() for t in held)
    assert inference_bytes(config, VOCAB, batch=BATCH) == expected
    wider = (
        model.cache(rows=1, capacity=2).keys.nbytes - model.cache(rows=1, capacity=1).keys.nbytes
    )
    assert cache_bytes_per_token(config) == 2 * wider
