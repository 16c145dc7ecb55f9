"""Curves of what people have: runs without a test, that diverged, or with metrics that are broken, many and long."""

from __future__ import annotations

import csv
import json
import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from matplotlib.figure import Figure  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.reports.curves import curve_columns, draw_curves  # noqa: E402
from ertrain.reports.results import read_results  # noqa: E402

RESULT = {
    "schema": 1,
    "density_realised": 0.2,
    "density_final": 0.2,
    "dead_neurons": 0,
    "neurons": 16,
    "layers": [],
    "accuracy_test": 0.5,
    "accuracy_test_best": 0.5,
    "accuracy_validation": 0.5,
    "epochs": 2,
    "flops_train": 1,
    "flops_dense": 2,
}
UNTESTED = {"accuracy_test": None, "accuracy_test_best": None}


def line(epoch, accuracy=0.5, **others):
    known = {"epoch": epoch, "loss": 1.0, "accuracy_train": 0.6, "accuracy_validation": accuracy}
    return {**known, "learning_rate": 0.1, "seconds": 0.1 * epoch, **others}


def a_run(out, lines, result=(), **settings):
    """A folder as a run leaves it, with metrics of ours."""
    run = Configuration(**{"recipe": "train", "model": "mlp-6", "ratio": "erk", "density": "0.2", **settings})
    folder = out / run.folder
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"hash": run.hash, **run.to_dict()}))
    named = {name: getattr(run, name) for name in ("recipe", "model", "width", "method", "ratio", "seed")}
    found = {**RESULT, **named, "config_hash": run.hash, "density_target": run.density, "data": {"name": run.data}}
    (folder / "result.json").write_text(json.dumps({**found, **dict(result)}))
    text = lines if isinstance(lines, str) else "".join(f"{json.dumps(one)}\n" for one in lines)
    (folder / "metrics.jsonl").write_text(text)


def drawn(out):
    figure = Figure()
    draw_curves(figure, curve_columns(read_results(out, untested=True)))
    return figure


def read_csv(folder):
    with (folder / "curves.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_runs_without_a_test_have_curves_and_no_row(tmp_path, capsys):
    a_run(tmp_path / "runs", [line(1), line(2)], UNTESTED)
    assert main(["report", str(tmp_path / "runs")]) == 2
    assert "was not tested, and has no accuracy to report; its curves are drawn by --curves" in capsys.readouterr().err
    words = ["report", str(tmp_path / "runs"), "--curves", str(tmp_path)]
    for style in ("table", "csv"):
        assert main([*words, "--force", "--format", style]) == 0
        out, err = capsys.readouterr()
        assert not out
        assert err == "ertrain: no row, only curves, where there is no accuracy on test data: 1 of 1 runs\n"
    assert [one["epoch"] for one in read_csv(tmp_path)] == ["1", "2"]
    assert main([*words, "--force", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["rows"], content["claims"], len(content["files"])) == ([], [], 3)
    assert main([*words, "--force", "--plot", str(tmp_path)]) == 2
    assert "--plot: expected runs with an accuracy on test data" in capsys.readouterr().err
    a_run(tmp_path / "runs", [line(1)], seed=1)
    assert main([*words, "--force", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["seeds"] == [1]
    assert {one["seed"] for one in read_csv(tmp_path)} == {"0", "1"}


def test_values_that_are_no_finite_numbers_are_empty_cells_and_gaps(tmp_path, capsys):
    broken = ['{"epoch": 5', "[]", '{"epoch": true, "loss": 1}', '{"epoch": 1.5}', '{"epoch": 0}', '{"epoch": 1e999}']
    kept = [line(2, 0.4), line(1), line(3, None, loss=None), line(4, math.nan, loss=-math.inf), line(2, 0.7)]
    huge = json.dumps(line(6)).replace("0.6", "9" * 400)
    a_run(tmp_path / "runs", "\n".join([*map(json.dumps, kept), *broken, huge]), {"diverged": True})
    assert main(["report", str(tmp_path / "runs"), "--curves", str(tmp_path)]) == 0
    cells = [
        (one["epoch"], one["loss"], one["accuracy_train"], one["accuracy_validation"]) for one in read_csv(tmp_path)
    ]
    unfinished = [("3", "", "0.6", ""), ("4", "", "0.6", ""), ("6", "1", "", "0.5")]
    assert cells == [("1", "1", "0.6", "0.5"), ("2", "1", "0.6", "0.7"), *unfinished]
    (axes,) = drawn(tmp_path / "runs").axes
    (curve,) = axes.lines
    assert list(curve.get_xdata()) == [1, 2, 3, 4, 6]
    assert list(curve.get_ydata()) == pytest.approx([50, 70, math.nan, math.nan, 50], nan_ok=True)
    assert curve.get_markevery() == [4]  # the one that no line goes to
    capsys.readouterr()


def test_seeds_that_lack_other_epochs_are_a_mean_of_those_that_have_them(tmp_path):
    a_run(tmp_path, [line(1, 0.2), line(3, 0.4)])
    a_run(tmp_path, [line(1, 0.4), line(2, 0.6)], seed=1)
    (curve,) = drawn(tmp_path).axes[0].lines
    assert list(curve.get_xdata()) == [1, 2, 3]
    assert list(curve.get_ydata()) == pytest.approx([30, 60, 40])


def test_a_single_epoch_is_seen(tmp_path):
    a_run(tmp_path, [line(1)])
    (axes,) = drawn(tmp_path).axes
    assert axes.lines[0].get_markevery() == [0]
    assert all(float(at).is_integer() for at in axes.get_xticks())


@pytest.mark.parametrize("lines", ["", "nothing\n", json.dumps({"loss": 1})])
def test_without_metrics_there_is_nothing_to_draw(lines, tmp_path, capsys):
    a_run(tmp_path / "runs", lines)
    assert main(["report", str(tmp_path / "runs"), "--curves", str(tmp_path / "drawn")]) == 2
    assert "--curves: expected a folder with runs that have metrics" in capsys.readouterr().err
    assert not (tmp_path / "drawn").exists()


def test_more_than_a_picture_holds_is_said(tmp_path):
    for width in range(1, 51):
        a_run(tmp_path / "networks", [line(1), line(2)], model=f"mlp-{width}")
    figure = drawn(tmp_path / "networks")
    assert len(figure.axes) == 40
    assert figure.get_suptitle().startswith("The first 40 of 50 networks")
    assert figure.get_figheight() * 150 < 2**16  # dots, as many as a PNG has
    for batch in range(1, 74):
        a_run(tmp_path / "lines", [line(1), line(2)], batch=batch)
    (axes,) = drawn(tmp_path / "lines").axes
    assert axes.get_legend() is None
    assert axes.get_title().endswith(": 73 lines, named in curves.csv")


def test_commas_of_settings_are_quoted(tmp_path, capsys):
    for layers in (("fc1", "fc2"), ("fc1",)):
        a_run(tmp_path / "runs", [line(1)], model="mlp-6-7", dense_layers=layers)
    assert main(["report", str(tmp_path / "runs"), "--curves", str(tmp_path)]) == 0
    assert [one["settings"] for one in read_csv(tmp_path)] == ["dense_layers=fc1,fc2", "dense_layers=fc1"]
    capsys.readouterr()


def test_results_of_the_api_are_of_tested_runs_unless_asked(tmp_path):
    a_run(tmp_path, [line(1)], UNTESTED)
    with pytest.warns(UserWarning, match="was not tested"), pytest.raises(InvalidInput):
        read_results(tmp_path)
    assert len(read_results(tmp_path, untested=True)) == 1
