"""Optuna without its chatter: what it would say, the lab has decided or says itself."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna's notes of the day and its warnings about young interfaces are left out."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(optuna|lab\.sweep)(\.|$)")
            yield
    finally:
        optuna.logging.set_verbosity(level)
