"""The catalogue of sizes, and sizes by name where a model is wanted."""

import itertools
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.config.loading import load_run, load_size, load_sweep
from lab.config.reading import names
from lab.config.sizes import with_sizes
from lab.errors import ConfigError

STATED = {
    "litgpt-core": 116_480,
    "litetorch-tiny": 59_264,
    "litetorch-small": 335_232,
    "customllm": 655_872,
    "gpt2-small": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt2-small-no-bias": 124_337_664,
}
SIZES = names(below=("sizes",))
TINY = load_size("tiny").model


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", STATED)
def test_published_counts_are_reproduced(name: str) -> None:
    size = load_size(name)
    assert size.model.n_params(size.vocab_size) == STATED[name]


def test_nanogpt_counts_without_positions_as_it_prints_them() -> None:
    for name, millions in (("nanogpt-cpu", "0.80"), ("baby-gpt", "10.65")):
        size = load_size(name)
        positions = size.model.max_seq_len * size.model.d_model
        assert f"{(size.model.n_params(size.vocab_size) - positions) / 1e6:.2f}" == millions


def test_the_shape_of_the_shipped_question_on_nanogpt_is_its_size() -> None:
    assert load_run("nanogpt-cpu.yaml").model == load_size("nanogpt-cpu").model


def test_own_sizes_grow() -> None:
    counts = []
    for name in ("tiny", "small", "medium", "base", "large"):
        size = load_size(name)
        counts.append(size.model.n_params(size.vocab_size))
        assert size.model.mlp.kind == "swiglu"
        assert abs(size.model.d_ff - 8 * size.model.d_model / 3) <= 4
    assert all(2 * a < b for a, b in itertools.pairwise(counts))


@pytest.mark.parametrize("name", SIZES)
def test_every_size_says_what_it_is(name: str) -> None:
    assert load_size(name).about.endswith(".")
    assert load_size(Path(lab.__file__).parents[1] / "configs/sizes" / f"{name}.yaml")


def test_a_question_or_run_is_a_size_once_its_vocabulary_is_known(tmp_path: Path) -> None:
    size = load_size("posenc.yaml", vocab_size=99)
    assert (size.vocab_size, size.model) == (99, load_sweep("posenc.yaml").base.model)
    assert load_size("tiny", vocab_size=7).vocab_size == 7
    with pytest.raises(ConfigError, match="its vocabulary comes from its text; give --vocab-size"):
        load_size("posenc.yaml")


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        ("tinny", [], "no size 'tinny'; did you mean 'tiny'?"),
        ("tiny", ["model.n_heads=3"], "model: d_model=64 is not a multiple of n_heads=3"),
        ("tiny", ["vocab_size=0"], "vocab_size: input should be greater than or equal to 1"),
        ("tiny", ["train.steps=1"], "train: unknown key; valid: about, vocab_size, model"),
    ],
)
def test_a_fault_is_one_sentence(name: str, overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_size(name, overrides=overrides)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


class TestByName:
    """A size's name stands for its model."""

    def test_in_an_override_and_changed_by_later_ones(self) -> None:
        assert load_run("nanogpt-cpu.yaml", overrides=["model=tiny"]).model == TINY
        run = load_run("posenc.yaml", overrides=["model=tiny", "model.position={kind: alibi}"])
        assert run.model.position.kind == "alibi"
        assert run.model.mlp == TINY.mlp

    def test_in_files(self, tmp_path: Path) -> None:
        parts = "data: {corpus: {kind: python-docs}}\n{}train: {steps: 9, batch_size: 2}\n"
        run = "model: tiny\n" + parts.replace("{}", "")
        (tmp_path / "run.yaml").write_text(run)
        assert load_run("run.yaml", overrides=["model.n_layers=3"]).model == TINY.replaced(
            {"n_layers": 3}
        )
        (tmp_path / "question.yaml").write_text(
            "question: Which size?\nbase: run.yaml\nvariants: {tiny: {}, small: {model: small}}\n"
        )
        question = load_sweep("question.yaml")
        assert question.base.model == TINY
        assert question.variant("small").model == load_size("small").model
        assert question.parse(question.dump()) == question  # which names no size any more

    def test_in_fragments_of_a_search_but_never_as_a_label(self) -> None:
        space = {
            "model": {"tiny": {"model": "tiny"}, "small": {"model": "small"}},
            "b": {"choices": {"x": {"model": "tiny"}}, "when": {"model": "tiny"}},
            "c": {"low": 1, "high": 2, "when": {"model": "tiny"}},
            "d": [1, 2],
        }
        raw = {"base": {"model": "tiny"}, "tune": {"space": space, "try": [{"model": "tiny"}]}}
        found: Any = with_sizes(raw)
        assert found["base"]["model"]["n_layers"] == 2
        assert found["tune"]["space"]["model"]["small"]["model"]["n_layers"] == 4
        assert found["tune"]["space"]["b"]["choices"]["x"]["model"]["n_layers"] == 2
        assert found["tune"]["space"]["b"]["when"] == {"model": "tiny"}
        assert found["tune"]["space"]["c"] == space["c"]
        assert found["tune"]["try"] == [{"model": "tiny"}]
        assert with_sizes(found) == found
        assert raw["base"] == {"model": "tiny"}

    @pytest.mark.parametrize("raw", [{}, {"base": 3, "variants": [1]}, {"tune": {"space": [1]}}])
    def test_other_data_is_left_as_it_is(self, raw: dict[str, Any]) -> None:
        assert with_sizes(raw) == raw

    def test_a_misspelt_one_is_one_sentence_with_the_nearest(self) -> None:
        with pytest.raises(ConfigError) as error:
            load_sweep("posenc.yaml", overrides=["model=gpt2-smal"])
        assert str(error.value) == (
            "--set base.model: no size 'gpt2-smal'; did you mean 'gpt2-small'?"
        )

    def test_a_file_that_is_no_size(self, tmp_path: Path) -> None:
        (tmp_path / "odd.yaml").write_text("n_layers: 3")
        with pytest.raises(ConfigError, match=r"odd\.yaml: is no size, which has a model"):
            load_run("posenc.yaml", overrides=["model=odd"])

    def test_sizes_of_ones_own_come_first(self, tmp_path: Path) -> None:
        own = tmp_path / "configs" / "sizes" / "tiny.yaml"
        own.parent.mkdir(parents=True)
        own.write_text(
            "about: Mine.\nvocab_size: 5\n"
            "model: {n_layers: 1, n_heads: 1, d_model: 2, max_seq_len: 9}\n"
        )
        assert load_size("tiny").about == "Mine."
        assert load_run("posenc.yaml", overrides=["model=tiny"]).model.d_model == 2
