"""Filters against transformers' own, and draws against the distribution they are drawn from."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lab.decode.sampling import (
    NoDistributionError,
    Sampling,
    filtered_probabilities,
    next_tokens,
    penalised,
    pick,
)
from lab.errors import ConfigError

GREEDY = Sampling(temperature=0.0)
MANY = settings(deadline=None, database=None, max_examples=100)

# A coarse grid, so that ties are frequent; p of a prime denominator, so that no sum of equal
# probabilities equals it but for rounding.
LOGITS = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=30)
SHARES = st.integers(1, 996).map(lambda n: n / 997)
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.1, 0.5, 0.8, 1.0, 1.7, 10.0]),
    top_k=st.none() | st.integers(1, 35),
    top_p=st.none() | SHARES | st.just(1.0),
    min_p=st.none() | SHARES,
)


def transformers_probabilities(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The warpers of `transformers`, in the order in which its `generate` applies them."""
    warpers = [TemperatureLogitsWarper(sampling.temperature)]
    if sampling.top_k is not None:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p is not None:
        warpers.append(MinPLogitsWarper(sampling.min_p))
    for warper in warpers:
        logits = warper(None, logits)
    return logits.softmax(-1)


@MANY
@given(LOGITS, SAMPLINGS)
def test_filters_keep_the_same_probabilities_as_transformers(values, sampling):
    logits = torch.tensor([values], dtype=torch.float64)
    ours = filtered_probabilities(logits, sampling)
    theirs = transformers_probabilities(logits, sampling)
    # Which of several equally likely tokens top-p keeps is not defined there: compare as sets.
    torch.testing.assert_close(ours.sort().values, theirs.sort().values, rtol=1e-9, atol=1e-12)


@MANY
@given(st.permutations(range(40)), SAMPLINGS)
def test_filters_keep_the_same_tokens_as_transformers(values, sampling):
    logits = torch.tensor([values], dtype=torch.float64) / 8  # no two are equal
    ours = filtered_probabilities(logits, sampling)
    theirs = transformers_probabilities(logits, sampling)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@MANY
@given(LOGITS, SAMPLINGS)
def test_a_distribution_always_keeps_its_most_likely_token(values, sampling):
    probs = filtered_probabilities(torch.tensor(values), sampling)
    assert probs.dtype == torch.float64
    assert probs.sum().item() == pytest.approx(1)
    assert probs[values.index(max(values))] == probs.max() > 0


def test_leading_dimensions_are_rows():
    logits = torch.randn(2, 3, 11, generator=torch.Generator().manual_seed(0))
    sampling = Sampling(0.7, top_k=6, top_p=0.8, min_p=0.1)
    rows = [filtered_probabilities(row, sampling) for row in logits.flatten(0, 1)]
    torch.testing.assert_close(
        filtered_probabilities(logits, sampling), torch.stack(rows).unflatten(0, (2, 3))
    )


def test_of_equal_tokens_the_lower_ids_stay_in_the_nucleus():
    probs = filtered_probabilities(torch.zeros(5000), Sampling(top_p=0.00101))
    assert probs.nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_of_equal_tokens_all_reach_the_share_of_the_most_likely():
    probs = filtered_probabilities(torch.tensor([1.0, 3, 0, 3]), Sampling(min_p=1.0))
    assert probs.tolist() == [0, 0.5, 0, 0.5]


def test_temperature_0_is_the_first_of_the_most_likely():
    logits = torch.tensor([[0.0, 3.0, 3.0], [5.0, 1.0, 2.0]])
    expected = torch.tensor([[0.0, 1, 0], [1, 0, 0]], dtype=torch.float64)
    assert filtered_probabilities(logits, GREEDY).equal(expected)
    assert filtered_probabilities(logits, Sampling(0.0, top_k=2, top_p=0.5)).equal(expected)


@pytest.mark.parametrize("temperature", [1e-300, 5e-324])
def test_a_tiny_temperature_is_greedy_and_not_nan(temperature):
    probs = filtered_probabilities(torch.tensor([-80.0, 90.0, 10.0]), Sampling(temperature))
    assert probs.tolist() == [0, 1, 0]


def test_a_token_that_the_model_rules_out_is_never_drawn():
    probs = filtered_probabilities(torch.tensor([0.0, -math.inf, 0.0]), Sampling(100.0))
    assert probs.tolist() == [0.5, 0, 0.5]


@pytest.mark.parametrize("bad", [[0.0, math.nan], [0.0, math.inf], [-math.inf, -math.inf]])
@pytest.mark.parametrize("sampling", [GREEDY, Sampling()])
def test_logits_without_a_distribution_are_refused(bad, sampling):
    with pytest.raises(NoDistributionError, match="diverged"):
        filtered_probabilities(torch.tensor([[1.0, 2.0], bad]), sampling)


def test_the_arguments_of_a_filter_are_left_alone():
    logits = torch.arange(6.0)
    filtered_probabilities(logits, Sampling(0.5, top_k=3, top_p=0.9, min_p=0.2))
    assert logits.equal(torch.arange(6.0))


def test_draws_follow_the_distribution():
    probs = torch.tensor([0.05, 0.0, 0.6, 0.3, 0.05], dtype=torch.float64)
    n = 20_000
    generator = torch.Generator().manual_seed(1)
    drawn = pick(probs.expand(n, -1), torch.rand(n, dtype=torch.float64, generator=generator))
    counts = torch.bincount(drawn, minlength=5).double()
    assert counts[1] == 0
    expected = n * probs[probs > 0]
    chi2 = ((counts[probs > 0] - expected) ** 2 / expected).sum()
    assert chi2 < 16.3  # 3 degrees of freedom, p = 0.001


