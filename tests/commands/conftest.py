"""What tests of whole sweeps share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for all tests of a file, and no figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("lab.report.page.figures_of", lambda sweep: {})  # they take their time
        yield
