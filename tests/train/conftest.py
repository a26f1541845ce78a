"""Parts of a run, for the training loop alone."""

from collections.abc import Callable
from typing import Any

import pytest

from lab.config.run import RunConfig
from lab.data.feed import build_feed
from lab.data.prepare import prepare
from lab.model.gpt import build_model
from lab.train.optimizer import build_optimizer
from lab.train.state import TrainState
from tests.train.loops import Setup, Source


@pytest.fixture
def setup(tiny_run: dict[str, Any]) -> Callable[..., Setup]:
    def build(**changes: Any) -> Setup:
        config = RunConfig.parse(tiny_run).replaced(changes)
        data = prepare(config.data)
        length, size = config.model.max_seq_len, config.train.batch_size
        feed = build_feed(
            data, config.data, seq_len=length, batch_size=size, seed=config.seed,
            limit=config.evaluate.tokens,
        )  # fmt: skip
        model = build_model(config.model, data.tokenizer.vocab_size, seed=config.seed)
        state = TrainState(model, build_optimizer(model, config.train.optimizer))
        return state, Source(feed), config

    return build
