"""What models are measured, and in which of its peers' forms."""

from dataclasses import dataclass
from typing import Any

from lab.config.model import ModelConfig

TANH, EXACT, LLAMA = "GPT-2", "GPT-2, exact GELU", "Llama"
KINDS: dict[str, dict[str, Any]] = {
    TANH: {"bias": True, "mlp": {"kind": "gelu", "approximate": "tanh"}},
    EXACT: {"bias": True, "mlp": {"kind": "gelu", "approximate": "none"}},
    LLAMA: {"position": {"kind": "rope"}, "norm": {"kind": "rmsnorm"}, "mlp": {"kind": "swiglu"}},
}


@dataclass(frozen=True)
class Shape:
    """Layers, heads and width; windows of `length` tokens, `batch` a step."""

    name: str
    n_layers: int
    n_heads: int
    d_model: int
    length: int
    batch: int
    vocab_size: int

    def config(self, kind: str) -> ModelConfig:
        sizes = {"n_layers": self.n_layers, "n_heads": self.n_heads, "d_model": self.d_model}
        return ModelConfig.parse({**sizes, "max_seq_len": self.length, **KINDS[kind]})

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.batch * self.length

    def __str__(self) -> str:
        return f"{self.n_layers}/{self.n_heads}/{self.d_model}, {self.length} × {self.batch}"


TINY = Shape("tiny", 1, 2, 16, 16, 2, 32)
POSENC = Shape("posenc", 2, 4, 64, 64, 8, 100)
NANOGPT = Shape("nanogpt-cpu", 4, 4, 128, 64, 12, 65)
WIDE = Shape("d384", 6, 6, 384, 256, 2, 65)
LARGE = Shape("gpt2-small", 12, 12, 768, 1024, 32, 50_257)
