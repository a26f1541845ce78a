"""From token ids to text while they arrive.

A character may take several tokens (bytes of UTF-8), and a decoder writes U+FFFD for bytes that
are not a character, or not yet. So text that ends in it is held back until more tokens decide.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

REPLACEMENT = "\ufffd"
PATIENCE = 64  # tokens held at most: bounds the work where a model writes bytes of no character


def pieces(ids: Iterable[int], *, decode: Callable[[Sequence[int]], str]) -> Iterator[str]:
    """Non-empty pieces of text, each of whole characters; joined they are the text."""
    held: list[int] = []
    text, given = "", 0  # what `held` decodes to, and how much of that was yielded
    for token in ids:
        held.append(token)
        text = decode(held)
        whole = text if len(held) >= PATIENCE else text.rstrip(REPLACEMENT)
        if len(whole) > given:
            yield whole[given:]
            given = len(whole)
        if whole == text:
            held.clear()
            text, given = "", 0
    if len(text) > given:
        yield text[given:]
