"""What the runs read: how much of it, how often, and what of it they are judged on.

Design choices:
- read from the results of runs, so that it is what they did read; folders of older runs say less,
  and then less is told;
- one set of rows a tokenizer, for another one makes other tokens of the same text;
- held-out text that stands in training too is a caveat where it is more than a trace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lab.config.data import DataConfig, StridedWindows
from lab.config.sweep import SweepConfig
from lab.report.judging.wording import plural
from lab.report.records import Record
from lab.report.tables.lengths import trained_on
from lab.report.tables.table import Show, Table, decimals, small_share, whole
from lab.report.terms import listed, setting, split_of

TRACE = 0.01  # of the 64-grams, up to which an overlap is no caveat
SHOWN = 12  # hexadecimal digits of a digest in a sentence


@dataclass(frozen=True)
class Source:
    """What some runs read: equal data, that of one tokenizer. `passes` are the least and the most
    of complete runs over the training text, None where that means nothing."""

    tokenizer: str
    facts: Mapping[str, Any]
    variants: list[str] = field(default_factory=list)
    passes: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        return {"variants": self.variants, **self.facts, "passes": self.passes}


def data_part(
    question: SweepConfig, records: Sequence[Record]
) -> tuple[list[str], Table | None, list[dict[str, Any]]]:
    """Sentences, the table `read`, and all that is known for a program."""
    sources = _sources(question, records)
    if not sources:
        return [], None, []
    first, is_task = sources[0].facts, question.base.data.is_task
    says = [_task(first) if is_task else _corpus(question, sources)]
    says += _windows(first) if is_task else [*_passes(question, sources), *_overlap(sources)]
    says += _limited(question, sources)
    return says, None if is_task else _table(sources), [source.plain() for source in sources]


def _sources(question: SweepConfig, records: Sequence[Record]) -> list[Source]:
    found: dict[str, list[Record]] = {}
    known = {*question.arms, *question.twins}
    for record in records:
        digest = record.part("data").get("digest")
        if digest and record.variant in known:
            found.setdefault(digest, []).append(record)
    return [_source(question, group) for group in found.values()]


def _source(question: SweepConfig, group: Sequence[Record]) -> Source:
    """Of runs of equal data; what was evaluated is put together, for not all open every split."""
    facts = dict(group[0].part("data"))
    evaluated = {k: n for r in group for k, n in (r.part("data").get("evaluated") or {}).items()}
    facts |= {"evaluated": evaluated} if evaluated else {}
    variants = [name for name in question.arms if any(r.variant == name for r in group)]
    tokenizer = _tokenizer(question, group[0])
    passes = [p for r in group if (p := _passes_of(question, r)) is not None]
    return Source(tokenizer, facts, variants, (min(passes), max(passes)) if passes else None)


def _tokenizer(question: SweepConfig, record: Record) -> str:
    """`bpe with 512 tokens`, and how much text it was trained on, if that is not all."""
    facts = record.part("data").get("tokenizer") or {}
    size = facts.get("vocab_size") or record.part("model").get("vocab_size")
    text = str(facts.get("kind") or question.variant(record.variant).data.tokenizer.kind)
    text += f" with {size:,} tokens" if size else ""
    trained_on = facts.get("trained_on")
    return f"{text} from {trained_on:,} characters of training text" if trained_on else text


def _passes_of(question: SweepConfig, record: Record) -> float | None:
    """How often a complete run read the training text: tokens, or windows of an epoch."""
    train = (record.part("data").get("stats") or {}).get("train")
    tokens = record.result.get("tokens")
    if record.status != "complete" or not train or not tokens:
        return None
    windows = question.base.data.windows
    if not isinstance(windows, StridedWindows):
        return float(tokens / train["tokens"])
    settings = record.order.get("settings") or {}
    length = question.variant(record.variant, settings).model.max_seq_len
    n_windows = (train["tokens"] - length - 1) // (windows.stride or length) + 1
    return float(tokens / length / n_windows)


def _corpus(question: SweepConfig, sources: Sequence[Source]) -> str:
    facts = sources[0].facts
    name = facts.get("name") or question.base.data.corpus.kind
    data = question.base.data
    text = f"The corpus is {name} (digest {_short(facts)})"
    if len(sources) > 1:
        kinds = [f"{s.tokenizer} (digest {_short(s.facts, 'digest')})" for s in sources]
        return f"{text}, tokenized by {listed(kinds)}. {_reading(data)}"
    return f"{text}, tokenized by {sources[0].tokenizer}. {_reading(data)}"


def _reading(data: DataConfig) -> str:
    how = (
        "Training draws its windows anywhere in the training text, anew at every step"
        if not isinstance(data.windows, StridedWindows)
        else "Training reads its windows each once an epoch, in an order drawn by the seed"
    )
    if data.documents == "separate":
        return f"{how}; no token sees another document."
    return f"{how}; documents are joined."


def _passes(question: SweepConfig, sources: Sequence[Source]) -> list[str]:
    known = [source for source in sources if source.passes]
    if not known:
        return []
    strided = isinstance(question.base.data.windows, StridedWindows)
    unit = "epochs of" if strided else "passes over"
    parts = [
        _span(*source.passes) + (f" ({source.tokenizer})" if len(known) > 1 else "")
        for source in known
        if source.passes
    ]
    return [f"The budget of a run means {listed(parts)} {unit} the training text."]


def _overlap(sources: Sequence[Source]) -> list[str]:
    facts = sources[0].facts
    found = (facts.get("overlap") or {}).items()
    shares = {split: share for split, share in found if share is not None}
    if not shares:
        return []
    what = ["the 64-grams (windows of 64 bytes)", *["those"] * len(shares)]
    parts = [
        f"{small_share(share)} of {grams} of the {split_of(split)} text"
        for grams, (split, share) in zip(what, shares.items(), strict=False)
    ]
    sample = ", counted at a sample of places" if facts.get("overlap_sampled") else ""
    text = f"{listed(parts)} stand in the training text too{sample}."
    if max(shares.values()) > TRACE:
        text += (
            " What a model knows by heart there makes its loss lower than on text that is new to "
            "it, more so for a larger model and a longer training."
        )
    return [text]


def _limited(question: SweepConfig, sources: Sequence[Source]) -> list[str]:
    if question.base.evaluate.tokens is None:
        return []
    found = []
    for source in sources:
        parts = [
            f"the first {read:,} of {total:,} tokens of the {split_of(split)} split"
            if total and read < total
            else f"{read:,} tokens of the {split_of(split)} split"
            for split, read in (source.facts.get("evaluated") or {}).items()
            for total in [_total(question, source.facts, split)]
        ]
        of = f" ({source.tokenizer})" if len(sources) > 1 else ""
        found += [f"Judged on {listed(parts)}{of}."] if parts else []
    return found


def _total(question: SweepConfig, facts: Mapping[str, Any], split: str) -> int | None:
    """The tokens of a split; of a task, those of its windows, where variants' are equally long."""
    if split in (stats := facts.get("stats") or {}):
        return int(stats[split]["tokens"])
    held_out, found = (facts.get("task") or {}).get("held_out"), {*trained_on(question).values()}
    return held_out * found.pop() if held_out and len(found) == 1 else None


