"""Manifests of earlier schemas, brought to the present one a step at a time, when they are read.

A package is never rewritten: its files are those of the schema that it was written in, and its hash
stays what it is. The next schema is a line in `FILES_OF` and a function in `MIGRATIONS`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lab.package.layout import CONFIG, FILES, METRICS, TOKENIZER, WEIGHTS

Raw = dict[str, Any]


def _from_1(raw: Raw) -> Raw:
    """Provenance had no file of its own: what the manifest says of it is all there is."""
    return raw


MIGRATIONS: Mapping[int, Callable[[Raw], Raw]] = {1: _from_1}  # to the next
SCHEMA = max(MIGRATIONS) + 1

# What a package of each schema holds besides its manifest.
FILES_OF: Mapping[int, tuple[str, ...]] = {
    1: (CONFIG, TOKENIZER, WEIGHTS, METRICS),
    SCHEMA: FILES,
}


def migrated(raw: Raw) -> Raw:
    """The facts of a manifest of any schema that was, as one of the present schema."""
    while (schema := raw["schema_version"]) != SCHEMA:
        raw = {**MIGRATIONS[schema](raw), "schema_version": schema + 1}
    return raw
