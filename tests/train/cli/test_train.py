"""Runs of one's own from the command line: settings from files, lists of values, reports and curves of them."""

from __future__ import annotations

import csv
import json
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.cli.train import _configuration  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.recipes import RECIPES  # noqa: E402

SETTINGS = {"data": "digits", "model": "mlp-6", "ratio": "erk", "density": "0.2", "epochs": 2, "milestones": [1]}
TEXTS = {
    "run.toml": 'data = "digits"\nmodel = "mlp-6"\nratio = "erk"\ndensity = "0.2"\nepochs = 2\nmilestones = [1]\n',
    "run.yaml": "data: digits\nmodel: mlp-6\nratio: erk\ndensity: 0.2\nepochs: 2\nmilestones: [1]\n",
    "run.json": json.dumps(SETTINGS),
}


def ask(capsys, *words) -> dict:
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_one_run_has_the_settings_of_its_file_whatever_the_format(tmp_path, capsys):
    wanted = Configuration(
        recipe="train", data="digits", model="mlp-6", ratio="erk", density="1/5", epochs=1, milestones=(1,)
    )
    for name, text in TEXTS.items():
        if name.endswith("yaml"):
            pytest.importorskip("yaml")
        (tmp_path / name).write_text(text)
        words = ["--config", tmp_path / name, "--set", "epochs=1", "--out", tmp_path / "runs", "--quiet"]
        content = ask(capsys, "train", *words)
        assert content["results"][0]["config_hash"] == wanted.hash
        assert content["inputs"]["settings"] == json.loads(json.dumps(wanted.to_dict()))
    again = tmp_path / "runs" / wanted.folder / "config.json"
    content = ask(capsys, "train", "--config", again, "--out", tmp_path / "runs", "--quiet")
    assert content["results"][0]["config_hash"] == wanted.hash
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_either_word_for_the_density_is_taken():
    for density, sparsity in ((Fraction(1, 5), None), (None, Fraction(4, 5))):
        assert _configuration(None, ("density=0.7",), density, sparsity).density == "0.2"
    assert _configuration(None, ("density=0.7",), None, None).density == "0.7"


def test_settings_of_a_method_are_read_with_it(tmp_path, capsys):
    words = ["update_every=3", "method=rigl", "final_density=0.1", "data=digits", "model=mlp-6", "epochs=1"]
    words += ["--density", "1", "--out", str(tmp_path), "--quiet"]
    content = ask(capsys, "train", "--set", *words)
    assert content["inputs"]["settings"]["update_every"] == 3
    assert content["results"][0]["method"] == "rigl"


