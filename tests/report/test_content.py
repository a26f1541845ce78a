"""Everything that there is to show has a place in the report, once."""

import pytest

from lab.report.collect import open_sweep
from lab.report.content import figures_of, tables_of, texts_of
from lab.report.figures.captions import captions
from lab.report.pages.outline import of_comparison, of_search
from lab.report.pages.sections import Outline


def placed(outline):
    """The names of texts, tables and figures in an outline."""
    found = {"text": set(), "table": set(), "figure": set(), "all": set()}
    stack = list(outline)
    while stack:
        item = stack.pop()
        if isinstance(item, Outline):
            stack += item.items
        else:
            kind, name = item.split()
            found["text" if kind == "list" else kind].add(name)
    return found


def asked_of(kind, asking, searching):
    factors = {
        "position": {"learned": {}, "rope": {"model.position": {"kind": "rope"}}},
        "norm": {"layernorm": {}, "rmsnorm": {"model.norm": {"kind": "rmsnorm"}}},
    }
    scales = {"small": {"model.d_model": 32}, "large": {"model.d_model": 64}}
    match kind:
        case "variants":
            return asking()
        case "factors":
            return asking(factors=factors, variants={"base": {}}, baseline=None)
        case "scales":
            return asking(scales=scales)
        case "search":
            return searching(confirm={"max_seeds": 3})
        case "front":
            return searching(objective=["val/loss", "model.n_params"])


@pytest.mark.parametrize("kind", ["variants", "factors", "scales", "search", "front"])
def test_all_that_there_is_has_its_place(kind, asking, searching, make_sweep, make_search):
    asked = asked_of(kind, asking, searching)
    folder = make_search(asked, fates={1: "diverged"}) if asked.is_search else make_sweep(
        asked=asked, loss=dict.fromkeys(asked.arms, 2.0), lost={("confirm", "rope", 2): "failed"}
    )  # fmt: skip
    sweep = open_sweep(folder)
    tables, figures, texts = tables_of(sweep), figures_of(sweep), texts_of(sweep)
    outline = of_search(front=kind == "front") if asked.is_search else of_comparison(compares=True)
    places = placed(outline)
    assert tables.keys() <= places["table"]
    assert figures.keys() <= places["figure"]
    assert figures.keys() <= captions(asked).keys()
    said = {name for name, lines in texts.items() if lines}
    assert said - {"scales", "twin"} <= places["text"]
    if not asked.is_search:
        assert said <= places["text"]
    assert all(name == table.name for name, table in tables.items())
    assert {"runs", "fairness", "counts", "provenance"} <= tables.keys()


def test_what_has_a_caption_has_a_place(question):
    comparison, search = placed(of_comparison(compares=True)), placed(of_search(front=True))
    assert captions(question).keys() == comparison["figure"] | search["figure"]


def test_a_sweep_hands_out_the_same(plain_sweep):
    sweep = open_sweep(plain_sweep)
    assert sweep.tables().keys() == tables_of(sweep).keys()
