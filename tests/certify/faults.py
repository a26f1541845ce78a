"""Planted faults: where each can be seen, and which checks must fail by name."""

from dataclasses import dataclass, field
from typing import Any

from tests.certify.plants import (
    Plant,
    always_dropping,
    attention_for_nothing,
    chunks_see_ahead,
    gate_alone,
    gate_and_up_swapped,
    interleaved_groups,
    leaking_causal_mask,
    leaks_one,
    left_over_table,
    never_capped,
    no_end_of_positions,
    no_positions_at_all,
    norm_after_rotation,
    not_centred,
    padding_takes_positions,
    pairs_interleaved,
    plain_activation,
    positions_not_counted,
    post_is_pre,
    queries_not_normed,
    residual_not_scaled,
    scores_not_normalised,
    sees_one_less,
    sees_one_more,
    slopes_off_by_one,
    table_does_not_grow,
    tied,
    untied,
    visible,
    width_rounded,
    without_epsilon,
    wrong_theta,
)

ROPE, ALIBI, NONE = {"kind": "rope"}, {"kind": "alibi"}, {"kind": "none"}
FORMULA = "equals its written-out formula"


@dataclass(frozen=True)
class Fault:
    """How it is planted, where it can be seen, and the checks that must fail."""

    plant: Plant
    caught_by: set[str]
    choices: dict[str, Any] = field(default_factory=dict)


OFFSET = "position: scores depend on the offset alone"
GROUPS = {"attention": {"kind": "grouped-query", "n_kv_heads": 2, "path": "plain"}}
WINDOW = {"attention": {"kind": "multi-head", "window": 4}, "position": ROPE}
NORMED = {"attention": {"kind": "multi-head", "qk_norm": True}, "position": ROPE}

FAULTS = {
    "a learned table left in RoPE": Fault(
        left_over_table(is_used=True), {OFFSET, "parameters", FORMULA}, {"position": ROPE}
    ),
    "a learned table left in RoPE, unused": Fault(
        left_over_table(is_used=False), {"parameters", "no dead parameters"}, {"position": ROPE}
    ),
    "a learned table left in ALiBi": Fault(
        left_over_table(is_used=True), {OFFSET, "position: slopes"}, {"position": ALIBI}
    ),
    "a learned table where there are no positions": Fault(
        left_over_table(is_used=True),
        {OFFSET, "position: one layer sees a bag"},
        {"position": NONE},
    ),
    "a leaking causal mask": Fault(
        leaking_causal_mask, {"causality", "attention: shares sum to one"}
    ),
    "a leaking mask beside a bias": Fault(visible(leaks_one), {"causality"}, {"position": ALIBI}),
    "a leaking mask beside padding": Fault(
        visible(leaks_one), {"causality", "padding: changes nothing"}
    ),
    "ALiBi's slopes off by one": Fault(
        slopes_off_by_one, {"position: slopes", FORMULA}, {"position": ALIBI}
    ),
    "ALiBi's slopes off by one, of 12 heads": Fault(
        slopes_off_by_one, {"position: slopes"}, {"position": ALIBI, "n_heads": 12, "d_model": 96}
    ),
    "LayerNorm without epsilon": Fault(without_epsilon, {"norm: epsilon"}),
    "RMSNorm without epsilon": Fault(
        without_epsilon, {"norm: epsilon"}, {"norm": {"kind": "rmsnorm"}}
    ),
    "LayerNorm that does not centre": Fault(not_centred, {"norm: statistics"}),
    "groups interleaved": Fault(
        interleaved_groups, {"attention: groups share keys", "attention: sdpa equals plain"}, GROUPS
    ),
    "a window of one more": Fault(visible(sees_one_more), {"attention: window"}, WINDOW),
    "a window of one less": Fault(visible(sees_one_less), {"attention: window"}, WINDOW),
    "weights that do not sum to one": Fault(
        scores_not_normalised, {"attention: shares sum to one"}
    ),
    "queries normed after the rotation": Fault(norm_after_rotation, {OFFSET, FORMULA}, NORMED),
    "queries not normed": Fault(
        queries_not_normed, {"attention: queries and keys are normed"}, NORMED
    ),
    "gate and up swapped": Fault(gate_and_up_swapped, {FORMULA}, {"mlp": {"kind": "swiglu"}}),
    "RoPE's pairs interleaved": Fault(pairs_interleaved, {FORMULA}, {"position": ROPE}),
    "RoPE of another theta": Fault(wrong_theta, {"position: angles"}, {"position": ROPE}),
    "sinusoids of another theta": Fault(
        wrong_theta, {"position: sines and cosines"}, {"position": {"kind": "sinusoidal"}}
    ),
    "a table that does not grow": Fault(
        table_does_not_grow, {"position: beyond max_seq_len"}, {"position": ROPE}
    ),
    "learned positions that begin again": Fault(
        no_end_of_positions, {"position: ends at max_seq_len"}
    ),
    "no positions where some were asked for": Fault(
        no_positions_at_all, {"position: order counts", "parameters"}
    ),
    "a head that is not tied": Fault(untied, {"head: is the embedding", "parameters"}),
    "a head that is tied": Fault(
        tied, {"head: is its own", "parameters"}, {"tie_embeddings": False}
    ),
    "dropout in evaluation": Fault(
        always_dropping, {"dropout: off in evaluation", FORMULA}, {"dropout": 0.1}
    ),
    "logits that are not capped": Fault(never_capped, {"logits: capped"}, {"logit_cap": 30.0}),
    "chunks that see ahead": Fault(
        chunks_see_ahead, {"cache: equals the whole pass", "causality"}, {"position": ROPE}
    ),
    "padding that takes positions": Fault(padding_takes_positions, {"padding: changes nothing"}),
    "norms before instead of after": Fault(post_is_pre, {FORMULA}, {"norm_placement": "post"}),
    "a residual that starts too large": Fault(residual_not_scaled, {"initial values"}),
    "ReLU that is not squared": Fault(plain_activation, {FORMULA}, {"mlp": {"kind": "relu2"}}),
    "a network that does not learn": Fault(gate_alone, {"no dead parameters"}),
    "a gated width rounded up to 256": Fault(
        width_rounded, {"MLP: as large as a plain one"}, {"mlp": {"kind": "swiglu"}}
    ),
    "parameters miscounted": Fault(positions_not_counted, {"parameters"}),
    "FLOPs miscounted": Fault(attention_for_nothing, {"FLOPs"}),
}
