"""What others offer for the same work; one that is not installed is named, and left out."""

from importlib.util import find_spec

INSTALL = "pip install 'gpt-lab[bench]'"


def is_installed(library: str) -> bool:
    return find_spec(library) is not None


def missing(library: str) -> str:
    """What is said of a peer that is not there."""
    return f"{library} is not installed and was not measured beside ours; {INSTALL}"
