"""Questions that say what cannot be, each a good one with something else set in it."""

import os
from pathlib import Path

import pytest

from tests.bad.calls import call, refused
from tests.bad.question import factors, space, variants

INT, POSITIVE = "input should be a valid integer; got ", "greater than or equal to 1; got "
NUMBER = "train.optimizer.lr: input should be a valid number; got "
NAMES = "names folders: use up to 64 letters, digits, '.', '_' and '-', the first a letter or"
RANGE = "{low: 1e-3, high: 1e-2}"

RUNS = {
    "a rate in quotes": ('train.optimizer.lr="3e-4"', NUMBER + "'3e-4'"),
    "a rate that is true": ("train.optimizer.lr=true", NUMBER + "True"),
    "a rate that is nothing": ("train.optimizer.lr=null", NUMBER + "None"),
    "a rate that is a list": ("train.optimizer.lr=[1e-3]", NUMBER + "[0.001]"),
    "a rate of 0": ("train.optimizer.lr=0", "train.optimizer.lr: input should be greater than 0"),
    "a rate below 0": ("train.optimizer.lr=-1", "greater than 0; got -1"),
    "no steps": ("train.steps=0", f"base.train.steps: input should be {POSITIVE}0"),
    "steps below 0": ("train.steps=-1", f"base.train.steps: input should be {POSITIVE}-1"),
    "half a step": ("train.steps=1.5", INT + "1.5"),
    "steps in words": ("train.steps=many", INT + "'many'"),
    "steps that are true": ("train.steps=true", INT + "True"),
    "steps without an end": ("train.steps=1000000000000", "less than or equal to 1000000000"),
    "steps beyond 64 bits": ("train.steps=100000000000000000000", "give less than 2**53"),
    "a batch of nothing": ("train.batch_size=0", POSITIVE + "0"),
    "a batch beyond memory": ("train.batch_size=1000000000000", "less than or equal to 16777216"),
    "micro-batches": ("train.micro_batch_size=3", "batch_size=4 is not a multiple of"),
    "warm-up": ("train.schedule={kind: cosine, warmup_steps: 100}", "leaves nothing of steps=20"),
    "one beta": ("train.optimizer.betas=[0.9]", "base.train.optimizer.betas.1: required"),
    "three betas": ("train.optimizer.betas=[0.9, 0.9, 0.9]", "at most 2 items"),
    "a beta of 1": ("train.optimizer.betas=[0.9, 1]", "betas.1: input should be less than 1"),
    "a precision": ("train.precision=fp8", "input should be 'fp32' or 'bf16'; got 'fp8'"),
    "no layers": ("model.n_layers=0", POSITIVE + "0"),
    "layers below 0": ("model.n_layers=-3", POSITIVE + "-3"),
    "a trillion layers": ("model.n_layers=1000000000000", "less than or equal to 1000; got"),
    "a width beyond memory": ("model.d_model=1000000000", "less than or equal to 131072; got"),
    "heads that do not divide": (
        "model.n_heads=3",
        "d_model=16 is not a multiple of n_heads=3; tr",
    ),
    "no heads": ("model.n_heads=0", POSITIVE + "0"),
    "keys that do not divide": (
        "model.attention={kind: grouped-query, n_kv_heads: 3}",
        "attention.n_kv_heads=3 does not divide n_heads=2",
    ),
    "no keys": ("model.attention={kind: grouped-query, n_kv_heads: 0}", POSITIVE + "0"),
    "a window of one": ("model.attention={kind: multi-head, window: 1}", "or equal to 2; got 1"),
    "a text of one token": ("model.max_seq_len=1", "greater than or equal to 2; got 1"),
    "dropout of all": ("model.dropout=1", "model.dropout: input should be less than 1; got 1"),
    "a cap of 0": ("model.logit_cap=0", "model.logit_cap: input should be greater than 0; got 0"),
    "a base of angles": ("model.position={kind: rope, theta: 0.5}", "greater than 1; got 0.5"),
    "a number for yes": ("model.bias=1", "model.bias: input should be a valid boolean; got 1"),
    "a word for yes": ("model.tie_embeddings=maybe", "a valid boolean; got 'maybe'"),
    "no kind": ("model.norm={}", "needs a kind, such as {kind: layernorm or rmsnorm}; got {}"),
    "a kind misspelt": ("model.position.kind=roppe", "'roppe'; did you mean 'rope'?"),
    "a number for a section": ("model=3", "base.model: must be a mapping of keys to values; got 3"),
    "a size misspelt": ("model=tinny", "no size 'tinny'; did you mean 'tiny'?"),
    "a size that is a path": ("model=../../etc/passwd", "no size '../../etc/passwd'; valid: "),
    "a seed below 0": ("seed=-1", "base.seed: input should be greater than or equal to 0; got -1"),
    "a seed beyond 32 bits": ("seed=4294967296", "less than 4294967296; got 4294967296"),
    "a seed that is true": ("seed=true", INT + "True"),
    "a device": ("device=gpu", "'auto', 'cpu', 'cuda' or 'mps'; got 'gpu'"),
    "splits without a test of learning": ("data.splits=[1, 0, 0]", "must be shares of train, val"),
    "splits below 0": ("data.splits=[1.5, -0.5, 0]", "must be shares of train, val and test"),
    "two splits": ("data.splits=[0.5, 0.5]", "base.data.splits.2: required, but missing"),
    "a vocabulary of ten": ("data.tokenizer={kind: bpe, vocab_size: 10}", "or equal to 259"),
    "a tokenizer that is not there": (
        "data.tokenizer={kind: file, path: no.json}",
        "no tokenizer at no.json; name a tokenizer.json",
    ),
    "a tokenizer that is none": (
        "data.tokenizer={kind: file, path: q.yaml}",
        "q.yaml: not a tokenizer.json of Hugging Face tokenizers",
    ),
    "a length of one": ("evaluate.lengths=[1]", "base.evaluate.lengths.0: input should be gr"),
    "a window beyond the text": ("model.max_seq_len=1000000", "give it more text, or a shorter"),
    "a mode of tracking": ("tracking.wandb.mode=on", "'offline' or 'disabled'; got 'on'"),
    "a project that is a path": ('tracking.wandb.project="a/b"', "got 'a/b'"),
    "an empty prompt": ('tracking.samples.prompt=""', "at least 1 character; got ''"),
}

