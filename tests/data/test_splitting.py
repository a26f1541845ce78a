import random
from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from lab.config.data import SPLITS
from lab.data.splitting import RUN, WINDOW, cut, spread, window_hashes, without_overlap

few = settings(max_examples=40, deadline=None, database=None)
shares = st.sampled_from([(0.9, 0.1, 0.0), (0.9, 0.05, 0.05), (0.34, 0.33, 0.33)])


def windows(text: str) -> set[str]:
    return {text[start : start + WINDOW] for start in range(len(text) - WINDOW + 1)}


def joined(documents: list[list[str]]) -> str:
    return "".join(paragraph for document in documents for paragraph in document)


@few
@given(st.lists(st.text(max_size=30), max_size=8), shares)
def test_cut_is_contiguous_in_the_joined_text(documents, shares):
    splits = cut(documents, shares)
    text = "".join(documents)
    assert "".join("".join(splits[name]) for name in SPLITS) == text
    assert len("".join(splits["train"])) == int(shares[0] * len(text))
    assert splits["test"] == () or shares[2] > 0
    for name in SPLITS:
        assert all(any(part in document for document in documents) for part in splits[name])
    pieces = sum(map(len, splits.values()))
    assert pieces <= len([document for document in documents if document]) + 2


def test_cut_gives_tiny_shakespeare_its_usual_split():
    splits = cut(["x" * 1_115_394], (0.9, 0.1, 0.0))
    assert {name: sum(map(len, splits[name])) for name in SPLITS} == {
        "train": 1_003_854,
        "val": 111_540,
        "test": 0,
    }


def numbered(n_documents: int) -> list[list[str]]:
    sizes = random.Random(5)
    return [
        [f"{d}.{p} " + "x" * sizes.randrange(400) for p in range(sizes.randrange(1, 60))]
        for d in range(n_documents)
    ]


@pytest.mark.parametrize("shares", [(0.9, 0.05, 0.05), (0.6, 0.4, 0.0), (0.2, 0.3, 0.5)])
def test_spread_deals_out_every_paragraph_in_shares(shares):
    documents = numbered(60)
    splits = spread(documents, shares)
    dealt = [p for name in SPLITS for document in splits[name] for p in document]
    assert Counter(dealt) == Counter(p for document in documents for p in document)
    total = len(joined(documents))
    for name, share in zip(SPLITS, shares, strict=True):
        assert abs(len(joined(splits[name])) - share * total) < 2 * RUN


def test_spread_keeps_runs_together_and_draws_from_everywhere():
    documents = numbered(60)
    whole = {len(joined([document])) for document in documents}
    splits = spread(documents, (0.8, 0.1, 0.1))
    text_of = {document[0].split(".")[0]: "".join(document) for document in documents}
    for name in SPLITS:
        for part in splits[name]:
            origin = part[0].split(".")[0]
            text = "".join(part)
            assert text in text_of[origin]  # contiguous
            assert len(text) >= RUN or len(text) in whole
    thirds = Counter(int(part[0].split(".")[0]) // 20 for part in splits["val"])
    assert set(thirds) == {0, 1, 2}
    assert max(thirds.values()) <= 2 * min(thirds.values())


def test_neighbouring_runs_of_a_split_are_one_document():
    documents = [["x" * 500 for _ in range(20)]]
    splits = spread(documents, (0.5, 0.5, 0.0), run=500)
    lengths = {name: [len(document) for document in splits[name]] for name in SPLITS}
    assert sum(lengths["train"]) == sum(lengths["val"]) == 10
    one_split = spread(documents, (0.99, 0.01, 0.0), run=500)
    assert one_split["train"] == documents


block = st.sampled_from([letter * 40 for letter in "abc"] + ["ab" * 33, "c", "\n"])
paragraph = st.lists(block, min_size=1, max_size=6).map("".join)


@few
@given(
    st.lists(st.lists(paragraph, min_size=1, max_size=5), max_size=6),
    st.lists(st.lists(paragraph, max_size=12).map("".join), min_size=1, max_size=2),
)
def test_without_overlap_shares_no_window(documents, seen):
    known = windows(seen[0]).union(*map(windows, seen[1:]))
    clean = without_overlap(documents, seen=seen)
    assert not windows(joined(clean)) & known
    assert all(clean)
    if not windows(joined(documents)) & known:
        assert clean == documents
    remaining = iter(p for document in documents for p in document)
    assert all(any(kept == p for p in remaining) for document in clean for kept in document)


def test_without_overlap_reaches_a_fixpoint():
    """With the middle gone, its neighbours stand side by side as they do in the seen text."""
    letters = random.Random(3)
    seen = "".join(letters.choices("abcdefgh", k=1000))
    documents = [[seen[100:200], seen[600:900], seen[200:300]], ["new and short\n\n"]]
    clean = without_overlap(documents, seen=[seen])
    assert not windows(joined(clean)) & windows(seen)
    assert clean[-1] == ["new and short\n\n"]
    assert len(joined(clean)) < 200


def test_without_overlap_drops_the_repeated_paragraph_alone():
    letters = random.Random(4)
    text = "".join(letters.choices("abcdefgh", k=2000))
    before, repeated, after = text[:300], text[500:800], text[1000:1300]
    documents = [[before, repeated], [repeated], [after]]
    assert without_overlap(documents, seen=["", text[400:900]]) == [[before], [after]]


def test_equal_windows_and_no_others_have_equal_hashes():
    letters = random.Random(1)
    text = "".join(letters.choices("ab🙂", k=WINDOW + 50)) * 3 + "".join(
        letters.choices("ab", k=2000)
    )
    hashes = window_hashes(text).tolist()
    every = [text[start : start + WINDOW] for start in range(len(text) - WINDOW + 1)]
    assert len(hashes) == len(every)
    assert len(set(hashes)) == len(set(every)) == len(set(zip(hashes, every, strict=True)))
    assert len(set(every)) < len(every)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 127, 128, 129])
def test_short_texts_have_the_windows_they_have(n):
    assert len(window_hashes("x" * n)) == max(n - WINDOW + 1, 0)


def test_mirrored_and_shuffled_windows_differ():
    text = "".join(chr(ord("A") + n % 50) for n in range(WINDOW))
    swapped = text[WINDOW // 2 :] + text[: WINDOW // 2]
    assert len({window_hashes(t)[0] for t in (text, text[::-1], swapped)}) == 3
