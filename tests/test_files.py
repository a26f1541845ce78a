"""What is written is what `json` would write; and what need not be kept is not waited for."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.files import json_text, not_synced, read_json, write_json

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.text() | st.integers() | st.booleans() | st.none()
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300, database=None)
@given(PLAIN)
def test_text_is_indented_as_json_does_it(value: object) -> None:
    expected = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    assert json_text(value) == expected + "\n"


@pytest.mark.parametrize(
    "value", [float("nan"), {"a": float("inf")}, {"a": [{"b": -float("inf")}]}]
)
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(value)


def test_nothing_is_synced_within_the_block_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with not_synced():
        write_json(tmp_path / "a.json", {"a": 1})
    assert (read_json(tmp_path / "a.json"), synced) == ({"a": 1}, [])
    write_json(tmp_path / "a.json", {"a": 2})
    assert len(synced) == 2, "the file, and the folder's list of names"