SWEEPS = {
    "a length beyond the text": ("evaluate.lengths=[1000000]", "the train split has 28933 tokens"),
    "no variants": ("variants={}", "variants: dictionary should have at least 1 item"),
    "variants that are nothing": ("variants=null", "variants: must be a mapping of keys to values"),
    "variants in a list": (
        "variants=[a, b]",
        "must be a mapping of keys to values; got ['a', 'b']",
    ),
    "a variant that is nothing": ("variants.learned=null", "variants.learned: must be a mapping"),
    "a baseline misspelt": (
        "baseline=ropee",
        "baseline 'ropee' is not among the variants: learned",
    ),
    "two variants alike": ("variants.rope={}", "variants.rope: resolves to the same run as 'lear"),
    "two variants alike by default": (
        "variants.x={model.position.kind: rope}",
        "variants.x: resolves to the same run as 'rope'",
    ),
    "a path misspelt": (
        "variants.rope={model.positon: {kind: rope}}",
        "variants.rope.model.positon: unknown key; did you mean 'position'?",
    ),
    "a path misspelt at its end": (
        "variants.rope={model.position.knd: rope}",
        "variants.rope.model.position.knd: unknown key; did you mean 'kind'?",
    ),
    "a path beyond a number": ("variants.rope={model.n_layers.x: 2}", INT + "{'x': 2}"),
    "a path that is empty": ('variants.rope={"": 3}', "unknown key; valid: model, data, train"),
    "a path of dots": ('variants.rope={"..": 3}', "unknown key; valid: model, data, train"),
    "a path without an end": (
        "variants.rope={" + "a." * 150 + "b: 3}",
        "string should have at most 256 characters",
    ),
    "a variant's seed": ("variants.rope={seed: 3}", "seeds are given by the plan; set base.seed"),
    "a variant's device": ("variants.rope={device: cuda}", "changes no number of a run"),
    "a variant's text": ("variants.rope={data.splits: [0.8, 0.1, 0.1]}", "must read the same text"),
    "what is compared": (
        "compare=some",
        "compare: input should be 'baseline' or 'all'; got 'some'",
    ),
    "what is matched": ("match=time", "'parameters' or 'wall-clock'; got 'time'"),
    "packages of nothing": ("packages=none", "'all', 'confirm' or 'best'; got 'none'"),
    "packages without confirmation": ("packages=confirm", "needs a section confirm; use all or"),
    "an arm that is none": ("matched={foo: {}}", "matched: 'foo' is no arm of this question"),
    "one scale": ("scales={s: {model.n_layers: 2}}", "'s' alone is what base is for; name two"),
    "attempts below 0": ("retries=-1", "retries: input should be greater than or equal to 0"),
    "no patience": ("timeout=0", "timeout: input should be greater than 0; got 0"),
    "patience in words": ("timeout=1h", "timeout: input should be a valid number; got '1h'"),
    "a confirmation of nothing": ("confirm={}", "confirm.max_seeds: required, but missing"),
    "a confirmation in a list": ("confirm=[]", "confirm: must be a mapping of keys to values"),
    "one seed": ("confirm={max_seeds: 1}", "confirm.max_seeds: input should be greater than or"),
    "a million seeds": ("confirm={max_seeds: 1000000}", "less than or equal to 1000; got 1000000"),
    "fewer seeds than least": ("confirm={max_seeds: 4, min_seeds: 5}", "min_seeds=5 is more than"),
    "a margin below 0": ("confirm={max_seeds: 4, margin: -0.1}", "confirm.margin: input should"),
    "α of 0": ("confirm={max_seeds: 4, alpha: 0}", "confirm.alpha: input should be greater than 0"),
    "α of 1": ("confirm={max_seeds: 4, alpha: 1}", "confirm.alpha: input should be less than 0.5"),
    "a metric misspelt": ("confirm={max_seeds: 4, metric: los}", "did you mean 'loss'?"),
    "a length that is not read": ("confirm={max_seeds: 4, metric: loss@64}", "add 64 to them"),
    "no space": ("tune={trials: 3}", "tune.space: required, but missing"),
    "an empty space": ("tune={trials: 3, space: {}}", "at least 1 item after validation"),
    "a space that is a word": ("tune={trials: 3, space: wide}", "tune.space: must be a mapping"),
    "no trials": (space(RANGE, more="trials: 0"), "tune.trials: input should be greater than"),
    "too many trials": (space(RANGE, more="trials: 10001"), "less than or equal to 10000"),
    "trials that are not said": (space(RANGE, more="seeds: 1"), "trials: required, but missing"),
    "an empty range": (space("{low: 1e-3, high: 1e-3}"), "low=0.001 must lie below high=0.001"),
    "a range upside down": (space("{low: 1, high: 1e-3}"), "low=1 must lie below high=0.001"),
    "a log range from 0": (space("{low: 0, high: 1, log: true}"), "give a positive low"),
    "a log range from below": (space("{low: -1, high: 1, log: true}"), "give a positive low"),
    "half a range": (space("{low: 0.1}"), "train.optimizer.lr.high: required, but missing"),
    "a range of nothing": (space("{}"), "needs low and high, or choices; got an empty mapping"),
    "a range that is a number": (space("3"), "3 is neither a range such as"),
    "a step of 0": (
        space("{low: 0.1, high: 0.2, step: 0}"),
        "step: input should be greater than 0",
    ),
    "half a layer": (space("{low: 1.5, high: 3}", name="model.n_layers"), "must be whole"),
    "layers without an end": (space("{low: 1, high: 1e300}", name="model.n_layers"), "2**53"),
    "a range that overflows": (space("{low: -1.7e308, high: 1.7e308}"), "greater than 0; got -1.7"),
    "no choices": (space("[]"), "there is nothing to choose from; give one value or more"),
    "choices that are lists": (
        space("[[0.9, 0.95], [0.9, 0.99]]", name="train.optimizer.betas"),
        "[0.9, 0.95] is no plain value; give each choice a label",
    ),
    "choices that are mappings": (
        space("[{kind: rope}]", name="model.position"),
        "{'kind': 'rope'} is no plain value; give each choice a label",
    ),
    "a choice twice": (space("[4, 4]", name="train.batch_size"), "4, 4: a choice stands there twi"),
    "a choice twice, spelt otherwise": (space("[1, 1.0]"), "1.0 gives the same run as another"),
    "choices of several kinds": (space("[4, x]", name="train.batch_size"), INT + "'x'"),
    "thousands of choices": (
        space(f"[{', '.join(f'{i}e-6' for i in range(1, 3000))}]"),
        "2,999 choices are more than 1,000, each of which would be tried; give fewer, or a range",
    ),
    "a grid of ten million cells": (
        "tune={sampler: {kind: grid}, space: {train.batch_size: {low: 1, high: 10000}, "
        "model.n_layers: {low: 1, high: 1000}}}",
        "the grid has more than 10,000 cells; list fewer values",
    ),
    "a grid of listed millions": (
        "tune={sampler: {kind: grid}, space: {"
        + ", ".join(
            f"{name}: [{', '.join(map(str, range(1, 217)))}]"
            for name in ("train.batch_size", "model.n_layers", "train.log_every")
        )
        + "}}",
        "the grid has more than 10,000 cells; list fewer values",
    ),
    "a grid without values": (
        space(RANGE, more="sampler: {kind: grid}"),
        "a grid needs the values",
    ),
    "a grid of tiny steps": (
        space("{low: 0.1, high: 0.2, step: 1e-12}", more="sampler: {kind: grid}"),
        "a grid needs the values",
    ),
    "a setting misspelt": (space(RANGE, name="train.optimizer.lrr"), "mean 'train.optimizer.lr'?"),
    "a setting without a name": (space("[1, 2]", name='""'), "a name is empty; give the setting's"),
    "seeds that are tuned": (space("[1, 2]", name="seed"), "is given by the plan; use tune.seeds"),
    "what a variant fixes": (
        space("[rope, learned]", name="model.position.kind"),
        "variants.rope.model.position: is tuned, so no variant may fix it",
    ),
    "a condition on nothing": (
        space("{low: 1e-3, high: 1e-2, when: {x: 1}}"),
        "when: 'x' is not in the space",
    ),
    "a condition on itself": (
        space("{choices: [4, 8], when: {train.batch_size: 4}}", name="train.batch_size"),
        "the conditions of train.batch_size go round in a circle",
    ),
    "a sampler misspelt": (space(RANGE, more="trials: 3, sampler: {kind: gird}"), "mean 'grid'?"),
    "a pruner misspelt": (space(RANGE, more="trials: 3, pruner: {kind: medium}"), "an 'median'?"),
    "half a constraint": (space(RANGE, more='trials: 3, constraints: ["a <"]'), "is no constraint"),
    "a constraint that runs": (
        space(RANGE, more='trials: 3, constraints: ["__import__(os).system(ls) < 3"]'),
        "'__import__(os).system(ls) < 3' is no constraint; write one such as",
    ),
    "a constraint that nothing meets": (
        space(RANGE, more='trials: 3, constraints: ["model.n_params < 1"]'),
        "widen the space or the constraints",
    ),
    "a try outside": (space(RANGE, more="trials: 3, try: [{train.optimizer.lr: 3}]"), "is not in"),
    "a try of nothing known": (space(RANGE, more="trials: 3, try: [{lr: 3}]"), "not in the space"),
    "an objective misspelt": (space(RANGE, more="trials: 3, objective: val/los"), "'val/loss'?"),
    "no seeds": (space(RANGE, more="trials: 3, seeds: 0"), "tune.seeds: input should be greater"),
    "an earlier sweep that is not there": (
        space(RANGE, more="trials: 3, sampler: {kind: tpe}, warm_start: nowhere"),
        "warm_start: there is no",
    ),
}

