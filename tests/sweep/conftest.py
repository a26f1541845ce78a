"""What tests with pretended workers share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Nobody pulls the plug here, or reads a config."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.files.sync", lambda path: None)
        patch.setattr("lab.run_folder.dump_parts", str)
        yield
