import math
from pathlib import Path
from statistics import median

import pytest

from lab.config.launcher import Seconds, Simulated
from lab.files import read_json
from lab.sweep.launchers.simulated import SimulatedJob, SimulatedLauncher
from lab.sweep.plan import Plan
from tests.sweep.crew import Crew, settled, sweep
from tests.sweep.simulated import plan_of, question, search

ARMS = {"a": {}, "b": {"model.norm.eps": 1e-6}}
pytestmark = pytest.mark.usefixtures("quick")


def simulated(tmp_path: Path, plan: Plan | None = None, **config: object) -> Crew:
    asked = question(variants=ARMS, confirm={"max_seeds": 30, "test": "fixed", "twin": False})
    plan = plan or Plan(asked, "digest", settled=settled(asked))
    launcher = SimulatedLauncher(Simulated.parse({"workers": 4, **config}))
    return sweep(tmp_path, plan, launcher, clock=launcher.clock)  # type: ignore[arg-type]


def values(done: Crew) -> dict[str, tuple[float, float]]:
    results = done.supervisor.results
    return {n: (r["metrics"]["test/loss"], r["timing"]["total"]) for n, r in results.items()}


def tally(done: Crew) -> SimulatedLauncher:
    launcher = done.launcher
    assert isinstance(launcher, SimulatedLauncher)
    return launcher


def test_a_sweep_comes_to_its_end_in_simulated_time(tmp_path: Path) -> None:
    done = simulated(tmp_path, startup=0, seconds={"median": 60, "spread": 1})
    assert done.finished
    assert tally(done).now == pytest.approx(15 * 60)
    assert tally(done).tally.hours == pytest.approx(1.0)
    assert tally(done).tally.busy == pytest.approx(1.0)
    assert tally(done).tally.busy_throughout == pytest.approx(1.0)


def test_what_a_job_takes_to_start_is_no_work(tmp_path: Path) -> None:
    done = simulated(tmp_path, startup=60, seconds={"median": 60, "spread": 1})
    assert tally(done).now == pytest.approx(15 * 120)
    assert tally(done).tally.busy == pytest.approx(0.5)


def test_neither_workers_nor_order_change_what_runs_come_to(tmp_path: Path) -> None:
    one = simulated(tmp_path / "one", workers=1, failures=0.2)
    many = simulated(tmp_path / "many", workers=50, failures=0.2)
    assert values(one) == values(many)
    assert tally(one).tally.n_failed == tally(many).tally.n_failed > 0
    assert tally(many).now < tally(one).now


def test_another_seed_makes_up_others(tmp_path: Path) -> None:
    one, other = (simulated(tmp_path / str(n), seed=n) for n in (0, 1))
    assert values(one).keys() == values(other).keys()
    assert values(one) != values(other)


def test_half_of_the_runs_take_less_than_the_median(tmp_path: Path) -> None:
    asked = question(variants=ARMS, confirm={"max_seeds": 200, "test": "fixed", "twin": False})
    done = simulated(
        tmp_path, Plan(asked, "digest", settled=settled(asked)),
        seconds=Seconds(median=60, spread=2).dump(), workers=400,
    )  # fmt: skip
    seconds = sorted(taken for _, taken in values(done).values())
    assert median(seconds) == pytest.approx(60, rel=0.15)
    within = sum(30 < taken < 120 for taken in seconds) / len(seconds)
    assert within == pytest.approx(math.erf(1 / math.sqrt(2)), abs=0.08)


def test_attempts_fail_at_the_rate_and_are_tried_again(tmp_path: Path) -> None:
    done = simulated(tmp_path, failures=0.3)
    found = tally(done).tally
    assert found.n_failed / len(found.begun) == pytest.approx(0.3, abs=0.15)
    failed = [r for r in done.supervisor.results.values() if r["status"] == "failed"]
    assert all("it was made to fail" in result["error"] for result in failed)
    assert len(found.begun) == len(done.supervisor.results) + found.n_failed - len(failed)


def test_every_result_says_that_it_is_made_up(tmp_path: Path) -> None:
    simulated(tmp_path)
    found = [read_json(file) for file in tmp_path.glob("runs/*/result.json")]
    assert len(found) == 60
    assert all(result["simulated"] is True and result["package"] is None for result in found)
    assert not (tmp_path / "artifacts").exists()


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe"])
def test_adaptive_searches_and_pruners_go_on(tmp_path: Path, sampler: str) -> None:
    done = simulated(tmp_path, plan_of(search(sampler, "successive-halving")))
    assert done.finished
    states = {trial.state for trial in done.supervisor.story.trials}
    assert states == {"complete", "pruned"}


def test_confirmation_goes_on_until_it_is_settled(tmp_path: Path) -> None:
    asked = question(variants=ARMS, confirm={"max_seeds": 60, "alpha": 0.1, "twin": False})
    done = simulated(tmp_path, Plan(asked, "digest", settled=settled(asked)), workers=2)
    assert done.finished
    assert 8 <= len(done.supervisor.story.runs) < 120


def test_a_job_that_is_stopped_has_no_answer(tmp_path: Path) -> None:
    crew = simulated(tmp_path)
    launcher = SimulatedLauncher(Simulated(workers=2))
    folder = next((tmp_path / "runs").iterdir())
    (folder / "result.json").unlink()
    job = launcher.start([folder])
    assert isinstance(job, SimulatedJob)
    assert job.is_alive()
    assert job.waits, "nobody takes its silence for a fault"
    job.stop()
    launcher.wait([job], timeout=0.5)
    assert (job.exit_code, launcher.now) == (0, 0.5)
    assert not (folder / "result.json").exists()
    assert crew.finished
    assert not launcher.found()
    assert not launcher.outlives
