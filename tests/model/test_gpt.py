"""The whole model, against Hugging Face's implementations and against what it promises."""

from typing import Any

import pytest
import torch
import transformers
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lab.config.model import ModelConfig
from lab.model.gpt import GPT, build_model

VOCAB = 37
SHAPE = {"n_layers": 2, "n_heads": 3, "d_model": 24, "max_seq_len": 11}


def config_of(**choices: Any) -> ModelConfig:
    return ModelConfig.parse({**SHAPE, **choices})


def random_ids(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(VOCAB, shape, generator=torch.Generator().manual_seed(seed))


def scrambled(model: GPT) -> GPT:
    """Every parameter, biases and norm weights too, moved away from its initial value."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval().double()


class TestOracles:
    def test_equals_gpt2(self) -> None:
        config = config_of(bias=True)
        ours = scrambled(build_model(config, VOCAB, seed=0))
        theirs = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=VOCAB,
                n_positions=config.max_seq_len,
                n_embd=config.d_model,
                n_layer=config.n_layers,
                n_head=config.n_heads,
                activation_function="gelu",
            )
        )
        theirs = theirs.eval().double()
        names = {
            "embedding.": "transformer.wte.",
            "position.table.": "transformer.wpe.",
            "final_norm.": "transformer.ln_f.",
            "blocks.": "transformer.h.",
            "attention_norm": "ln_1",
            "mlp_norm": "ln_2",
            "attention.qkv_proj": "attn.c_attn",
            "attention.o_proj": "attn.c_proj",
            "up_proj": "c_fc",
            "down_proj": "c_proj",
        }
        state = theirs.state_dict()
        for name, value in ours.named_parameters():
            for old, new in names.items():
                name = name.replace(old, new)
            turned = value.T if "c_" in name and value.ndim == 2 else value  # their Conv1D
            assert state[name].shape == turned.shape
            state[name].copy_(turned.detach())
        assert sum(p.numel() for p in theirs.parameters()) == config.n_params(VOCAB)
        ids = random_ids(2, 11)
        torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=0, atol=1e-11)

    def test_equals_llama(self) -> None:
        config = config_of(
            position={"kind": "rope", "theta": 500.0},
            norm={"kind": "rmsnorm", "eps": 1e-6},
            mlp={"kind": "swiglu"},
            tie_embeddings=False,
        )
        ours = scrambled(build_model(config, VOCAB, seed=0))
        theirs = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=VOCAB,
                hidden_size=config.d_model,
                intermediate_size=config.d_ff,
                num_hidden_layers=config.n_layers,
                num_attention_heads=config.n_heads,
                max_position_embeddings=config.max_seq_len,
                rms_norm_eps=1e-6,
                rope_parameters={"rope_type": "default", "rope_theta": 500.0},
                tie_word_embeddings=False,
            )
        )
        theirs = theirs.eval().double()
        state, d, f = theirs.state_dict(), config.d_model, config.d_ff
        source = {name: value.detach() for name, value in ours.named_parameters()}
        moved = {
            "model.embed_tokens.weight": source["embedding.weight"],
            "model.norm.weight": source["final_norm.weight"],
            "lm_head.weight": source["head.weight"],
        }
        for i in range(config.n_layers):
            here, there = f"blocks.{i}.", f"model.layers.{i}."
            q, k, v = source[here + "attention.qkv_proj.weight"].split(d)
            gate, up = source[here + "mlp.gate_up_proj.weight"].split(f)
            moved |= {
                there + "self_attn.q_proj.weight": q,
                there + "self_attn.k_proj.weight": k,
                there + "self_attn.v_proj.weight": v,
                there + "self_attn.o_proj.weight": source[here + "attention.o_proj.weight"],
                there + "mlp.gate_proj.weight": gate,
                there + "mlp.up_proj.weight": up,
                there + "mlp.down_proj.weight": source[here + "mlp.down_proj.weight"],
                there + "input_layernorm.weight": source[here + "attention_norm.weight"],
                there + "post_attention_layernorm.weight": source[here + "mlp_norm.weight"],
            }
        assert moved.keys() == state.keys()
        for name, value in moved.items():
            state[name].copy_(value)
        ids = random_ids(2, 11)
        # their rotation tables are float32, whatever the model's precision
        torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=0, atol=2e-6)


class TestFamily:
    """What holds for every position, norm and MLP."""

    def test_counts_are_predicted(self, family: dict[str, Any]) -> None:
        for bias in (False, True):
            for tied in (False, True):
                config = config_of(**family, bias=bias, tie_embeddings=tied)
                model = GPT(config, VOCAB)
                assert sum(p.numel() for p in model.parameters()) == config.n_params(VOCAB)

    def test_flops_are_predicted(self, family: dict[str, Any]) -> None:
        config = config_of(**family)
        model = GPT(config, VOCAB)
        ids = random_ids(2, config.max_seq_len)
        # the counter knows the plain attention kernel only
        with (
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
            torch.no_grad(),
        ):
            model(ids)
        assert counter.get_total_flops() == config.forward_flops_per_token(VOCAB) * ids.numel()

    def test_no_position_parameters_unless_learned(self, family: dict[str, Any]) -> None:
        names = [name for name, _ in GPT(config_of(**family), VOCAB).named_parameters()]
        learned = family["position"]["kind"] == "learned"
        assert any(name.startswith("position.") for name in names) == learned

    def test_every_parameter_gets_a_gradient(self, family: dict[str, Any]) -> None:
        model = build_model(config_of(**family, bias=True), VOCAB, seed=0).double()
        ids = random_ids(3, 11)
        nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.roll(-1).flatten()).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name

    def test_the_future_changes_nothing(self, family: dict[str, Any]) -> None:
        model = scrambled(build_model(config_of(**family), VOCAB, seed=0))
        ids = random_ids(1, 11)
        logits = model(ids)
        for t in range(1, 11):
            changed = ids.clone()
            changed[0, t:] = (changed[0, t:] + 1) % VOCAB
            torch.testing.assert_close(model(changed)[0, :t], logits[0, :t], rtol=0, atol=1e-12)
            assert not torch.allclose(model(changed)[0, t], logits[0, t])

    def test_order_matters(self, family: dict[str, Any]) -> None:
        model = scrambled(build_model(config_of(**family), VOCAB, seed=0))
        ids = torch.tensor([[3, 5, 7, 2]])
        assert not torch.allclose(model(ids)[0, -1], model(ids[:, [1, 0, 2, 3]])[0, -1])

    def test_leading_axes_are_free(self, family: dict[str, Any]) -> None:
        model = scrambled(build_model(config_of(**family), VOCAB, seed=0))
        ids = random_ids(2, 3, 5)
        together = model(ids)
        assert together.shape == (2, 3, 5, VOCAB)
        torch.testing.assert_close(together[1, 2], model(ids[1, 2]), rtol=0, atol=1e-12)
        torch.testing.assert_close(together[0], model(ids[0]), rtol=0, atol=1e-12)

    def test_every_parameter_sits_in_a_leaf(self, family: dict[str, Any]) -> None:
        for module in GPT(config_of(**family, bias=True), VOCAB).modules():
            if list(module.children()):
                assert not list(module.parameters(recurse=False))

    def test_learns_one_batch_by_heart(self, family: dict[str, Any]) -> None:
        model = build_model(config_of(**family), VOCAB, seed=0)
        ids = random_ids(4, 11)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(80):
            loss = nn.functional.cross_entropy(
                model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss < 0.5  # ln 37 = 3.6 by guessing; the first tokens cannot be known

    def test_gradients_equal_finite_differences(self, family: dict[str, Any]) -> None:
        config = ModelConfig.parse(
            {"n_layers": 1, "n_heads": 1, "d_model": 4, "max_seq_len": 3, "init_std": 0.5, **family}
        )
        model = build_model(config, 5, seed=0).double()
        names, values = zip(*model.named_parameters(), strict=True)
        ids = torch.tensor([[1, 4, 2]])

        def loss(*parameters: torch.Tensor) -> torch.Tensor:
            stand_in = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(model, stand_in, (ids,)).logsumexp(-1).sum()

        assert torch.autograd.gradcheck(loss, values, fast_mode=True)


def test_sequences_beyond_the_maximum_are_refused() -> None:
    with pytest.raises(ValueError, match="12 tokens are more than max_seq_len=11"):
        GPT(config_of(), VOCAB)(random_ids(1, 12))


def test_dropout_is_drawn_in_training_only() -> None:
    model = build_model(config_of(dropout=0.5), VOCAB, seed=0)
    ids = random_ids(1, 11)
    torch.manual_seed(0)
    first = model(ids)
    torch.manual_seed(0)
    assert torch.equal(model(ids), first)
    assert not torch.equal(model(ids), first)
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.parametrize(
    ("n_layers", "n_heads", "d_model", "published"),
    [
        (12, 12, 768, 124_439_808),
        (24, 16, 1024, 354_823_168),
        (36, 20, 1280, 774_030_080),
        (48, 25, 1600, 1_557_611_200),
    ],
)
def test_gpt2_sizes_are_reproduced(
    n_layers: int, n_heads: int, d_model: int, published: int
) -> None:
    config = ModelConfig(
        n_layers=n_layers, n_heads=n_heads, d_model=d_model, max_seq_len=1024, bias=True
    )
    assert config.n_params(50257) == published


def test_gpt2_small_without_bias() -> None:
    config = ModelConfig(n_layers=12, n_heads=12, d_model=768, max_seq_len=1024)
    assert config.n_params(50257) == 124_337_664
