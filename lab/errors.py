"""The errors that a user may meet.

Every one is a sentence (or one line a fault): the value, the rule, the remedy. The command
lines print it and exit with 2, or with 130 where the disk is full; a traceback means a defect of
the lab, never of its input.
"""


class LabError(Exception):
    """Something the user can put right."""


class ConfigError(LabError):
    """A config that does not say what it should."""


class DataError(LabError):
    """A corpus or tokenizer that cannot be used."""


class PackageError(LabError):
    """A package that is damaged, incomplete, or not one."""


class SweepError(LabError):
    """A sweep folder that cannot be continued as it is."""


class NoSpace(LabError, OSError):  # noqa: N818 - it is no fault of anybody's
    """A disk is full: what was there stays as it is, and the same command continues.

    What may fail for want of a file that can be written may fail for this, too: it is an `OSError`.
    """


def in_a_line(error: BaseException, *, length: int = 400) -> str:
    """Any error as `ValueError: what it says`, where a line is all there is for it."""
    return shortened(" ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":"), length)


def shortened(text: str, length: int = 400) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
