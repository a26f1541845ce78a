"""What a token may see, and texts of unequal lengths in one batch of training."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config.model import ModelConfig
from lab.model.context import padded_context, plain_context, positions_of
from lab.model.gpt import build_model
from lab.model.position import AlibiPosition, PositionEncoding
from tests.model.configs import VOCAB, model_configs, random_ids, scrambled

IGNORED = -100
CPU = torch.device("cpu")


def test_plain_causal_attention_needs_no_mask() -> None:
    context = plain_context(PositionEncoding(), 5, window=None, device=CPU)
    assert context == (None, None, True, None)
    assert plain_context(PositionEncoding(), 5, window=5, device=CPU) == context
    assert plain_context(PositionEncoding(), 5, window=6, device=CPU) == context


@settings(deadline=None, max_examples=40, database=None)
@given(length=st.integers(1, 12), window=st.integers(1, 12))
def test_a_window_counts_the_present_token(length: int, window: int) -> None:
    context = plain_context(PositionEncoding(), length, window=window, device=CPU)
    mask = context.mask
    if mask is None:
        assert context.is_causal
        mask = torch.ones(1, 1, length, length, dtype=torch.bool).tril()
    for query in range(length):
        seen = mask[0, 0, query].nonzero().flatten().tolist()
        assert seen == list(range(max(0, query - window + 1), query + 1))


def test_a_bias_carries_its_mask() -> None:
    mask = plain_context(AlibiPosition(2), 3, window=2, device=CPU).mask
    nothing, steep = -torch.inf, 1 / 16
    expected = [[0, nothing, nothing], [-steep, 0, nothing], [nothing, -steep, 0]]
    assert mask is not None
    assert mask.shape == (1, 2, 3, 3)
    assert torch.equal(mask[0, 0], torch.tensor(expected))


def test_positions_count_real_tokens() -> None:
    real = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]]).bool()
    expected = [[0, 0, 0, 1, 2], [0, 1, 1, 1, 1], [0, 0, 1, 1, 2], [0, 0, 0, 0, 0]]
    assert positions_of(real).tolist() == expected


def test_padding_sees_itself_and_is_seen_by_nobody() -> None:
    real = torch.tensor([[False, True, True], [True, True, False]])
    context = padded_context(PositionEncoding(), real, positions_of(real), window=None)
    first = [[1, 1, 0], [0, 1, 0], [0, 1, 1]]  # padding has the position of its neighbour
    second = [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert context.mask is not None
    assert context.mask[:, 0].int().tolist() == [first, second]


@settings(deadline=None, max_examples=40, database=None)
@given(
    config=model_configs(),
    lengths=st.lists(st.integers(2, 6), min_size=2, max_size=4),
    left=st.booleans(),
)
def test_training_on_unequal_lengths(config: ModelConfig, lengths: list[int], left: bool) -> None:
    """Loss and gradients of a padded batch are those of its sequences, one by one."""
    lengths = [min(length, config.max_seq_len) for length in lengths]
    longest = max(lengths)
    texts = [random_ids(length, seed=n) for n, length in enumerate(lengths)]
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    targets = torch.full_like(ids, IGNORED)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    for row, text in enumerate(texts):
        begin = longest - len(text) if left else 0
        end = begin + len(text)
        ids[row, begin:end], mask[row, begin:end] = text, True
        targets[row, begin : end - 1] = text[1:]

    together, apart = (scrambled(build_model(config, VOCAB, seed=0)) for _ in range(2))
    loss = F.cross_entropy(together(ids, mask).flatten(0, 1), targets.flatten())
    loss.backward()
    singles = [F.cross_entropy(apart(t[:-1]), t[1:], reduction="sum") for t in texts]
    expected = torch.stack(singles).sum() / sum(len(t) - 1 for t in texts)
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-10)
    for one, other in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("window", [None, 2])
def test_an_empty_row_is_no_number_too_many(window: int | None) -> None:
    real = torch.tensor([[False, False], [True, True]])
    mask = padded_context(AlibiPosition(2), real, positions_of(real), window=window).mask
    assert mask is not None
    assert mask[0].softmax(-1).isfinite().all()
