"""What happens in a sweep, as its log has it: a sentence, and the same as fields."""

import logging

_LOG = logging.getLogger("lab.sweep")


def note(event: str, text: str, *, level: int = logging.INFO, **fields: object) -> None:
    _LOG.log(level, "%s", text, extra={"fields": {"event": event, **fields}})


def warn(event: str, text: str, **fields: object) -> None:
    note(event, text, level=logging.WARNING, **fields)