def _table(sources: Sequence[Source]) -> Table | None:
    rows = []
    for source in sources:
        overlap = source.facts.get("overlap") or {}
        for split, sizes in (source.facts.get("stats") or {}).items():
            name = split_of(split)
            rows.append(
                {
                    "Split": name[:1].upper() + name[1:],
                    "Tokenizer": source.tokenizer,
                    "Documents": sizes["documents"],
                    "Bytes": sizes["bytes"],
                    "Characters": sizes["chars"],
                    "Tokens": sizes["tokens"],
                    "Bytes a token": sizes["bytes"] / sizes["tokens"] if sizes["tokens"] else None,
                    "64-grams also in training": overlap.get(split),
                }
            )
    if not rows:
        return None
    frame = pd.DataFrame(rows, dtype="object")
    if len(sources) == 1:
        frame = frame.drop(columns="Tokenizer")
    frame = frame.dropna(axis="columns", how="all")
    shows: dict[str, Show] = dict.fromkeys(("Documents", "Bytes", "Characters", "Tokens"), whole)
    shows |= {"Bytes a token": decimals(2), "64-grams also in training": small_share}
    return Table("read", frame, shows)


def _task(facts: Mapping[str, Any]) -> str:
    config = dict(facts.get("task") or {})
    kind = config.pop("kind", facts.get("name"))
    config.pop("held_out", None)
    parts = listed(f"{name.replace('_', ' ')} {_value(value)}" for name, value in config.items())
    settings = f" with {parts}" if parts else ""
    return f"The task is {kind}{settings} (digest {_short(facts)})."


def _windows(facts: Mapping[str, Any]) -> list[str]:
    held_out = (facts.get("task") or {}).get("held_out")
    if not held_out:
        return []
    text = (
        f"Training windows are drawn anew at every step, so no text is read twice; validation and "
        f"test are {plural(held_out, 'window')} each, the same for every run."
    )
    return [f"{text} Their best possible loss is known."] if facts.get("floor_known") else [text]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return listed(str(item) for item in value)
    return setting(value)


def _short(facts: Mapping[str, Any], key: str = "corpus_digest") -> str:
    return str(facts.get(key))[:SHOWN]


def _span(low: float, high: float) -> str:
    shown = [f"{value:,.1f}" if value >= 1 else f"{value:.2g}" for value in (low, high)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"
