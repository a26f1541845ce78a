"""A finished run becomes a package.

Design choices:
- the folder is built under a hidden name beside its place and renamed at the end, so a package is
  whole or absent; what a killed writer left under that name is cleared by the next;
- the same run packaged again gives the same bytes, so writing it twice is no error: the first
  package stays, with the provenance of its time. Writing anything else over it is an error.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lab.config.adopted import AdoptedConfig
from lab.config.run import RunConfig
from lab.config.yaml12 import dump_yaml
from lab.data.tokenizer import Tokenizer
from lab.errors import PackageError
from lab.files import hidden_folder, replacing, sha256_file, sync, write_json, write_text
from lab.package.layout import (
    CONFIG,
    FILES,
    MANIFEST,
    MAX_BYTES,
    METRICS,
    PROVENANCE,
    TOKENIZER,
    WEIGHTS,
)
from lab.package.manifest import Manifest, Scalar, Status, sealed
from lab.package.verify import verify
from lab.package.weights import save_weights


def write_package(
    folder: str | Path,
    *,
    config: RunConfig | AdoptedConfig,
    tokenizer: Tokenizer,
    model: nn.Module,
    metrics_csv: Path,
    run: str,
    digest: str,
    corpus_digest: str | None,
    data_digest: str | None,
    metrics: Mapping[str, float],
    labels: Mapping[str, str],
    provenance: Mapping[str, Any],
    status: Status = "complete",
) -> Path:
    """Write a package and return its folder; an equal one that stands there already is kept.

    metrics: final values, finite. provenance: all of `lab.provenance.record`; its plain values
    stand in the manifest too (see `lab.package.manifest.Provenance`), but for the command line.
    Raises `PackageError` when another package, or anything else, stands at `folder`, and when a
    file is larger than a reader would accept.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow a link
    n_params = config.model.n_params(tokenizer.vocab_size)
    built = sum(parameter.numel() for parameter in model.parameters())
    assert built == n_params, f"{built} parameters where the config describes {n_params}"
    with hidden_folder(folder) as partial:
        write_text(partial / CONFIG, dump_yaml(config.dump()))
        write_text(partial / TOKENIZER, tokenizer.to_json())
        with replacing(partial / WEIGHTS) as beside:
            save_weights(beside, model)
        with replacing(partial / METRICS) as beside:
            shutil.copyfile(metrics_csv, beside)
        write_json(partial / PROVENANCE, dict(provenance))
        manifest = sealed(
            {
                "status": status,
                "run": run,
                "digest": digest,
                "files": {name: _record(partial / name, folder) for name in FILES},
                "data": {
                    "corpus_digest": corpus_digest,
                    "digest": data_digest,
                    "tokenizer_digest": tokenizer.digest,
                },
                "seed": config.seed,
                "n_params": n_params,
                "flops_per_token": config.model.flops_per_token(tokenizer.vocab_size),
                "vocab_size": tokenizer.vocab_size,
                "metrics": dict(metrics),
                "labels": dict(labels),
                "provenance": _plain(provenance),
            }
        )
        write_text(partial / MANIFEST, manifest.to_json())
        if not _stands(folder, manifest):
            partial.rename(folder)
            sync(folder.parent)
    return folder


def _plain(provenance: Mapping[str, Any]) -> dict[str, Scalar]:
    """A command says how a run was asked for, not what made its numbers."""
    plain = (str, int, float, bool, type(None))
    return {k: v for k, v in provenance.items() if isinstance(v, plain) and k != "command"}


def _record(path: Path, folder: Path) -> dict[str, str | int]:
    size, limit = path.stat().st_size, MAX_BYTES.get(path.name)
    if limit is not None and size > limit:
        raise PackageError(
            f"{path.name} of {folder} would have {size} bytes, and such a file at most {limit}; "
            "log less often, or train a smaller tokenizer"
        )
    return {"sha256": sha256_file(path), "bytes": size}


def _stands(folder: Path, manifest: Manifest) -> bool:
    """Whether this package is there already, wherever and whenever it was written."""
    if not folder.exists() and not folder.is_symlink():
        return False
    try:
        there = verify(folder)
    except PackageError as error:
        raise PackageError(
            f"cannot write a package at {folder}, where something else stands ({error}): "
            "move it away"
        ) from None
    if _content(there) != _content(manifest):
        raise PackageError(
            f"cannot write a package at {folder}, where another one of run {there.run!r} stands: "
            "packages are never overwritten, so move it away"
        )
    return True


def _content(manifest: Manifest) -> dict[str, Any]:
    """What tells packages apart: of the config the digest does, as its file may have been written
    when there were fewer keys."""
    found = manifest.model_dump(exclude={"provenance", "sha256"})
    for name in (PROVENANCE, CONFIG):
        found["files"].pop(name, None)
    return found
