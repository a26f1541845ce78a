"""What was read, told from the results of runs: sizes, digests, overlap, passes, limits."""

import pytest

from lab.report.collect import open_sweep
from lab.report.tables.data import data_part
from tests.report.judged import changed, with_facts, with_floor

TRAIN = 401_100  # tokens, as the made-up runs say
RUN = 400 * 16 * 128  # tokens of a run


def told(folder):
    sweep = open_sweep(folder)
    return data_part(sweep.question, sweep.records())


def test_sizes_digest_and_passes(make_sweep):
    says, table, (source,) = told(with_facts(make_sweep(), overlap={}))
    assert says == [
        "The corpus is python-docs (digest c0c0c0c0c0c0), tokenized by char with 97 tokens. "
        "Training draws its windows anywhere in the training text, anew at every step; documents "
        "are joined.",
        f"The budget of a run means {RUN / TRAIN:.1f} passes over the training text.",
    ]
    train, _, test = table.plain()
    assert train == {
        "Split": "Training", "Documents": 90, "Bytes": 401_234, "Characters": 401_100,
        "Tokens": TRAIN, "Bytes a token": 401_234 / TRAIN,
    }  # fmt: skip
    assert test["Split"] == "Test"
    assert source["corpus_digest"] == "c0" * 32
    assert source["passes"] == pytest.approx([RUN / TRAIN] * 2)
    assert source["variants"] == ["learned", "sinusoidal", "rope"]


def test_overlap_is_told_and_is_a_caveat_where_it_is_more_than_a_trace(make_sweep):
    says, table, _ = told(with_facts(make_sweep(), overlap={"val": 0.0312, "test": 0.0008}))
    assert says[-1].startswith(
        "3.1 % of the 64-grams (windows of 64 bytes) of the validation text and 0.08 % of those of "
        "the test text stand in the training text too. What a model knows by heart"
    )
    assert [row["64-grams also in training"] for row in table.plain()] == [None, 0.0312, 0.0008]
    few = {"overlap": {"val": 0.004, "test": None}, "overlap_sampled": True}
    says, _, _ = told(with_facts(make_sweep(name="few"), **few))
    assert says[-1] == (
        "0.4 % of the 64-grams (windows of 64 bytes) of the validation text stand in the training "
        "text too, counted at a sample of places."
    )


def test_strided_windows_are_counted_in_epochs(make_sweep, asking, question):
    base = question.dump()["base"]
    base["data"]["windows"] = {"kind": "strided", "stride": 32}
    says, _, (source,) = told(with_facts(make_sweep(asked=asking(base=base))))
    windows = len(range(0, TRAIN - 128, 32))  # each needs 129 tokens
    assert source["passes"][0] == pytest.approx(400 * 16 / windows)
    assert "0.51 epochs of the training text" in says[1]


def test_a_limit_is_said(make_sweep, asking, question):
    base = {**question.dump()["base"], "evaluate": {"tokens": 8192}}
    folder = with_facts(
        make_sweep(asked=asking(base=base)), evaluated={"val": 8192, "test": 22_100}
    )
    assert told(folder)[0][-1] == (
        "Judged on the first 8,192 of 22,340 tokens of the validation split and 22,100 tokens of "
        "the test split."
    )


def test_a_set_of_rows_a_tokenizer(make_sweep, asking):
    variants = {"learned": {}, "rope": {"data.tokenizer": {"kind": "bpe", "vocab_size": 512}}}
    folder = with_facts(make_sweep(asked=asking(variants=variants)))
    bpe = {"kind": "bpe", "vocab_size": 512, "trained_on": 100_000}
    stats = {"train": {"bytes": 401_234, "chars": 401_100, "tokens": 200_000, "documents": 90}}

    def change(variant, result, path):
        if variant == "rope":
            result["data"] |= {"digest": "be" * 32, "tokenizer": bpe, "stats": stats}

    says, table, sources = told(changed(folder, change))
    assert "char with 97 tokens (digest dadadadadada) and bpe with 512 tokens" in says[0]
    assert f"{RUN / TRAIN:.1f} (char with 97 tokens) and {RUN / 200_000:.1f} (bpe with" in says[1]
    assert [(row["Split"], row["Tokenizer"][:4]) for row in table.plain()] == [
        ("Training", "char"), ("Validation", "char"), ("Test", "char"), ("Training", "bpe ")
    ]  # fmt: skip
    assert [source["variants"] for source in sources] == [["learned"], ["rope"]]


def test_a_task_tells_its_settings_and_its_windows(make_sweep, asking, question):
    base = {**question.dump()["base"], "data": {"corpus": {"kind": "mqar"}}}
    says, table, _ = told(with_floor(make_sweep(asked=asking(base=base))))
    assert table is None
    assert says == [
        "The task is mqar with symbols 32, pairs 2 and 4, power 0.1 and passes 1 "
        "(digest c0c0c0c0c0c0).",
        "Training windows are drawn anew at every step, so no text is read twice; validation and "
        "test are 512 windows each, the same for every run. Their best possible loss is known.",
    ]


def test_older_runs_say_less(make_sweep):
    def forget(variant, result, path):
        result["data"] = {"corpus_digest": "c0" * 32, "digest": "da" * 32}

    says, table, _ = told(changed(make_sweep(), forget))
    assert len(says) == 1
    assert table is None
    folder = changed(make_sweep(name="nothing"), lambda variant, result, path: result.pop("data"))
    assert told(changed(folder, lambda variant, result, path: None)) == ([], None, [])
