"""Fill the README's blocks from what the code wrote: results, the shipped question, an error.

    python scripts/update_readme.py              copy finished reports to docs/, fill the blocks
    python scripts/update_readme.py --from-docs  fill the blocks from docs/ alone

Design choices:
- a block stands between `<!-- name: begin -->` and `<!-- name: end -->`, and nobody edits inside;
- numbers come from `docs/<sweep>/answer.json`, taken from the report that a sweep wrote, so a test
  can hold the README against it.
"""

import shutil
import sys
from pathlib import Path

from lab.bench.markdown import filled
from lab.bench.record import read_record
from lab.commands.asked import ask
from lab.errors import LabError
from lab.files import read_json, write_json, write_text
from lab.report.collect import open_sweep

ROOT = Path(__file__).parents[1]
SHOWN = {
    "posenc": ("differences.png", "curves.png"),
    "lr": ("learning.png", "slices.png"),
    "length": ("positions.png",),
    "recall": ("curves.png",),
    "nanogpt-cpu": (),
}
ANSWER = ("question", "verdicts", "search", "useful_share")
MEASURED = Path("scripts", "bench", "measured", "cpu.json")
MISTAKE = ("posenc.yaml", "model.position.kind=roppe")


def main(arguments: list[str]) -> None:
    if "--from-docs" not in arguments:
        for name, figures in SHOWN.items():
            if (ROOT / "experiments" / name / "report").is_dir():
                _copy(name, figures)
                if name == "recall":
                    _write_accuracy(name)
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    for name, content in blocks().items():
        text = replaced(text, name, content)
    write_text(path, filled(text, read_record(ROOT / MEASURED)))


def blocks() -> dict[str, str]:
    """The content of every block, by name."""
    question = (ROOT / "configs" / "posenc.yaml").read_text(encoding="utf-8")
    return {
        "result": _result(),
        "question": f"```yaml\n{question}```",
        "length": "\n".join(
            [
                *_answer("length"),
                "",
                "![Test loss by position, trained on 64 tokens](docs/length/positions.png)",
            ]
        ),
        "known": _known(),
        "search": _search(),
        "mistake": _mistake(),
        "nanogpt": _nanogpt(),
    }


def replaced(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{content}\n{end}{after}"


def _copy(name: str, figures: tuple[str, ...]) -> None:
    source, target = ROOT / "experiments" / name / "report", ROOT / "docs" / name
    target.mkdir(parents=True, exist_ok=True)
    report = read_json(source / "report.json")
    write_json(target / "answer.json", {key: report[key] for key in ANSWER if key in report})
    for file in figures:
        shutil.copyfile(source / file, target / file)


def _write_accuracy(name: str) -> None:
    """The mean share of right answers on the test windows, by variant."""
    runs = open_sweep(ROOT / "experiments" / name).runs()
    means = runs[runs["phase"] == "confirm"].groupby("variant", sort=False)["test/accuracy"].mean()
    write_json(ROOT / "docs" / name / "accuracy.json", means.to_dict())


def _answer(name: str) -> list[str]:
    report = read_json(ROOT / "docs" / name / "answer.json")
    lines = [f"> **{report['question']}**", ">"]
    return lines + [f"> - {verdict['sentence']}" for verdict in report["verdicts"]]


def _known() -> str:
    lines = [*_answer("recall"), "", "| variant | right answers |", "|---|---|"]
    shares = read_json(ROOT / "docs" / "recall" / "accuracy.json")
    lines += [f"| {name} | {100 * share:.1f} % |" for name, share in shares.items()]
    return "\n".join(
        [*lines, "", "![Learning curves and the best possible](docs/recall/curves.png)"]
    )


def _result() -> str:
    report = read_json(ROOT / "docs" / "posenc" / "answer.json")
    lines = [
        *_answer("posenc"),
        "",
        "![Paired differences, a dot a seed](docs/posenc/differences.png)",
        "",
        "![Learning curves](docs/posenc/curves.png)",
        "",
        f"{100 * report['useful_share']:.0f} % of the workers' time went into training and "
        "evaluation.",
    ]
    return "\n".join(lines)


def _search() -> str:
    question = (ROOT / "configs" / "lr.yaml").read_text(encoding="utf-8")
    report = read_json(ROOT / "docs" / "lr" / "answer.json")
    found = report["search"]
    return "\n".join(
        [
            f"```yaml\n{question}```",
            "",
            "answered",
            "",
            f"> **{report['question']}**",
            ">",
            *(f"> - {sentence}" for sentence in [*found["answer"], *found["notes"]]),
            "",
            "![Learning curves of the trials, with the rungs where they were judged]"
            "(docs/lr/learning.png)",
            "",
            "![Validation loss against the learning rate](docs/lr/slices.png)",
        ]
    )


def _nanogpt() -> str:
    report = read_json(ROOT / "docs" / "nanogpt-cpu" / "answer.json")
    (verdict,) = report["verdicts"]
    losses = ", ".join(f"{loss:.4f}" for loss in verdict["differences"])
    return (
        f"gave {verdict['difference']:.3f} nats a character on the whole validation split, the "
        f"mean of {verdict['n']} seeds ({losses}). nanoGPT's own figure is 1.88, on a random "
        "sample of it."
    )


def _mistake() -> str:
    config, override = MISTAKE
    try:
        ask(config, overrides=[override])
    except LabError as error:
        command = f".venv/bin/python -m lab.sweep {config} --set {override}"
        return f"```console\n$ {command}\n{error}\n```"
    raise AssertionError("the mistake is none")


if __name__ == "__main__":
    main(sys.argv[1:])
