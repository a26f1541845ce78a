"""Two processes that are started once for all of these tests."""

from collections.abc import Iterator

import pytest

from tests.train.distributed.crew import Crew


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """Calls a function in both of them at once."""
    found = Crew()
    yield found
    found.close()
