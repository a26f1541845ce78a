"""Runs that read different data are not compared; both digests are named."""

import json

import pytest

from lab.errors import SweepError
from lab.report.collect import open_sweep
from lab.report.page import write_report
from tests.report.judged import changed


def reading(folder, variant, **facts):
    """The folder, its runs of a variant of other data."""

    def change(name, result, path):
        if name == variant:
            result["data"] |= facts

    return changed(folder, change)


@pytest.mark.parametrize(
    ("key", "known", "what"),
    [("corpus_digest", "c0", "read different corpora"), ("digest", "da", "read different data")],
)
def test_other_data_is_refused_with_both_digests(make_sweep, key, known, what):
    folder = reading(make_sweep(), "rope", **{key: "ee" * 32})
    with pytest.raises(SweepError) as caught:
        open_sweep(folder).verdicts()
    text = str(caught.value)
    assert what in text
    assert known * 32 in text
    assert "ee" * 32 in text
    assert "\n" not in text
    with pytest.raises(SweepError, match=what):
        write_report(folder)


def test_one_run_of_a_variant_is_enough(make_sweep):
    folder = make_sweep()
    path = next(folder.glob("runs/learned-2-*/result.json"))
    result = json.loads(path.read_text())
    result["data"]["digest"] = "ee" * 32
    path.write_text(json.dumps(result))
    with pytest.raises(SweepError, match=path.parent.name):
        open_sweep(folder).verdicts()


def test_tokenizers_differ_in_their_tokens_and_share_the_text(make_sweep, asking):
    variants = {"learned": {}, "rope": {"data.tokenizer": {"kind": "byte"}}}
    folder = reading(make_sweep(asked=asking(variants=variants)), "rope", digest="ee" * 32)
    (verdict,) = open_sweep(folder).verdicts()
    assert verdict.metric == "test/bpb"
    assert verdict.kind == "decided"
    reading(folder, "rope", corpus_digest="ee" * 32)
    with pytest.raises(SweepError, match="different corpora"):
        open_sweep(folder).verdicts()


def test_older_runs_do_not_say_what_they_read(make_sweep):
    def forget(variant, result, path):
        if variant == "rope":
            del result["data"]

    folder = changed(make_sweep(), forget)
    assert [v.kind for v in open_sweep(folder).verdicts()] == ["undecided", "decided"]
    write_report(folder)


def test_the_digests_are_columns(plain_sweep):
    runs = open_sweep(plain_sweep).runs()
    assert {*runs["corpus_digest"]} == {"c0" * 32}
    assert {*runs["data_digest"]} == {"da" * 32}
