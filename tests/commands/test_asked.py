"""What is prepared of a question before anything is run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.commands import asked
from lab.commands.asked import ask
from lab.config.run import RunConfig
from lab.config.tokenizers import BpeTokenizer
from lab.data.prepare import prepare
from lab.data.tokenizer import train_tokenizer
from lab.errors import ConfigError
from lab.sweep.folder import SweepFolder

BATCH = 4


@pytest.fixture
def question(tmp_path: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tokenizer.json").write_text(
        train_tokenizer(BpeTokenizer(vocab_size=300), ["abc abc"]).to_json()
    )
    path = tmp_path / "question.yaml"
    content = {
        "question": "Which is best?",
        "base": tiny_run,
        "baseline": "chars",
        "variants": {
            "chars": {},
            "rope": {"model.position": {"kind": "rope"}},
            "other": {"data.tokenizer": {"kind": "file", "path": "tokenizer.json"}},
        },
        "confirm": {"min_seeds": 2, "max_seeds": 2},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_text_is_read_once_for_all_variants_that_read_it_alike(
    question: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []

    def counted(config, *, progress):
        prepared.append(config.tokenizer.kind)
        return prepare(config, progress=progress)

    monkeypatch.setattr(asked, "prepare", counted)
    found = ask(str(question), overrides=[])
    assert prepared == ["char", "file"]
    assert set(found.data) == {"chars", "rope", "other"}
    assert found.data["chars"] is found.data["rope"]


def test_a_run_is_known_by_the_content_of_a_tokenizer_from_elsewhere(question: Path) -> None:
    def digests() -> dict[str, str]:
        plan = ask(str(question), overrides=[]).plan
        return {name: plan.run(name, "confirm", 0).digest for name in plan.vocab_sizes}

    first = digests()
    file = question.with_name("tokenizer.json")
    file.write_text(train_tokenizer(BpeTokenizer(vocab_size=300), ["xyz xyz"]).to_json())
    second = digests()
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"other"}


@pytest.fixture
def matched(question: Path) -> Callable[..., Path]:
    """`matched("flops")` rewrites the question: a variant that doubles the batch, matched so."""

    def write(match: str, **parts: Any) -> Path:
        content = yaml.safe_load(question.read_text())
        content |= {
            "variants": {"chars": {}, "wide": {"train.batch_size": 2 * BATCH}},
            "match": match,
            **parts,
        }
        content["base"]["train"] |= {"batch_size": BATCH, "steps": 20}
        question.write_text(yaml.safe_dump(content))
        return question

    return write


def test_what_matching_finds_is_what_is_planned(matched: Callable[..., Path]) -> None:
    found = ask(str(matched("flops")), overrides=[])
    assert found.question.matched == {"wide": {"train.steps": 10}}
    assert found.plan.run("wide", "confirm", 1).config.train.steps == 10
    assert found.plan.run("chars", "confirm", 1).config.train.steps == 20
    again = matched("flops", matched={"wide": {"train.steps": 10}})
    assert ask(str(again), overrides=[]).question == found.question
    with pytest.raises(ConfigError, match="leave matched out"):
        ask(str(again), overrides=["matched={wide: {train.steps: 11}}"])


def test_seconds_are_measured_in_turn_and_once(
    matched: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[int] = []

    def clock(function: Any, run: RunConfig, *args: Any) -> float:
        timed.append(run.train.batch_size)
        slow = len(timed) == 2  # another program was in the way
        return (2e-5 if run.train.batch_size == BATCH else 4e-5) * (9 if slow else 1)

    monkeypatch.setattr(asked, "ask_apart", clock)
    path = matched("wall-clock")
    found = ask(str(path), overrides=[])
    assert found.question.matched == {"wide": {"train.steps": 5}}
    assert timed == [BATCH, 2 * BATCH] * asked.ROUNDS
    folder = SweepFolder(asked.EXPERIMENTS / path.stem)
    folder.path.mkdir(parents=True)
    folder.register({"hash": "", "resolved": found.question.dump()}, found.question)
    monkeypatch.setattr(asked, "ask_apart", None)  # not asked again
    assert ask(str(path), overrides=[]).question == found.question
    taken = ask(str(folder.path / "sweep.yaml"), overrides=[]).question
    assert taken.matched == found.question.matched


def test_a_match_that_no_run_can_have_is_refused(matched: Callable[..., Path]) -> None:
    path = matched("wall-clock", matched={"wide": {"train.steps": 0}})
    with pytest.raises(ConfigError, match=r"train\.steps: input should be greater"):
        ask(str(path), overrides=[])
