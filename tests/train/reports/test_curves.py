"""Learning curves: the lines of metrics that they are drawn from, and what is seen of them."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.reports.curves import CURVE_COLUMNS, _metrics, draw_curves  # noqa: E402
from ertrain.reports.notebook import _draw  # noqa: E402


def test_lines_that_are_not_whole_are_left_out(tmp_path):
    lines = (
        '{"epoch": 1, "accuracy_validation": 0.5, "loss": 2}',
        '{"epoch": 2}',
        '{"accuracy_validation": 0.5}',
        '{"epoch": null, "accuracy_validation": 0.5}',
        '{"epoch": 3, "accuracy_validation": null}',
        '{"epoch": "4", "accuracy_validation": 0.5}',
        "[]",
        "5",
        '{"epoch": 5, "accuracy_valid',
        "[" * 100_000,
        '{"epoch": 6, "accuracy_validation": 0}',
    )
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [line["epoch"] for line in _metrics({"folder": str(tmp_path)})] == [1, 3, 6]
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe")
    assert _metrics({"folder": str(tmp_path)}) == []
    assert _metrics({"folder": str(tmp_path / "none")}) == []


def columns(*lines: dict) -> dict:
    """Fill up lines of metrics, and bring them into columns."""
    usual = {
        "recipe": "a", "data": "digits", "model": "mlp-6", "method": "fixed", "ratio": "erk", "density": "0.1",
        "final": None, "settings": "", "seed": 0, "epoch": 1, "accuracy_validation": 0.5,
    }  # fmt: skip
    return {name: tuple({**usual, **line}.get(name) for line in lines) for name in CURVE_COLUMNS}


def drawn(*lines: dict) -> Figure:
    figure = Figure()
    draw_curves(figure, columns(*lines))
    return figure


def looks(axes) -> list[tuple]:
    return [(line.get_color(), line.get_linestyle()) for line in axes.lines]


def test_a_curve_is_the_mean_of_its_seeds_in_percent_and_every_network_and_data_set_has_a_panel():
    lines = [
        {"epoch": epoch, "seed": seed, "accuracy_validation": 0.2 * epoch + 0.1 * seed}
        for seed in range(3) for epoch in (1, 2)
    ]  # fmt: skip
    figure = drawn(*lines, {"data": "wine"}, {"recipe": "b"})
    assert [axes.get_title() for axes in figure.axes] == [
        "a: mlp-6 on digits",
        "a: mlp-6 on wine",
        "b: mlp-6 on digits",
    ]
    assert figure.get_size_inches().tolist() == pytest.approx([11, 3 * 4.5])
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == pytest.approx([30, 50])
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("epoch", "validation accuracy in %")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({}, "erk 0.1"),
        ({"final": "0.1"}, "erk 0.1"),
        ({"settings": "epochs=3"}, "erk 0.1 epochs=3"),
        ({"method": "rigl", "density": "1", "final": "0.1"}, "rigl erk 1 to 0.1"),
        ({"method": "rigl", "final": "0.1", "settings": "batch=2"}, "rigl erk 0.1 batch=2"),
    ],
)
def test_a_curve_is_called_by_what_was_trained(run, said):
    assert [line.get_label() for line in drawn(run).axes[0].lines] == [said]


@pytest.mark.parametrize(("count", "wide"), [(1, 1), (24, 1), (25, 2), (48, 2), (49, 3), (72, 3), (73, None)])
def test_a_legend_has_columns_of_24_names_and_is_left_out_where_three_do_not_hold_them(count, wide):
    (axes,) = drawn(*({"density": str(number)} for number in range(count))).axes
    assert (axes.get_legend() and axes.get_legend()._ncols) == wide
    assert len(set(looks(axes)[:32])) == min(count, 32)
    assert len({colour for colour, _ in looks(axes)[:8]}) == min(count, 8)


def test_in_a_notebook_32_configurations_look_different_and_their_seeds_the_same():
    names = [f"run {number:02}" for number in range(32)]
    rows = [
        (name, seed, epoch, number + 0.5 * epoch, None if epoch == 1 else 0.1, 0.2)
        for number, name in enumerate(names) for seed in range(2) for epoch in (1, 2)
    ]  # fmt: skip
    figure = Figure(layout="constrained")
    keys = ("run", "seed", "epoch", "loss", "accuracy_train", "accuracy_validation")
    _draw(figure, dict(zip(keys, zip(*reversed(rows), strict=True), strict=True)))
    words = ["training loss", "training accuracy", "validation accuracy"]
    assert [axes.get_ylabel() for axes in figure.axes] == words
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}
    for axes in figure.axes:
        seen = dict(zip([line.get_label() for line in axes.lines], looks(axes), strict=True))
        assert len(axes.lines) == 64
        assert len(set(seen.values())) == len(set(looks(axes))) == 32
    line = next(one for one in figure.axes[0].lines if one.get_label() == "run 07")
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2, 1], [8, 7.5])
    assert [list(line.get_xdata()) for line in figure.axes[1].lines] == [[2]] * 64  # only what is known
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == names
    assert legend._ncols == 2
