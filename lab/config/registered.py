"""The hash of a plan, which tells whether it is what was written before the first run.

Design choices:
- outside of it is only what depends on the folder that the plan lies in: what was there before.
"""

from collections.abc import Mapping
from typing import Any

from lab.config.digest import digest

OUTSIDE = ("hash", "before")


def hash_of(plan: Mapping[str, Any]) -> str:
    """SHA-256 of the content of a `plan.json`, 64 hexadecimal digits."""
    return digest({key: value for key, value in plan.items() if key not in OUTSIDE})


def is_intact(plan: Mapping[str, Any]) -> bool:
    """Whether a plan's content is what its hash was made of."""
    return plan.get("hash") == hash_of(plan)
