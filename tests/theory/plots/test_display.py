"""What a notebook shows: tables as HTML, frames, pictures, and networks and masks that draw themselves."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.sparse import csr_array

import ertheory
from ertheory.masks import DrawnMask, GivenMask
from ertheory.networks.drawing import shares_of
from ertheory.networks.source import Source
from ertheory.plots import densities
from ertheory.plots.answers import _draw
from ertheory.tables import Shown, Table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def answers():
    return ertheory.width("8-6-3", sparsity=0.5, delta=0.05)


def elements(text: str, name: str) -> list[ET.Element]:
    return list(ET.fromstring(text).iter(SVG + name))


def cells(html: str) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in ET.fromstring(html).iter("tr")]


def test_a_table_is_escaped_and_whole():
    table = Table(("a<b", "n"), (("<script>alert(1)</script> & more", 1000), ("x", None)))
    html = table._repr_html_()
    assert "<script>" not in html
    assert cells(html) == [["a<b", "n"], ["<script>alert(1)</script> & more", "1,000"], ["x", "-"]]
    rights = [cell.get("style") for cell in ET.fromstring(html).iter("th")]
    assert rights == ["text-align:left", "text-align:right"]


def test_answers_are_shown_as_in_a_terminal(answers):
    shown = cells(answers._repr_html_())
    assert [row[0] for row in shown] == ["method", *(answer.method for answer in answers)]
    assert cells(answers["exact"]._repr_html_())[0] == ["field", "value"]


def test_frames_hold_plain_numbers(answers):
    pandas = pytest.importorskip("pandas", reason="pandas is nobody's dependency")
    frame = answers.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.set_index("method").loc["exact", "N_0"] == answers["exact"].widths[0]
    one = answers["exact"].to_pandas()
    assert one["widths"] == list(answers["exact"].widths)
    layers = ertheory.densities("vgg16", ratio="erk", density="0.1").to_pandas()
    assert len(layers) == 16 - 2  # CIFAR's: one linear layer
    assert layers["weights"].sum() == 14_715_584
    assert Table(("n",), ((Shown(0.5, "a half"),),)).to_pandas().loc[0, "n"] == 0.5


def test_without_pandas_one_line_says_so(answers, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not there
    for thing in (answers, answers["exact"], answers.to_table()):
        with pytest.raises(ImportError, match=r"^to_pandas needs pandas: python -m pip install pandas$"):
            thing.to_pandas()


def test_answers_have_a_picture(answers, tmp_path):
    picture = answers.plot()
    assert picture._repr_png_().startswith(b"\x89PNG")
    hidden = dict(zip(picture.columns["method"], picture.columns["hidden"], strict=True))
    assert {answer.method: answer.total for answer in answers if answer.total is not None} == {
        method: total for method, total in hidden.items() if total is not None
    }
    curves = ertheory.width("8-6-3", sparsities=[0.5, 0.8], delta=0.05, method="exact").plot()
    assert curves.columns["sparsity"] == (0.5, 0.8)
    assert curves._repr_png_() != picture._repr_png_()
    assert [path.name for path in curves.save(tmp_path)] == ["widths.png", "widths.svg", "widths.csv"]
    with pytest.raises(TypeError, match="only answers about widths"):
        ertheory.confidence("8-6-3", widths=[200, 100], sparsity=0.5).plot()


def words_of(points, legend):
    """What the legend calls the look of each point, by its place."""
    named = {(line.get_marker(), line.get_markerfacecolor()): line.get_label() for line in legend}
    assert len(named) == 3
    return {
        (float(line.get_xdata()[0]), int(line.get_ydata()[0])): named[line.get_marker(), line.get_markerfacecolor()]
        for line in points
    }


def test_points_of_a_picture_look_as_the_legend_says_and_stand_where_the_table_says(answers):
    columns = answers.plot().columns
    figure = Figure()
    _draw(figure, columns)
    hidden, edges = figure.axes
    legend = [line for line in hidden.lines if not len(line.get_xdata())]
    assert [text.get_text() for text in figure.legends[0].texts] == ["enough", "necessary", "does not apply here"]
    assert len(set(columns["kind"])) > 1
    assert set(columns["applies"]) == {"yes", "no"}
    for axes, measure in ((hidden, "hidden"), (edges, "edges")):
        wanted = {}
        rows = zip(columns[measure], columns["kind"], columns["applies"], strict=True)
        for place, (value, kind, applies) in enumerate(rows):
            if value is not None:
                word = "necessary" if kind == "necessary" else "enough" if applies == "yes" else "does not apply here"
                wanted[float(value), place] = word
        points = [line for line in axes.lines if len(line.get_xdata())]
        assert words_of(points, legend) == wanted
        assert [label.get_text() for label in hidden.get_yticklabels()] == list(columns["method"])
        assert {text.get_text() for text in axes.texts} == {
            f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" for value, _ in wanted
        }


def test_curves_of_a_picture_are_dashed_where_they_are_necessary():
    picture = ertheory.width("784-128-10", sparsities=[0.5, 0.8], delta=0.05).plot()
    figure = Figure()
    _draw(figure, picture.columns)
    for axes, measure in zip(figure.axes, ("hidden", "edges"), strict=True):
        assert len({line.get_color() + str(line.get_marker()) for line in axes.lines}) == len(axes.lines)
        for line in axes.lines:
            rows = [place for place, method in enumerate(picture.columns["method"]) if method == line.get_label()]
            necessary = picture.columns["kind"][rows[0]] == "necessary"
            assert (line.get_linestyle() == "--", line.get_markerfacecolor() == "white") == (necessary, necessary)
            points = [(picture.columns["sparsity"][row], picture.columns[measure][row]) for row in rows]
            assert line.get_xydata().tolist() == [[x, float(y)] for x, y in points if y is not None]


def test_densities_have_a_picture(tmp_path):
    found = ertheory.densities("lenet-300-100", ratio="erk", density=0.1)
    picture = found.plot()
    assert picture.columns["density"] == found.densities
    assert picture.columns["kept"] == found.nonzeros_expected
    assert [path.name for path in picture.save(tmp_path)] == ["densities.png", "densities.svg", "densities.csv"]
    figure = Figure()
    densities._draw(figure, picture.columns, title="", realised=found.density_realised)
    shares, weights = figure.axes
    assert [label.get_text() for label in shares.get_yticklabels()] == [layer.name for layer in found.layers]
    assert shares.get_yticks().tolist() == [0, 1, 2]
    low, high = shares.get_ylim()
    assert low > 2 > 0 > high  # the first layer stands at the top
    points, dotted = shares.lines
    assert points.get_xydata().tolist() == [[float(share), at] for at, share in enumerate(found.densities)]
    assert set(dotted.get_xdata()) == {found.density_realised}
    assert {line.get_label(): line.get_xdata().tolist() for line in weights.lines} == {
        "all weights": [layer.weights for layer in found.layers],
        "kept weights, expected": [float(count) for count in found.nonzeros_expected],
    }
    drawn = (tmp_path / "densities.svg").read_text()
    assert "ratio erk, kernel " in drawn
    assert "density asked 0.1, realised 0.1" in drawn


def test_densities_are_shown_as_a_table_of_layers():
    found = ertheory.densities([(30, 4, 3, 3), (10, 30)], ratio="uniform", density="1/4")
    assert cells(found._repr_html_()) == [
        ["layer", "shape", "weights", "density", "non-zeros expected"],
        ["layer1", "30x4x3x3", "1,080", "0.25", "270"],
        ["layer2", "10x30", "300", "0.25", "75"],
    ]


def test_a_small_target_is_drawn_neuron_by_neuron():
    drawn = ertheory.Target.from_arrays([[[1.0, -2.0], [0.0, 4.0], [0.5, 0.0]], [[1.0, 1.0, -1.0]]])._repr_svg_()
    assert len(elements(drawn, "circle")) == 2 + 3 + 1
    lines = elements(drawn, "line")
    assert len(lines) == 7  # zeros are left out
    assert sum("stroke-dasharray" in line.attrib for line in lines) == 2  # negative ones
    assert len({line.get("stroke-width") for line in lines}) == 4


def test_a_large_target_shows_where_its_weights_are():
    weight = np.zeros((40, 100))
    weight[:20, :50] = 1
    drawn = ertheory.Target.from_arrays([weight, np.ones((2, 40))])._repr_svg_()
    assert not elements(drawn, "circle")
    texts = [text.text for text in elements(drawn, "text")]
    assert texts == ["W_1", "40 x 100, 0.25 of all", "W_2", "2 x 40, 1 of all"]


def test_counts_alone_and_sources_are_drawn_in_part():
    drawn = ertheory.Target.from_text("784-128-10")._repr_svg_()
    assert len(elements(drawn, "circle")) == 11 + 11 + 10
    source = Source(2, (3, 1), (Fraction(1, 2), Fraction(1)), (1, 1))._repr_svg_()
    assert len(elements(source, "line")) == 2 * 3 + 3
    assert {"p = 0.5", "p = 1"} <= {text.text for text in elements(source, "text")}


def test_masks_show_what_they_keep():
    small = DrawnMask((6, 5), Fraction(1, 2), seed=3)
    assert len(elements(small._repr_svg_(), "line")) == small.to_csr().nnz
    large = DrawnMask((200, 300), Fraction(1, 10), seed=1)
    (share,) = [text.text for text in elements(large._repr_svg_(), "text")][1:]
    assert share.startswith("200 x 300, 0.")
    assert abs(float(share.split()[3]) - large.to_csr().nnz / 60_000) < 0.002
    given = GivenMask(csr_array(np.eye(30)))
    dark = elements(given._repr_svg_(), "rect")
    assert len(dark) == 30 + 1  # the frame too


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_a_mask_without_entries_has_a_picture_without_edges(shape):
    empty = GivenMask(csr_array(np.zeros(shape)))
    assert not elements(empty._repr_svg_(), "line")


def test_shares_are_those_of_the_cells():
    random = np.random.default_rng(0)
    matrix = random.random((150, 70)) < 0.3
    shares = shares_of(matrix)
    assert shares.shape == (64, 64)
    ends = [np.linspace(0, size, 65).astype(int) for size in matrix.shape]
    cell = matrix[ends[0][5] : ends[0][6], ends[1][63] : ends[1][64]]
    assert shares[5, 63] == cell.mean()
