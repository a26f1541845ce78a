"""The figure of losses by position: what is drawn is what the files say."""

import csv
from collections import defaultdict

import numpy as np
import pytest

from lab.report.collect import open_sweep
from lab.report.figures.positions import positions
from lab.report.figures.style import FLOOR
from lab.report.page import write_report
from tests.report.judged import with_lengths

BEYOND = {"rope": 0.3, "sinusoidal": 2.0}
ENDS = "learned: not defined beyond 128"


@pytest.fixture
def asked(asking, question):
    base = {**question.dump()["base"], "evaluate": {"lengths": [64, 128, 256]}}
    return asking(base=base, baseline="rope", confirm={"max_seeds": 4, "metric": "loss@256"})


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_lines_are_means_over_seeds_in_the_longest_windows(make_sweep, asked):
    folder = with_lengths(make_sweep(asked=asked), asked, BEYOND)
    lines = lines_of(positions(open_sweep(folder)).axes[0])
    assert {*lines} == {"rope", "sinusoidal", ENDS}
    sums = defaultdict(list)
    for path in folder.glob("runs/rope-*/positions.csv"):
        if '"confirm"' in (path.parent / "order.json").read_text():
            for row in csv.DictReader(path.read_text().splitlines()):
                if row["length"] == "256":
                    sums[(int(row["position"]) - 1) // 8].append(float(row["loss"]))
    assert {len(values) for values in sums.values()} == {8 * 4}
    expected = [np.mean(values) for values in sums.values()]
    assert lines["rope"].get_ydata() == pytest.approx(expected)
    assert lines["rope"].get_xdata()[0] == pytest.approx(4.5)
    assert lines[ENDS].get_xdata().max() < 128


def test_what_runs_away_has_a_panel_to_itself(make_sweep, asked):
    folder = with_lengths(make_sweep(asked=asked), asked, BEYOND)
    whole, close = positions(open_sweep(folder)).axes
    last = {name: line.get_ydata()[-1] for name, line in lines_of(whole).items()}
    assert whole.get_ylim()[1] > last["sinusoidal"] > close.get_ylim()[1] > last["rope"]
    alike = with_lengths(make_sweep(asked=asked, name="alike"), asked, {})
    assert len(positions(open_sweep(alike)).axes) == 1


def test_the_floor_of_a_task_is_drawn(make_sweep, asked):
    folder = with_lengths(make_sweep(asked=asked), asked, BEYOND, floor=lambda p: 1 + 0 * p)
    lines = lines_of(positions(open_sweep(folder)).axes[0])
    assert lines[FLOOR].get_ydata() == pytest.approx(np.ones(32))


def test_no_bin_reaches_across_the_end_of_training(make_sweep, asking, question):
    base = question.dump()["base"]
    base["model"]["max_seq_len"] = 100
    base["evaluate"] = {"lengths": [256]}
    asked = asking(base=base, baseline="rope")
    folder = with_lengths(make_sweep(asked=asked), asked, BEYOND)
    places = lines_of(positions(open_sweep(folder)).axes[0])["rope"].get_xdata()
    assert [x for x in places if 90 < x < 110] == pytest.approx([92.5, 98.5, 104.5])


def test_no_figure_without_positions(make_sweep, asked, plain_sweep):
    assert positions(open_sweep(plain_sweep)) is None
    assert positions(open_sweep(make_sweep(asked=asked))) is None


def test_the_report_holds_it_all(make_sweep, asked):
    folder = with_lengths(make_sweep(asked=asked), asked, BEYOND)
    page = write_report(folder).read_text()
    text = (folder / "report" / "report.md").read_text()
    for content in (page, text):
        assert "At other lengths than in training" in content
        assert "Not defined" in content
        assert "not defined" in content
        assert "the loss after so many tokens have been read" in content
    assert (folder / "report" / "positions.png").is_file()
