"""From files and overrides to configs; what is wrong is said in sentences."""

from pathlib import Path

import pytest

from lab.config.loading import find, load_run, load_sweep
from lab.errors import ConfigError

SHIPPED = (
    "posenc.yaml",
    "positions.yaml",
    "norm.yaml",
    "mlp.yaml",
    "attention.yaml",
    "nanogpt-cpu.yaml",
)
SEARCHES = ("architecture.yaml", "lr.yaml", "pareto.yaml")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_questions_load(name: str) -> None:
    question = load_sweep(name)
    assert question.question.endswith("?")
    assert question.parse(question.dump()) == question


def test_the_question_of_the_plan() -> None:
    question = load_sweep("posenc.yaml")
    assert list(question.variants) == ["learned", "sinusoidal", "rope"]
    assert question.reference == "learned"
    assert question.comparisons == ["sinusoidal", "rope"]
    assert question.endpoint == "test/loss"
    assert question.tuning_metric == "val/loss"
    rope = question.variant("rope", {"train.optimizer.lr": 0.01})
    assert rope.model.position.kind == "rope"
    assert rope.train.optimizer.lr == 0.01


def test_names_are_looked_up_in_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("posenc").name == "posenc.yaml"
    own = tmp_path / "posenc.yaml"
    own.write_text("question: mine?")
    assert find("posenc.yaml").read_text() == "question: mine?"
    with pytest.raises(ConfigError, match=r"no config 'posnc.yaml'; did you mean 'posenc.yaml'"):
        find("posnc.yaml")


def test_overrides_reach_the_base() -> None:
    question = load_sweep(
        "posenc.yaml",
        overrides=["train.steps=7", "train.schedule={kind: constant}", "confirm.max_seeds=5"],
    )
    assert question.base.train.steps == 7
    assert question.base.train.schedule.kind == "constant"
    assert question.confirm is not None
    assert question.confirm.max_seeds == 5
    assert load_run("posenc.yaml", overrides=["seed=3"]).seed == 3
    assert load_run("posenc.yaml", variant="rope").model.position.kind == "rope"


def test_overrides_reach_keys_with_dots() -> None:
    lr = "train.optimizer.lr"
    question = load_sweep(
        "posenc.yaml",
        overrides=[f"tune.space.{lr}.low=1e-4", "variants.rope.model.position.theta=500"],
    )
    assert question.tune is not None
    assert question.tune.space[lr].low == 1e-4
    assert question.variant("rope").model.position.theta == 500


@pytest.mark.parametrize("name", [".", "", "/", "x" * 300])
def test_a_name_that_is_no_file(name: str) -> None:
    with pytest.raises(ConfigError, match="no config"):
        find(name)


def test_a_base_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(
        "data: {corpus: {kind: python-docs}}\n"
        "model: {n_layers: 1, n_heads: 1, d_model: 8, max_seq_len: 8}\n"
        "train: {steps: 3, batch_size: 1}\n"
    )
    question = tmp_path / "q.yaml"
    question.write_text(
        "question: q?\nbase: run.yaml\nvariants: {a: {}, b: {model.norm: {kind: rmsnorm}}}"
    )
    sweep = load_sweep(question, overrides=["train.steps=5"])
    assert sweep.base == load_run(tmp_path / "run.yaml", overrides=["train.steps=5"])


