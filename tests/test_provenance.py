"""Where numbers come from."""

import json
from pathlib import Path

import pytest

from lab.provenance import LAB, _command, facts, identity, version


def test_facts_are_plain_and_know_the_libraries() -> None:
    found = facts()
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == version("torch")
    assert version("no-such-library") is None
    assert len(found["source_digest"]) == 64


def test_identity_is_what_may_change_a_number() -> None:
    here = {**facts(), "device": "cpu", "threads": 1}
    assert identity(here) == identity({**here, "git_commit": "other", "command": "other"})
    for key in ("source_digest", "torch", "device", "threads"):
        assert identity(here) != identity({**here, key: "other"})


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([str(LAB / "sweep" / "__main__.py"), "posenc.yaml"], "lab sweep posenc.yaml"),
        ([str(LAB / "__main__.py"), "train", "x"], "lab train x"),
        ([str(LAB / "doctor.py")], "lab doctor"),
        ([str(Path("/usr/bin/lab")), "sweep", "a b"], "lab sweep 'a b'"),
        ([str(Path("/usr/bin/pytest")), "-q"], "pytest -q"),
    ],
)
def test_the_command_is_as_a_user_would_give_it(argv: list[str], expected: str) -> None:
    assert _command(argv) == expected
