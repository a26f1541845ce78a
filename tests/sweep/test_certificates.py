"""Which models of a question are certified, and when they are certified again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.config.model import ModelConfig
from lab.config.sweep import SweepConfig
from lab.errors import SweepError
from lab.files import read_json
from lab.sweep import certificates
from lab.sweep.certificates import Candidate, candidates, certify_first
from lab.sweep.folder import SweepFolder

SPACE = {
    "train.optimizer.lr": {"low": 1e-3, "high": 1e-2, "log": True},
    "model.n_layers": {"low": 1, "high": 4},
    "position": {
        "learned": {"model.position": {"kind": "learned"}},
        "rope": {"model.position": {"kind": "rope"}},
    },
    "model.position.theta": {"low": 100, "high": 10_000, "when": {"position": ["rope"]}},
    "model.n_heads": [2, 3, 4],
}


def question(**parts: Any) -> SweepConfig:
    model = {"n_layers": 2, "n_heads": 2, "d_model": 16, "max_seq_len": 16}
    base = {
        "data": {"corpus": {"kind": "python-docs"}},
        "model": model,
        "train": {"steps": 10, "batch_size": 2},
    }
    return SweepConfig.parse({"question": "Which?", "base": base, **parts})


def found(asked: SweepConfig) -> list[Candidate]:
    return candidates(asked, vocab_sizes=dict.fromkeys(asked.variants, 50))


def test_every_variant_is_a_candidate() -> None:
    asked = question(variants={"a": {}, "b": {"model.position": {"kind": "rope"}}})
    assert [(c.variant, c.change, c.vocab_size) for c in found(asked)] == [
        ("a", "", 50),
        ("b", "", 50),
    ]
    assert found(asked)[1].model == asked.variant("b").model


def test_of_a_search_each_choice_and_both_ends_alone() -> None:
    """What is there already comes once; three heads do not divide 16, and are passed over."""
    asked = question(tune={"trials": 4, "space": SPACE})
    assert [c.change for c in found(asked)] == [
        "",
        "model.n_layers: 1",
        "model.n_layers: 4",
        "position: rope",
        "position: rope, model.position.theta: 100.0",
        "model.n_heads: 4",
    ]


def test_settings_of_training_change_no_model() -> None:
    space = {"train.optimizer.lr": {"low": 1e-3, "high": 1e-2, "log": True}}
    assert len(found(question(tune={"trials": 4, "space": space}))) == 1


class Certifier:
    """Passes everything but what it is told to fail, and counts."""

    def __init__(self, *failing: int) -> None:
        self.failing, self.calls = failing, 0

    def __call__(self, models: Sequence[tuple[ModelConfig, int]]) -> list[list[dict[str, Any]]]:
        self.calls += 1
        return [
            [{"name": "causality", "passed": number not in self.failing, "detail": "moved 1 > 0"}]
            for number in range(len(models))
        ]


def test_the_same_models_are_certified_once(tmp_path: Path) -> None:
    folder, certify = SweepFolder(tmp_path), Certifier()
    content = certify_first(folder, found(question()), certify=certify)
    file = tmp_path / "certificates.json"
    written = file.read_bytes()
    assert read_json(file) == content
    assert certify_first(folder, found(question()), certify=certify) == content
    assert certify.calls == 1
    assert file.read_bytes() == written
    assert content["certificates"][0]["model"] == question().base.model.dump()


def test_other_models_or_other_code_are_certified_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, certify = SweepFolder(tmp_path), Certifier()
    certify_first(folder, found(question()), certify=certify)
    asked = question(variants={"a": {"model.n_layers": 1}})
    certify_first(folder, found(asked), certify=certify)
    assert certify.calls == 2
    monkeypatch.setattr(certificates, "source_digest", lambda *parts: "of other code")
    certify_first(folder, found(asked), certify=certify)
    assert certify.calls == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": "other"}'])
def test_a_damaged_file_is_made_again(text: str, tmp_path: Path) -> None:
    folder, certify = SweepFolder(tmp_path), Certifier()
    content = certify_first(folder, found(question()), certify=certify)
    (tmp_path / "certificates.json").write_text(text)
    assert certify_first(folder, found(question()), certify=certify) == content
    assert certify.calls == 2


def test_a_variant_that_is_not_what_it_says_stops_the_sweep(tmp_path: Path) -> None:
    """Again and again, until the code is another; what failed can be read."""
    asked = question(tune={"trials": 4, "space": SPACE})
    certify = Certifier(3, 4)
    for _ in range(2):
        with pytest.raises(SweepError) as error:
            certify_first(SweepFolder(tmp_path), found(asked), certify=certify)
        assert str(error.value) == (
            "variant 'base' with position: rope is not what its config says, so nothing was "
            "trained: causality does not hold (moved 1 > 0), nor does another check; lab certify "
            "prints the whole certificate"
        )
    assert certify.calls == 1
    kept = read_json(tmp_path / "certificates.json")["certificates"]
    assert [c["checks"][0]["passed"] for c in kept] == [True, True, True, False, False, True]
