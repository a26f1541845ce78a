"""What reaches the run and what does not, when one of several trackers fails."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.track.base import RunInfo
from lab.track.composite import Composite

CALLS = ["start", "log", "sample", "summary", "artifact", "finish"]
LIVED = ["start", "log", "log", "sample", "summary", "artifact", "finish"]


class Recorder:
    """Remembers what it was told, in a list that several may share, and fails at one call."""

    def __init__(self, name: str, told: list[str], *, fails_at: Sequence[str] = ()) -> None:
        self.name, self.told, self.fails_at = name, told, fails_at

    def __getattr__(self, call: str) -> Callable[..., None]:
        if call not in CALLS:
            raise AttributeError(call)

        def tell(*_: Any, **__: Any) -> None:
            self.told.append(f"{self.name}.{call}")
            if call in self.fails_at:
                raise RuntimeError(f"{call} failed")

        return tell


def live(tracker: Composite, info: RunInfo) -> None:
    tracker.start(info, step=0)
    tracker.log({"a": 1.0}, step=1)
    tracker.log({"a": 1.0}, step=2)
    tracker.sample("text", step=2)
    tracker.summary({"b": 1})
    tracker.artifact(Path("folder"))
    tracker.finish(status="complete")


def test_the_truth_is_told_first(make_info: Callable[..., RunInfo]) -> None:
    told: list[str] = []
    observers = [Recorder("x", told), Recorder("y", told)]
    live(Composite(Recorder("truth", told), observers=observers), make_info())
    assert told == [f"{who}.{call}" for call in LIVED for who in ("truth", "x", "y")]


@pytest.mark.parametrize("call", CALLS)
def test_an_observer_that_fails_is_warned_about_once_and_told_no_more(
    call: str, make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    told: list[str] = []
    bad, good = Recorder("bad", told, fails_at=[call]), Recorder("good", told)
    live(Composite(Recorder("truth", told), observers=[bad, good]), make_info())
    (warning,) = warnings_of()
    assert f"Recorder failed and is told nothing more; the run goes on: RuntimeError: {call}" in (
        warning
    )
    heard = [line.removeprefix("bad.") for line in told if line.startswith("bad.")]
    assert heard == LIVED[: LIVED.index(call) + 1] + ["finish"] * (call != "finish")
    assert sum(line.startswith("good.") for line in told) == 7


def test_an_observer_that_also_fails_to_finish_is_not_warned_about_again(
    make_info: Callable[..., RunInfo], warnings_of: Callable[[], list[str]]
) -> None:
    bad = Recorder("bad", [], fails_at=["log", "finish"])
    live(Composite(Recorder("truth", []), observers=[bad]), make_info())
    assert len(warnings_of()) == 1


@pytest.mark.parametrize("call", CALLS)
def test_the_error_of_the_truth_reaches_the_run_and_everything_is_closed(
    call: str, make_info: Callable[..., RunInfo]
) -> None:
    told: list[str] = []
    truth = Recorder("truth", told, fails_at=[call])
    tracker = Composite(truth, observers=[Recorder("x", told), Recorder("y", told)])
    with pytest.raises(RuntimeError, match=f"{call} failed"):
        live(tracker, make_info())
    if call != "finish":
        assert told[-1] == f"truth.{call}"
        tracker.finish(status="failed")
    assert told[-3:] == ["truth.finish", "x.finish", "y.finish"]
