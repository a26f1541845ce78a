"""Code, versions and machine."""

import json

from lab.provenance.facts import facts, identity, version


def test_facts_are_plain_and_know_the_libraries() -> None:
    found = facts()
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] == version("torch")
    assert version("no-such-library") is None
    assert len(found["source_digest"]) == 64


def test_identity_is_what_may_change_a_number() -> None:
    here = {**facts(), "device": "cpu", "threads": 1, "execution": "alone"}
    assert identity(here) == identity({**here, "git_commit": "other", "command": "other"})
    for key in ("source_digest", "torch", "device", "threads", "execution"):
        assert identity(here) != identity({**here, key: "other"})


def test_one_process_is_the_usual_case() -> None:
    alone = {**facts(), "device": "cpu", "threads": 1, "execution": "alone"}
    assert identity(alone) == identity({**alone, "processes": 1})
    ways = [{}, {"processes": 2, "parallel": "ddp"}, {"processes": 4, "parallel": "ddp"}]
    ways.append({"processes": 4, "parallel": "fsdp"})
    assert len({str(identity({**alone, **way})) for way in ways}) == len(ways)
