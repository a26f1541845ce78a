"""`lab export` and `lab adopt`, there and back, on a machine without transformers."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import main
from lab.config.run import RunConfig
from lab.data.tokenizer import train_tokenizer
from lab.model.gpt import build_model
from lab.package.read import load_package
from lab.package.write import write_package

WITHOUT = (
    "import sys; sys.modules['transformers'] = None; from lab.cli import main; "
    "there = main(['export', sys.argv[1], '--to', 'folder']); "
    "sys.exit(there or main(['adopt', 'folder', '--to', 'again']))"
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    config = RunConfig.parse(
        {
            "model": {"n_layers": 1, "n_heads": 1, "d_model": 8, "max_seq_len": 16, "bias": True},
            "data": {"corpus": {"kind": "python-docs"}},
            "train": {"steps": 1, "batch_size": 1},
        }
    )
    tokenizer = train_tokenizer(config.data.tokenizer, ["naïve — 日本 abcdefgh\n" * 3])
    (folder / "metrics.csv").write_text("step\n0\n")
    provenance = {"source_digest": "", "git_commit": None, "git_dirty": None, "python": "3.11"}
    return write_package(
        folder / "run",
        config=config,
        tokenizer=tokenizer,
        model=build_model(config.model, tokenizer.vocab_size, seed=0),
        metrics_csv=folder / "metrics.csv",
        run="run",
        digest="0" * 64,
        corpus_digest="0" * 64,
        data_digest="0" * 64,
        metrics={},
        labels={},
        provenance=provenance | {"torch": "2.13.0", "device": "cpu", "threads": 1},
    )


def test_there_and_back_without_transformers(package: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, str(package)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there, back = done.stdout.splitlines()
    assert there.startswith("folder holds GPT-2 (GPT2LMHeadModel)")
    assert back.startswith("again holds gpt2-adopted-")
    before, after = load_package(package).model, load_package(tmp_path / "again").model
    for name, parameter in before.named_parameters():
        assert parameter.equal(dict(after.named_parameters())[name])


def test_what_stands_there_is_kept(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export", str(package), "--to", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said == f"{tmp_path} is there already; export to a folder that is not\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
