"""The command line of ertrain: JSON documents, tables, exit status, and errors in one line."""

from __future__ import annotations

import csv
import io
import json

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import ertheory  # noqa: E402
import ertrain  # noqa: E402
from ertheory.plots.accuracy import draw_accuracies, read_accuracies  # noqa: E402
from ertheory.plots.style import rendered  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.recipes import RECIPES  # noqa: E402

LENET = ("data=digits", "model=lenet-300-100")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two ratios at one density, two seeds each."""
    out = tmp_path_factory.mktemp("runs")
    for ratio in ("erk", "balanced"):
        words = ["--only", *LENET, f"ratio={ratio}", "--set", "model=mlp-20-10", "epochs=1", "density=0.5"]
        assert main(["run", "table1", "--seeds", "2", "--out", str(out), "--quiet", *words]) == 0
    return out


def ask(capsys, *words: str) -> dict:
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == 1
    assert content["command"] == words[0]
    assert content["version"]
    return content


def test_list_names_every_recipe(capsys):
    content = ask(capsys, "list")
    assert [one["name"] for one in content["recipes"]] == sorted(RECIPES)
    for one in content["recipes"]:
        assert set(one) == {"name", "scales", "methods", "runs", "epochs", "minutes", "tests"}
        assert set(one["minutes"]) == set(one["epochs"]) == set(one["runs"]) == set(one["scales"])
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    # 3 seeds of 4 starts for density 0.1 and 5 for 0.02, in 20 epochs on digits and 6 on Fashion-MNIST
    assert "table3: quick (54 runs, 702 epochs, about 5 min on one core), small" in out
    assert max(map(len, out.splitlines())) <= 120


def _plain(number) -> str:
    return "" if number is None else str(number)


def test_the_list_is_the_same_in_every_form(capsys):
    content = ask(capsys, "list")
    wanted = [
        [one["name"], scale, *(_plain(one[name][scale]) for name in ("runs", "epochs", "minutes")), one["tests"]]
        for one in content["recipes"]
        for scale in one["scales"]
    ]
    assert main(["list", "--format", "csv"]) == 0
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:] == wanted
    for style in ("markdown", "latex"):
        assert main(["list", "--format", style]) == 0
        out = capsys.readouterr().out
        assert all(out.count(one["name"]) for one in content["recipes"])


def test_run_gives_the_results(capsys, runs):
    words = ["--only", *LENET, "ratio=erk", "--set", "model=mlp-20-10", "epochs=1", "--sparsity", "1/2"]
    content = ask(capsys, "run", "table1", "--seeds", "2", "--out", str(runs), *words)
    assert content["inputs"]["density"] == ["0.5"]
    assert content["seed"] == [0, 1]
    assert [one["seed"] for one in content["results"]] == [0, 1]
    for one in content["results"]:
        assert json.loads((runs / one.pop("folder") / "result.json").read_text()) == one


def test_run_shows_a_line_for_each_configuration(capsys, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = ["--only", *LENET, "--set", "model=mlp-20-10", "epochs=1", "density=0.5"]
    given = ["run", "table1", "--seeds", "2", "--out", str(runs), *words, "ratio=erk"]
    assert main(given) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "table1, changed: mlp-20-10 on digits, method fixed" in lines
    tests = [json.loads(path.read_text()) for path in runs.rglob("result.json")]
    mean = sum(100 * one["accuracy_test"] for one in tests if one["ratio"] == "erk") / 2
    (line,) = [line.split() for line in lines if line.startswith("erk")]
    assert line[1] == "0.5"
    assert float(line[-1]) == pytest.approx(mean, abs=0.006)
    # Both were done before: the bar is full, and claims no speed.
    assert "2/2" in shown.err
    assert "epochs/s" not in shown.err.replace("? epochs/s", "")
    # Every run by itself: numbers in full for programs, rounded for people.
    assert main([*given, "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    results = [json.loads((runs / row["folder"] / "result.json").read_text()) for row in rows]
    names = {"realised": "density_realised", "final": "density_final"}
    names |= {"validation": "accuracy_validation", "test": "accuracy_test"}
    assert [row["seed"] for row in rows] == ["0", "1"]
    for row, result in zip(rows, results, strict=True):
        assert {short: float(row[short]) for short in names} == {short: result[name] for short, name in names.items()}
    assert main([*given, "--format", "markdown"]) == 0
    head, _, *lines = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()
    )
    for line, result in zip(lines, results, strict=True):
        shown = dict(zip(head, line, strict=True))
        for short, name in names.items():
            assert shown[short] == format(result[name], ".4g" if "density" in name else ".4f")


def test_narrow_terminals_do_without_some_columns_of_a_report(capsys, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["report", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("Too narrow for: best") for line in lines)
    assert len(lines) < 60


def test_report_groups_by_configuration(capsys, runs):
    content = ask(capsys, "report", str(runs))
    assert [(row["ratio"], row["accuracy_test"]["count"], row["seeds"]) for row in content["rows"]] == [
        ("balanced", 2, [0, 1]),
        ("erk", 2, [0, 1]),
    ]
    (claim,) = content["claims"]
    assert (claim["ratio"], claim["against"]) == ("balanced", "erk")
    assert claim["verdict"] in ("agrees", "disagrees", "cannot tell")
    values = {
        row["ratio"]: [
            json.loads(path.read_text())["accuracy_test"]
            for path in runs.rglob("result.json")
            if json.loads(path.read_text())["ratio"] == row["ratio"]
        ]
        for row in content["rows"]
    }
    assert "ERK up to sparsity 0.99" in claim["paper"]
    for row in content["rows"]:
        assert 0 <= row["without_weights"] <= row["dead_neurons"] <= row["neurons"] == 40
        assert row["without_weights_expected"] < 1
        assert row["accuracy_test"]["value"] == pytest.approx(sum(values[row["ratio"]]) / 2)


@pytest.mark.parametrize("style", ["table", "markdown", "csv", "latex"])
def test_report_has_every_format(capsys, runs, style):
    assert main(["report", str(runs), "--format", style]) == 0
    out = capsys.readouterr().out
    assert "balanced" in out
    assert "bare" in out
    assert ("ERK up to sparsity 0.99" in out) == (style in ("table", "markdown"))


def test_report_fits_into_a_hundred_columns(capsys, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["report", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert "table1, changed: mlp-20-10 on digits, method fixed, n = 2" in lines
    assert [line.split()[:2] for line in lines if line.startswith(("balanced", "erk"))] == [
        ["balanced", "0.5"],
        ["erk", "0.5"],
    ]


def test_runs_have_curves_and_a_frame(runs, tmp_path):
    picture = ertrain.plot_curves(runs)
    lines = [json.loads(line) for path in runs.rglob("metrics.jsonl") for line in path.read_text().splitlines()]
    assert sorted(picture.columns["loss"]) == sorted(line["loss"] for line in lines)
    assert set(picture.columns["run"]) == {"digits mlp-20-10 erk 0.5", "digits mlp-20-10 balanced 0.5"}
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert set(ertrain.plot_curves(runs, only="erk").columns["run"]) == {"digits mlp-20-10 erk 0.5"}
    with pytest.raises(ertheory.InvalidInput, match="folder with runs"):
        ertrain.plot_curves(tmp_path)
    pytest.importorskip("pandas", reason="pandas is nobody's dependency")
    frame = ertrain.report_frame(runs).set_index("ratio")
    rows = {row.ratio: row for row in ertrain.rows_of(ertrain.read_results(runs))}
    for ratio in ("erk", "balanced"):
        assert frame.loc[ratio, "accuracy_test"] == rows[ratio].accuracy_test.value
        assert frame.loc[ratio, "accuracy_test_high"] == rows[ratio].accuracy_test.high
        assert frame.loc[ratio, "seeds"] == (0, 1)


def test_report_draws(capsys, runs, tmp_path):
    content = ask(capsys, "report", str(runs), "--plot", str(tmp_path))
    assert [path.rpartition("/")[2] for path in content["files"]] == ["accuracy.png", "accuracy.svg", "accuracy.csv"]
    header, *lines = (tmp_path / "accuracy.csv").read_text().splitlines()
    assert header.startswith("data,model,ratio,density,realised,n,test,low,high")
    assert [line.split(",")[:4] for line in lines] == [
        ["digits", "mlp-20-10", ratio, "0.5"] for ratio in ("balanced", "erk")
    ]
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    # The picture can be drawn again from its numbers alone.
    again = rendered(draw_accuracies, read_accuracies(tmp_path / "accuracy.csv"))
    assert len(again) == 2
    # An SVG holds twelve digits of a place at most, as a CSV does.
    assert again[".svg"] == (tmp_path / "accuracy.svg").read_bytes()
    assert main(["report", str(runs), "--plot", str(tmp_path)]) == 2
    assert "--plot: expected a folder without this file" in capsys.readouterr().err
    assert main(["report", str(runs), "--plot", str(tmp_path), "--force"]) == 0


@pytest.mark.parametrize("command", ["run", "sweep", "train"])
def test_a_value_that_does_not_fit_the_network_is_named_as_it_was_given(command, capsys, tmp_path):
    words = {"train": ["--set"]}.get(command, ["table1", "--seeds", "1", "--only", *LENET, "density=0.1", "--set"])
    more = ["--workers", "1"] if command == "sweep" else ["--quiet"]
    given = ["model=mlp-6", "epochs=1", "dense_layers=nowhere", "--out", str(tmp_path), *more]
    assert main([command, *words, *given]) == 2
    assert "ertrain: --set dense_layers: expected names of modules" in capsys.readouterr().err


def test_a_value_that_no_run_has_is_answered_with_those_there_are(capsys):
    assert main(["run", "tabular", "--only", "ratio=erk"]) == 2
    assert "--only: expected values of ratio that some run of tabular has: balanced, got" in capsys.readouterr().err
    assert main(["run", "table1", "--only", "ratio=erk", "dense_layers=last"]) == 2
    assert "values of dense_layers that some run of table1 has: '', got 'last'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["run", "table0"], "RECIPE"),
        (["run", "table1", "--scale", "huge"], "--scale"),
        (["run", "table1", "--seeds", "0"], "--seeds"),
        (["run", "table1", "--seeds", "x"], "--seeds"),
        (["run", "table1", "--set", "epochs"], "--set"),
        (["run", "table1", "--set", "epochs=0"], "--set epochs"),
        (["run", "table1", "--set", "colour=red"], "--set"),
        (["run", "table1", "--only", "data=cifar10"], "--only"),
        (["run", "table1", "--only", "colour=red"], "ertrain: --only: expected one of seed, "),
        (["run", "table1", "--only", "density=2"], "--only density"),
        (["run", "table1", "--density", "2"], "--density"),
        (["run", "table1", "--density", "0.1", "--sparsity", "0.9"], "--density"),
        (["run", "table1", "--device", "tpu"], "--device"),
        (["report", "nowhere"], "DIR"),
        (["dance"], "dance"),
        (["run"], "RECIPE"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, words, named):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert not out
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1
    assert named in lines[0]
    assert len(lines[0]) <= 400


def test_missing_data_are_named(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    words = ["--data-dir", str(tmp_path / "file"), "--out", str(tmp_path / "runs"), "--seeds", "1"]
    assert main(["run", "table1", "--set", "data=mnist", "epochs=1", *words]) == 2
    err = capsys.readouterr().err
    assert "ertrain: --data-dir: expected a folder with the files of mnist" in err


def test_a_folder_that_can_not_be_written_is_status_2(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main(["run", "table1", "--only", "data=digits", "--out", str(tmp_path / "file")]) == 2
    assert "ertrain: --out: expected a folder that can be written to" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["list"], ["run"], ["sweep"], ["report"], ["verify"]], ids=" ".join)
def test_help_fits_into_a_narrow_terminal(words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
