"""What every member of the family promises; `family` is each position x norm x MLP."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lab.config.model import ModelConfig
from lab.model.context import Context
from lab.model.gpt import GPT, build_model
from tests.model.configs import (
    POSITIONS,
    VOCAB,
    config_of,
    model_configs,
    random_ids,
    scrambled,
)

TINY = {"n_layers": 1, "n_heads": 4, "d_model": 16, "max_seq_len": 5, "init_std": 0.5}


def model_of(seed: int = 0, **choices: Any) -> GPT:
    return scrambled(build_model(config_of(**choices), VOCAB, seed=seed))


class TestFamily:
    def test_every_parameter_gets_a_gradient(self, family: dict[str, Any]) -> None:
        config = config_of(**family, bias=True)
        model = scrambled(build_model(config, VOCAB, seed=0))
        ids = random_ids(3, 11)
        F.cross_entropy(model(ids).flatten(0, 1), ids.roll(-1).flatten()).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            # unless it is rotated, what all keys have in common lifts all scores alike
            common = name.endswith("k_norm.bias") and config.position.kind != "rope"
            assert (parameter.grad.abs().max() < 1e-12) == common, name

    def test_the_future_changes_nothing(self, family: dict[str, Any]) -> None:
        model, ids = model_of(**family), random_ids(1, 11)
        logits = model(ids)
        for t in (1, 4, 10):
            changed = ids.clone()
            changed[0, t:] = (changed[0, t:] + 1) % VOCAB
            torch.testing.assert_close(model(changed)[0, :t], logits[0, :t], rtol=0, atol=1e-12)
            assert not torch.allclose(model(changed)[0, t], logits[0, t])

    def test_order_matters(self, family: dict[str, Any]) -> None:
        model, ids = model_of(**family), torch.tensor([[3, 5, 7, 2]])
        assert not torch.allclose(model(ids)[0, -1], model(ids[:, [1, 0, 2, 3]])[0, -1])

    def test_learns_one_batch_by_heart(self, family: dict[str, Any]) -> None:
        model = build_model(config_of(**family), VOCAB, seed=0)
        ids = random_ids(3, 9)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True)
        losses = [float("inf")]
        while losses[-1] > 0.3 and len(losses) < 150:  # ln 37 = 3.6 by guessing
            loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.3, losses[-1]

    def test_gradients_equal_finite_differences(self, family: dict[str, Any]) -> None:
        model = build_model(ModelConfig.parse({**TINY, **family}), 5, seed=0).double()
        names, values = zip(*model.named_parameters(), strict=True)
        ids = torch.tensor([[1, 4, 2, 2, 0]])

        def loss(*parameters: torch.Tensor) -> torch.Tensor:
            stand_in = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(model, stand_in, (ids,)).logsumexp(-1).sum()

        assert torch.autograd.gradcheck(loss, values, fast_mode=True)

    def test_inside_is_what_forward_computes(self, family: dict[str, Any]) -> None:
        model, ids = model_of(**family), random_ids(2, 7)
        seen: list[torch.Tensor] = []
        hooks = [
            block.register_forward_hook(lambda _, args, out: seen.append(out))
            for block in model.blocks
        ]
        logits = model(ids)
        for hook in hooks:
            hook.remove()
        inside = model.inspect(ids)
        assert torch.equal(inside.logits, logits)
        assert len(inside.hidden) == 1 + len(seen)
        assert all(map(torch.equal, inside.hidden[1:], seen))
        positions = torch.arange(7).expand(2, 7)
        embedded = model.position.embed(model.embedding(ids), positions, length=7)
        assert torch.equal(inside.hidden[0], embedded)
        distance = torch.arange(7)[:, None] - torch.arange(7)
        unseen = (distance < 0) | (distance >= (model.config.attention.window or 7))
        assert len(inside.attention) == model.config.n_layers
        for weights in inside.attention:
            assert weights.shape == (2, 4, 7, 7)
            torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7, dtype=torch.float64))
            assert weights[..., unseen].abs().max() == 0
            assert weights[..., ~unseen].min() > 0


class TestAnyConfig:
    @settings(deadline=None, max_examples=80, database=None)
    @given(config=model_configs())
    def test_counts_are_predicted(self, config: ModelConfig) -> None:
        model = GPT(config, VOCAB)
        assert sum(p.numel() for p in model.parameters()) == config.n_params(VOCAB)
        tables = {model.embedding.weight, model.head.weight, *model.position.parameters()}
        assert sum(p.numel() for p in tables) == config.n_params_embedding(VOCAB)

    @settings(deadline=None, max_examples=40, database=None)
    @given(config=model_configs())
    def test_flops_are_predicted(self, config: ModelConfig) -> None:
        model, ids = GPT(config, VOCAB), random_ids(2, config.max_seq_len)
        # the counter knows the plain attention kernel only
        with (
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
            torch.no_grad(),
        ):
            model(ids)
        assert counter.get_total_flops() == config.forward_flops_per_token(VOCAB) * ids.numel()

    @settings(deadline=None, max_examples=40, database=None)
    @given(config=model_configs())
    def test_parameters_are_only_what_is_trained(self, config: ModelConfig) -> None:
        """Every one in a leaf, and in what is saved, and nothing else there."""
        model = GPT(config, VOCAB)
        for module in model.modules():
            if list(module.children()):
                assert not list(module.parameters(recurse=False))
        saved = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        assert model.state_dict().keys() == saved
        learned = any(name.startswith("position.") for name in saved)
        assert learned == (config.position.kind == "learned")

    @settings(deadline=None, max_examples=40, database=None)
    @given(config=model_configs())
    def test_leading_axes_are_free(self, config: ModelConfig) -> None:
        model = scrambled(build_model(config, VOCAB, seed=0))
        ids, mask = random_ids(2, 3, 3), torch.tensor([True, True, False]).expand(2, 3, 3)
        for marks in (None, mask):
            together = model(ids, marks)
            assert together.shape == (2, 3, 3, VOCAB)
            first = None if marks is None else marks[0]
            torch.testing.assert_close(together[0], model(ids[0], first), rtol=0, atol=1e-10)
            alone = None if marks is None else marks[1, 2]
            torch.testing.assert_close(together[1, 2], model(ids[1, 2], alone), rtol=0, atol=1e-10)
            inside = model.inspect(ids, marks)
            assert inside.attention[0].shape == (2, 3, config.n_heads, 3, 3)
            torch.testing.assert_close(inside.logits, together, rtol=0, atol=1e-10)

    @settings(deadline=None, max_examples=40, database=None)
    @given(config=model_configs())
    def test_both_paths_are_one_function(self, config: ModelConfig) -> None:
        other = {"sdpa": "plain", "plain": "sdpa"}[config.attention.path]
        ids, mask = random_ids(2, 3), torch.tensor([[True, True, True], [False, True, True]])
        one, two = (
            scrambled(build_model(c, VOCAB, seed=0))
            for c in (config, config.replaced({"attention.path": other}))
        )
        for marks in (None, mask):
            torch.testing.assert_close(one(ids, marks), two(ids, marks), rtol=0, atol=1e-10)

    @settings(deadline=None, max_examples=30, database=None)
    @given(config=model_configs(dropout=True))
    def test_dropout_is_drawn_in_training_only(self, config: ModelConfig) -> None:
        model, ids = build_model(config, VOCAB, seed=0), random_ids(2, 3)
        torch.manual_seed(0)
        first = model(ids)
        torch.manual_seed(0)
        assert torch.equal(model(ids), first)
        if config.dropout:
            draws = [model(ids) for _ in range(3)]
            assert not all(torch.equal(draw, first) for draw in draws)
        model.eval()
        before = torch.get_rng_state()
        assert torch.equal(model(ids), model(ids))
        assert torch.equal(torch.get_rng_state(), before)

    @settings(deadline=None, max_examples=25, database=None)
    @given(config=model_configs())
    def test_half_precision_works_everywhere(self, config: ModelConfig) -> None:
        """By autocast and as the model's own: forward, backward, padded, cached."""
        model, ids = build_model(config, VOCAB, seed=0), random_ids(2, 3)
        mask = torch.tensor([[True, True, True], [False, True, True]])
        for marks in (None, mask):
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(ids, marks)
            logits.float().logsumexp(-1).sum().backward()
            assert logits.isfinite().all()
            assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        half = model.eval().to(torch.bfloat16)
        with torch.no_grad():
            cache = half.cache(rows=2, capacity=3)
            states = [half.read(ids[:, :2], cache, mask[:, :2]), half.read(ids[:, 2:], cache)]
            found = half.logits(torch.cat(states, dim=1))
            assert found.dtype == cache.keys.dtype == torch.bfloat16
            assert found.isfinite().all()


