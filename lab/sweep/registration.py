"""What is fixed before the first run: the content of `plan.json`."""

from collections.abc import Mapping
from typing import Any

from lab.config.execution import ALONE, Executed
from lab.config.registered import hash_of
from lab.sweep.plan import Plan
from lab.sweep.rule import rule
from lab.sweep.rule_of_confirmation import level


def registration(
    plan: Plan,
    *,
    name: str,
    vocab_sizes: Mapping[str, int],
    executed: Executed = ALONE,
) -> dict[str, Any]:
    """The content of `plan.json`: what is fixed before the first run, and its hash."""
    question = plan.question
    first = plan.rounds({})
    low, high = plan.span()
    costs = {}
    for variant in question.arms:
        model, vocab = question.variant(variant).model, vocab_sizes[variant]
        costs[variant] = {
            "n_params": model.n_params(vocab),
            "n_params_embedding": model.n_params_embedding(vocab),
            "flops_per_token": model.flops_per_token(vocab),
            "vocab_size": vocab,
        }
    content = {
        "schema": 1,
        "sweep": name,
        "question": question.question,
        "resolved": question.dump(),
        "corpus_digest": plan.corpus_digest,
        "rule": rule(question),
        "objectives": [objective.dump() for objective in question.objectives],
        "endpoint": question.endpoint,
        "rungs": plan.rungs,
        "contrasts": [
            {"name": c.name, "effect": c.effect, "weights": dict(c.weights)}
            for c in (*question.contrasts, *question.controls)
        ],
        "level": level(question),
        "warm": plan.warm.dump(),
        "threads": executed.threads,
        "execution": executed.dump(),
        "variants": costs,
        "runs": {"least": low, "greatest": high},
        "first_round": [run.name for batch in first for run in batch],
    }
    return content | {"hash": hash_of(content)}
