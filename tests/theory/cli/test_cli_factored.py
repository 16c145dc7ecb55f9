"""Factored sources on the command line: options, architectures, explanations."""

from __future__ import annotations

import json

import pytest

from ertheory.cli import main

ASKED = ["--sparsity", "0.9", "--delta", "0.001"]


def test_a_model_in_place_of_a_target(capsys):
    assert main(["width", "--model", "resnet18", *ASKED, "--method", "factored", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["results"]
    assert (document["inputs"]["model"], document["inputs"]["inner"], row["target"]) == (
        "resnet18",
        "identity",
        "resnet18",
    )
    assert (len(row["widths"]), len(row["densities"]), row["layer0"]) == (42, 42, "factored")
    assert 1.3 < row["edges_ratio"] <= 1.35


def test_tables_of_models_fit(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["width", "--model", "lenet-300-100", *ASKED, "--method", "factored", "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[: lines.index("factored, layer 0 factored")])) <= 80
    (numbers,) = [line for line in lines if line.startswith("  fc3, ")]
    assert "n = 100, m = 10, p1 = 0.1, p2 = 0.1, N = " in numbers


def test_the_density_that_was_asked_for_stands_among_the_inputs(capsys):
    words = ["width", "--target", "128-10", *ASKED, "--method", "factored", "--split", "best", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"]["density"] == ["0.1", "0.1"]
    assert (document["inputs"]["split"], document["inputs"]["objective"]) == ("best", "edges")
    assert len(set(document["results"][0]["densities"])) == 2


def test_three_factors(capsys):
    words = ["width", "--target", "30-8", "--sparsity", "0.9", "--delta", "0.001", "--factors", "3"]
    assert main([*words, "--method", "factored", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["results"]
    assert (document["inputs"]["factors"], len(row["widths"]), len(row["densities"])) == (3, 3, 3)
    assert main([*words, "--method", "factored", "--explain"]) == 0
    assert f"N1 = {row['widths'][0]}, N2 = {row['widths'][1]}" in capsys.readouterr().out
    assert main([*words[:-1], "4"]) == 2
    assert "--factors: expected 2 or 3, got 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sparsity", "0.9"], "--target: expected exactly one of --target and --model, got 'none'"),
        (["--target", "4-2", "--model", "vgg16", "--sparsity", "0.9"], "exactly one of --target and --model"),
        (["--model", "vgg15", "--sparsity", "0.9"], "--model: expected one of"),
        (["--target", "4-2", "--density", "1e-8", "--method", "factored"], "more than 1000000000000 inner neurons"),
        (["--target", "4-2", "--density", "0.1,0.1,0.1", "--method", "factored"], "one number, or 2"),
        (["--target", "4-2", "--sparsity", "0.9", "--split", "worst"], "--split: expected one of equal, best"),
        (["--target", "4-2", "--sparsity", "0.9", "--method", "drop", "--inner", "relu"], "it has none"),
    ],
)
def test_bad_input_is_one_line(words, said, capsys):
    assert main(["width", "--delta", "0.001", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert len(line) <= 400


def test_confidence_takes_a_density_for_each_of_the_layers(capsys):
    words = ["confidence", "--target", "784-128-10", "--widths", "1888,128,1596,10", "--density", "0.1,0.1,0.1,0.2"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inputs"]["density"] == ["0.1", "0.1", "0.1", "0.2"]
    assert [row["method"] for row in document["results"]] == ["factored", "factored-paths", "factored-count"]
