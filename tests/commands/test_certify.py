"""`lab certify`: what it prints, and what it says with its exit code."""

from pathlib import Path

import pytest

from lab.cli import main
from lab.model import position
from lab.model.position import alibi_slopes


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[list[str]]]:
    """The exit code, and the words of each line."""
    code = main(["certify", *words])
    return code, [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_a_question_has_a_column_a_variant(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = printed(capsys, "posenc.yaml")
    assert code == 0
    assert lines[0] == ["learned", "sinusoidal", "rope"]
    assert ["causality", "ok", "ok", "ok"] in lines
    assert ["position:", "angles", "–", "–", "ok"] in lines
    assert lines[-1][:6] == ["certified:", "48", "checks", "of", "3", "models,"]


def test_one_variant_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = printed(capsys, "posenc.yaml", "--variant", "rope")
    assert code == 0
    assert lines[0] == ["rope", "measured"]
    (line,) = [line for line in lines if line[:2] == ["position:", "angles"]]
    assert line[2:8] == ["ok", "16", "of", "16", "numbers,", "off"]


def test_a_search_certifies_what_it_may_try(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = printed(capsys, "architecture.yaml")
    assert code == 0
    assert ["position:", "sines", "and", "cosines", "ok"] in lines
    assert "11 models" in " ".join(lines[-1])


def test_a_size_and_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, lines = printed(capsys, "gpt2-small", "--set", "model.n_layers=1")
    assert code == 0
    assert "vocabulary of 50,257" in " ".join(lines[-1])
    run = tmp_path / "run.yaml"
    run.write_text(
        "data: {corpus: {kind: file, path: nowhere.txt}, tokenizer: {kind: bpe, vocab_size: 300}}\n"
        "model: {n_layers: 1, n_heads: 2, d_model: 16, max_seq_len: 16}\n"
        "train: {steps: 10, batch_size: 2}\n"
    )
    code, lines = printed(capsys, str(run))
    assert code == 0
    assert "vocabulary of 300" in " ".join(lines[-1])


@pytest.mark.parametrize("words", [[], ["--variant", "alibi"]])
def test_a_fault_is_named(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(position, "alibi_slopes", lambda n: 2 * alibi_slopes(n))
    variants = "{rope: {model.position: {kind: rope}}, alibi: {model.position: {kind: alibi}}}"
    file = tmp_path / "asked.yaml"
    file.write_text(
        "question: Which?\n"
        "base:\n"
        "  data: {corpus: {kind: python-docs}}\n"
        "  model: {n_layers: 1, n_heads: 2, d_model: 16, max_seq_len: 16}\n"
        "  train: {steps: 10, batch_size: 2}\n"
        f"variants: {variants}\n"
    )
    code, lines = printed(capsys, str(file), *words)
    assert code == 1
    told = [line for line in lines if line[:3] == ["position:", "slopes", "FAILED"]]
    assert told[0][3:6] == ["added", "to", "scores"]
    assert lines[-1][1:3] == ["failed", "of"]
