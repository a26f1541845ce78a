"""Attention maps as figures."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from lab.report.figures.attention import MOST_LABELS, attention_maps, visible
from lab.report.figures.style import png


def weights(heads: int, length: int) -> np.ndarray:
    rows = np.random.default_rng(0).random((heads, length, length)) * np.tril(
        np.ones((length,) * 2)
    )
    return rows / rows.sum(-1, keepdims=True)


def maps(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_a_map_for_every_layer_and_head_chosen() -> None:
    given = [weights(3, 5), weights(3, 5)]
    figure = attention_maps(given, list("abcde"), layers=[1], heads=[0, 2])
    found = maps(figure)
    assert len(found) == 2
    for axes, head in zip(found, (0, 2), strict=True):
        drawn = axes.images[0].get_array()
        below = np.tril_indices(5)
        np.testing.assert_array_equal(drawn[below], given[1][head][below])
        assert drawn.mask[np.triu_indices(5, k=1)].all()  # the future is not drawn
        assert axes.get_title() == f"head {head + 1}"
    assert found[0].get_ylabel() == "layer 2"
    assert [t.get_text() for t in found[0].get_xticklabels()] == list("abcde")


def test_all_maps_share_one_scale() -> None:
    figure = attention_maps([weights(2, 4)] * 2, list("abcd"), layers=[0, 1], heads=[0, 1])
    assert {axes.images[0].get_clim() for axes in maps(figure)} == {(0, 1)}


@pytest.mark.parametrize(
    ("token", "shown"),
    [("a", "a"), (" the", "␣the"), ("\n\t", "↵⇥"), ("日", "65E5"), ("\x07", "7"), ("", ""),
     ("electroencephalogram", "electroenceph…")],
)  # fmt: skip
def test_every_token_can_be_seen(token: str, shown: str) -> None:
    assert visible(token) == shown


@pytest.mark.parametrize("length", [2, MOST_LABELS + 1, 200])
def test_labels_grow_fewer_and_the_picture_keeps_its_bounds(length: int) -> None:
    figure = attention_maps([weights(1, length)], ["x$"] * length, layers=[0], heads=[0])
    labels = maps(figure)[0].get_xticklabels()
    assert length / 6 < len(labels) <= MOST_LABELS
    assert all(label.get_text() == r"x\$" for label in labels)  # and no formula
    picture = imread(io.BytesIO(png(figure)))
    assert 200 < picture.shape[0] < 1500
    assert 200 < picture.shape[1] < 1500


def test_letters_stand_and_words_lie() -> None:
    for tokens, angle in ((list("ab$"), 0), (["ab", "c", "d"], 90)):
        figure = attention_maps([weights(1, 3)], tokens, layers=[0], heads=[0])
        figure.canvas.draw()
        assert maps(figure)[0].get_xticklabels()[0].get_rotation() == angle
