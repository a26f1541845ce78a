import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.decode.text import PATIENCE, pieces, until
from lab.errors import ConfigError

FEW = settings(deadline=None, database=None, max_examples=60)


def decode(ids):
    """A token a byte."""
    return bytes(ids).decode(errors="replace")


@FEW
@given(st.text(max_size=40))
def test_text_arrives_whole_and_never_half_a_character(text):
    arrived = list(pieces(text.encode(), decode=decode))
    assert "".join(arrived) == text
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in arrived)
    assert all(arrived)


@FEW
@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_come_out_replaced(ids):
    assert "".join(pieces(ids, decode=decode)) == decode(ids)


def test_a_character_is_given_with_its_last_byte():
    given_at = []

    def watched():
        for position, byte in enumerate("aé€".encode()):
            given_at.append(position)
            yield byte

    arrived = [(piece, len(given_at)) for piece in pieces(watched(), decode=decode)]
    assert arrived == [("a", 1), ("é", 3), ("€", 6)]


def test_tokens_may_end_within_a_character():
    tokens = [b"a\xe2", b"\x82", b"\xac\xc3", b"\xa9"]

    def joined(ids):
        return b"".join(tokens[i] for i in ids).decode(errors="replace")

    assert list(pieces(range(4), decode=joined)) == ["a", "€", "é"]


def test_endless_bytes_of_no_character_are_given_without_end():
    arrived = pieces(iter(lambda: 0x80, None), decode=decode)
    assert next(arrived) == "\ufffd" * PATIENCE


def test_tokens_without_text_give_no_pieces():
    assert list(pieces([1, 2, 3], decode=lambda ids: "")) == []


def ended(text: str, stops: list[str]) -> str:
    """By growing the text letter by letter."""
    for end in range(len(text) + 1):
        whole = [stop for stop in stops if text[:end].endswith(stop)]
        if whole:
            return text[: end - max(map(len, whole))]
    return text


class TestUntil:
    @FEW
    @given(
        st.lists(st.text("ab", max_size=4), max_size=8),
        st.lists(st.text("ab", min_size=1, max_size=3), max_size=3),
    )
    def test_text_ends_before_what_is_complete_first(self, cut, stops):
        given_out = list(until(cut, stops))
        assert "".join(given_out) == ended("".join(cut), stops)

    def test_text_that_cannot_be_a_stop_is_given_at_once(self):
        found = until(iter(["say ", "e", "n", "g", "end"]), ["end"])
        assert list(found) == ["say ", "eng"]

    def test_nothing_is_asked_for_after_the_end(self):
        def text():
            yield "one."
            pytest.fail("went on")

        assert list(until(text(), ["."])) == ["one"]

    def test_one_stop_needs_no_list(self):
        assert list(until(["a, b"], ", ")) == ["a"]

    def test_an_empty_stop_is_refused(self):
        with pytest.raises(ConfigError, match="leave it out to stop nowhere"):
            until(["a"], ["b", ""])
