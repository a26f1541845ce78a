import io

import pytest

from lab.config.run import RunConfig
from lab.data.tokenizer import train_tokenizer
from lab.errors import ConfigError, PackageError
from lab.model.gpt import build_model
from lab.package.read import load_package
from lab.package.write import write_package
from lab.sample import sample

SETTINGS = {
    "prompt": "naïve ",
    "max_new_tokens": 30,
    "temperature": 0.9,
    "top_k": 40,
    "top_p": None,
    "min_p": None,
    "seed": 2,
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    config = RunConfig.parse(
        {
            "model": {"n_layers": 1, "n_heads": 1, "d_model": 8, "max_seq_len": 16},
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


class Watched(io.StringIO):
    """Counts how often a reader could have seen more."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def test_writes_the_prompt_and_its_continuation_as_they_come(package):
    out = Watched()
    text = sample(package, **SETTINGS, stream_to=out)
    settings = {key: value for key, value in SETTINGS.items() if key != "prompt"}
    pieces = ["naïve ", *load_package(package).stream("naïve ", **settings), "\n"]
    assert out.getvalue() == "".join(pieces) == text + "\n"
    assert out.flushes == len(pieces) > 3


def test_a_narrow_terminal_gets_question_marks(package):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    sample(package, **SETTINGS, stream_to=out)
    assert raw.getvalue().startswith(b"na?ve ")


@pytest.mark.parametrize(
    ("change", "error"), [({"top_k": 0}, ConfigError), ({"prompt": ""}, ConfigError)]
)
def test_a_refused_setting_writes_nothing(package, change, error):
    out = io.StringIO()
    with pytest.raises(error):
        sample(package, **SETTINGS | change, stream_to=out)
    assert out.getvalue() == ""


def test_a_missing_package_writes_nothing(package):
    out = io.StringIO()
    with pytest.raises(PackageError, match="did you mean 'run'"):
        sample(package.with_name("rum"), **SETTINGS, stream_to=out)
    assert out.getvalue() == ""
