"""Imported by the fork server alone: what every worker needs, imported once for all of them.

A worker then starts in milliseconds, where each of these would cost it a second or two.
"""

from contextlib import suppress
from importlib import import_module

import lab.run
from lab.track.wandb import PRELOAD

NEEDED_LATER = (
    "torch._dynamo",  # by every optimizer
    "lab.sweep.worker",
    "lab.certify.certify",
    *PRELOAD,
)

assert lab.run
for name in NEEDED_LATER:
    with suppress(ImportError):  # wandb may be missing
        import_module(name)
