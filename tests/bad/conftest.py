"""A question in a folder of its own, for commands that are to refuse what is done to it."""

from pathlib import Path

import pytest

from tests.bad.question import CORPUS, QUESTION


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A folder with a good question in q.yaml, and its text."""
    (tmp_path / "corpus.txt").write_text(CORPUS)
    (tmp_path / "q.yaml").write_text(QUESTION)
    return tmp_path
