"""What a package says of itself: its files' hashes, where it comes from, what it reached.

Design choices:
- canonical JSON: one manifest has one spelling, so any changed byte shows;
- `sha256` is the hash of the manifest without that field. It finds damage; it does not stop a
  forger, who would hash again;
- no time and no path stands in it: the same run packaged again, by the same command, gives the same
  bytes;
- a manifest of an earlier schema is checked as that schema has it, and then migrated;
- nothing here needs torch, so a report can read manifests cheaply.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from lab.config.base import Strict
from lab.config.digest import canonical_json, digest
from lab.config.explain import explained
from lab.errors import PackageError
from lab.package.layout import MANIFEST, MAX_BYTES
from lab.package.migrations import FILES_OF, SCHEMA, migrated
from lab.package.plain import NotPlainError, TooLargeError, read_plain
from lab.package.shown import one_line, shown

FAULTS = 5  # named in one message
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
    """`files` are those of the schema that the package was written in, `sha256` is of its manifest
    as it lies there.
    """

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
    schema = schema if type(schema) is int else 0  # True is no number, and no schema was 0
    if schema > SCHEMA:
        raise PackageError(
            f"{path} has schema_version {shown(str(schema))[1:-1]}, and this lab reads up to "
            f"{SCHEMA}: update the lab to read it"
        )
    if raw.get("sha256") != _seal(raw):
        raise PackageError(f"{path} does not match its own sha256; {DAMAGED}")
    names = FILES_OF.get(schema)
    try:
        manifest = Manifest.parse(migrated(raw) if names else raw)
    except ValidationError as error:
        faults = one_line("; ".join(explained(error, Manifest)[:FAULTS]))
        raise PackageError(f"{path} is not a manifest of this lab: {faults}") from None
    assert names is not None, "a schema that never was is no manifest"
    _check_names(path, manifest, names)
    return manifest


def _seal(raw: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in raw.items() if key != "sha256"})


def _read_canonical(path: Path) -> dict[str, Any]:
    try:
        content = read_plain(path, limit=MAX_BYTES[MANIFEST])
    except FileNotFoundError:
        raise PackageError(
            f"{path} is missing, so {path.parent} is no package: a manifest is written last, so "
            "package the run again"
        ) from None
    except NotPlainError as error:
        raise PackageError(f"{path} is {error}; {DAMAGED}") from None
    except OSError as error:
        raise PackageError(f"{path} cannot be read ({error.strerror}); {DAMAGED}") from None
    except TooLargeError as error:
        raise PackageError(
            f"{path} has {error.size} bytes, and a manifest at most {MAX_BYTES[MANIFEST]}; "
            f"{DAMAGED}"
        ) from None
    try:
        text = content.decode()
        raw = json.loads(text)
        canonical = isinstance(raw, dict) and canonical_json(raw) + "\n" == text
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PackageError(f"{path} cannot be read as JSON ({reason}); {DAMAGED}") from None
    if not canonical:
        raise PackageError(f"{path} is not the canonical JSON that the lab writes; {DAMAGED}")
    return dict(raw)


def _check_names(path: Path, manifest: Manifest, names: Sequence[str]) -> None:
    extra = sorted(set(manifest.files) - set(names))
    if extra:
        named = ", ".join(map(shown, extra[:FAULTS]))
        raise PackageError(
            f"{path} lists {named}, which a package does not have; a package holds "
            f"{', '.join(names)} and its manifest: do not use this one"
        )
    missing = [name for name in names if name not in manifest.files]
    if missing:
        raise PackageError(f"{path} does not list {', '.join(missing)}: package the run again")
