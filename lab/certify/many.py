"""Certificates of several models, as plain data: what one process asks of another.

Importing this needs no torch; calling it does.
"""

from collections.abc import Sequence
from typing import Any

from lab.config.model import ModelConfig

Checks = list[dict[str, Any]]


def certify_models(models: Sequence[tuple[ModelConfig, int]]) -> list[Checks]:
    """The checks of each config with its vocabulary, in order.

    On one thread, so that the numbers measured do not depend on how many there are.
    """
    import torch

    from lab.certify.certify import certify

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [certify(model, vocab_size=vocab_size) for model, vocab_size in models]
    finally:
        torch.set_num_threads(threads)
    return [[check.dump() for check in certificate.checks] for certificate in found]
