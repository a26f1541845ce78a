"""Trials: kept and read again; the best is a complete one."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sweep.trials import Trial, best

finite = st.floats(-10, 10)
scalars = finite | st.integers() | st.booleans() | st.none() | st.text(max_size=3)
states = st.sampled_from(["running", "complete", "pruned", "diverged", "failed"])
trials = st.builds(
    Trial,
    variant=st.text(min_size=1, max_size=3),
    number=st.integers(0, 99),
    source=st.sampled_from(["try", "list", "refined", "asked"]),
    batch=st.integers(0, 9),
    settings=st.dictionaries(st.text(max_size=3), scalars, max_size=3),
    full_tokens=st.integers(1, 10**9),
    state=states,
    bracket=st.none() | st.integers(0, 4),
    values=st.none() | st.lists(finite, min_size=1, max_size=2),
    replicates=st.lists(st.lists(finite, min_size=1, max_size=2), max_size=3),
    intermediate=st.dictionaries(st.integers(0, 999), finite, max_size=3),
    runs=st.lists(st.text(max_size=3), max_size=3),
    tokens=st.integers(0, 10**9),
    counts=st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), max_size=2),
    reason=st.none() | st.text(max_size=5),
)  # fmt: skip


@settings(deadline=None, max_examples=100, database=None)
@given(trial=trials)
def test_what_is_written_is_read_again(trial: Trial) -> None:
    raw = json.loads(json.dumps(trial.dump()))
    steps = {int(step): value for step, value in raw["intermediate"].items()}
    again = Trial(**{**raw, "intermediate": steps})
    assert again == trial
    assert [type(v) for v in again.settings.values()] == [type(v) for v in trial.settings.values()]


def test_a_dump_is_a_copy() -> None:
    trial = Trial("a", 0, "list", 0, {"x": 1}, 10, replicates=[[1.0]])
    trial.dump()["replicates"][0].append(2.0)
    trial.dump()["settings"]["x"] = 2
    assert trial == Trial("a", 0, "list", 0, {"x": 1}, 10, replicates=[[1.0]])


@settings(deadline=None, max_examples=100, database=None)
@given(tried=st.lists(trials, max_size=8), sign=st.sampled_from([1, -1]))
def test_only_complete_trials_are_chosen(tried: list[Trial], sign: int) -> None:
    found = best(tried, sign=sign)
    done = [t for t in tried if t.state == "complete" and t.values]
    assert (found is None) == (not done)
    if found is not None and found.values is not None:
        assert found in done
        scores = [sign * t.values[0] for t in done if t.values]
        assert sign * found.values[0] == min(scores)
        assert found is done[scores.index(min(scores))]  # the first of equals
