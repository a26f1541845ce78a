"""The reader of safetensors headers, against the library's own."""

import json
import struct
from io import BytesIO
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import load, save

from lab.package.header import Stored, read_header


def read(content: bytes) -> list[Stored]:
    return read_header(BytesIO(content), size=len(content))[1]


def made(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: list[Any], *offsets: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


SHAPES = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
    st.lists(st.integers(1, 4), max_size=3),
    max_size=5,
)


@settings(deadline=None, database=None, max_examples=40)
@given(
    shapes=SHAPES,
    metadata=st.none() | st.dictionaries(st.text(), st.text(), min_size=1, max_size=2),
)
def test_names_shapes_and_places_are_those_that_the_library_wrote(shapes, metadata) -> None:
    tensors = {name: torch.randn(shape) for name, shape in shapes.items()}
    content = save(tensors, metadata)
    head, found = read_header(BytesIO(content), size=len(content))
    data = content[len(head) :]
    assert content.startswith(head)
    assert {one.name for one in found} == tensors.keys()
    for one in found:
        values = torch.frombuffer(bytearray(data[one.begin : one.end]), dtype=torch.float32)
        assert values.reshape(one.shape).equal(tensors[one.name])


TWO = {"a": entry([1], 0, 4), "b": entry([1], 4, 8)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ends within its header"),
        (b"\1\0\0", "ends within its header"),
        (struct.pack("<Q", 2**64 - 1) + b"{}", "ends within its header"),
        (made(b" " * (2**24 + 1)), "its header has 16777217 bytes, of 16777216 at most"),
        (made(b"{"), "Expecting property name"),
        (made(b"[" * 100_000), "nested too deeply"),
        (made(b'{"a":' * 100_000), "nested too deeply"),
        (made(b"\xff{}"), "codec can't decode"),
        (made(b"[]"), "no table of tensors"),
        (made(b"1" * 5000), "digits"),
        (made(b'{"a":%b,"a":%b}' % ((json.dumps(entry([1], 0, 4)).encode(),) * 2)), "twice"),
        (made({"a": [1]}), "'a' is not described by dtype, shape and data_offsets"),
        (made({"a": {**entry([1], 0, 4), "more": 1}}, b"0000"), "is not described by"),
        (made({"a": entry([True], 0, 4)}, b"0000"), "that could be"),
        (made({"a": entry([1.0], 0, 4)}, b"0000"), "that could be"),
        (made({"a": entry([-1, -1], 0, 4)}, b"0000"), "that could be"),
        (made({"a": entry([2**64], 0, 4)}, b"0000"), "that could be"),
        (made({"a": entry([1] * 9, 0, 4)}, b"0000"), "that could be"),
        (made({"a": entry([1], 0)}, b"0000"), "that could be"),
        (made({"a": entry([1], 0, 4, dtype=["F32"])}, b"0000"), "that could be"),
        (made({"a": entry([1], 4, 0)}, b"0000"), "not as many bytes as its shape"),
        (made({"a": entry([2**40, 2**40], 0, 4)}, b"0000"), "not as many bytes as its shape"),
        (made({"a": entry([2], 0, 4)}, b"0000"), "not as many bytes as its shape"),
        (made({"a": entry([1], 4, 8)}, b"0" * 8), "'a' does not begin where the one before it"),
        (made({**TWO, "b": entry([1], 0, 4)}, b"0000"), "'b' does not begin where the one before"),
        (made({**TWO, "b": entry([1], 8, 12)}, b"0" * 12), "'b' does not begin where"),
        (made(TWO, b"0" * 7), "its tensors have 8 bytes, and after its header there are 7"),
        (made(TWO, b"0" * 9), "its tensors have 8 bytes, and after its header there are 9"),
        (made({"x" * 10_000: 1}), "'x*[.]{3}' is not described"),
    ],
)
def test_a_header_that_lies_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        read(content)
    assert len(str(caught.value)) < 200


CONTENT = save({"a": torch.ones(2, 3), "b.c": torch.zeros(4)}, {"format": "pt"})


@settings(deadline=None, database=None, max_examples=300)
@given(place=st.integers(0, len(CONTENT) - 25), value=st.integers(0, 255))
def test_nothing_is_read_that_the_library_refuses(place: int, value: int) -> None:
    """Of a header with one byte changed; the other way round this reader is the stricter."""
    content = CONTENT[:place] + bytes([value]) + CONTENT[place + 1 :]
    try:
        found = read(content)
    except ValueError:
        return
    if {one.dtype for one in found} <= {"F32"}:
        try:
            theirs = load(content)
        except SafetensorError as error:
            pytest.fail(f"read what the library refuses: {error}")
        assert {one.name: one.shape for one in found} == {
            k: tuple(v.shape) for k, v in theirs.items()
        }
