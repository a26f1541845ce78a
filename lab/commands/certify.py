"""`lab certify`: proofs that the models of a config are what it says. No text is read for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.certify.certificate import proved
from lab.certify.many import certify_models
from lab.config.data import DataConfig
from lab.config.loading import load_run, load_size, load_sweep
from lab.config.reading import SIZES, look_up, read_mapping
from lab.config.sweep import SweepConfig
from lab.config.tokenizers import BpeTokenizer, Gpt2Tokenizer
from lab.errors import ConfigError
from lab.sweep.certificates import Candidate, candidates

CHARACTERS = 512  # how many tokens a text or a file has is not known before it is read
Certificates = Sequence[Mapping[str, Any]]


def certify_asked(config: str, *, variant: str | None, overrides: Sequence[str]) -> int:
    """Print the certificates of a run, a question or a size; 1 where a check has failed."""
    wanted = _wanted(config, variant=variant, overrides=overrides)
    checks = certify_models([(candidate.model, candidate.vocab_size) for candidate in wanted])
    found = [{**c.dump(), "checks": made} for c, made in zip(wanted, checks, strict=True)]
    Console(highlight=False, emoji=False).print(_shown(found))
    return 0 if all(check["passed"] for made in checks for check in made) else 1


def _wanted(config: str, *, variant: str | None, overrides: Sequence[str]) -> list[Candidate]:
    path = look_up(config, what="config", below=("", SIZES))
    raw = read_mapping(path)
    if "base" in raw:
        if variant is not None:
            load_run(path, overrides=overrides, variant=variant)  # or a sentence why not
        question = load_sweep(path, overrides=overrides)
        found = candidates(question, vocab_sizes=_vocab_sizes(question))
        return [candidate for candidate in found if variant in (None, candidate.variant)]
    if variant is not None:
        raise ConfigError(f"{path} is no question and has no variant {variant!r}")
    if "vocab_size" in raw:
        size = load_size(path, overrides=overrides)
        return [Candidate(path.stem, "", size.model, size.vocab_size)]
    run = load_run(path, overrides=overrides)
    return [Candidate(path.stem, "", run.model, _vocab_size(run.data))]


def _vocab_sizes(question: SweepConfig) -> dict[str, int]:
    return {name: _vocab_size(question.variant(name).data) for name in question.arms}


def _vocab_size(data: DataConfig) -> int:
    match data.tokenizer:
        case BpeTokenizer(vocab_size=vocab_size):
            return vocab_size
        case Gpt2Tokenizer():
            return 50_257
        case _:
            return CHARACTERS


def _shown(found: Certificates) -> RenderableType:
    """Of one model what was measured; of several who proved what, and what failed."""
    if len(found) == 1:
        return Group(_details(found[0]), _verdict(found))
    failed = [_details(c, failed=True) for c in found if not all(x["passed"] for x in c["checks"])]
    return Group(_matrix(found), *failed, _verdict(found))


def _details(certificate: Mapping[str, Any], *, failed: bool = False) -> Table:
    change = certificate["change"]
    title = certificate["variant"] + (f" with {change}" if change else "")
    table = _table(title, "", "measured")
    for check in certificate["checks"]:
        if not (failed and check["passed"]):
            table.add_row(check["name"], _mark(check["passed"]), Text(check["detail"], "dim"))
    return table


def _matrix(found: Certificates) -> Table:
    variants = list(dict.fromkeys(certificate["variant"] for certificate in found))
    table = _table("", *variants)
    for name, held in proved(found).items():
        table.add_row(name, *(_mark(held.get(variant)) for variant in variants))
    return table


def _verdict(found: Certificates) -> Text:
    checks = [check for certificate in found for check in certificate["checks"]]
    n_failed = sum(not check["passed"] for check in checks)
    vocab = ", ".join(sorted({f"{certificate['vocab_size']:,}" for certificate in found}))
    of = "" if len(found) == 1 else f" of {len(found)} models"
    counted = f"{len(checks)} checks{of}, counted with a vocabulary of {vocab}"
    if n_failed:
        return Text.assemble((f"{n_failed} failed", "bold red"), f" of {counted}")
    return Text.assemble(("certified", "bold green"), f": {counted}")


def _table(first: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(Text(first, "bold"), no_wrap=True)
    for heading in headings:
        table.add_column(heading)
    return table


def _mark(passed: bool | None) -> Text:
    if passed is None:
        return Text("–", "dim")
    return Text("ok", "green") if passed else Text("FAILED", "bold red")
