"""The stock architectures of transformers, and which of our models each can express.

Design choices:
- the first of the list that has no obstacle is taken, so the best known stand first;
- nothing is approximated. What a model lacks is filled with what does nothing: a bias of zeros,
  a table of positions of zeros, an MLP of width 1 whose weights are zeros. NTK scaling is written
  as the theta that it comes to.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lab.config.mlp import GeluMLP, NoMLP
from lab.config.model import ModelConfig
from lab.errors import PackageError
from lab.package.huggingface import names, settings
from lab.package.huggingface.layout import Layout
from lab.package.huggingface.scope import GATED, PLAIN, Bias, Obstacle, Scope
from lab.package.huggingface.settings import Settings

ADDED = frozenset({"learned", "sinusoidal", "none"})  # what a table of positions can hold
ROPE = frozenset({"rope"})
PARTLY = frozenset({"rope", "none"})  # where a share of each head is rotated, and may be nothing
MULTI_HEAD = frozenset({"multi-head"})


@dataclass(frozen=True)
class Stock:
    """An architecture: its names, what it can express, how it stores it, its config.json."""

    label: str
    model_type: str
    class_name: str
    scope: Scope
    layout: Layout
    settings: Callable[[ModelConfig], Settings]
    idle_width: Callable[[ModelConfig], int] = lambda config: 1  # of an MLP of zeros

    def tied(self, config: ModelConfig) -> bool:
        """A scaled embedding is no longer the head."""
        return config.tie_embeddings and not self.layout.scaled_embedding


def _fixed_eps(config: ModelConfig) -> list[Obstacle]:
    eps = config.norm.eps
    return [] if eps == 1e-5 else [Obstacle("norm.eps", eps, "1e-05 in any case")]


def _of_mpt(config: ModelConfig) -> list[Obstacle]:
    """Its MLP is four times as wide as the model, with the exact GELU."""
    found, mlp = [], config.mlp
    if isinstance(mlp, GeluMLP) and mlp.approximate != "none":
        found.append(Obstacle("mlp.approximate", mlp.approximate, "none"))
    if not isinstance(mlp, NoMLP) and mlp.d_ff not in (None, 4 * config.d_model):
        found.append(Obstacle("mlp.d_ff", mlp.d_ff, f"4 x d_model = {4 * config.d_model}"))
    return found


def _gemma_layout(names: dict[str, str]) -> Layout:
    return Layout(names, norm_offset=1.0, scaled_embedding=True)


CATALOGUE = (
    Stock(
        "GPT-2",
        "gpt2",
        "GPT2LMHeadModel",
        Scope("layernorm", ADDED, PLAIN, Bias.ALWAYS, heads=MULTI_HEAD),
        Layout(names.GPT2, transposed=True, norm_bias=True),
        settings.gpt2,
    ),
    Stock(
        "GPT-BigCode",
        "gpt_bigcode",
        "GPTBigCodeForCausalLM",
        Scope("layernorm", ADDED, PLAIN, Bias.ALWAYS, heads=frozenset({"multi-query"})),
        Layout(names.GPT2, norm_bias=True),
        lambda config: settings.gpt2(config) | {"multi_query": True},
    ),
    Stock(
        "OPT",
        "opt",
        "OPTForCausalLM",
        Scope(
            "layernorm",
            ADDED,
            PLAIN,
            Bias.TOGETHER,
            placement="post",
            heads=MULTI_HEAD,
            further=_fixed_eps,
        ),
        Layout(names.OPT, position_offset=2, norm_bias=True),
        settings.opt,
    ),
    Stock(
        "Llama",
        "llama",
        "LlamaForCausalLM",
        Scope("rmsnorm", ROPE, GATED, Bias.SEPARATE),
        Layout(names.LLAMA),
        settings.llama,
    ),
    Stock(
        "Mistral",
        "mistral",
        "MistralForCausalLM",
        Scope("rmsnorm", ROPE, GATED, Bias.NEVER, window=True),
        Layout(names.LLAMA),
        settings.mistral,
    ),
    Stock(
        "Qwen3",
        "qwen3",
        "Qwen3ForCausalLM",
        Scope("rmsnorm", ROPE, GATED, Bias.ATTENTION, window=True, qk_norm=True),
        Layout(names.LLAMA | names.QK_NORM),
        settings.qwen3,
    ),
    Stock(
        "GPT-NeoX",
        "gpt_neox",
        "GPTNeoXForCausalLM",
        Scope("layernorm", ROPE, PLAIN, Bias.MLP_ALWAYS, heads=MULTI_HEAD, share=True),
        Layout(names.NEOX, interleaved=True, norm_bias=True),
        settings.neox,
    ),
    Stock(
        "StarCoder2",
        "starcoder2",
        "Starcoder2ForCausalLM",
        Scope("layernorm", ROPE, PLAIN, Bias.TOGETHER, window=True),
        Layout(names.STARCODER2, norm_bias=True),
        settings.starcoder2,
    ),
    Stock(
        "Nemotron",
        "nemotron",
        "NemotronForCausalLM",
        Scope("layernorm", PARTLY, PLAIN, Bias.SEPARATE, share=True),
        Layout(names.LLAMA, norm_offset=1.0, norm_bias=True),
        settings.nemotron,
    ),
    Stock(
        "Persimmon",
        "persimmon",
        "PersimmonForCausalLM",
        Scope("layernorm", PARTLY, PLAIN, Bias.ALWAYS, heads=MULTI_HEAD, qk_norm=None, share=True),
        Layout(names.PERSIMMON, interleaved=True, norm_bias=True, qk_norm_bias=True),
        settings.persimmon,
    ),
    Stock(
        "StableLM",
        "stablelm",
        "StableLmForCausalLM",
        Scope("layernorm", PARTLY, GATED, Bias.NEVER, qk_norm=None, share=True, qk_norm_bias=False),
        Layout(names.STABLELM, norm_bias=True),
        settings.stablelm,
    ),
    Stock(
        "MPT",
        "mpt",
        "MptForCausalLM",
        Scope(
            "layernorm",
            frozenset({"alibi"}),
            frozenset({"gelu"}),
            Bias.NEVER,
            heads=MULTI_HEAD,
            norm_bias=False,
            further=_of_mpt,
        ),
        Layout(names.MPT),
        settings.mpt,
        idle_width=lambda config: 4 * config.d_model,
    ),
    Stock(
        "Arcee",
        "arcee",
        "ArceeForCausalLM",
        Scope("rmsnorm", ROPE, PLAIN, Bias.SEPARATE),
        Layout(names.LLAMA),
        settings.llama,
    ),
    Stock(
        "Apertus",
        "apertus",
        "ApertusForCausalLM",
        Scope("rmsnorm", ROPE, PLAIN, Bias.ATTENTION, qk_norm=True),
        Layout(names.APERTUS),
        settings.apertus,
    ),
    Stock(
        "Phi-3",
        "phi3",
        "Phi3ForCausalLM",
        Scope("rmsnorm", ROPE, GATED, Bias.NEVER, window=True, share=True, linear=False),
        Layout(names.PHI3),
        settings.phi3,
    ),
    Stock(
        "SmolLM3",
        "smollm3",
        "SmolLM3ForCausalLM",
        Scope("rmsnorm", frozenset({"none"}), GATED, Bias.SEPARATE, window=True),
        Layout(names.LLAMA),
        settings.smollm3,
    ),
    Stock(
        "VaultGemma",
        "vaultgemma",
        "VaultGemmaForCausalLM",
        Scope("rmsnorm", ROPE, GATED, Bias.ATTENTION, window=True, logit_cap=True),
        _gemma_layout(names.VAULTGEMMA),
        settings.gemma,
    ),
    Stock(
        "Gemma 2",
        "gemma2",
        "Gemma2ForCausalLM",
        Scope(
            "rmsnorm",
            ROPE,
            GATED,
            Bias.ATTENTION,
            placement="sandwich",
            window=True,
            logit_cap=True,
        ),
        _gemma_layout(names.GEMMA2),
        settings.gemma,
    ),
    Stock(
        "Gemma 3",
        "gemma3_text",
        "Gemma3ForCausalLM",
        Scope(
            "rmsnorm",
            ROPE,
            GATED,
            Bias.ATTENTION,
            placement="sandwich",
            window=True,
            qk_norm=True,
            logit_cap=True,
        ),
        _gemma_layout(names.GEMMA2 | names.QK_NORM),
        settings.gemma3,
    ),
)


def stock_for(config: ModelConfig) -> Stock:
    """The first architecture that can express a model.

    Raises `PackageError` that names what stands in the way of the nearest one.
    """
    ways = [(stock, stock.scope.obstacles(config)) for stock in CATALOGUE]
    stock, obstacles = min(ways, key=lambda way: sum(obstacle.size for obstacle in way[1]))
    if obstacles:
        stands, that = ("stands", "that") if len(obstacles) == 1 else ("stand", "those")
        raise PackageError(
            "no stock architecture that the lab exports to computes this model: in the way of "
            f"{stock.label} {stands} {' and '.join(map(str, obstacles))}; a model trained with "
            f"{that} can be exported"
        )
    return stock
