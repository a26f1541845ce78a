"""Runs are compared only where they have read the same data: else a difference says nothing.

Design choices:
- the same text is asked for in any case; the same tokens where two variants have one tokenizer,
  while those with different ones are compared in bits a byte;
- a run that does not say what it read, made before runs said so, is let pass.
"""

import pandas as pd

from lab.config.sweep import SweepConfig
from lab.errors import SweepError

TEXT, TOKENS = "corpus_digest", "data_digest"


def refuse_other_data(question: SweepConfig, runs: pd.DataFrame) -> None:
    """Raise `SweepError`, with both digests, where complete runs have not read the same data."""
    read = [name for name in ("run", "variant", TEXT, TOKENS) if name in runs]
    done = runs.loc[runs["status"] == "complete", read]
    _refuse(done, TEXT, "read different corpora")
    tokenizers: dict[str, list[str]] = {}
    for name in question.arms:
        tokenizer = question.variant(name).data.tokenizer.model_dump_json()
        tokenizers.setdefault(tokenizer, []).append(name)
    for names in tokenizers.values():
        _refuse(done[done["variant"].isin(names)], TOKENS, "read different data")


def _refuse(runs: pd.DataFrame, column: str, what: str) -> None:
    if column not in runs:
        return
    known = runs[runs[column].notna()].drop_duplicates(column)
    if len(known) < 2:
        return
    (one, other), (first, second) = known["run"].iloc[:2], known[column].iloc[:2]
    raise SweepError(
        f"{one} and {other} {what}, {first} and {second}, so their losses cannot be compared; "
        "move the runs of one of them away, or run the sweep again on one of the two"
    )
