"""What a report says of certificates: holding, failed, of a search, of other code, or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.errors import SweepError
from lab.report.collect import open_sweep
from lab.report.page import write_report
from tests.report.sweeps import Truth, build_sweep

CAUSAL, SLOPES = "causality", "position: slopes"


def certificate(variant: str, *checks: tuple[str, bool], change: str = "") -> dict[str, Any]:
    made = [{"name": name, "passed": held, "detail": "off by 0 <b>"} for name, held in checks]
    return {"variant": variant, "change": change, "checks": made}


def write(folder: Path, *found: dict[str, Any], **more: Any) -> Path:
    content = {"schema": 1, "certificates": found, **more}
    (folder / "certificates.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def folder(tmp_path: Path, question: Any) -> Path:
    return build_sweep(tmp_path / "posenc", question, Truth())


def reported(folder: Path) -> tuple[str, str, dict[str, Any]]:
    write_report(folder)
    made = folder / "report"
    page, text = (made / "index.html").read_text(), (made / "report.md").read_text()
    return page, text, json.loads((made / "report.json").read_text())


def test_a_column_a_variant(folder: Path) -> None:
    held = [certificate("learned", (CAUSAL, True)), certificate("sinusoidal", (CAUSAL, True))]
    page, text, facts = reported(write(folder, *held, certificate("rope", (SLOPES, True))))
    assert "All 3 checks hold." in page
    assert "All 3 checks hold." in text
    assert "| Causality | ✓ | ✓ | – |" in text
    assert "| Position: slopes | – | – | ✓ |" in text
    assert page.count('<td class="yes">✓</td>') == 3 + 3  # what was measured says it, too
    assert "off by 0 &lt;b&gt;" in page
    assert facts["tables"]["certificates"] == [
        {"What is proved": SLOPES, "learned": None, "sinusoidal": None, "rope": True},
        {"What is proved": CAUSAL, "learned": True, "sinusoidal": True, "rope": None},
    ]
    assert facts["tables"]["measured"][2]["Measured"] == "off by 0 <b>"


def test_a_failure_is_named(folder: Path) -> None:
    checks = [(CAUSAL, False), (SLOPES, True)]
    page, text, facts = reported(write(folder, certificate("rope", *checks)))
    assert "Of 2 checks 1 failed: rope, causality (off by 0 &lt;b&gt;)." in page
    assert '<td class="no">FAILED</td>' in page
    assert "| Causality | – | – | FAILED |" in text
    assert facts["certified"][0].endswith("1 failed: rope, causality (off by 0 <b>).")


def test_a_check_holds_where_it_holds_of_every_model(folder: Path) -> None:
    models = [
        certificate("rope", (CAUSAL, True)),
        certificate("rope", (CAUSAL, False), change="model.n_layers: 1"),
        certificate("learned", (CAUSAL, True)),
        certificate("sinusoidal", (CAUSAL, True)),
    ]
    _, text, facts = reported(write(folder, *models))
    assert "| Causality | ✓ | ✓ | FAILED |" in text
    assert (
        "The search makes 4 models of them: each choice and both ends of each range, alone."
        in (facts["certified"])
    )
    assert facts["tables"]["measured"][1]["Variant"] == "rope, model.n_layers: 1"


def test_a_variant_of_another_plan_is_left_out(folder: Path) -> None:
    models = [certificate(name, (CAUSAL, True)) for name in ("rope", "alibi")]
    _, text, facts = reported(write(folder, *models))
    assert "| Causality | – | – | ✓ |" in text
    assert [row["Variant"] for row in facts["tables"]["measured"]] == ["rope"]


def test_other_code_than_that_of_the_runs_is_told(folder: Path) -> None:
    sentence = "The certificates are of other code than 2 runs, which an option has kept."
    assert sentence not in reported(write(folder, certificate("rope", (CAUSAL, True))))[1]
    for file in sorted(folder.glob("runs/*/result.json"))[:2]:
        result = json.loads(file.read_text())
        result["provenance"] = {**result.get("provenance", {}), "source_digest": "old"}
        file.write_text(json.dumps(result))
    for file in sorted(folder.glob("runs/*/result.json"))[2:]:
        result = json.loads(file.read_text())
        result["provenance"] = {**result.get("provenance", {}), "source_digest": "new"}
        file.write_text(json.dumps(result))
    found = write(folder, certificate("rope", (CAUSAL, True)), source_digest="new")
    assert sentence in reported(found)[1]


def test_a_folder_without_certificates_says_so(folder: Path) -> None:
    page, text, facts = reported(folder)
    assert "No certificate was written for this sweep." in page
    assert "No certificate was written for this sweep." in text
    assert "certificates" not in facts["tables"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"certificates": [{}]}', '{"certificates": [{"variant": "a", "checks": 3}]}'],
)
def test_a_damaged_file_is_named(text: str, folder: Path) -> None:
    (folder / "certificates.json").write_text(text)
    with pytest.raises(
        SweepError, match=r"certificates\.json (is damaged|cannot be read) .* run the sweep again"
    ):
        open_sweep(folder).certificates()
