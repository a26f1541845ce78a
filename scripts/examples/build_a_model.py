"""Build a model from a config, count it, and look at its parts.

python scripts/examples/build_a_model.py
"""

from lab.config.model import ModelConfig
from lab.model.gpt import build_model

VOCAB_SIZE = 65

config = ModelConfig.parse(
    {
        "n_layers": 2,
        "n_heads": 4,
        "d_model": 64,
        "max_seq_len": 64,
        "position": {"kind": "rope", "theta": 10_000},
        "norm": {"kind": "rmsnorm"},
        "mlp": {"kind": "swiglu"},
        "attention": {"kind": "grouped-query", "n_kv_heads": 2},
    }
)
model = build_model(config, VOCAB_SIZE, seed=1)
print(model)

built = sum(parameter.numel() for parameter in model.parameters())
print(f"\nparameters   {built:,} built, {config.n_params(VOCAB_SIZE):,} predicted")
print(f"in tables    {config.n_params_embedding(VOCAB_SIZE):,}")
print(f"MLP width    {config.d_ff}, so that it has the parameters of a plain one of 4 x d_model")
print(f"FLOPs        {config.flops_per_token(VOCAB_SIZE):,} a training token")

# A config is frozen; another one is made by changing values, and is validated as a whole.
larger = config.replaced({"d_model": 128, "attention": {"kind": "multi-head"}})
print(f"twice as wide: {larger.n_params(VOCAB_SIZE):,} parameters")
