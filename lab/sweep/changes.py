"""What has changed under a sweep, told when it is continued: its question, or what its runs ran on.

Design choices:
- it says what changed, and what that means: for the runs that are there, and for the answer;
- where the user is to choose, `--keep` and `--rerun` are named with what they do.
"""

from collections.abc import Mapping
from typing import Any

from lab.config.order import WorkOrder
from lab.provenance.facts import identity

SHOWN = 5  # of the settings that changed
DIGEST = 12  # of 64 digits
NAMES = {
    "source_digest": "version of the lab's own code",
    "threads": "number of threads",
    "execution": "kind of execution",
}
Changed = Mapping[str, tuple[Any, Any]]  # what was and what is, by the name of a fact


def since(order: WorkOrder, here: Mapping[str, Any]) -> Changed:
    """What differs between the code and machine that a run began on and these, threads too; whoever
    says nothing of its kind of execution trains alone."""
    began = {"threads": order.threads, "execution": order.execution}
    there = identity({"device": here["device"], **order.provenance, **began})
    now = identity({"execution": "alone", **here})
    return {key: (there[key], value) for key, value in now.items() if value != there[key]}


def question_changed(changed: list[str], *, done: int, known: int) -> str:
    """`done` of the `known` runs that the new question asks for are there already."""
    more = f" and {len(changed) - SHOWN} more" if changed[SHOWN:] else ""
    return (
        f"the question has changed since its last plan: {', '.join(changed[:SHOWN])}{more}; of the "
        f"{known} runs that it is known to ask for by now, {done} are there and taken over, the "
        "others are trained, and what it does not ask for stays where it is"
    )


def exploratory(confirmed: int, *, plan: bool) -> str:
    """What it means that the rule of judging is not what it was when runs were confirmed."""
    ended = "1 confirmation run" if confirmed == 1 else f"{confirmed} confirmation runs"
    why = "before what counts as an answer was changed" if plan else "without a plan beside them"
    return (
        f"{ended} had ended {why}: the answer of this sweep is exploratory; to confirm it, ask "
        "the same under another file's name, with another seed"
    )


def in_words(changed: Changed) -> str:
    """`torch (2.12.0, now 2.13.0)` and so on."""
    return ", ".join(
        f"{NAMES.get(name, name)} ({_said(was)}, now {_said(now)})"
        for name, (was, now) in changed.items()
    )


def choose(run: str, changed: Changed, *, others: int) -> str:
    """Of a run's folder, and so many others that this concerns, too."""
    like = f", like {others} more of the runs there" if others else ""
    return (
        f"{run} was run under another {in_words(changed)}{like}; --keep takes such runs over as "
        "they are, --rerun sets them aside and trains them again"
    )


def kept(count: int, changed: Changed) -> str:
    runs = "1 run is" if count == 1 else f"{count} runs are"
    return f"{runs} taken over though run under another {in_words(changed)}"


def set_aside(count: int, changed: Changed, *, folder: str) -> str:
    runs = "1 run is" if count == 1 else f"{count} runs are"
    return (
        f"{runs} set aside in {folder} so far, and trained again: run under another "
        f"{in_words(changed)}"
    )


def _said(value: Any) -> str:
    text = str(value)
    return text[:DIGEST] if len(text) == 64 else text
