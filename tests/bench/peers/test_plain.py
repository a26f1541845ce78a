"""The model and loop written by hand compute what ours compute, so that times can be compared."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lab.bench.ours import source, text_data, token_ids
from lab.bench.peers.plain import Loop, PlainGPT
from lab.bench.shapes import EXACT, TANH, TINY
from lab.model.gpt import GPT, build_model
from lab.train.evaluation import evaluate

KINDS = [TANH, EXACT]


def both(kind: str) -> tuple[GPT, PlainGPT]:
    """Our model and the plain one, with the same weights, biases among them that are not 0."""
    config, vocab = TINY.config(kind), TINY.vocab_size
    ours, plain = build_model(config, vocab, seed=0), PlainGPT(kind, config, vocab)
    torch.manual_seed(0)
    for parameter in ours.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    plain.wte.weight.data = ours.embedding.weight.data.clone()
    plain.lm_head.weight = plain.wte.weight
    (table,) = ours.position.parameters()
    plain.wpe.weight.data = table.data.clone()
    for mine, theirs in zip(ours.blocks, plain.h, strict=True):
        norms = (
            (mine.attention_norm, theirs.ln_1), (mine.mlp_norm, theirs.ln_2)
        )  # fmt: skip
        linear = (
            (mine.attention.qkv_proj, theirs.attn.c_attn),
            (mine.attention.o_proj, theirs.attn.c_proj),
            (mine.mlp.up_proj, theirs.mlp[0]),
            (mine.mlp.down_proj, theirs.mlp[2]),
        )
        for given, target in (*norms, *linear):
            target.weight.data, target.bias.data = given.weight.data, given.bias.data
    plain.ln_f.weight.data = ours.final_norm.weight.data
    plain.ln_f.bias.data = ours.final_norm.bias.data
    return ours.double(), plain.double()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_function(kind: str) -> None:
    ours, plain = both(kind)
    ids = torch.randint(TINY.vocab_size, (3, TINY.length))
    assert torch.allclose(ours(ids), plain(ids), atol=1e-10)


def test_the_two_activations_differ() -> None:
    ids = torch.randint(TINY.vocab_size, (3, TINY.length))
    assert not torch.allclose(both(TANH)[0](ids), both(EXACT)[0](ids), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_as_many_parameters(kind: str) -> None:
    config = TINY.config(kind)
    plain = PlainGPT(kind, config, TINY.vocab_size)
    assert sum(p.numel() for p in plain.parameters()) == config.n_params(TINY.vocab_size)


def test_batches_are_windows_of_the_text_and_targets_come_next(tmp_path: Path) -> None:
    ids = token_ids(text_data(tmp_path / "data", vocab_size=TINY.vocab_size))[:40]
    loop = Loop(
        PlainGPT(TANH, TINY.config(TANH), TINY.vocab_size), ids, batch_size=5, length=TINY.length
    )
    text = torch.from_numpy(ids.astype("int64"))
    for _ in range(3):
        x, y = loop.batch()
        assert x.shape == y.shape == (5, TINY.length)
        for row, following in zip(x, y, strict=True):
            starts = [n for n in range(40 - TINY.length) if text[n : n + TINY.length].equal(row)]
            assert any(text[n + 1 : n + 1 + TINY.length].equal(following) for n in starts)


def test_a_step_is_adamw_on_the_clipped_gradient(tmp_path: Path) -> None:
    ids = token_ids(text_data(tmp_path / "data", vocab_size=TINY.vocab_size))
    _, plain = both(TANH)
    _, twin = both(TANH)
    loop = Loop(plain, ids, batch_size=4, length=TINY.length)
    x, y = loop.batch()
    loop.batch = lambda: (x, y)  # type: ignore[method-assign]
    optimizer = torch.optim.AdamW(twin.parameters(), lr=1e-3)
    for _ in range(3):
        loss = F.cross_entropy(twin(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        optimizer.step()
        assert loop.step() == pytest.approx(loss.item())
    for mine, other in zip(plain.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(mine, other)


def test_micro_batches_add_up_to_a_step(tmp_path: Path) -> None:
    ids = token_ids(text_data(tmp_path / "data", vocab_size=TINY.vocab_size))
    found = []
    for parts in (1, 2):
        _, plain = both(TANH)
        loop = Loop(plain, ids, batch_size=4, length=TINY.length, micro_batches=parts)
        windows = [n * TINY.length for n in range(4)]
        size = 4 // parts
        batches = [loop._windows(windows[n : n + size]) for n in range(0, 4, size)]
        loop.batch = lambda batches=batches: batches.pop(0)  # type: ignore[method-assign]
        found.append((loop.step(), plain))
    assert found[0][0] == pytest.approx(found[1][0])
    for mine, other in zip(found[0][1].parameters(), found[1][1].parameters(), strict=True):
        assert torch.allclose(mine, other)


def test_evaluation_is_of_the_same_windows_as_ours(tmp_path: Path) -> None:
    data = text_data(tmp_path / "data", vocab_size=TINY.vocab_size)
    ours, plain = both(TANH)
    tokens = 20 * TINY.length + 1  # nothing is left over
    batches = source(
        data, torch.device("cpu"), length=TINY.length, batch_size=TINY.batch, limit=tokens
    )
    loop = Loop(plain, token_ids(data, "val")[:tokens], batch_size=3, length=TINY.length)
    expected = evaluate(ours, batches.evaluation("val"), precision="fp32")["loss"]
    assert loop.evaluate() == pytest.approx(expected, rel=1e-6)
    assert plain.training
