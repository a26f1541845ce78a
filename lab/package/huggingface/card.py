"""README.md of an exported folder: what the model is, where it comes from, how to load it."""

from lab.config.model import ModelConfig
from lab.config.yaml12 import dump_yaml
from lab.package.huggingface.catalogue import Stock
from lab.package.manifest import Manifest


def card(manifest: Manifest, config: ModelConfig, stock: Stock) -> str:
    facts = {
        "run": f"`{manifest.run}`",
        "package": f"`{manifest.sha256}`",
        "architecture": f"{stock.label} (`{stock.class_name}`)",
        "parameters": f"{manifest.n_params:,}",
        "vocabulary": f"{manifest.vocab_size:,} tokens",
        "context": f"{config.max_seq_len:,} tokens",
        "status": manifest.status,
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    metrics = [f"| {name} | {value:.6g} |" for name, value in sorted(manifest.metrics.items())]
    reached = ["", "| metric | value |", "|---|---|", *metrics] if metrics else []
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "---",
        "",
        f"# {manifest.run}",
        "",
        f"A small language model, exported from a package of gpt-lab. It computes what the "
        f"package's model computes, as transformers' {stock.label}.",
        "",
        "| | |",
        "|---|---|",
        *rows,
        *reached,
        "",
        "The model, in the lab's words:",
        "",
        "```yaml",
        dump_yaml(config.dump()).rstrip(),
        "```",
        "",
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'folder = "."  # where this file lies',
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder)",
        'ids = tokenizer("Once", return_tensors="pt")',
        "print(tokenizer.decode(model.generate(**ids, max_new_tokens=20)[0]))",
        "```",
        "",
    ]
    return "\n".join(lines)
