"""The names of things by their content: canonical JSON, hashed with SHA-256."""

import hashlib
import json
from typing import Any

from lab.config.run import RunConfig

HOW = ("checkpoint_every", "activation_checkpointing")  # of train: not what it computes


def canonical_json(value: Any) -> str:
    """One spelling a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def run_digest(
    config: RunConfig, *, corpus_digest: str, tokenizer_digest: str | None = None
) -> str:
    """Identifies everything that determines a run's numbers, and nothing else.

    The corpus counts by its text, not by where it lies, and so does a tokenizer that was not
    trained on it; how it is computed, tracking and the checkpoint interval do not count, unless the
    config insists on compiled steps, which round otherwise.
    """
    raw = config.dump()
    del raw["tracking"], raw["device"]
    for name in HOW:
        del raw["train"][name]
    if config.train.compile is not True:
        del raw["train"]["compile"]
    if config.init_stream == "init":
        del raw["init_stream"]
    raw["data"]["corpus"] = corpus_digest
    if tokenizer_digest is not None:
        raw["data"]["tokenizer"] = tokenizer_digest
    return digest(raw)
