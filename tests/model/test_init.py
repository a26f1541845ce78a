"""Initial values: named streams, and what variants therefore share."""

import math

import torch

from lab.config.model import ModelConfig
from lab.model.gpt import build_model
from lab.model.init import initialise, logical_shapes
from lab.model.linear import Projection

SHAPE = {"n_layers": 2, "n_heads": 4, "d_model": 64, "max_seq_len": 32}


def model_of(seed: int = 0, **choices: object):
    return build_model(ModelConfig.parse({**SHAPE, **choices}), 100, seed=seed)


def test_variants_start_equal_where_they_have_equal_parts() -> None:
    learned = dict(model_of().named_parameters())
    rope = dict(model_of(position={"kind": "rope"}, mlp={"kind": "swiglu"}).named_parameters())
    shared = [name for name in rope if "mlp." not in name]
    assert len(shared) == 10
    assert all(torch.equal(learned[name], rope[name]) for name in shared)


def test_fused_storage_draws_what_separate_storage_does() -> None:
    fused = torch.nn.ModuleDict(
        {"a": torch.nn.ModuleDict({"xy": Projection(8, {"q_proj": 8, "k_proj": 4}, bias=False)})}
    )
    apart = torch.nn.ModuleDict(
        {"a": torch.nn.ModuleDict({
            "x": Projection(8, {"q_proj": 8}, bias=False),
            "y": Projection(8, {"k_proj": 4}, bias=False),
        })}
    )  # fmt: skip
    initialise(fused, seed=3, std=1.0)
    initialise(apart, seed=3, std=1.0)
    assert logical_shapes(fused) == {"a.q_proj": (8, 8), "a.k_proj": (4, 8)}
    assert logical_shapes(apart) == {"a.q_proj": (8, 8), "a.k_proj": (4, 8)}
    pieces = torch.cat([apart["a"]["x"].weight, apart["a"]["y"].weight])
    assert torch.equal(fused["a"]["xy"].weight, pieces)


def test_scale_is_applied_after_the_draw() -> None:
    small, large = (dict(model_of(init_std=std).named_parameters()) for std in (0.02, 0.08))
    for name, weight in small.items():
        if weight.ndim == 2:
            torch.testing.assert_close(weight * 4, large[name])


def test_spread_is_what_the_config_says() -> None:
    model = model_of()
    blocks = dict(model.blocks[1].named_parameters())
    assert math.isclose(model.embedding.weight.std().item(), 0.02, rel_tol=0.03)
    assert math.isclose(blocks["attention.qkv_proj.weight"].std().item(), 0.02, rel_tol=0.03)
    residual = 0.02 / math.sqrt(2 * SHAPE["n_layers"])
    assert math.isclose(blocks["attention.o_proj.weight"].std().item(), residual, rel_tol=0.03)
    assert math.isclose(blocks["mlp.down_proj.weight"].std().item(), residual, rel_tol=0.03)
    assert torch.equal(model.final_norm.weight, torch.ones(64))


def test_what_writes_to_the_stream_is_scaled_by_how_often_that_happens() -> None:
    alone = model_of(mlp={"kind": "none"}).get_parameter("blocks.0.attention.o_proj.weight")
    both = model_of().get_parameter("blocks.0.attention.o_proj.weight")
    torch.testing.assert_close(alone, both * math.sqrt(2))


def test_attentions_share_what_has_one_shape() -> None:
    many = dict(model_of().named_parameters())
    shared = {"kind": "grouped-query", "n_kv_heads": 2, "qk_norm": True}
    few = dict(model_of(attention=shared, position={"kind": "alibi"}).named_parameters())
    name = "blocks.1.attention.qkv_proj.weight"
    assert torch.equal(many[name][:64], few[name][:64])  # of the queries
    assert few[name].shape == (64 + 32 + 32, 64)
    rest = [n for n in few if n in many and n.endswith("weight") and "qkv" not in n]
    assert len(rest) == 12
    assert all(torch.equal(many[n], few[n]) for n in rest)


def test_biases_are_zero_and_norms_one() -> None:
    choices = {"norm_placement": "sandwich", "attention": {"kind": "multi-head", "qk_norm": True}}
    for name, value in model_of(bias=True, **choices).named_parameters():
        if value.ndim == 1:
            assert torch.equal(value, torch.full_like(value, float("norm.weight" in name))), name


def test_seeds_differ_and_repeat() -> None:
    first, again, other = (model_of(seed).embedding.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_drawing_leaves_the_global_stream_alone() -> None:
    model, before = model_of(), torch.get_rng_state()
    initialise(model, seed=1, std=0.02)
    assert torch.equal(before, torch.get_rng_state())


def test_a_twins_draws_are_others_of_the_same_distribution() -> None:
    config = ModelConfig.parse(SHAPE)
    own, twin, seed = (
        dict(build_model(config, 100, seed=s, source=name).named_parameters())
        for s, name in ((3, "init"), (3, "twin"), (4, "init"))
    )
    for name, weight in own.items():
        other, a, b = twin[name], weight.flatten(), twin[name].flatten()
        if weight.std() == 0:  # norms and biases are not drawn
            assert torch.equal(weight, other)
            continue
        assert not torch.equal(other, seed[name])
        assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 5 / math.sqrt(len(a)), name
        assert torch.isclose(a.std(), b.std(), rtol=0.2), name
