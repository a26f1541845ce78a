"""What looks like a secret is left out of whatever is kept."""

import re

HIDDEN = "***"
_NAMED = re.compile(r"(^|[-_.])(api[-_]?key|key|token|secret|password|passwd)$", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_LONGEST = 10_000  # characters of a value


def is_secret(name: str) -> bool:
    """Whether what goes by this name is one."""
    return bool(_NAMED.search(name))


def without_login(text: str) -> str:
    """An address may have a name and a password in it."""
    return _LOGIN.sub(f"{HIDDEN}@", text)


def bounded(value: str) -> str:
    """Not too long, and without the bytes that are no characters."""
    return value[:_LONGEST].encode(errors="replace").decode()
