"""The thread that may fail, hang and be left, and never its caller."""

import threading

import pytest

from lab.track.background import Background


def test_calls_run_in_order_elsewhere() -> None:
    done: list[tuple[int, str]] = []
    thread = Background(name="other", on_error=lambda error: None)
    for i in range(50):
        thread.put(lambda i=i: done.append((i, threading.current_thread().name)))
    assert thread.close(timeout=600)
    assert done == [(i, "other") for i in range(50)]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_the_first_error_is_reported_once_and_ends_it(error: BaseException) -> None:
    errors: list[BaseException] = []
    done: list[int] = []

    def fail() -> None:
        raise error

    thread = Background(name="other", on_error=errors.append)
    thread.put(lambda: done.append(1))
    thread.put(fail)
    thread.put(lambda: done.append(2))
    assert thread.close(timeout=600)
    thread.put(lambda: done.append(3))
    assert (done, errors) == ([1], [error])


def test_a_call_that_hangs_is_left() -> None:
    never = threading.Event()
    thread = Background(name="other", on_error=lambda error: None)
    thread.put(lambda: never.wait() and None)
    assert not thread.close(timeout=0.05)  # and so it has returned, while the call has not
    assert not never.is_set()
    never.set()
