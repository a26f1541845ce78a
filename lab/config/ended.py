"""What `order.json` and `result.json` of a run may hold, for those who read them later.

Design choices:
- a part may be missing, as it is where a run failed or an older lab wrote the file; one that is
  there has the type it is written with, or the file was damaged or edited;
- numbers are finite, and whole ones such as a table holds, in 64 bits;
- a schema that this lab does not know is refused: what it means would be guessed.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lab.config.execution import Kind
from lab.config.explain import shown

SCHEMA = 1
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Step = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
Numbers = dict[str, float]


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=())


class _Order(_Read):
    run: str | None = None
    digest: str | None = None
    labels: dict[str, str] = {}
    settings: dict[str, bool | int | float | str | None] | None = None
    judge: str | None = None
    threads: int = Field(1, ge=1)
    execution: Kind = "alone"


class _Model(_Read):
    n_params: Whole | None = None
    n_params_embedding: Whole | None = None
    flops_per_token: Whole | None = None
    vocab_size: Whole | None = None
    weights: dict[str, list[Whole]] | None = None


class _Tokenizer(_Read):
    kind: str | None = None
    vocab_size: Whole | None = None
    digest: str | None = None


class _Split(_Read):
    documents: Whole
    bytes: Whole
    chars: Whole
    tokens: Whole


class _Data(_Read):
    kind: str | None = None
    name: str | None = None
    corpus_digest: str | None = None
    digest: str | None = None
    stats: dict[str, _Split] | None = None
    overlap: dict[str, float | None] | None = None
    tokenizer: _Tokenizer | None = None
    evaluated: dict[str, Whole] | None = None


class _Result(_Read):
    schema_: Literal[1] = Field(1, alias="schema")
    run: str | None = None
    digest: str | None = None
    status: Literal["running", "complete", "pruned", "diverged", "failed"]
    seed: int = Field(ge=0, lt=2**32)
    step: Whole | None = None
    tokens: Whole | None = None
    metrics: Numbers | None = None
    initial: Numbers | None = None
    evaluations: dict[Step, Numbers] | None = None
    model: _Model | None = None
    data: _Data | None = None
    timing: Numbers | None = None
    provenance: dict[str, Any] | None = None
    diverged_at: Whole | None = None
    error: str | None = None
    reason: str | None = None
    package: str | None = None


def order_fault(raw: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of an `order.json`; None where all is well."""
    return _fault(_Order, raw)


def ended_fault(raw: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of a `result.json`; None where all is well."""
    schema = raw.get("schema", SCHEMA)
    if schema != SCHEMA:
        return f"its schema is {shown(schema)}, and this lab reads {SCHEMA}: take the lab it is of"
    return _fault(_Result, raw)


def _fault(model: type[BaseModel], raw: Mapping[str, Any]) -> str | None:
    try:
        model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"][0].lower() + first["msg"][1:]
        got = "" if first["type"] == "missing" else f"; got {shown(first['input'])}"
        return f"{where[:100]}: {message}{got}"
    return None