@pytest.mark.parametrize(("u", "token"), [(0.0, 1), (0.4999, 1), (0.5, 3), (1 - 2**-53, 3)])
def test_a_draw_inverts_the_cumulative_sum(u, token):
    probs = torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0, 0.0])
    assert pick(probs, torch.tensor(u, dtype=torch.float64)).item() == token


def test_a_draw_stays_within_weights_too_small_to_scale():
    probs = torch.tensor([0, 5e-324, 0], dtype=torch.float64)
    assert pick(probs, torch.tensor(1 - 2**-53, dtype=torch.float64)).item() == 1


@MANY
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9).filter(any), st.floats(0, 1 - 2**-53))
def test_no_draw_has_probability_0(weights, u):
    probs = torch.tensor(weights, dtype=torch.float64)
    assert probs[pick(probs, torch.tensor(u, dtype=torch.float64))] > 0


class TestNextTokens:
    @MANY
    @given(st.integers(1, 5), SAMPLINGS, st.integers(0, 2**32))
    def test_rows_draw_as_if_alone(self, rows, sampling, seed):
        logits = 3 * torch.randn(rows, 11, generator=torch.Generator().manual_seed(seed))

        def generators(first: int, n: int) -> list[torch.Generator]:
            return [torch.Generator().manual_seed(seed + first + row) for row in range(n)]

        together = next_tokens(logits, sampling, generators=generators(0, rows))
        for row in range(rows):
            alone = next_tokens(logits[row : row + 1], sampling, generators=generators(row, 1))
            assert alone.item() == together[row].item()

    def test_a_draw_takes_one_number_a_row_from_its_generator_alone(self):
        generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
        before = torch.get_rng_state()
        next_tokens(torch.ones(2, 7), Sampling(), generators=generators)
        for seed, generator in zip((3, 4), generators, strict=True):
            twin = torch.Generator().manual_seed(seed)
            torch.rand(1, dtype=torch.float64, generator=twin)
            assert generator.get_state().equal(twin.get_state())
        assert torch.get_rng_state().equal(before)

    @MANY
    @given(LOGITS)
    def test_greedy_tokens_are_the_first_of_the_most_likely(self, values):
        token = next_tokens(torch.tensor([values]), GREEDY, generators=[])
        assert token.tolist() == [values.index(max(values))]

    @pytest.mark.parametrize("sampling", [GREEDY, Sampling()])
    def test_nothing_is_drawn_from_a_diverged_model(self, sampling):
        logits = torch.tensor([[1.0, 2.0], [0.0, math.nan]])
        generators = [torch.Generator(), torch.Generator()]
        with pytest.raises(NoDistributionError, match="diverged"):
            next_tokens(logits, sampling, generators=generators)


class TestRepetitionPenalty:
    @MANY
    @given(
        st.integers(0, 2**32),
        st.floats(0.1, 5),
        st.lists(st.integers(0, 10), min_size=1, max_size=20),
    )
    def test_is_that_of_transformers(self, seed, penalty, text):
        logits = torch.randn(1, 11, generator=torch.Generator().manual_seed(seed))
        theirs = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([text]), logits.clone())
        ours = penalised(logits, seen_in(text), penalty)
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)

    def test_comes_before_everything_else(self):
        logits = torch.tensor([[2.0, 1.9, -1.0]])
        assert next_tokens(logits, GREEDY, generators=[], seen=seen_in([0], 3)).item() == 0
        sampling = Sampling(0.0, repetition_penalty=1.2)
        assert next_tokens(logits, sampling, generators=[], seen=seen_in([0], 3)).item() == 1

    def test_of_1_changes_nothing(self):
        logits = torch.tensor([[0.1, -0.3]])
        assert penalised(logits, seen_in([0, 1], 2), 1.0) is logits
        assert penalised(logits, None, 3.0) is logits


def seen_in(text: list[int], vocab: int = 11) -> torch.Tensor:
    seen = torch.zeros(1, vocab, dtype=torch.bool)
    seen[0, text] = True
    return seen


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"temperature": -0.1}, "temperature=-0.1 must be .* at least 0; 0 takes"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"temperature": math.inf}, "temperature=inf"),
        ({"top_k": 0}, "top_k=0 must be a whole number of at least 1; leave it out"),
        ({"top_p": 0.0}, "top_p=0.0 must be above 0 and at most 1; leave it out"),
        ({"top_p": 1.01}, "top_p=1.01"),
        ({"min_p": -0.1}, "min_p=-0.1 must be between 0 and 1; leave it out"),
        ({"min_p": math.nan}, "min_p=nan"),
        ({"repetition_penalty": 0.0}, "repetition_penalty=0.0 must be a number above 0; 1 is no"),
        ({"repetition_penalty": math.inf}, "repetition_penalty=inf"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_rule(fault, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Sampling(**fault)


@pytest.mark.parametrize("fault", [{"temperature": True}, {"top_k": 2.5}, {"top_k": True}])
def test_a_setting_of_another_type_is_refused(fault):
    with pytest.raises((ConfigError, TypeCheckError)):  # the latter where shapes are checked
        Sampling(**fault)