FAULTS = {
    "unknown key": (["train.stps=3"], "base.train.stps: unknown key; did you mean 'steps'?"),
    "unknown top key": (["tuning={}"], "tuning: unknown key; did you mean 'tune'?"),
    "misspelt variant": (
        ["model.position.kind=ropee"],
        "base.model.position: unknown kind 'ropee'; did you mean 'rope'?",
    ),
    "no kind": (
        ["model.norm={}"],
        "base.model.norm: needs a kind, such as {kind: layernorm or rmsnorm}; got {}",
    ),
    "dimensions": (
        ["model.d_model=65"],
        "base.model: d_model=65 is not a multiple of n_heads=4; try 64 or 68",
    ),
    "text for a number": (
        ["train.optimizer.lr=fast"],
        "base.train.optimizer.lr: input should be a valid number; got 'fast'",
    ),
    "bool for a number": (
        ["train.steps=true"],
        "base.train.steps: input should be a valid integer; got True",
    ),
    "negative": (
        ["train.batch_size=-1"],
        "base.train.batch_size: input should be greater than or equal to 1; got -1",
    ),
    "log range from 0": (
        ["tune.space={train.optimizer.lr: {low: 0, high: 1, log: true}}"],
        "tune.space.train.optimizer.lr: a logarithmic range cannot start at low=0; "
        "give a positive low",
    ),
    "empty range": (
        ["tune.space={train.optimizer.lr: {low: 0.1, high: 0.1}}"],
        "tune.space.train.optimizer.lr: low=0.1 must lie below high=0.1",
    ),
    "range beyond what is valid": (
        ["tune.space={train.optimizer.weight_decay: {low: -1, high: 1}}"],
        "tune.space.low of train.optimizer.weight_decay: "
        "input should be greater than or equal to 0; got -1.0",
    ),
    "tuned path": (
        ["tune.space={train.optimizer.lrr: {low: 1, high: 2}}"],
        "tune.space.train.optimizer.lrr: not a number of this run; "
        "did you mean 'train.optimizer.lr'?",
    ),
    "variant's key": (
        ["variants={a: {}, b: {model.positon: {kind: rope}}}", "baseline=a"],
        "variants.b.model.positon: unknown key; did you mean 'position'?",
    ),
    "equal variants": (
        ["variants={a: {}, b: {model.mlp: {kind: gelu}}}", "baseline=a"],
        "variants.b: resolves to the same run as 'a'",
    ),
    "variant fixes what is tuned": (
        ["variants={a: {}, b: {train.optimizer.lr: 0.1}}", "baseline=a"],
        "variants.b.train.optimizer.lr: is tuned, so no variant may fix it",
    ),
    "another text": (
        ["variants={a: {}, b: {data.splits: [0.8, 0.1, 0.1]}}", "baseline=a"],
        "variants.b.data.splits: all variants must read the same text in the same way; "
        "set base.data.splits, or ask in another sweep",
    ),
    "another window of a task": (
        ["data.corpus={kind: hmm}", "variants={a: {}, b: {model.max_seq_len: 32}}", "baseline=a"],
        "variants.b.model.max_seq_len: a task's windows are as long as the model's, so this "
        "variant would be judged on others; set base.model.max_seq_len",
    ),
    "a search over windows of a task": (
        ["data.corpus={kind: hmm}", "tune.space.model.max_seq_len=[32, 64]"],
        "tune.space: model.max_seq_len decides on which windows of the task hmm a trial is "
        "judged; set base.model.max_seq_len",
    ),
    "variant's name": (
        ["variants={../a: {}}", "baseline=null"],
        "variant '../a' names folders: use up to 64 letters, digits, '.', '_' and '-', "
        "the first a letter or a digit",
    ),
    "baseline": (
        ["baseline=lerned"],
        "baseline 'lerned' is not among the variants: learned, sinusoidal, rope",
    ),
    "splits": (
        ["data.splits=[0.5, 0.6, 0]"],
        "base.data: splits=[0.5, 0.6, 0.0] must be shares of train, val and test that sum to 1, "
        "the first two above 0; for example [0.9, 0.05, 0.05]",
    ),
    "no test split": (
        ["data.splits=[0.9, 0.1, 0]"],
        "confirmation after tuning is judged on a test split that tuning never read: "
        "give data.splits a third share above 0, such as [0.9, 0.05, 0.05]",
    ),
    "warm-up": (
        ["train.steps=60"],
        "base.train: schedule.warmup_steps=100 leaves nothing of steps=60; try 6",
    ),
    "micro-batches": (
        ["train.micro_batch_size=3"],
        "base.train: batch_size=8 is not a multiple of micro_batch_size=3",
    ),
    "variant's seed": (
        ["variants={a: {}, b: {seed: 3}}", "baseline=a"],
        "variants.b.seed: seeds are given by the plan; set base.seed",
    ),
    "variant without effect": (
        ["variants={a: {}, b: {device: cpu}}", "baseline=a"],
        "variants.b.device: changes no number of a run, so there is nothing to compare",
    ),
    "seed too large": (
        ["seed=4294967295"],
        "base.seed=4294967295 leaves no room below 2**32 for 8 more; take a smaller one",
    ),
    "seeds": (["confirm.max_seeds=3"], "confirm: min_seeds=4 is more than max_seeds=3"),
    "a scalar for a section": (
        ["train=3"],
        "base.train: must be a mapping of keys to values; got 3",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_sentences(fault: str) -> None:
    overrides, expected = FAULTS[fault]
    with pytest.raises(ConfigError) as caught:
        load_sweep("posenc.yaml", overrides=overrides)
    source, _, sentence = str(caught.value).partition(": ")
    assert source.endswith("posenc.yaml")
    assert sentence == expected


def test_all_faults_of_a_file_at_once() -> None:
    overrides = ["train.stps=3", "model.norm.kind=layer", "seed=-1"]
    with pytest.raises(ConfigError) as caught:
        load_sweep("posenc.yaml", overrides=overrides)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("posenc.yaml has 3 errors:")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "base.model.norm",
        "base.train.stps",
        "base.seed",
    ]


FILES = {
    "duplicate": ("a: 1\na: 2\n", ", line 2: key 'a' stands twice"),
    "tab": ("a:\n\tb: 1\n", ", line 2: found character '\\t' that cannot start any token"),
    "list": ("- 1\n", ": must be a mapping of keys to values"),
    "empty": ("", ": must be a mapping of keys to values"),
    "number key": ("1: 2\n", ", line 1: key 1 must be text"),
    "infinity": ("a: .inf\n", ", line 1: .inf is not a finite number"),
    "alias": ("a: &a {b: *a}\n", ", line 1: tags, anchors and aliases have no place here"),
    "tag": (
        "a: !!python/object:os.system x\n",
        ", line 1: tags, anchors and aliases have no place here",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_unreadable_files_are_sentences(name: str, tmp_path: Path) -> None:
    content, expected = FILES[name]
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_sweep(path)
    assert str(caught.value).startswith(f"{path}{expected}")


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_run(path)


@pytest.mark.parametrize("override", ["train.steps", "=3", "train..steps=3", "train.steps=[1"])
def test_malformed_overrides(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_run("posenc.yaml", overrides=[override])


# ---- searches


@pytest.mark.parametrize("name", SEARCHES)
def test_shipped_searches_load(name: str) -> None:
    question = load_sweep(name)
    assert question.is_search
    assert question.parse(question.dump()) == question


def test_the_search_of_an_architecture() -> None:
    question = load_sweep("architecture")
    run = question.variant("base", {"position": "rope", "model.position.theta": 500.0})
    assert run.model.position.theta == 500
    mlp = {"mlp": "swiglu", "model.mlp.d_ff": 96, "norm": "rmsnorm", "model.n_layers": 3}
    model = question.variant("base", mlp).model
    assert (model.mlp.kind, model.d_ff, model.norm.kind, model.n_layers) == (
        ("swiglu", 96, "rmsnorm", 3)
    )
    assert question == load_sweep("architecture")  # trying its parts has changed nothing


def test_overrides_reach_the_space() -> None:
    question = load_sweep(
        "architecture",
        overrides=[
            "tune.space.train.optimizer.lr=[0.001, 0.01]",  # replaced
            "tune.space.model.n_layers.high=3",  # a part of one
            "tune.space.train.batch_size={choices: [8, 16]}",  # new
            "tune.space.bias={with: {model.bias: true}, without: {}}",
            "tune.space.position.loud={model.position: {kind: sinusoidal, amplitude: 1}}",
            "tune.space.model.mlp.d_ff.when.mlp=[gelu, swiglu]",
            "tune.pruner=null",
            "tune.sampler.width=2",
            "tune.try=[]",
            "base.model.d_model=32",
        ],
    )
    assert question.base.model.d_model == 32
    tune = question.tune
    assert tune is not None
    assert (tune.pruner, tune.width, tune.enqueued) == (None, 2, ())
    assert tune.space["train.optimizer.lr"].values() == [0.001, 0.01]
    assert tune.space["model.n_layers"].values() == [1, 2, 3]
    assert tune.space["train.batch_size"].values() == [8, 16]
    assert tune.space["bias"].values() == ["with", "without"]
    assert tune.space["position"].values() == ["learned", "rope", "sinusoidal", "loud"]
    assert tune.space["model.mlp.d_ff"].when == {"mlp": ("gelu", "swiglu")}
    assert list(tune.space)[-2:] == ["train.batch_size", "bias"]


def test_a_search_may_be_asked_for_by_overrides_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "question: q?\nbase:\n  data: {corpus: {kind: python-docs}}\n"
        "  model: {n_layers: 1, n_heads: 1, d_model: 8, max_seq_len: 8}\n"
        "  train: {steps: 30, batch_size: 1}\n"
    )
    overrides = [
        "tune.space.train.optimizer.lr={low: 1e-3, high: 0.1, log: true}",
        "tune.space.model.d_model=[8, 16]",
        "tune.trials=3",
    ]
    tune = load_sweep(path, overrides=overrides).tune
    assert tune is not None
    assert list(tune.space) == ["train.optimizer.lr", "model.d_model"]


SPACE_OVERRIDES = {
    "an entry that is null": (
        "tune.space.train.optimizer.lr=null",
        "tune.space.train.optimizer.lr: None is neither a range such as "
        "{low: 0.001, high: 0.1, log: true} nor a list of values",
    ),
    "a part of no entry": (
        "tune.space.model.n_layer.high=3",
        "tune.space.model.n_layer.high: 3 is neither a range such as "
        "{low: 0.001, high: 0.1, log: true} nor a list of values",
    ),
    "a space that is none": (
        "tune.space=3",
        "tune.space: must be a mapping of keys to values; got 3",
    ),
    "an empty space": (
        "tune.space={}",
        "tune.space: dictionary should have at least 1 item after validation, not 0; got {}",
    ),
    "a label that is none": (
        "tune.space.position.flat=3",
        "tune.space.position: flat: 3 is no fragment such as {model.n_layers: 2}",
    ),
    "a seed": ("tune.space.seed=[1, 2]", "tune.space.seed: seed is given by the plan; use "
                                         "tune.seeds"),
    "seeds too large": (
        "seed=4294967295",
        "base.seed=4294967295 leaves no room below 2**32 for 4 more; take a smaller one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPACE_OVERRIDES)
def test_faults_of_a_space_are_sentences(fault: str) -> None:
    override, expected = SPACE_OVERRIDES[fault]
    overrides = [override, "tune.seeds=2"] if fault == "seeds too large" else [override]
    with pytest.raises(ConfigError) as caught:
        load_sweep("architecture", overrides=overrides)
    assert str(caught.value).partition(": ")[2] == expected


def test_the_objectives_of_a_front_are_overridden() -> None:
    question = load_sweep("pareto", overrides=["tune.objective=val/bpb", "confirm={max_seeds: 2}"])
    assert [objective.metric for objective in question.objectives] == ["val/bpb"]
    with pytest.raises(ConfigError, match="several objectives have no one best trial"):
        load_sweep("pareto", overrides=["packages=best"])
    with pytest.raises(ConfigError, match="no trial can be given up early"):
        load_sweep("pareto", overrides=["tune.pruner={kind: median}"])
    with pytest.raises(ConfigError, match="successive-halving never judges a run of 600 steps"):
        load_sweep("lr", overrides=["tune.pruner.min_steps=500"])
