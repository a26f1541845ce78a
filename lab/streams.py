"""Named streams of random numbers: every draw has a name, so that variants share what they can.

A stream's seed is a hash of the run's seed and the names that lead to it; drawing more from one
stream never shifts another, and nothing has to be saved for a run to resume.
"""

import hashlib


def stream(seed: int, *names: str | int) -> int:
    """The seed of a named stream: 63 bits of SHA-256 over the seed and the names."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
