"""What has changed under a sweep is told with what it means."""

from pathlib import Path

import pytest

from lab.config.order import WorkOrder
from lab.errors import SweepError
from lab.files import read_json, write_json
from lab.sweep.changes import choose, exploratory, in_words, question_changed
from lab.sweep.plan import Plan
from tests.sweep.crew import FakeLauncher, settled, supervisor, sweep
from tests.sweep.simulated import question

DIGESTS = ("a" * 64, "b" * 64)


def plan() -> Plan:
    variants = {name: {"model.norm.eps": 1e-6 * (k + 1)} for k, name in enumerate("ab")}
    asked = question(variants=variants, confirm={"test": "fixed", "max_seeds": 2, "twin": False})
    return Plan(asked, "digest", settled=settled(asked))


def loss(order: WorkOrder) -> float:
    return 2.0


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """A folder of four runs, the first two of another torch and number of threads."""
    assert sweep(tmp_path, plan(), FakeLauncher(2, loss)).finished
    for file in sorted(tmp_path.glob("runs/*/order.json"))[:2]:
        order = read_json(file)
        write_json(file, order | {"provenance": order["provenance"] | {"torch": "0.4"}})
    return tmp_path


def test_runs_of_other_code_need_a_word(answered: Path) -> None:
    with pytest.raises(SweepError) as caught:
        sweep(answered, plan(), FakeLauncher(2, loss))
    said = str(caught.value)
    first = sorted(answered.glob("runs/*"))[0]
    assert said.startswith(f"{first} was run under another torch (0.4, now ")
    assert said.endswith(
        "), like 1 more of the runs there; --keep takes such runs over as they are, --rerun sets "
        "them aside and trains them again"
    )


def test_they_are_kept_as_they_are(answered: Path) -> None:
    launcher = FakeLauncher(2, loss)
    made = supervisor(answered, plan(), launcher, keep=True)
    assert made.run()
    assert launcher.started == []
    assert len(made.there.foreign) == 2


def test_they_are_set_aside_and_trained_again(answered: Path) -> None:
    launcher = FakeLauncher(2, loss)
    made = supervisor(answered, plan(), launcher, rerun=True)
    assert made.run()
    assert sorted(launcher.started) == sorted(made.there.foreign)
    assert sorted(f.name for f in answered.glob("set-aside/*")) == [
        f"{name}.1" for name in sorted(launcher.started)
    ]


def test_a_changed_question_says_what_becomes_of_the_runs() -> None:
    changed = [f"confirm.a{n}: 1 → 2" for n in range(7)]
    assert question_changed(changed, done=3, known=5) == (
        "the question has changed since its last plan: confirm.a0: 1 → 2, confirm.a1: 1 → 2, "
        "confirm.a2: 1 → 2, confirm.a3: 1 → 2, confirm.a4: 1 → 2 and 2 more; of the 5 runs that it "
        "is known to ask for by now, 3 are there and taken over, the others are trained, and what "
        "it does not ask for stays where it is"
    )


def test_an_exploratory_answer_says_why() -> None:
    assert exploratory(1, plan=True).startswith(
        "1 confirmation run had ended before what counts as an answer was changed: the answer of "
        "this sweep is exploratory"
    )
    assert "2 confirmation runs had ended without a plan beside them" in exploratory(2, plan=False)


def test_facts_are_told_in_words() -> None:
    changed = {"source_digest": DIGESTS, "threads": (1, 2), "execution": ("alone", "cohort")}
    assert in_words(changed) == (
        "version of the lab's own code (aaaaaaaaaaaa, now bbbbbbbbbbbb), number of threads (1, "
        "now 2), kind of execution (alone, now cohort)"
    )
    assert "more of the runs" not in choose("runs/a", changed, others=0)
