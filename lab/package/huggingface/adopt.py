"""A local folder of transformers, GPT-2 or Llama, becomes a package.

An adopted package has no training run: its config says where it comes from, its status is
`adopted`, and its metrics are empty.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from lab.config.adopted import AdoptedConfig, Origin
from lab.config.digest import digest
from lab.config.model import ModelConfig
from lab.errors import PackageError
from lab.files import sha256_file
from lab.model.gpt import GPT
from lab.model.outline import outlined
from lab.package.huggingface.catalogue import CATALOGUE, Stock
from lab.package.huggingface.checkpoint import check, read_tensors, weight_files
from lab.package.huggingface.files import table_of
from lab.package.huggingface.layout import LAB
from lab.package.huggingface.parts import read_parts, write_parts
from lab.package.huggingface.reading import model_config
from lab.package.huggingface.tokenizer_read import read_tokenizer
from lab.package.manifest import Manifest
from lab.package.verify import verify
from lab.package.weights import check_tables
from lab.package.write import write_package
from lab.provenance.record import record

_PREFIX = {"gpt2": "transformer.", "llama": "model."}


def adopt_folder(folder: str | Path, *, to: str | Path) -> Manifest:
    """Write the package `to`; returns its manifest.

    Raises `PackageError` for a folder that is incomplete, for a setting or a tokenizer that the
    lab cannot express, by its name, and where something else stands at `to`.
    """
    folder = Path(folder)
    raw = _config(folder / "config.json")
    model = model_config(folder / "config.json", raw)
    stock = next(stock for stock in CATALOGUE if stock.model_type == raw["model_type"])
    check_tables(folder / "config.json", model)
    files = weight_files(folder)
    tensors = read_tensors(files.values(), prefix=_PREFIX[raw["model_type"]])
    _check_embedding(folder, tensors, stock, (raw.get("vocab_size"), model.d_model))
    tokenizer, special = read_tokenizer(folder, raw)
    origin = Origin(
        architecture=raw["model_type"],
        weights={name: sha256_file(path) for name, path in files.items()},
    )
    config = AdoptedConfig(model=model, tokenizer=special, origin=origin)
    built = _model(folder, tensors, stock, model, tokenizer.vocab_size)
    name = digest(config.dump())
    with TemporaryDirectory() as scratch:
        metrics = Path(scratch) / "metrics.csv"
        metrics.write_text("step\n")
        package = write_package(
            to,
            config=config,
            tokenizer=tokenizer,
            model=built,
            metrics_csv=metrics,
            run=f"{origin.architecture}-adopted-{name[:8]}",
            digest=name,
            corpus_digest=None,
            data_digest=None,
            metrics={},
            labels={},
            provenance={**record(), "device": "cpu", "threads": torch.get_num_threads()},
            status="adopted",
        )
    return verify(package)


def _config(path: Path) -> dict[str, Any]:
    raw = table_of(path)
    if raw is None:
        raise PackageError(
            f"{path.parent} holds no {path.name}, so it is no folder of transformers"
        )
    if "auto_map" in raw:
        raise PackageError(
            f"{path}: auto_map names code of the folder's own, which is never run here: take "
            "auto_map out of it if the model is what model_type says"
        )
    return raw


def _check_embedding(
    folder: Path, tensors: dict[str, torch.Tensor], stock: Stock, stated: tuple[Any, int]
) -> None:
    """First of all, as the tokenizer and the model are built to these sizes."""
    name = f"{stock.layout.names['embedding']}.weight"
    found = tuple(tensors[name].shape) if name in tensors else None
    if found != stated:
        raise PackageError(
            f"the weights in {folder} do not fit its config.json: {name} has shape {found}, and "
            f"vocab_size and the model's width are {stated}"
        )


def _model(
    folder: Path,
    tensors: dict[str, torch.Tensor],
    stock: Stock,
    config: ModelConfig,
    vocab_size: int,
) -> GPT:
    if config.n_layers > len(tensors):
        raise PackageError(
            f"{folder} holds {len(tensors)} tensors, and its config.json describes "
            f"{config.n_layers} layers: the two do not belong together"
        )
    if config.tie_embeddings:
        head = tensors.pop("lm_head.weight", None)
        embedding = tensors.get(f"{stock.layout.names['embedding']}.weight")
        if head is not None and embedding is not None and not head.equal(embedding):
            raise PackageError(
                f"{folder}: tie_word_embeddings=true, but lm_head.weight is not the embedding; "
                "set it to false in config.json"
            )
    biases = stock.scope.bias.written(config)
    try:
        with outlined():
            parameters = dict(GPT(config, vocab_size).named_parameters())
    except RuntimeError as error:
        raise PackageError(f"{folder}/config.json describes a model of no size: {error}") from None
    outline = write_parts(read_parts(parameters, LAB, config), stock.layout, config, biases=biases)
    check(folder, tensors, {name: tuple(tensor.shape) for name, tensor in outline.items()})
    ours = write_parts(read_parts(tensors, stock.layout, config), LAB, config, biases=biases)
    with torch.random.fork_rng(devices=[]):
        model = GPT(config, vocab_size)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(ours[name])
    return model.eval()
