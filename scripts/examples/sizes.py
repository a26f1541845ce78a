"""Compare sizes: parameters, FLOPs and memory are arithmetic on a config.

    python scripts/examples/sizes.py

`python -m lab.sizes` prints all that there are.
"""

from lab.config.loading import load_size
from lab.config.memory import inference_bytes, training_bytes

print(
    f"{'size':<12}{'parameters':>13}{'FLOPs a token':>15}{'to train, MB':>14}{'to write, MB':>14}"
)
for name in ("tiny", "small", "medium", "gpt2-small"):
    size = load_size(name)
    model, vocab_size = size.model, size.vocab_size
    to_train = training_bytes(model, vocab_size, batch=8) / 1e6
    to_write = inference_bytes(model, vocab_size, batch=1) / 1e6
    print(
        f"{name:<12}{model.n_params(vocab_size):>13,}{model.flops_per_token(vocab_size):>15,}"
        f"{to_train:>14.1f}{to_write:>14.1f}"
    )
