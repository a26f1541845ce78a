"""What a reader is told to type works on what is there."""

import json
import shlex

import pytest
import yaml

from lab.report.collect import open_sweep
from lab.report.pages.commands import commands
from tests.report.judged import changed, with_floor


def typed(folder, module):
    """The words of the command that runs a module of the lab; None where none does."""
    said = [command for _, command in commands(open_sweep(folder)) if module in command]
    return shlex.split(said[0]) if said else None


def test_the_model_of_the_best_run_is_asked_to_write(plain_sweep):
    words = typed(plain_sweep, "lab.sample")
    losses = {
        path.parent.name: json.loads(path.read_text())["metrics"].get("test/loss", 9.0)
        for path in plain_sweep.glob("runs/*/result.json")
    }
    assert words[3] == f"artifacts/posenc/{min(losses, key=losses.get)}"


def test_the_question_and_the_report_are_made_again(make_sweep):
    folder = make_sweep(name="it's here")
    words = typed(folder, "lab.sweep")
    assert words[:3] == ["cp", "experiments/it's here/sweep.yaml", "it's here.yaml"]
    assert words[-1] == "it's here.yaml"
    assert yaml.safe_load((folder / "sweep.yaml").read_text())["baseline"] == "learned"
    assert typed(folder, "lab.report")[-1] == "experiments/it's here"


def test_commands_do_not_depend_on_where_the_folder_lies(make_sweep, tmp_path, monkeypatch):
    folder = make_sweep(name="tiny")
    first = commands(open_sweep(folder))
    assert not any(str(tmp_path) in command for _, command in first)
    monkeypatch.chdir(folder.parent)
    assert commands(open_sweep("./tiny")) == first
    assert commands(open_sweep(folder.rename(folder.parent / "copy"))) == first


@pytest.mark.parametrize(
    ("example", "prompt", "shown"),
    [("A c<", None, "--prompt 'A c<'"), ("A c<", "B/", "--prompt B/"), (None, "B/", "--prompt B/"),
     (None, None, None)],
)  # fmt: skip
def test_a_task_is_prompted_with_its_own_symbols(make_sweep, asking, question, example, prompt,
                                                 shown):  # fmt: skip
    base = {**question.dump()["base"], "data": {"corpus": {"kind": "mqar"}}}
    if prompt:
        base["tracking"] = {"samples": {"prompt": prompt}}
    folder = make_sweep(asked=asking(base=base))

    def change(variant, result, path):
        result["data"] |= {"example": example} if example else {}

    words = typed(changed(with_floor(folder), change), "lab.sample")
    assert (words and words[4:]) == (shlex.split(shown) if shown else None)
