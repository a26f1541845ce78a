"""From token ids to text while they arrive.

A character may take several tokens (bytes of UTF-8), and a decoder writes U+FFFD for bytes that
are not a character, or not yet. So text that ends in it is held back until more tokens decide; and
so is the possible beginning of a string at which the text is to stop.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lab.errors import ConfigError

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


def until(text: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces of a text as far as the string among `stops` that is complete first, without it.

    Of several that are complete at once, the longest counts. How the text is cut into pieces does
    not matter. Nothing is asked for after the end.
    """
    stops = [stops] if isinstance(stops, str) else list(stops)
    if "" in stops:
        raise ConfigError("a stop string has no characters; leave it out to stop nowhere")
    return _until(text, stops) if stops else iter(text)


def _until(text: Iterable[str], stops: list[str]) -> Iterator[str]:
    held = ""
    for piece in text:
        held += piece
        found = [(at + len(stop), at) for stop in stops if (at := held.find(stop)) >= 0]
        if found:
            if end := min(found)[1]:
                yield held[:end]
            return
        sure = len(held) - max(_begun(held, stop) for stop in stops)
        if sure:
            yield held[:sure]
        held = held[sure:]
    if held:
        yield held


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of a text may be the beginning of a stop string."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