SEVERAL = {
    "seeds that overflow": (
        ("seed=4294967295", "confirm={max_seeds: 4}"),
        "base.seed=4294967295 leaves no room below 2**32 for 4 more",
    ),
    "factors and variants": (
        ("factors={a: {x: {}, y: {model.n_layers: 2}}, b: {u: {}, v: {model.bias: true}}}",),
        "factors name the variants by themselves",
    ),
    "factors that meet": (
        factors("a: {x: {}, y: {model.n_layers: 2}}, b: {u: {}, v: {model.n_layers: 3}}"),
        "factors.b.v.model.n_layers: is set by factors.a.y.model.n_layers too",
    ),
    "one level": (factors("a: {x: {}}, b: {u: {}, v: {model.n_layers: 3}}"), "give two levels or"),
    "a factor's name": (factors("a/b: {x: {}, y: {}}, c: {u: {}, v: {}}"), f"'a/b' {NAMES}"),
    "a level's name": (factors("a: {../x: {}, y: {}}, c: {u: {}, v: {}}"), f"'../x' {NAMES}"),
    "thirty factors": (
        factors(", ".join(f"f{i}: {{x: {{}}, y: {{seed: {i}}}}}" for i in range(30))),
        "come to 1,073,741,824 combinations, more than 200; ask in several sweeps",
    ),
    "a thousand variants": (
        variants(", ".join(f"v{i}: {{train.optimizer.lr: {i + 1}e-5}}" for i in range(999))),
        "come to 1,000 combinations, more than 200; ask in several sweeps",
    ),
    "too many pairs": (
        (
            *variants(", ".join(f"v{i}: {{train.optimizer.lr: {i + 1}e-5}}" for i in range(99))),
            "compare=all",
        ),
        "compare: all comes to 4,950 comparisons, more than 1,000",
    ),
    "a scale and a variant that meet": (
        ("scales={s: {model.position: {kind: rope}}, l: {model.n_layers: 3}}",),
        "scales.s.model.position: is set by variants.rope.model.position too",
    ),
}

