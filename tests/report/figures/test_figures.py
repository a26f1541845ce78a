"""Figures of a search show its trials; where there is nothing to show, there is no figure."""

import math

import pytest

from lab.config.space import Choices, Range
from lab.report.collect import open_sweep
from lab.report.figures import axes as shared
from lab.report.figures import front, history, importance, learning, parallel, slices, style

LR = "train.optimizer.lr"
ONE = {LR: {"low": 1e-3, "high": 3.2e-2, "log": True}}
FATES = {1: "pruned", 2: "diverged", 3: "pruned", 6: "failed"}
IMPORTANCE = {LR: 0.6, "model.n_layers": 0.25, "position": 0.15}


def labelled(axes, label):
    return [line for line in axes.get_lines() if line.get_label() == label]


def points(lines):
    return sorted(
        (float(x), float(y)) for line in lines for x, y in zip(*line.get_data(), strict=True)
    )


@pytest.fixture
def searched(searching, make_search):
    """`searched(**tune)`: question, search and runs of a folder."""

    def build(*, fates=FATES, importance=IMPORTANCE, settings=None, **tune):
        folder = make_search(
            searching(**tune), fates=fates, importance=importance, settings=settings
        )
        sweep = open_sweep(folder)
        return sweep.question, sweep.search(), sweep.runs()

    return build


def test_the_history_shows_every_trial_and_the_best_so_far(searched):
    question, search, _ = searched()
    by_number, by_tokens = history.history(question, search).axes
    done = search.complete
    assert points(labelled(by_number, "complete")) == sorted((t.number, t.values[0]) for t in done)
    pruned = [t for t in search.trials if t.state == "pruned"]
    ends = [(t.number, t.intermediate[max(t.intermediate)]) for t in pruned]
    inside = points(labelled(by_number, "given up early"))
    beyond = [line.get_xdata() for line in by_number.get_lines() if line.get_marker() == 6]
    assert {*inside} <= {*ends}
    assert {x for x, _ in inside}.union(*map(set, beyond)) == {x for x, _ in ends}
    assert [x for x, _ in points(labelled(by_number, "diverged, failed"))] == [2, 6]
    (line,) = labelled(by_number, "best so far")
    costs = list(line.get_ydata())
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == min(t.values[0] for t in done)
    last = points(labelled(by_tokens, "complete"))[-1][0]
    assert last == pytest.approx(sum(t.tokens for t in search.trials) / 1e6)


def test_where_more_is_better_the_best_is_above(searched):
    objective = {"metric": "time/tokens_per_second", "direction": "maximize"}
    question, search, _ = searched(objective=objective)
    axes = history.history(question, search).axes[0]
    (line,) = labelled(axes, "best so far")
    assert max(line.get_ydata()) == max(t.values[0] for t in search.complete)
    (lost,) = labelled(axes, "diverged, failed")
    assert set(lost.get_ydata()) == {0.03}


def test_a_slice_has_a_panel_a_setting(searched):
    question, search, _ = searched()
    figure = slices.slices(question, search)
    names = [axes.get_xlabel() for axes in figure.axes]
    assert names == ["lr", "n_layers", "position", "batch_size", "theta", "bias"]
    rate, _, position, *_ = figure.axes
    assert rate.get_xscale() == "log"
    shown = points(labelled(rate, "complete"))
    assert shown == sorted((t.settings[LR], t.values[0]) for t in search.complete)
    assert [label.get_text() for label in position.get_xticklabels()] == ["rope", "learned"]
    places = {round(x) for x, _ in points(labelled(position, "complete"))}
    assert places <= {0, 1}
    with_theta = [t for t in search.complete if "model.position.theta" in t.settings]
    theta = next(axes for axes in figure.axes if axes.get_xlabel() == "theta")
    assert len(points(labelled(theta, "complete"))) == len(with_theta)


def test_several_objectives_have_their_rows(searched):
    question, search, _ = searched(objective=["val/loss", "model.n_params"])
    figure = slices.slices(question, search)
    assert len(figure.axes) == 12
    assert {axes.get_ylabel() for axes in figure.axes} == {
        "Validation loss,\nnats a token", "Number of parameters", ""
    }  # fmt: skip


def test_parallel_has_a_line_a_trial(searched):
    question, search, _ = searched()
    (axes,) = parallel.parallel(question, search).axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["lr", "n_layers", "position", "batch_size", "theta", "bias", "Validation loss"]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == len(rows)]
    assert len(lines) == len(search.complete)
    best = min(search.complete, key=lambda t: t.values[0])
    top = max(lines, key=lambda line: line.get_linewidth())
    spot = math.log(best.settings[LR] / 1e-3) / math.log(32)
    assert top.get_xdata()[0] == pytest.approx(spot)
    outside = [line.get_xdata()[4] < 0 for line in lines]
    assert outside.count(True) == sum(
        "model.position.theta" not in t.settings for t in search.complete
    )
    assert "not there" in [text.get_text() for text in axes.texts]


def test_importance_is_sorted(searched):
    question, search, _ = searched()
    (axes,) = importance.importance(question, search).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lr", "n_layers", "position"]
    assert [bar.get_width() for bar in axes.patches] == [0.6, 0.25, 0.15]
    assert [text.get_text() for text in axes.texts] == ["60 %", "25 %", "15 %"]


