"""What a package says of itself: its files' hashes, where it comes from, what it reached.

Design choices:
- canonical JSON: one manifest has one spelling, so any changed byte shows;
- `sha256` is the hash of the manifest without that field. It finds damage; it does not stop a
  forger, who would hash again;
- no time and no path stands in it: the same run packaged again gives the same bytes;
- nothing here needs torch, so a report can read manifests cheaply.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from lab.config.base import Strict
from lab.config.digest import canonical_json, digest
from lab.config.explain import explained
from lab.errors import PackageError
from lab.package.layout import FILES, MANIFEST, MAX_BYTES

SCHEMA = 1
DAMAGED = "it was changed after it was written: package the run again"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Status = Literal["complete", "pruned", "diverged", "failed", "adopted"]
Scalar = str | int | float | bool | None


class FileRecord(Strict):
    sha256: Sha256
    bytes: int = Field(ge=0)


class DataRecord(Strict):
    """The text, its tokens and its tokenizer, each known by its content.

    Of a model that was trained elsewhere, nobody here knows the text.
    """

    corpus_digest: Sha256 | None
    digest: Sha256 | None
    tokenizer_digest: Sha256


class Provenance(Strict):
    """The code and machine that made the numbers; further facts are plain values of any name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Scalar] = Field(init=False)

    source_digest: str
    git_commit: str | None
    git_dirty: bool | None
    python: str
    torch: str
    device: str
    threads: int = Field(ge=1)


class Manifest(Strict):
    schema_version: int = Field(SCHEMA, ge=SCHEMA, le=SCHEMA)
    status: Status
    run: str = Field(min_length=1)
    digest: Sha256
    files: dict[str, FileRecord]
    data: DataRecord
    seed: int | None = Field(ge=0, lt=2**32)
    n_params: int = Field(ge=1)
    flops_per_token: int = Field(ge=1)
    vocab_size: int = Field(ge=1)
    metrics: dict[str, float]
    labels: dict[str, str]
    provenance: Provenance
    sha256: Sha256

    @model_validator(mode="after")
    def _knows_its_origin(self) -> "Manifest":
        unknown = None in (self.seed, self.data.corpus_digest, self.data.digest)
        if unknown and self.status != "adopted":
            raise ValueError("only an adopted model may lack a seed or a digest of its data")
        return self

    def to_json(self) -> str:
        """The bytes of manifest.json."""
        return canonical_json(self.dump()) + "\n"


def sealed(facts: Mapping[str, Any]) -> Manifest:
    """A manifest of these facts, with the hash of itself."""
    raw = Manifest.parse({**facts, "sha256": "0" * 64}).dump()
    return Manifest.parse({**raw, "sha256": _seal(raw)})


def read_manifest(path: str | Path) -> Manifest:
    """Read and check one manifest.json; says nothing of the files beside it.

    Raises `PackageError` when it is absent, too large, damaged, or of an unknown schema.
    """
    path = Path(path)
    raw = _read_canonical(path)
    schema = raw.get("schema_version")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise PackageError(
            f"{path} has schema_version {schema}, and this lab reads up to {SCHEMA}: "
            "update the lab to read it"
        )
    if raw.get("sha256") != _seal(raw):
        raise PackageError(f"{path} does not match its own sha256; {DAMAGED}")
    try:
        manifest = Manifest.parse(raw)
    except ValidationError as error:
        faults = "; ".join(explained(error, Manifest))
        raise PackageError(f"{path} is not a manifest of this lab: {faults}") from None
    _check_names(path, manifest)
    return manifest


def _seal(raw: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in raw.items() if key != "sha256"})


def _read_canonical(path: Path) -> dict[str, Any]:
    if path.is_symlink() or not path.is_file():
        raise PackageError(
            f"{path} is missing or not a regular file, so {path.parent} is no package: "
            "a manifest is written last, so package the run again"
        )
    size = path.stat().st_size
    if size > MAX_BYTES[MANIFEST]:
        raise PackageError(
            f"{path} has {size} bytes, and a manifest at most {MAX_BYTES[MANIFEST]}; {DAMAGED}"
        )
    try:
        text = path.read_bytes().decode()
        raw = json.loads(text)
        canonical = isinstance(raw, dict) and canonical_json(raw) + "\n" == text
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PackageError(f"{path} cannot be read as JSON ({reason}); {DAMAGED}") from None
    if not canonical:
        raise PackageError(f"{path} is not the canonical JSON that the lab writes; {DAMAGED}")
    return dict(raw)


def _check_names(path: Path, manifest: Manifest) -> None:
    extra = sorted(set(manifest.files) - set(FILES))
    if extra:
        shown = ", ".join(_shown(name) for name in extra[:5])
        raise PackageError(
            f"{path} lists {shown}, which a package does not have; a package holds "
            f"{', '.join(FILES)} and its manifest: do not use this one"
        )
    missing = [name for name in FILES if name not in manifest.files]
    if missing:
        raise PackageError(f"{path} does not list {', '.join(missing)}: package the run again")


def _shown(name: str) -> str:
    return repr(re.sub(r"(?s)^(.{57}).{4,}$", r"\1...", name))
