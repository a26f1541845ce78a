"""Processes beside this one, forked from a server that has imported torch already."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lab.config.run import RunConfig
from lab.errors import LabError, SweepError
from lab.sweep.attempts import ending
from lab.sweep.lifeline import end_with_parents
from lab.sweep.server import running_server

TRIES = 3  # of asking a process that is killed
PATIENCE = 30.0  # seconds in which a process can be started


def ask_apart(function: Callable[..., Any], *args: Any) -> Any:
    """The value of a function called in a process of its own, so that this one stays free of torch.

    Raises the `LabError` that the function raises, and `SweepError` where that process dies; one
    that was killed is followed by another first.
    """
    for _ in range(TRIES):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = begun(_answer, sender, function, args)
        sender.close()
        try:
            answer = receiver.recv()
        except (EOFError, ConnectionError):
            process.join()
            if process.exitcode == 1:  # an error of its own, which it printed
                break
            continue
        finally:
            receiver.close()
            process.kill()  # it has answered, or nobody waits for an answer any more
            process.join()
        if isinstance(answer, LabError):
            raise answer
        return answer
    how = ending(process.exitcode)
    raise SweepError(f"{function.__name__} {how}; see what it printed above, and try again")


def count_gpus() -> int:
    """CUDA devices; call through `ask_apart`."""
    import torch

    return torch.cuda.device_count()


def seconds_a_token(config: RunConfig, data: Path | None, threads: int) -> float:
    """Seconds that a training token takes here; call through `ask_apart`."""
    from lab.run import time_steps

    return time_steps(config, data, threads=threads)


def _answer(sender: Any, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    end_with_parents()
    try:
        sender.send(function(*args))
    except LabError as error:
        sender.send(error)


def begun(target: Callable[..., None], *args: Any) -> BaseProcess:
    """A process under way, from another fork server where the last one has died.

    One that was killed may take a while to be gone, and is deaf until then.
    """
    patience = time.monotonic() + PATIENCE
    while True:
        process = running_server().Process(target=target, args=args)
        try:
            process.start()
            return process
        except (OSError, EOFError) as error:
            if time.monotonic() > patience:
                raise SweepError(
                    f"no process can be started ({error}); make room for one and try again"
                ) from None
            time.sleep(0.05)
