from lab.sweep.remembered import Remembered
from tests.sweep.simulated import answer, plan_of, search


def test_equal_parts_are_one_and_curves_stay_where_trials_are_judged() -> None:
    plan, remembered = plan_of(search("random")), Remembered()
    trial = plan.run("base", "tune", 0, trial=0, settings={"train.optimizer.lr": 1e-3})
    seeds = [plan.run("base", "confirm", seed) for seed in (1, 2)]
    assert remembered(trial, answer(trial)) == answer(trial)
    one, other = (remembered(run, answer(run)) for run in seeds)
    assert one["model"] is other["model"]
    assert one == {**answer(seeds[0]), "evaluations": {}}
