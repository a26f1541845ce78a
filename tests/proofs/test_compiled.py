"""The compiled step, by the code generator that users get."""

from pathlib import Path
from typing import Any

import pytest

from tests.train.test_update import check_compiled

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("change", ["train.micro_batch_size=1", "model.position.kind=rope"])
def test_a_compiled_step_is_the_plain_one(
    tiny_run: dict[str, Any], tmp_path: Path, change: str
) -> None:
    check_compiled(tiny_run, tmp_path, change, backend="inductor")
