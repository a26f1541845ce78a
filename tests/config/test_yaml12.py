"""Scalars as YAML 1.2 reads them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.yaml12 import dump_parts, dump_yaml, load_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("7", 7),
        ("010", 10),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        ("2026-01-02", "2026-01-02"),
        ("1_000", "1_000"),
        ("'3'", "3"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    read = load_yaml(text, source="test")
    assert read == value
    assert type(read) is type(value)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff")
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc.é1", min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=150, database=None)
@given(value=PLAIN)
def test_what_is_written_is_read(value: object) -> None:
    assert load_yaml(dump_yaml({"value": value}), source="test") == {"value": value}


@settings(deadline=None, max_examples=150, database=None)
@given(value=st.dictionaries(st.text("abc.é1", min_size=1), PLAIN, min_size=1, max_size=3))
def test_parts_are_written_as_the_whole_is(value: dict[str, object]) -> None:
    assert dump_parts(value) == dump_yaml(value)
    assert dump_parts(value) == dump_yaml(value), "and from memory"


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=150, database=None)
def test_floats_keep_every_bit(value: float) -> None:
    read = load_yaml(dump_yaml(value), source="test")
    assert isinstance(read, float)
    assert math.copysign(1, read) == math.copysign(1, value)
    assert read == value