def test_learning_curves_by_tokens_end_where_trials_were_given_up(searched):
    pruner = {"kind": "successive-halving", "eta": 2}
    question, search, runs = searched(pruner=pruner)
    (axes,) = learning.learning(question, search, runs).axes
    lost = ("diverged", "failed")
    for label, states in (("given up early", ("pruned",)), ("diverged, failed", lost)):
        ends = [round(1e6 * line.get_xdata()[-1]) for line in labelled(axes, label)]
        assert sorted(ends) == sorted(t.tokens for t in search.trials if t.state in states)
    (best,) = labelled(axes, "the best")
    chosen = min(search.complete, key=lambda t: t.values[0])
    assert best.get_xdata()[-1] == pytest.approx(chosen.tokens / 1e6)
    rungs = [line for line in axes.get_lines() if len({*line.get_xdata()}) == 1]
    assert len(rungs) == 3


def test_the_front_is_a_staircase(searched):
    question, search, _ = searched(objective=["val/loss", "model.n_params"], fates={}, trials=12)
    (axes,) = front.front(question, search).axes
    stairs = [line for line in axes.get_lines() if line.get_drawstyle() == "steps-post"]
    xs, ys = stairs[0].get_data()
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)
    for trial in search.complete:
        loss, size = trial.values
        assert any(x <= loss and y <= size for x, y in zip(xs, ys, strict=True))


def test_three_objectives_are_shown_in_pairs(searched):
    speed = {"metric": "time/tokens_per_second", "direction": "maximize"}
    question, search, _ = searched(objective=["val/loss", "model.n_params", speed])
    assert len(front.front(question, search).axes) == 3


def test_one_setting_has_neither_importance_nor_parallel(searched):
    question, search, runs = searched(space=ONE, importance={LR: 1.0})
    assert importance.importance(question, search) is None
    assert parallel.parallel(question, search) is None
    assert front.front(question, search) is None
    assert slices.slices(question, search) is not None
    assert learning.learning(question, search, runs) is not None


@pytest.mark.parametrize("state", ["running", "diverged", "pruned"])
def test_nothing_to_show_is_none(searched, state):
    question, search, runs = searched(fates=dict.fromkeys(range(8), state), importance={})
    for draw in (history.history, parallel.parallel, importance.importance, front.front):
        assert draw(question, search) is None
    if state == "running":
        assert slices.slices(question, search) is None
        assert learning.learning(question, search, runs) is None


def test_a_comparison_shows_choices_and_its_variants(asking, make_search):
    space = ONE | {"model.bias": [True, False]}
    variants = {"learned": {}, "rope": {"model.position": {"kind": "rope"}}}
    asked = asking(tune={"trials": 6, "refine": 0, "space": space}, variants=variants)
    sweep = open_sweep(make_search(asked, importance={LR: 0.9, "model.bias": 0.1}))
    question, search = sweep.question, sweep.search()
    figure = slices.slices(question, search)
    assert [axes.get_xlabel() for axes in figure.axes] == ["bias"]
    for drawn in (figure, history.history(question, search)):
        assert [t.get_text() for t in drawn.legends[0].get_texts()] == ["learned", "rope"]
    assert len(importance.importance(question, search).axes[0].patches) == 4
    assert parallel.parallel(question, search) is None


def test_a_lone_far_value_does_not_flatten_the_rest():
    shown = shared.window([2.0, 2.1, 2.2, 90.0], sign=1, marks=False)
    assert shown.holds(2.2)
    assert not shown.holds(90.0)
    upside_down = shared.window([-2.0, -2.1, -2.2, -90.0], sign=-1, marks=False)
    assert (upside_down.low, upside_down.high) == (-shown.high, -shown.low)
    assert shared.window([2.0, 2.0], sign=1, marks=False).holds(2.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.002, "0.002"), (3162.3, "3160"), (1e5, "100k"), (2.5e6, "2.5M"), (0, "0"), (-2e4, "-20k")],
)
def test_ticks_are_short(value, text):
    assert shared.compact(value) == text


def test_few_whole_numbers_have_places_of_their_own():
    assert shared.strips(Range(low=1, high=4, integer=True)) == [1, 2, 3, 4]
    assert shared.strips(Range(low=1, high=400, integer=True)) is None
    assert shared.strips(Range(low=0, high=1)) is None
    choices = Choices.parse({"choices": [True, 1, 8]})
    assert [shared.share(choices, value) for value in (True, 1, 8)] == [0, 0.5, 1]
    assert shared.share(Range(low=1, high=100, log=True), 10) == pytest.approx(0.5)


def test_bytes_do_not_change(searched):
    question, search, _ = searched()
    one, two = (slices.slices(question, search) for _ in range(2))
    assert style.png(one) == style.png(two)
    assert style.svg(one, name="slices") == style.svg(two, name="slices")


def test_a_label_is_shown_as_it_is():
    assert style.literal("a\nb  c") == "a b c"
    assert style.literal("cost in $x^2$") == r"cost in \$x^2\$"
    assert style.literal("a" * 50 + "b" * 40) == "a" * 20 + "…" + "b" * 19
    assert len(style.literal("x" * 90, most=7)) == 7
    assert style.literal("x" * 40) == "x" * 40
