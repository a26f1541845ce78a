"""A certificate for any config: every claim that it makes, checked on the model that it builds.

Design choices:
- what a config does not claim is not checked: no slopes without ALiBi;
- a check that cannot be carried out has failed, with its error as the reason.
"""

from collections.abc import Callable
from typing import assert_never

import torch

from lab.certify import attentions, counts, norms, passes, positions
from lab.certify.certificate import Certificate, Check, Finding
from lab.certify.subject import Build, Subject
from lab.config.mlp import GegluMLP, SwigluMLP
from lab.config.model import ModelConfig
from lab.config.position import (
    AlibiPosition,
    LearnedPosition,
    NoPosition,
    RopePosition,
    SinusoidalPosition,
)
from lab.errors import in_a_line
from lab.model.gpt import GPT

Prove = Callable[[Subject], Finding]


def certify(config: ModelConfig, *, vocab_size: int, build: Build = GPT) -> Certificate:
    """Check the model that `build` makes of a config; counts are made with `vocab_size`."""
    subject = Subject(config, vocab_size, build)
    with torch.no_grad():
        return Certificate([_check(name, prove, subject) for name, prove in checks_of(config)])


def checks_of(config: ModelConfig) -> list[tuple[str, Prove]]:
    """What a config claims, each by the name that reports give it."""
    return [
        ("equals its written-out formula", passes.formula),
        ("causality", passes.causality),
        ("parameters", counts.parameters),
        ("no dead parameters", counts.no_dead_parameters),
        ("FLOPs", counts.flops),
        ("initial values", counts.initial_values),
        *_of_position(config),
        ("norm: statistics", norms.statistics),
        ("norm: epsilon", norms.epsilon),
        *_of_mlp(config),
        *_of_attention(config),
        ("cache: equals the whole pass", passes.cache),
        ("padding: changes nothing", passes.padding),
        *_of_output(config),
    ]


def _of_position(config: ModelConfig) -> list[tuple[str, Prove]]:
    offset = ("position: scores depend on the offset alone", positions.offset_alone)
    counted = ("position: order counts", positions.order_counts)
    beyond = ("position: beyond max_seq_len", passes.formula_beyond)
    match config.position:
        case LearnedPosition():
            return [("position: ends at max_seq_len", positions.learned), counted]
        case SinusoidalPosition():
            return [("position: sines and cosines", positions.sinusoids), counted, beyond]
        case RopePosition():
            return [offset, ("position: angles", positions.angles), counted, beyond]
        case AlibiPosition():
            return [offset, ("position: slopes", positions.slopes), counted, beyond]
        case NoPosition():
            return [offset, ("position: one layer sees a bag", positions.blind), beyond]
        case unreachable:
            assert_never(unreachable)


def _of_mlp(config: ModelConfig) -> list[tuple[str, Prove]]:
    match config.mlp:
        case SwigluMLP(d_ff=None) | GegluMLP(d_ff=None):
            return [("MLP: as large as a plain one", counts.matched_width)]
        case _:
            return []


def _of_attention(config: ModelConfig) -> list[tuple[str, Prove]]:
    found: list[tuple[str, Prove]] = [
        ("attention: shares sum to one", attentions.shares_sum_to_one),
        ("attention: sdpa equals plain", passes.both_paths),
    ]
    if config.n_kv_heads < config.n_heads:
        found.append(("attention: groups share keys", attentions.shared_keys))
    if config.attention.window is not None:
        found.append(("attention: window", attentions.window))
    if config.attention.qk_norm:
        found.append(("attention: queries and keys are normed", attentions.normed_queries))
    return found


def _of_output(config: ModelConfig) -> list[tuple[str, Prove]]:
    tied = config.tie_embeddings
    found: list[tuple[str, Prove]] = [
        ("head: is the embedding", counts.tied_head)
        if tied
        else ("head: is its own", counts.own_head)
    ]
    if config.logit_cap is not None:
        found.append(("logits: capped", passes.cap))
    if config.dropout:
        found.append(("dropout: off in evaluation", passes.dropout))
    return found


def _check(name: str, prove: Prove, subject: Subject) -> Check:
    try:
        finding = prove(subject)
    except Exception as error:
        finding = Finding(False, in_a_line(error, length=200))
    return Check(name, finding.passed, finding.detail)