VARIANT_NAMES = (
    *("a/b", "..", "../../x", "/etc", ".hidden", "-x", "a@b", "a b", " ", ""),
    *("<script>alert(1)</script>", "a\\tb", "a\\n", "a\\\\b", "c:", "a*", "a" * 65, "a" * 900),
    *("größe", "🙂", "\u212a", "a\u202eb"),
)

OVERRIDES = {
    "no value": ("train.steps", "--set 'train.steps': must be path=value, such as train.steps=100"),
    "nothing": ("", "--set '': must be path=value"),
    "no path": ("=3", "--set '=3': must be path=value"),
    "dots alone": ("..=3", "--set '..=3': must be path=value"),
    "half a list": ("train.steps=[1", "--set base.train.steps, line 1: expected ',' or ']'"),
    "a key misspelt": ("train.stps=3", "base.train.stps: unknown key; did you mean 'steps'?"),
    "a section misspelt": ("tuning=3", "tuning: unknown key; did you mean 'tune'?"),
    "a path into a text": (
        "question.x=3",
        "question: input should be a valid string; got {'x': 3}",
    ),
    "a tag": ("train.steps=!!int 3", "tags, anchors and aliases have no place here"),
    "an anchor": ("train.steps=&a 3", "tags, anchors and aliases have no place here"),
    "two documents": ("train.steps=1\n---\n2", "line 2: a second document begins here"),
    "bytes that are no text": ("question=\udcff", "line 1: the character U+DCFF has no place"),
    "a terminal's command": ("question=a\x1b[31mb", "the character U+001B has no place"),
    "a path without an end": ("a." * 5000 + "b=3", "a path is shorter than 256 characters"),
    "a base of the base": ("base.base.model=3", "base.base: unknown key"),
}