class TestPositionsInAModel:
    def test_without_positions_one_layer_sees_a_bag(self) -> None:
        model, ids = model_of(n_layers=1, position={"kind": "none"}), random_ids(1, 9)
        mixed = ids[:, [4, 0, 7, 2, 6, 1, 3, 5, 8]]
        torch.testing.assert_close(model(ids)[0, -1], model(mixed)[0, -1], rtol=0, atol=1e-12)

    @pytest.mark.parametrize("name", POSITIONS)
    def test_only_distances_count_unless_positions_are_embedded(self, name: str) -> None:
        model, ids = model_of(position=POSITIONS[name]), random_ids(2, 6)

        def moved(by: int) -> torch.Tensor:
            positions, length = torch.arange(by, by + 6), by + 6
            seen = torch.ones(6, 6, dtype=torch.bool).tril()[None, None]
            bias = model.position.bias(positions, positions)
            mask = seen if bias is None else bias[None].masked_fill(~seen, -torch.inf)
            turned = model.position.rotation(positions, length=length)
            context = Context(turned, mask, is_causal=False, cache=None)
            rows = positions.expand(2, 6)
            x = model.position.embed(model.embedding(ids), rows, length=length)
            for block in model.blocks:
                x = block(x, context)
            return model.logits(model.final_norm(x))

        torch.testing.assert_close(moved(0), model(ids), rtol=0, atol=1e-12)
        same = torch.allclose(moved(5), moved(0), rtol=0, atol=1e-10)
        assert same == (name not in ("learned", "sinusoidal"))

    @pytest.mark.parametrize("name", [name for name in POSITIONS if name != "learned"])
    def test_beyond_the_maximum_all_but_learned_go_on(self, name: str) -> None:
        short, long = (model_of(position=POSITIONS[name], max_seq_len=length) for length in (4, 11))
        ids = random_ids(1, 11)
        with torch.inference_mode():
            first = short(ids)
        torch.testing.assert_close(first, long(ids), rtol=0, atol=1e-12)
        short.train()(ids).sum().backward()
        assert short.embedding.weight.grad is not None

    def test_learned_positions_end(self) -> None:
        model, sentence = GPT(config_of(), VOCAB), "12 tokens are more than max_seq_len=11"
        padded = torch.ones(1, 12, dtype=torch.bool)
        padded[:, 0] = False
        assert model(random_ids(1, 12), padded).shape == (1, 12, VOCAB)  # eleven are real
        for ask in (model, model.inspect):
            with pytest.raises(ValueError, match=sentence):
                ask(random_ids(1, 12))
            with pytest.raises(ValueError, match=sentence):
                ask(random_ids(1, 12), torch.ones(1, 12, dtype=torch.bool))


