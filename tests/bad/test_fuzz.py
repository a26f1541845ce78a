"""What no table thought of: readers of configs and of a sweep's files, given anything.

They give plain data or a config, or raise a `LabError`; nothing else, and soon.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lab.config.ended import ended_fault, order_fault
from lab.config.loading import load_run, load_sweep
from lab.config.order import WorkOrder
from lab.config.yaml12 import dump_yaml, load_yaml
from lab.errors import LabError
from lab.files import read_json
from lab.report.collect import open_sweep
from lab.result import result_fault
from tests.bad.question import QUESTION
from tests.bad.states import CONFIRMED, TUNED, read_all
from tests.report.sweeps import Truth, build_sweep

ANY = settings(
    max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
WHOLE = QUESTION + TUNED + CONFIRMED


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "q.yaml"


@ANY
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    for load in (load_sweep, load_run):
        with pytest.raises(LabError):
            load(file)


@ANY
@given(at=st.integers(0, len(WHOLE)), cut=st.integers(0, 12), put=st.text(max_size=6))
def test_a_question_with_a_slip(file: Path, at: int, cut: int, put: str) -> None:
    with suppress(UnicodeEncodeError, LabError):
        file.write_bytes((WHOLE[:at] + put + WHOLE[at + cut :]).encode())
        load_sweep(file)


@ANY
@given(data=st.data())
def test_a_question_with_another_value(file: Path, data: st.DataObject) -> None:
    raw = load_yaml(WHOLE, source="whole")
    _replace(raw, data)
    with suppress(LabError):
        file.write_text(json.dumps(raw))
        load_sweep(file)


@ANY
@given(value=st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.booleans() | st.none()))
def test_yaml_comes_back(value: dict[str, Any]) -> None:
    text = dump_yaml(value)
    with suppress(LabError):  # of characters that a config may not have
        assert load_yaml(text, source="value") == value


@ANY
@given(content=st.binary(max_size=200) | PLAIN.map(lambda value: json.dumps(value).encode()))
def test_any_json(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with suppress(ValueError):
        json.dumps(read_json(file), allow_nan=False)


@ANY
@given(value=PLAIN, key=st.sampled_from(["metrics", "step", "status", "model", "data", "x"]))
def test_any_result_or_order(value: Any, key: str) -> None:
    raw = {"status": "complete", "seed": 1, "step": 3, key: value}
    for look in (ended_fault, order_fault, result_fault):
        assert look(raw) is None or isinstance(look(raw), str)
    with suppress(ValidationError, ValueError):
        WorkOrder.parse(raw)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    (folder / "q.yaml").write_text(WHOLE)
    truth = Truth(loss={"learned": 2.1, "rope": 1.9}, best_lr={})
    return build_sweep(folder / "q", load_sweep(folder / "q.yaml"), truth)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of what cannot be drawn or averaged
@settings(ANY, max_examples=8)
@given(data=st.data())
def test_a_sweep_with_a_slip(swept: Path, data: st.DataObject) -> None:
    """A value of one of its files replaced, or some bytes of it."""
    files = [swept / "plan.json", *sorted(swept.glob("runs/*/*"))[:4]]
    file = data.draw(st.sampled_from(files))
    good = file.read_bytes()
    try:
        if file.suffix == ".json" and data.draw(st.booleans()):
            raw = json.loads(good)
            _replace(raw, data)
            file.write_text(json.dumps(raw))
        else:
            at = data.draw(st.integers(0, len(good)))
            put = data.draw(st.binary(max_size=6))
            file.write_bytes(good[:at] + put + good[at + data.draw(st.integers(0, 9)) :])
        with suppress(LabError):
            read_all(swept)
    finally:
        file.write_bytes(good)
    assert len(open_sweep(swept).records()) == 8


def _replace(raw: Any, data: st.DataObject) -> None:
    """Put something else in the place of one value, at any depth."""
    here, key = {"": raw}, ""
    while isinstance(here[key], dict) and here[key] and data.draw(st.integers(0, 4)):
        here = here[key]
        key = data.draw(st.sampled_from(sorted(here)))
    if here is not raw and key == "":
        here, key = raw, data.draw(st.sampled_from(sorted(raw)))
    here[key] = data.draw(PLAIN)
