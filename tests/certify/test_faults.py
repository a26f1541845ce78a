"""No fault gets its certificate, and there is no check that cannot fail."""

import functools

import pytest

from lab.certify.certify import certify, checks_of
from lab.config.model import ModelConfig
from tests.certify.faults import FAULTS
from tests.model.configs import FAMILY, VOCAB, config_of


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_fails_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    config = config_of(**fault.choices)
    assert failures_without_a_fault(config) == 0
    fault.plant(monkeypatch)
    failed = {check.name: check.detail for check in certify(config, vocab_size=VOCAB).failed}
    assert fault.caught_by <= failed.keys()
    assert all(failed.values())


@functools.cache
def failures_without_a_fault(config: ModelConfig) -> int:
    """Of a config, once for all faults that show in it."""
    return len(certify(config, vocab_size=VOCAB).failed)


def test_every_check_is_failed_by_a_fault() -> None:
    configs = [config_of(**choices) for choices in FAMILY.values()]
    configs += [config_of(**fault.choices) for fault in FAULTS.values()]
    asked = {name for config in configs for name, _ in checks_of(config)}
    assert asked == {name for fault in FAULTS.values() for name in fault.caught_by}