def gradients(model: GPT, ids: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(1)
    F.cross_entropy(model.train()(ids).flatten(0, 1), ids.roll(-1).flatten()).backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    return found


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_what_is_computed_again_is_what_it_was(family: dict[str, Any], dropout: float) -> None:
    model, ids = model_of(**family, dropout=dropout), random_ids(3, 11)
    kept = gradients(model, ids)
    model.recomputes = True
    again = gradients(model, ids)
    assert all(torch.equal(again[name], gradient) for name, gradient in kept.items())


def test_a_layer_then_keeps_its_input_alone() -> None:
    model, ids = model_of(n_layers=4), random_ids(3, 11)

    def kept() -> int:
        """Numbers that autograd keeps of a pass, each storage once; a layer's input is an input."""
        found: dict[int, Tensor] = {}

        def pack(tensor: Tensor) -> Tensor:
            found.setdefault(tensor.untyped_storage().data_ptr(), tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.train()(ids).sum()
        return sum(tensor.numel() for tensor in found.values())

    whole = kept()
    model.recomputes = True
    assert kept() < whole / 3
    model.eval()
    with torch.no_grad():
        assert model(ids).isfinite().all()


def test_logits_are_capped() -> None:
    free, capped = model_of(), model_of(logit_cap=2.0)
    ids = random_ids(2, 5)
    torch.testing.assert_close(capped(ids), 2 * torch.tanh(free(ids) / 2))
    assert free(ids).abs().max() > 2 > capped(ids).abs().max()


def test_a_tied_head_is_the_embedding() -> None:
    tied, free = (build_model(config_of(tie_embeddings=t), VOCAB, seed=0) for t in (True, False))
    assert tied.head.weight is tied.embedding.weight
    assert free.head.weight is not free.embedding.weight
    assert not torch.allclose(free.head.weight, free.embedding.weight)


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