def _ask(asked: Path, *overrides: str) -> str:
    sets = [word for override in overrides for word in ("--set", override)]
    said = refused("sweep", "q.yaml", "--dry-run", *sets, cwd=asked)
    assert not (asked / "experiments").exists()
    return said


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_cannot_be(name: str, asked: Path) -> None:
    """Neither swept nor trained."""
    override, expected = RUNS[name]
    assert expected in _ask(asked, override)
    assert expected in refused("train", "q.yaml", "--set", override, cwd=asked)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_that_cannot_be(name: str, asked: Path) -> None:
    override, expected = SWEEPS[name]
    assert expected in _ask(asked, override)


@pytest.mark.parametrize("name", SEVERAL)
def test_parts_that_cannot_be_together(name: str, asked: Path) -> None:
    overrides, expected = SEVERAL[name]
    assert expected in _ask(asked, *overrides)


@pytest.mark.parametrize("name", VARIANT_NAMES, ids=range(len(VARIANT_NAMES)))
def test_a_name_that_is_no_folder(name: str, asked: Path) -> None:
    said = _ask(asked, *variants(f'"{name}": {{}}'))
    assert NAMES in said
    assert len(said) < 250


@pytest.mark.parametrize("name", ["CON", "nul.txt", "a.", "0", "A" * 64])
def test_a_name_that_is_a_folder_on_linux(name: str, asked: Path) -> None:
    """A run's folder has its seed and digest behind it: none is a device, or ends in a dot."""
    sets = [word for part in variants(f"'{name}': {{}}") for word in ("--set", part)]
    assert call("sweep", "q.yaml", "--dry-run", *sets, cwd=asked).code == 0


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_that_says_nothing(name: str, asked: Path) -> None:
    override, expected = OVERRIDES[name]
    assert expected in _ask(asked, override)


