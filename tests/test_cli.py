"""The command lines: quick, and never a traceback for bad input."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.cli import main

ROOT = Path(lab.__file__).parents[1]


def run(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        "sweep",
        "train",
        "bench",
        "certify",
        "sample",
        "report",
        "sizes",
        "doctor",
        "export",
        "adopt",
        "tokenizer",
    ],
)
def test_help_answers_without_torch(command: str, tmp_path: Path) -> None:
    """By both spellings; heavy imports would show in the list of modules."""
    code = (
        "import sys; from lab.cli import main; code = main([sys.argv[1], '--help']); "
        "heavy = {'torch', 'wandb', 'optuna', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules); "
        "sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: lab " + command in done.stdout
    assert run(f"lab.{command}", "--help", cwd=tmp_path).stdout == done.stdout


def test_a_dry_run_needs_nothing_heavy_and_writes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from lab.cli import main; "
        "code = main(['sweep', 'posenc.yaml', '--dry-run']); "
        "heavy = {'torch', 'pandas', 'scipy', 'optuna', 'matplotlib'} & set(sys.modules); "
        "sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "34 to 50" in done.stdout
    assert not list(tmp_path.iterdir())


BAD = {
    "unknown key": (["lab.sweep", "posenc.yaml", "--set", "train.stps=3"], "did you mean 'steps'?"),
    "misspelt variant": (
        ["lab.sweep", "posenc.yaml", "--set", "model.position.kind=roppe"],
        "unknown kind 'roppe'; did you mean 'rope'?",
    ),
    "missing config": (["lab.sweep", "posec.yaml"], "did you mean 'posenc.yaml'?"),
    "missing corpus": (
        ["lab.sweep", "nanogpt-cpu.yaml", "--set", "data.corpus.path=no-such-file.txt"],
        "no-such-file.txt",
    ),
    "not divisible": (
        ["lab.sweep", "posenc.yaml", "--set", "model.d_model=65"],
        "d_model=65 is not a multiple of n_heads=4; try 64 or 68",
    ),
    "empty corpus": (
        ["lab.sweep", "nanogpt-cpu.yaml", "--set", "data.corpus.path={empty}"],
        "is empty",
    ),
    "corpus too short": (
        ["lab.train", "nanogpt-cpu.yaml", "--set", "data.corpus.path={short}"],
        "needs at least",
    ),
    "log range from 0": (
        [
            "lab.sweep",
            "posenc.yaml",
            "--set",
            "tune.space={{train.optimizer.lr: {{low: 0, high: 1, log: true}}}}",
        ],
        "a logarithmic range cannot start at low=0",
    ),
    "no cuda": (["lab.sweep", "posenc.yaml", "--set", "device=cuda"], "has no CUDA device"),
    "no mps": (["lab.sweep", "posenc.yaml", "--set", "device=mps"], "this machine is no Mac"),
    "no cuda to train on": (
        ["lab.train", "posenc.yaml", "--set", "device=cuda"],
        "device: cuda is not on this machine",
    ),
    "unknown option": (["lab.sweep", "posenc.yaml", "--worker", "2"], "--workers"),
    "exclusive options": (["lab.sweep", "posenc.yaml", "--keep", "--rerun"], "exclude each other"),
    "no login": (
        ["lab.train", "posenc.yaml", "--set", "tracking.wandb.mode=online"],
        "wandb login",
    ),
    "unknown variant": (
        ["lab.train", "posenc.yaml", "--variant", "roppe"],
        "no variant 'roppe'; did you mean 'rope'?",
    ),
    "no such thing to certify": (["lab.certify", "posenk"], "did you mean 'posenc.yaml'?"),
    "a run has no variants": (
        ["lab.certify", "tiny", "--variant", "rope"],
        "is no question and has no variant 'rope'",
    ),
    "no package": (["lab.sample", "artifacts/nothing", "--prompt", "x"], "nothing"),
    "unknown size": (["lab.sizes", "gpt2-smal"], "no size 'gpt2-smal'; did you mean 'gpt2-small'?"),
    "size of unknown vocabulary": (["lab.sizes", "posenc.yaml"], "give --vocab-size"),
    "unknown model": (
        ["lab.sweep", "posenc.yaml", "--set", "model=tinny"],
        "no size 'tinny'; did you mean 'tiny'?",
    ),
    "nothing to export": (["lab.export", "artifacts/nothing", "--to", "x"], "nothing"),
    "nothing to adopt": (["lab.adopt", "nothing", "--to", "x"], "nothing holds no config.json"),
    "no section": (["lab.bench", "--only", "stepp"], "did you mean 'step'?"),
    "no measurement": (["lab.bench", "compare", "a.json", "b.json"], "a.json cannot be read"),
    "no sweep": (["lab.report", "experiments/nothing"], "nothing"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_a_sentence_and_a_two(fault: str, tmp_path: Path) -> None:
    words, expected = BAD[fault]
    empty, short = tmp_path / "empty.txt", tmp_path / "short.txt"
    empty.write_text("")
    short.write_text("only a few words, too few to fill a window")
    folder = tmp_path / "work"
    folder.mkdir()
    done = run(*(word.format(empty=empty, short=short) for word in words), cwd=folder)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(folder.iterdir())


def test_a_working_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file in the way")
    done = run("lab.sweep", "posenc.yaml", "--set", "device=cpu", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "artifacts" in done.stderr


def test_a_question_with_brackets_is_printed_as_it_is(tmp_path: Path) -> None:
    words = ("posenc.yaml", "--dry-run", "--set", "question='Is [/x] good?'")
    done = run("lab.sweep", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Is [/x] good?" in done.stdout


def test_doctor_tells_what_a_bug_report_needs(tmp_path: Path) -> None:
    done = run("lab.doctor", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("torch", "python", "cuda", "threads", "wandb", "free", "git_commit"):
        assert word in done.stdout


def test_a_narrow_terminal_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["sizes", "tiny"]) == 0
    sys.stdout.write("1 ≤ 2\n")
    sys.stdout.flush()
    assert raw.getvalue().endswith(b"1 ? 2\n")
