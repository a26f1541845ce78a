"""When a step is compiled: what the config says, else what a run earns back."""

from typing import Any

import pytest

from lab.config.compiling import SAVED, START_UP, is_compiled
from lab.config.run import RunConfig

VOCAB = 65


def config_of(raw: dict[str, Any], **changes: Any) -> RunConfig:
    return RunConfig.parse(raw).replaced(changes)


def seconds_of_a_run(config: RunConfig, seconds: float) -> float:
    return seconds / (config.train.steps * config.tokens_per_step)


def never() -> float:
    raise AssertionError("nothing was to be timed")


@pytest.mark.parametrize("choice", [True, False])
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_what_the_config_says_is_done(tiny_run: dict[str, Any], device: str, choice: bool) -> None:
    config = config_of(tiny_run, **{"train.compile": choice})
    assert is_compiled(config, device=device, vocab_size=VOCAB, seconds_a_token=never) is choice


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_short_run_is_not_and_is_not_even_timed(tiny_run: dict[str, Any], device: str) -> None:
    config = config_of(tiny_run)
    assert not is_compiled(config, device=device, vocab_size=VOCAB, seconds_a_token=never)


def test_a_run_of_many_days_is_and_is_not_even_timed(tiny_run: dict[str, Any]) -> None:
    config = config_of(tiny_run, **{"train.steps": 10**9, "model.d_model": 1024})
    assert is_compiled(config, device="cpu", vocab_size=VOCAB, seconds_a_token=never)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_between_them_a_measurement_decides(tiny_run: dict[str, Any], device: str) -> None:
    steps = {"cpu": 10**7, "cuda": 3 * 10**8}[device]
    config = config_of(tiny_run, **{"train.steps": steps})
    enough = 2 * START_UP[device] / SAVED[device]
    for share, expected in ((0.9, False), (1.1, True)):
        taken = seconds_of_a_run(config, share * enough)
        found = is_compiled(
            config, device=device, vocab_size=VOCAB, seconds_a_token=lambda taken=taken: taken
        )
        assert found is expected


def test_where_nothing_was_measured_nothing_is_compiled(tiny_run: dict[str, Any]) -> None:
    config = config_of(tiny_run, **{"train.steps": 10**9})
    assert not is_compiled(config, device="mps", vocab_size=VOCAB, seconds_a_token=never)
