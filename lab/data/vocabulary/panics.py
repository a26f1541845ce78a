"""What the tokenizers library raises when it meets what its authors held to be impossible.

A pattern that backtracks without end, or a file that contradicts itself, makes it panic, and a
panic is no `Exception`: it would pass every `except` on its way and end the command with a
traceback.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from lab.errors import DataError

_LONGEST = 200  # characters: the library quotes what it does not understand, whole


@contextmanager
def panics_refused() -> Iterator[None]:
    """Raises `DataError` in place of a panic."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DataError(
            f"the tokenizer's own pattern or tables cannot be used ({brief(error)}); "
            "use another tokenizer"
        ) from None


def brief(error: BaseException) -> str:
    """What the library says, in one line of a bounded length."""
    text = " ".join(str(error)[: 2 * _LONGEST].split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
