"""What a model is made of: its parameters, their initial values, and the work of a pass."""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lab.certify.certificate import SEEN, Finding, all_of, at_least, at_most, worst
from lab.certify.subject import Subject
from lab.certify.work import operations
from lab.config.model import ModelConfig
from lab.model.init import initialise

MANY = 64  # numbers, from which their spread is told
SIGMAS = 6.0
SMALL = 10**9  # operations, quicker done than what PyTorch imports to leave them out (a second)


def parameters(subject: Subject) -> Finding:
    """The parameters are those that the config asks for, and no others, at the full size.

    Their names and shapes follow from the papers' matrices; their number is the one that
    `n_params` predicts, a tied head counted once. So no position table is left in a model that
    rotates, and no matrix is larger or twice there.
    """
    model, config, vocab_size = subject.full, subject.config, subject.vocab_size
    expected = expected_shapes(config, vocab_size)
    found = {name: tuple(p.shape) for name, p in model.named_parameters()}
    wrong = [f"unexpected {name}" for name in found if name not in expected]
    wrong += [f"no {name}" for name in expected if name not in found]
    wrong += [
        f"{name} is {_by(found[name])} instead of {_by(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    unsaved = model.state_dict().keys() ^ dict(model.named_parameters(remove_duplicate=False))
    wrong += [f"{name} is saved and not trained" for name in sorted(unsaved)]
    wrong += [
        f"{name} is not trained" for name, p in model.named_parameters() if not p.requires_grad
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding(False, ", ".join(wrong[:3]) + more)
    counted, predicted = sum(p.numel() for p in model.parameters()), config.n_params(vocab_size)
    return _equal(counted, predicted)


def flops(subject: Subject) -> Finding:
    """The matrix products of a pass over `max_seq_len` tokens cost what `flops_per_token` says.

    Counted by PyTorch operation by operation, at the full size; a multiply and an add are two
    (Chowdhery et al. 2022, appendix B).
    """
    length = subject.config.max_seq_len
    predicted = subject.config.forward_flops_per_token(subject.vocab_size) * length
    model = subject.full
    if predicted < SMALL:
        model = subject.build(subject.config, subject.vocab_size).eval()
    ids = torch.zeros(1, length, dtype=torch.int64, device=model.embedding.weight.device)
    with sdpa_kernel(SDPBackend.MATH):  # of which alone the formulas are those of its parts
        return _equal(operations(lambda: model(ids)), predicted)


def no_dead_parameters(subject: Subject) -> Finding:
    """Every parameter changes what the model says: the gradient of a random mixture of its logits
    is 0 for none.

    One bias has no effect by theory: what is added to all keys alike lifts all scores of a query
    alike, which a softmax does not see, unless keys are rotated afterwards.
    """
    model = subject.small
    generator = torch.Generator().manual_seed(1)
    with torch.enable_grad():
        logits = model(subject.ids)
        mixture = (logits * torch.randn(logits.shape, generator=generator)).sum()
        names, values = zip(*model.named_parameters(), strict=True)
        gradients = torch.autograd.grad(mixture, values, allow_unused=True)
    rotates = subject.config.position.kind == "rope"
    sizes = {
        name: 0.0 if gradient is None else float(gradient.abs().max())
        for name, gradient in zip(names, gradients, strict=True)
        if rotates or not name.endswith("k_norm.bias")
    }
    dead = [name for name, size in sizes.items() if not size >= SEEN]
    if dead:
        return Finding(False, f"nothing depends on {', '.join(dead[:3])}")
    return at_least("smallest gradient", min(sizes.values()))


def tied_head(subject: Subject) -> Finding:
    """The output matrix is the embedding itself, not a copy (Press and Wolf 2017)."""
    model = subject.small
    one = model.head.weight is model.embedding.weight
    return Finding(one, "one parameter" if one else "two parameters")


def own_head(subject: Subject) -> Finding:
    """The output matrix is a parameter of its own."""
    model = subject.small
    one = model.head.weight is model.embedding.weight
    return Finding(not one, "one parameter" if one else "two parameters")


def matched_width(subject: Subject) -> Finding:
    """A gated network without a width of its own has as many parameters as a plain one of width
    4 x d_model, as nearly as a whole number allows (Shazeer 2020, section 3).
    """
    config = subject.config
    d, f, bias = config.d_model, config.d_ff, config.bias
    plain = 8 * d * d + bias * 5 * d
    difference = abs(f * (3 * d + 2 * bias) + bias * d - plain)
    nearest = 2 * difference <= 3 * d + 2 * bias
    detail = f"width {f:,}, {difference:,} of {plain:,} parameters off"
    return Finding(nearest, detail)


def initial_values(subject: Subject) -> Finding:
    """Weights begin normal with standard deviation `init_std`, those that write to the residual
    stream divided by the root of how often it is added to; biases at 0, norm weights at 1.

    Radford et al. 2019, section 2.3. How far a sample's variance may lie from its own is known:
    the sum of n squares has the variance 2n.
    """
    config = subject.small_config
    model = subject.build(config, 512)
    initialise(model, seed=0, std=config.init_std)
    residual = (config.n_layers * config.n_branches) ** -0.5
    off, still = [0.0], [0.0]
    for name, value in model.named_parameters():
        if value.ndim == 1:
            still.append(float((value - (0.0 if name.endswith("bias") else 1.0)).abs().max()))
        elif value.numel() >= MANY:
            writes = name.endswith(("o_proj.weight", "down_proj.weight"))
            std = config.init_std * (residual if writes else 1.0)
            off.append(_deviations(value.double() / std))
    return all_of(
        at_most("standard errors", worst(off), SIGMAS),
        at_most("biases and norm weights", worst(still), 0.0),
    )


def expected_shapes(config: ModelConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Every parameter by name; a tied head is none."""
    d, f, kv = config.d_model, config.d_ff, config.n_kv_heads * config.head_dim
    norm = {"weight": True, "bias": config.bias and config.norm.kind == "layernorm"}
    found: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, d)}

    def add_norm(name: str, width: int) -> None:
        found.update({f"{name}.{part}": (width,) for part, there in norm.items() if there})

    def add_linear(name: str, d_in: int, d_out: int, *, bias: bool) -> None:
        found[f"{name}.weight"] = (d_out, d_in)
        if bias:
            found[f"{name}.bias"] = (d_out,)

    if config.position.kind == "learned":
        found["position.table.weight"] = (config.max_seq_len, d)
    attention_bias = config.attention.has_bias(config.bias)
    branches = ["attention"] if config.mlp.kind == "none" else ["attention", "mlp"]
    for n in range(config.n_layers):
        block = f"blocks.{n}"
        add_linear(f"{block}.attention.qkv_proj", d, d + 2 * kv, bias=attention_bias)
        add_linear(f"{block}.attention.o_proj", d, d, bias=attention_bias)
        if config.attention.qk_norm:
            add_norm(f"{block}.attention.q_norm", config.head_dim)
            add_norm(f"{block}.attention.k_norm", config.head_dim)
        if config.mlp.kind in ("swiglu", "geglu"):
            add_linear(f"{block}.mlp.gate_up_proj", d, 2 * f, bias=config.bias)
        elif config.mlp.kind != "none":
            add_linear(f"{block}.mlp.up_proj", d, f, bias=config.bias)
        if config.mlp.kind != "none":
            add_linear(f"{block}.mlp.down_proj", f, d, bias=config.bias)
        for branch in branches:
            add_norm(f"{block}.{branch}_norm", d)
            if config.norm_placement == "sandwich":
                add_norm(f"{block}.{branch}_out_norm", d)
    if config.norm_placement != "post":
        add_norm("final_norm", d)
    if not config.tie_embeddings:
        found["head.weight"] = (vocab_size, d)
    return found


def norms_of(model: nn.Module, config: ModelConfig) -> dict[str, nn.Module]:
    """Every norm that the config asks for, by name."""
    names = {
        name.rpartition(".")[0]
        for name in expected_shapes(config, 1)
        if name.rpartition(".")[0].endswith("norm")
    }
    return {name: model.get_submodule(name) for name in sorted(names)}


def _deviations(unit: Tensor) -> float:
    """How many standard errors mean and variance of a sample are from 0 and 1."""
    n = unit.numel()
    mean = abs(float(unit.sum())) / n**0.5
    variance = abs(float(unit.square().sum()) - n) / (2 * n) ** 0.5
    return worst([mean, variance])


def _equal(counted: int, predicted: int) -> Finding:
    if counted == predicted:
        return Finding(True, f"{counted:,}, as predicted")
    return Finding(False, f"{counted:,}, not {predicted:,} as predicted")


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
