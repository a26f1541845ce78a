"""The question that bad input is made of, and its text."""

QUESTION = """\
question: Which is better?
base:
  data: {corpus: {kind: file, path: corpus.txt}}
  model: {n_layers: 1, n_heads: 2, d_model: 16, max_seq_len: 16}
  train: {steps: 20, batch_size: 4}
  device: cpu
  tracking: {wandb: {mode: disabled}}
baseline: learned
variants:
  learned: {}
  rope: {model.position: {kind: rope}}
"""
CORPUS = "".join(f"{i} and {i * i % 97} make {i + i * i % 97};\n" for i in range(1500))
LR = "train.optimizer.lr"


def space(entry: str, *, name: str = LR, more: str = "trials: 3") -> str:
    """An override: a search over one entry."""
    return f"tune={{{more}, space: {{{name}: {entry}}}}}"


def variants(text: str) -> tuple[str, str]:
    """Overrides: other variants, the one called `c` among them to compare with."""
    return f"variants={{{text}, c: {{model.n_layers: 2}}}}", "baseline=c"


def factors(text: str) -> tuple[str, str, str]:
    """Overrides: factors in the place of variants."""
    return "variants={base: {}}", "baseline=null", f"factors={{{text}}}"
