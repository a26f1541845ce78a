"""Imported by the fork server alone: what every worker needs, imported once for all of them.

A worker then starts in milliseconds, where each of these would cost it a second or two. The server
ends with its supervisor.
"""

from contextlib import suppress
from importlib import import_module

from lab.sweep.lifeline import end_with_parent

end_with_parent()  # first: what follows takes seconds

import lab.run  # noqa: E402
from lab.track.wandb import PRELOAD  # noqa: E402

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