REFUSED = [
    (["--set", "epochs=1,2"], "--set epochs: expected one value"),
    (["--set", "epochs=0"], "--set epochs: "),
    (["--set", "colour=red"], "--set: expected one of"),
    (["--set", "levels=3"], "--set levels: expected nothing with the method fixed"),
    (["--set", "model=lenet"], "--set model: "),
    (["--config", "nowhere.toml"], "--config: expected a file that can be read"),
    (["--config", "{wrong.toml}"], "--config: expected settings in TOML"),
    (["--config", "{wrong.yaml}"], "--config: expected settings in TOML"),
    (["--config", "{list.json}"], "--config: expected names of settings"),
    (["--config", "{words.json}"], "--config: expected names of settings"),
    (["--config", "{numbers.yaml}"], "--config: expected names of settings"),
    (["--config", "{colour.json}"], "--config: expected names among"),
    (["--config", "{epochs.json}"], "--config epochs: "),
    (["--density", "0.1", "--sparsity", "0.9"], "--density: expected at most one"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_be_is_refused_in_a_line(words, message, tmp_path, capsys):
    if any("yaml" in word for word in words):
        pytest.importorskip("yaml")
    wrong = {"wrong.toml": "=", "wrong.yaml": "a: [", "list.json": "[]", "colour.json": '{"colour": 1}'}
    wrong |= {"epochs.json": '{"epochs": 0}', "words.json": '["epochs"]', "numbers.yaml": "1: 2"}
    for name, text in wrong.items():
        (tmp_path / name).write_text(text)
    words = [str(tmp_path / word[1:-1]) if word.startswith("{") else word for word in words]
    assert main(["train", *words, "--out", str(tmp_path / "runs")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"ertrain: {message}")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_names_may_have_several_values():
    recipe = RECIPES["table1"]
    both = recipe.configurations("quick", only={"density": ("0.1", "0.05"), "data": "digits"})
    apart = [recipe.configurations("quick", only={"density": one, "data": "digits"}) for one in ("0.1", "0.05")]
    assert set(both) == {*apart[0], *apart[1]}
    assert len(both) == sum(map(len, apart))
    changed = recipe.configurations("quick", seeds=1, only={"density": "0.05"}, overrides={"epochs": ("2", "3")})
    assert sorted(run.epochs for run in changed) == [2] * 7 + [3] * 7
    listed = recipe.configurations("quick", overrides={"seed": ("7", "8"), "batch": "32"}, only={"density": "0.05"})
    assert {run.seed for run in listed} == {7, 8}


def test_a_density_below_the_final_one_of_other_runs_can_be_asked_for():
    """Runs that could not have a value do not have it; where none could, the reason is told."""
    recipe = RECIPES["table2"]
    found = recipe.configurations("quick", seeds=1, only={"density": "0.02"})
    assert {(run.method, run.density) for run in found} == {("fixed", "0.02")}
    with pytest.raises(InvalidInput, match="only"):
        recipe.configurations("quick", only={"density": "0.04"})
    with pytest.raises(InvalidInput, match=r"density: .*\(0, 1\]"):
        recipe.configurations("quick", only={"density": "2"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One ratio at one density with two lengths of training, and a run of the recipe's own."""
    out = tmp_path_factory.mktemp("runs")
    few = ["--seeds", "2", "--out", str(out), "--quiet", "--only", "data=digits", "model=lenet-300-100", "density=0.1"]
    assert main(["run", "table1", *few, "ratio=erk,balanced", "--set", "model=mlp-6", "epochs=1,2"]) == 0
    assert (
        main(["run", "tabular", "--seeds", "1", "--out", str(out), "--quiet", "--only", "data=wine", "density=0.1"])
        == 0
    )
    return out


def test_the_table_of_a_command_tells_them_apart_too(runs, capsys):
    words = ["--seeds", "2", "--out", str(runs), "--quiet", "--only", "data=digits", "model=lenet-300-100"]
    assert main(["run", "table1", *words, "density=0.1", "ratio=erk", "--set", "model=mlp-6", "epochs=1,2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("table1, changed: mlp-6 on digits, method fixed")
    assert "Backend: masked." in " ".join(out.split())  # layers are too small for auto to take the other
    assert [line.split()[-1] for line in out.splitlines() if line.startswith("erk")] == ["epochs=1", "epochs=2"]
    words = ["--seeds", "1", "--out", str(runs), "--quiet", "--only", "data=wine", "density=0.1"]
    assert main(["run", "tabular", *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tabular: mlp-256-256-256 on wine")
    assert "settings" not in out


@pytest.mark.parametrize(
    ("backend", "told"), [("auto", "sparse in 1 of 2 runs, masked in the others"), ("sparse", "sparse")]
)
def test_what_a_run_computed_with_is_said(backend, told, tmp_path, capsys):
    words = [
        "--seeds",
        "1",
        "--out",
        str(tmp_path),
        "--quiet",
        "--only",
        "data=digits",
        "model=lenet-300-100",
        "ratio=erk",
    ]
    words += ["density=0.1", "--set", "model=mlp-6,mlp-2000-60", "epochs=1", "--backend", backend]
    assert main(["run", "table1", *words]) == 0
    assert f"Backend: {told}." in " ".join(capsys.readouterr().out.split())


def test_lists_on_the_command_line_make_every_combination(runs):
    found = [json.loads(path.read_text()) for path in runs.glob("table1-*/config.json")]
    assert sorted((one["ratio"], one["epochs"], one["seed"]) for one in found) == [
        (ratio, epochs, seed) for ratio in ("balanced", "erk") for epochs in (1, 2) for seed in (0, 1)
    ]
    assert main(["run", "table1", "--only", "density=0.1,0.7", "--out", str(runs)]) == 2


def test_the_report_tells_settings_apart_and_says_what_is_not_the_recipes(runs, capsys):
    content = ask(capsys, "report", runs)
    rows = {(row["recipe"], row["ratio"], row["settings"]): row for row in content["rows"]}
    assert set(rows) == {
        ("table1", ratio, f"epochs={epochs}") for ratio in ("balanced", "erk") for epochs in (1, 2)
    } | {("tabular", "balanced", "")}
    for (_, ratio, settings), row in rows.items():
        paths = runs.glob(f"{row['recipe']}-*/result.json")
        values = [
            one["accuracy_test"]
            for one in (json.loads(path.read_text()) for path in paths)
            if one["ratio"] == ratio and (not settings or settings == f"epochs={one['epochs']}")
        ]
        assert row["accuracy_test"]["value"] == pytest.approx(sum(values) / len(values))
        assert row["is_of_recipe"] == (row["recipe"] == "tabular")
    assert [claim["settings"] for claim in content["claims"]] == ["epochs=1", "epochs=2"]
    assert main(["report", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "table1, changed: mlp-6 on digits" in out
    assert "tabular: mlp-256-256-256 on wine" in out
    assert "balanced at 0.1 (epochs=2)" in out


def test_long_settings_are_letters_that_the_lines_below_explain(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    few = ["--seeds", "1", "--out", str(tmp_path), "--quiet", "--only", "data=digits", "density=0.1", "ratio=erk"]
    few += ["model=lenet-300-100", "--set", "model=mlp-6", "epochs=1", "learning_rate=0.01,0.02", "batch=100,200"]
    assert main(["run", "table1", *few]) == 0
    ran = capsys.readouterr().out
    assert main(["report", str(tmp_path)]) == 0
    for out in (ran, capsys.readouterr().out):
        rows = [line.split()[-1] for line in out.splitlines() if line.startswith(("erk", "    0.1"))]
        assert sorted(rows) == ["a", "b", "c", "d"]
        assert "\na: batch=" in out
        assert out.count("learning_rate=0.02") >= 2
        assert max(map(len, out.splitlines())) <= 80


def test_curves_hold_every_epoch_of_every_run(runs, tmp_path, capsys):
    content = ask(capsys, "report", runs, "--curves", tmp_path)
    assert [path.rpartition("/")[2] for path in content["files"]] == ["curves.png", "curves.svg", "curves.csv"]
    with (tmp_path / "curves.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    wanted = [json.loads(line) for path in runs.glob("*/metrics.jsonl") for line in path.read_text().splitlines()]
    assert len(lines) == len(wanted) == 2 * 2 * 3 + 20
    assert sorted(float(line["accuracy_validation"]) for line in lines) == pytest.approx(
        sorted(line["accuracy_validation"] for line in wanted)
    )
    assert {line["settings"] for line in lines if line["recipe"] == "table1"} == {"epochs=1", "epochs=2"}
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert main(["report", str(runs), "--curves", str(tmp_path)]) == 2
    assert "--curves: expected a folder without this file" in capsys.readouterr().err