TEXTS = {
    "that is not there": (None, "no file 'bad.txt'"),
    "that is empty": (b"", "corpus bad.txt is empty: give files that hold text"),
    "that is too short": (
        b"too short",
        "splits=[0.9, 0.05, 0.05] leave val with 0 of 9 characters",
    ),
    "that is not UTF-8": (
        b"b\xe9tter " * 900,
        "byte 0xe9 at offset 1 is not UTF-8; convert the fil",
    ),
    "that is no text": (bytes(range(256)) * 9, "byte 0x80 at offset 128 is not UTF-8"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text(name: str, asked: Path) -> None:
    content, expected = TEXTS[name]
    if content is not None:
        (asked / "bad.txt").write_bytes(content)
    assert expected in _ask(asked, "data.corpus.path=bad.txt")


PATHS = {
    "pipe.txt": "pipe.txt is no regular file; copy what it gives to one and name that",
    "loop.txt": "loop.txt is no regular file",
    "folder": "folder holds no file that ends in .txt",
    "bad.jsonl": "line 2 is not JSON",
    "other.jsonl": "line 1 has no field 'text'; it has 'txt': set corpus.field",
    "bad.txt.gz": "bad.txt.gz is damaged",
    "bad.txt.zst": "bad.txt.zst is damaged",
    "'*.nope'": "no file '*.nope'",
    "''": "path is empty; give a file or a glob pattern",
    "[]": "path is empty; give a file or a glob pattern",
    "x" * 5000: "xxx",
}


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_a_text_that_is_no_file_of_text(path: str, asked: Path) -> None:
    os.mkfifo(asked / "pipe.txt")
    (asked / "loop.txt").symlink_to("loop.txt")
    (asked / "folder").mkdir()
    (asked / "bad.jsonl").write_text('{"text": "x"}\n{oops\n')
    (asked / "other.jsonl").write_text('{"txt": "x"}\n')
    for name in ("bad.txt.gz", "bad.txt.zst"):
        (asked / name).write_bytes(b"nope")
    assert PATHS[path] in _ask(asked, f"data.corpus.path={path}")
