"""What was proved of every variant before the first run: the certificates of a sweep's folder.

Design choices:
- a row a check and a column a variant: what differs between variants is what differs in them;
- a check of a variant holds where it holds of every model that the search may make of it;
- every number that was measured is there to be looked up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lab.certify.certificate import proved
from lab.config.sweep import SweepConfig
from lab.report.judging.wording import plural
from lab.report.records import Record
from lab.report.tables.table import Show, Table

FILE = "certificates.json"
HOLDS, FAILED = "✓", "FAILED"
PROVED = "What is proved"  # no name of a variant: it has spaces
NOTHING = "No certificate was written for this sweep."
MADE = """\
Before the first run every variant was certified: in float64, on a copy of at most two layers with \
random parameters, counts at the full size. {outcome}"""
SEARCHED = "The search makes {models} of them: each choice and both ends of each range, alone."
OTHER_CODE = "The certificates are of other code than {runs}, which an option has kept."

Certificates = Sequence[Mapping[str, Any]]


def certificates(
    question: SweepConfig, content: Mapping[str, Any], records: Sequence[Record]
) -> tuple[list[str], list[Table]]:
    """Sentences, and the tables `certificates` and `measured`; both without a file: {}."""
    found = [c for c in content.get("certificates", ()) if c["variant"] in question.arms]
    if not found:
        return [NOTHING], []
    says = [MADE.format(outcome=_outcome(found))]
    if len(found) > len(question.arms):
        says.append(SEARCHED.format(models=plural(len(found), "model")))
    if others := _by_other_code(content, records):
        says.append(OTHER_CODE.format(runs=plural(others, "run")))
    return says, [_proved(question, found), _measured(found)]


def _proved(question: SweepConfig, found: Certificates) -> Table:
    """True where a check holds of every model of a variant, None where it is not claimed."""
    rows = [
        {PROVED: name, **{variant: held.get(variant) for variant in question.arms}}
        for name, held in proved(found).items()
    ]
    frame = pd.DataFrame(rows, columns=[PROVED, *question.arms], dtype=object)
    shows: dict[str, Show] = dict.fromkeys(question.arms, _mark)
    return Table("certificates", frame, {PROVED: _title, **shows})


def _measured(found: Certificates) -> Table:
    rows = [
        {
            "Variant": f"{certificate['variant']}, {certificate['change']}".removesuffix(", "),
            PROVED: check["name"],
            "Holds": check["passed"],
            "Measured": check["detail"],
        }
        for certificate in found
        for check in certificate["checks"]
    ]
    return Table("measured", pd.DataFrame(rows), {PROVED: _title, "Holds": _mark}, prose=True)


def _outcome(found: Certificates) -> str:
    checks = [(certificate, check) for certificate in found for check in certificate["checks"]]
    failed = [(certificate, check) for certificate, check in checks if not check["passed"]]
    if not failed:
        return f"All {len(checks)} checks hold."
    told = "; ".join(
        f"{certificate['variant']}, {check['name']} ({check['detail']})"
        for certificate, check in failed[:3]
    )
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"Of {plural(len(checks), 'check')} {len(failed)} failed: {told}{more}."


def _by_other_code(content: Mapping[str, Any], records: Sequence[Record]) -> int:
    digests = [record.part("provenance").get("source_digest") for record in records]
    return sum(made is not None and made != content.get("source_digest") for made in digests)


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _mark(holds: bool) -> str:
    return HOLDS if holds else FAILED
