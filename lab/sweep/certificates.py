"""Before anything is compared, every variant is certified; what was found is kept in a file.

Design choices:
- of a search, each choice and both ends of each range are certified alone, beside the variant's own
  other settings: a sum, not a product;
- the same models, certified by the same code, are not certified again when a sweep continues;
- the file has no time and no place in it: equal certificates are equal bytes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lab.config.digest import canonical_json, digest
from lab.config.model import ModelConfig
from lab.config.overlaps import conditions, context
from lab.config.space import Choices, Range, Scalar, Settings
from lab.config.sweep import SweepConfig
from lab.errors import SweepError
from lab.files import write_text
from lab.provenance.facts import source_digest, version
from lab.sweep.folder import CERTIFICATES, SweepFolder

Checks = list[dict[str, Any]]
Certify = Callable[[Sequence[tuple[ModelConfig, int]]], Sequence[Checks]]


@dataclass(frozen=True)
class Candidate:
    """A model that a question may train; `change` says how it differs from its variant's own."""

    variant: str
    change: str
    model: ModelConfig
    vocab_size: int

    def dump(self) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "change": self.change,
            "model": self.model.dump(),
            "vocab_size": self.vocab_size,
        }


def candidates(question: SweepConfig, *, vocab_sizes: Mapping[str, int]) -> list[Candidate]:
    """Of each variant its own model, then each that one setting of the search makes of it.

    Settings that make no valid model by themselves are passed over, and models that are there.
    """
    found = []
    for variant in question.arms:
        seen: list[ModelConfig] = []
        for settings in [{}, *_settings(question)]:
            try:
                model = question.variant(variant, settings).model
            except ValidationError:
                continue  # valid only beside other settings
            if model not in seen:
                seen.append(model)
                found.append(Candidate(variant, _said(settings), model, vocab_sizes[variant]))
    return found


def certify_first(
    folder: SweepFolder, wanted: Sequence[Candidate], *, certify: Certify
) -> dict[str, Any]:
    """The content of the folder's file of certificates, made anew where it is not of these models
    and this code.

    Raises `SweepError` where a model is not what it says.
    """
    dumped = [candidate.dump() for candidate in wanted]
    made_by = {
        "source_digest": source_digest(),
        "certify_digest": source_digest(("certify",)),
        "torch": version("torch"),
    }
    key = digest({"models": dumped, **made_by})
    content = folder.certificates()
    if content.get("key") != key:
        checks = certify([(candidate.model, candidate.vocab_size) for candidate in wanted])
        content = {
            "schema": 1,
            "key": key,
            **made_by,
            "certificates": [
                {**model, "checks": found} for model, found in zip(dumped, checks, strict=True)
            ],
        }
        write_text(folder.path / CERTIFICATES, canonical_json(content) + "\n")
    _require(content)
    return content


def _require(content: Mapping[str, Any]) -> None:
    """Raise with the first check that failed."""
    failed = [
        (certificate, check)
        for certificate in content["certificates"]
        for check in certificate["checks"]
        if not check["passed"]
    ]
    if failed:
        certificate, check = failed[0]
        change = f" with {certificate['change']}" if certificate["change"] else ""
        others = {0: "", 1: ", nor does another check"}.get(
            len(failed) - 1, f", nor do {len(failed) - 1} other checks"
        )
        raise SweepError(
            f"variant {certificate['variant']!r}{change} is not what its config says, so nothing "
            f"was trained: {check['name']} does not hold ({check['detail']}){others}; "
            "lab certify prints the whole certificate"
        )


def _settings(question: SweepConfig) -> Iterator[Settings]:
    """What the search may set in a model, each value alone with what it depends on."""
    space = question.tune.space if question.tune else {}
    for name, entry in space.items():
        needed = context(conditions(space, name))
        for value in _values(entry):
            if any(path.split(".")[0] == "model" for path in entry.changes(name, value)):
                yield {**needed, name: value}


def _values(entry: Range | Choices) -> list[Scalar]:
    if isinstance(entry, Range):
        return [entry.value(entry.low), entry.value(entry.high)]
    return [*entry.keys]


def _said(settings: Settings) -> str:
    return ", ".join(f"{name}: {value}" for name, value in settings.items())
