"""The script that draws attention maps of a package."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.image import imread

import lab
from lab.config.run import RunConfig
from lab.data.tokenizer import train_tokenizer
from lab.model.gpt import build_model
from lab.package.write import write_package


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(lab.__file__).parents[1] / "scripts" / "draw_attention.py"
    spec = importlib.util.spec_from_file_location("draw_attention", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("draw")
    config = RunConfig.parse(
        {
            "model": {"n_layers": 2, "n_heads": 2, "d_model": 8, "max_seq_len": 16},
            "data": {"corpus": {"kind": "python-docs"}, "tokenizer": {"kind": "bpe"}},
            "train": {"steps": 1, "batch_size": 1},
        }
    )
    tokenizer = train_tokenizer(config.data.tokenizer, ["The end of the world — 日本\n" * 3])
    (folder / "metrics.csv").write_text("step\n0\n")
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
        provenance={
            "source_digest": "",
            "git_commit": None,
            "git_dirty": None,
            "python": "3.11",
            "torch": "2.13.0",
            "device": "cpu",
            "threads": 1,
        },
    )


@pytest.mark.parametrize(
    "words",
    [["--head", "2"], ["--prompt", "The 日$ \n", "--layer", "2", "--head", "1"]],
)
def test_draws_what_is_asked_for(
    script: ModuleType, package: Path, tmp_path: Path, words: list[str], capsys
) -> None:
    to = tmp_path / "maps.png"
    assert script.main([str(package), "--to", str(to), *words]) == 0
    assert capsys.readouterr().out == f"{to}\n"
    picture = imread(to)
    assert picture.std() > 0.05
    assert list(tmp_path.iterdir()) == [to]


def test_the_same_picture_twice_and_as_lines(
    script: ModuleType, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.svg", "b.svg"):
        assert script.main([str(package), "--to", name, "--layer", "1", "--head", "1"]) == 0
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    assert Path("a.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--to", "maps.gif"], "--to maps.gif: must end in .png or .svg"),
        (["--layer", "3"], "--layer 3: this model has 1 to 2"),
        (["--head", "0"], "--head 0: this model has 1 to 2"),
        (["--prompt", ""], "--prompt: from 2 to 16 tokens can be drawn of this model, not 1"),
        (["--prompt", "?" * 40], "not 41"),
        (["--promt", "x"], "No such option"),
    ],
)
def test_bad_input_is_one_sentence_and_draws_nothing(
    script: ModuleType,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert script.main([str(package), *words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
    assert not said.out
    assert not list(tmp_path.iterdir())


def test_no_package(script: ModuleType, package: Path, capsys) -> None:
    assert script.main([str(package.with_name("rum"))]) == 2
    assert "did you mean 'run'?" in capsys.readouterr().err
