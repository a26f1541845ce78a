"""What stands on a terminal while a sweep runs."""

from io import StringIO

from rich.console import Console

from lab.config.objective import Objective
from lab.sweep.plan import PlannedRun
from lab.sweep.progress import Display
from tests.sweep.simulated import plan_of, question

PLAN = plan_of(question(confirm={"max_seeds": 6}))


def run(seed: int) -> PlannedRun:
    return PLAN.run("base", "confirm", seed)


def bars(display: Display) -> list[str]:
    """Below that of the whole sweep."""
    return [task.description.strip() for task in display._bars.tasks[1:]]


def test_a_job_has_one_bar_however_many_runs_it_has() -> None:
    display = Display(
        objective=Objective(metric="val/loss"),
        console=Console(file=StringIO(), force_terminal=True),
    )
    display.running(run(1), {"step": 30, "val/loss": 2.5}, others=3)
    display.running(run(5), {})
    assert bars(display) == ["base seed 1 and 3 more", "base seed 5"]
    assert display._bars.tasks[1].completed == 30
    assert display._bars.tasks[1].fields["note"] == "val/loss 2.5000"
    display.running(run(1), {"step": 40}, others=2)  # one of them has ended
    assert bars(display) == ["base seed 1 and 2 more", "base seed 5"]
    display.ended(run(1), None, done=2, total=9)
    display.running(run(2), {"step": 40}, others=1)
    assert bars(display) == ["base seed 5", "base seed 2 and 1 more"]
