"""The contract of the commands: JSON, exit status, one line for bad input."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from ertheory import Target, write_target
from ertheory.cli import main

WIDTH = ["width", "--target", "784-128-10", "--delta", "0.001"]
COMMON = {"schema", "command", "version", "inputs"}


@pytest.fixture
def ask(capsys):
    """Run a command that succeeds and return its JSON document."""

    def run(*arguments: str, status: int = 0):
        assert main([*arguments, "--json"]) == status
        output = capsys.readouterr()
        # A slow machine may see a progress bar, which wipes itself; nothing else is said.
        assert output.err.rpartition("\r")[2] == ""
        document = json.loads(output.out, parse_constant=pytest.fail)  # NaN and Infinity never appear
        assert document.keys() >= COMMON
        assert document["command"] == arguments[0]
        return document

    return run


def test_width_gives_every_field_of_the_contract(ask):
    document = ask(*WIDTH, "--density", "1,0.1,1/10")
    assert document["inputs"]["density"] == ["1", "0.1", "0.1"]
    assert document["inputs"]["delta"] == "0.001"
    rows = {row["method"]: row for row in document["results"]}
    assert list(rows) == ["printed", "exact", "drop", "sharp", "theorem-2.3", "degree", "coupled"]
    fields = {"method", "kind", "applies", "reason", "widths", "factors", "layer0", "success_probability_lower"}
    fields |= {"edges_expected", "width_ratio"}
    assert all(row.keys() >= fields for row in rows.values())
    printed = rows["printed"]
    assert printed["widths"] == [179536, 18048, 10]
    assert printed["factors"] == [229, 141, 1]
    assert printed["kind"] == "printed"
    assert printed["applies"] is True
    assert printed["width_ratio"] == 1
    assert printed["edges_expected"] == pytest.approx(784 * 179536 + 0.1 * 179536 * 18048 + 0.1 * 18048 * 10, rel=1e-12)
    assert Fraction(999, 1000) <= Fraction(printed["success_probability_lower"]) < 1
    assert rows["theorem-2.3"]["success_probability_lower"] is None


def test_a_masked_layer_0_makes_the_printed_statement_not_apply(ask):
    rows = {row["method"]: row for row in ask(*WIDTH, "--sparsity", "0.9")["results"]}
    printed, exact, drop, sharp, degree = (rows[name] for name in ("printed", "exact", "drop", "sharp", "degree"))
    assert printed["applies"] is False
    assert "layer 0" in printed["reason"]
    assert printed["success_probability_lower"] is None
    assert exact["layer0"] == "matched"
    assert (drop["layer0"], drop["kind"], drop["widths"]) == ("matched", "sufficient", [58016, 23936, 10])
    assert (sharp["layer0"], sharp["kind"], sharp["widths"]) == ("coded", "sufficient", [8551, 1850, 10])
    assert degree["widths"] == [None, 1720, 10]


@pytest.mark.parametrize("method", ["printed", "exact", "drop"])
def test_dense_layer_0_asked_for_but_masked_does_not_apply(ask, method):
    (row,) = ask(*WIDTH, "--sparsity", "0.9", "--method", method, "--layer0", "dense")["results"]
    assert row["layer0"] == "dense"
    assert row["applies"] is False
    assert "layer 0 is masked" in row["reason"]


def test_the_same_number_written_in_three_ways_gives_the_same_answer(ask):
    answers = [ask(*WIDTH, "--density", text)["results"] for text in ("0.1", "1/10", "1e-1")]
    assert answers[0] == answers[1] == answers[2]
    assert ask(*WIDTH, "--sparsity", "0.9")["results"] == answers[0]
    with_confidence = ask("width", "--target", "784-128-10", "--confidence", "0.999", "--sparsity", "0.9")
    assert with_confidence["results"] == answers[0]


def test_a_file_is_a_target(ask, tmp_path):
    path = tmp_path / "net.npz"
    weights = [np.array([[1.0, 0.0], [2.0, 3.0]]), np.array([[1.0, 1.0]])]
    write_target(path, Target.from_arrays(weights))
    document = ask("width", "--target", str(path), "--sparsity", "0.5", "--delta", "0.1", "--method", "exact")
    assert document["inputs"]["nonzeros"] == [3, 2]
    assert len(document["results"]) == 1


def test_huge_widths_stay_integers(ask):
    document = ask(
        "width", "--target", "3-2-1", "--density", "1,1e-20,1e-20", "--delta", "1e-300", "--method", "printed"
    )
    (row,) = document["results"]
    assert all(isinstance(width, int) for width in row["widths"])
    assert row["widths"][0] > 2**64


def test_sparsity_and_confidence_invert_width(ask):
    inverse = ask("sparsity", "--target", "784-128-10", "--widths", "179536,18048", "--delta", "0.001")
    printed = inverse["results"][0]
    assert printed["method"] == "printed"
    assert Fraction("0.9") <= Fraction(printed["sparsity"]) < Fraction("0.91")
    likely = ask("confidence", "--target", "784-128-10", "--widths", "179536,18048,10", "--density", "1,0.1,0.1")
    rows = {row["method"]: row for row in likely["results"]}
    assert Fraction(rows["exact"]["success_probability_lower"]) >= Fraction(
        rows["printed"]["success_probability_lower"]
    )
    assert Fraction(rows["printed"]["success_probability_lower"]) >= Fraction("0.999")
    assert rows["theorem-2.3"]["success_probability_upper"] is not None


@pytest.mark.parametrize(
    ("sparsity", "said"), [("0.5", "of every layer 0.5,"), ("0,1/2,0.5", "of layers 0..2: 0, 0.5, 0.5,")]
)
def test_a_table_says_of_which_layers_the_sparsity_is(sparsity, said, capsys):
    assert main(["width", "--target", "4-8-3", "--sparsity", sparsity, "--delta", "0.1", "--method", "exact"]) == 0
    assert f"Target 4-8-3, sparsity {said} delta 0.1." in " ".join(capsys.readouterr().out.split())


def test_lower_gives_printed_and_exact(ask):
    document = ask("lower", "--inputs", "10", "--density", "0.01", "--delta", "0.05", "--output", "relu")
    assert document["printed"]["width"] == 525
    assert document["printed"]["value"] == pytest.approx(524.8923008545127, rel=1e-14)
    assert document["exact"]["width"] == 52739
    linear = ask("lower", "--inputs", "5", "--density", "1/2,1/2", "--delta", "0.001", "--output", "linear")
    assert linear["exact"]["width"] == 439
    huge = ask("lower", "--inputs", "784", "--density", "0.1", "--delta", "0.001", "--output", "linear")
    assert len(str(huge["exact"]["width"])) == 786


def test_densities_reports_what_is_realised(ask):
    document = ask("densities", "--model", "resnet18", "--ratio", "balanced-printed", "--density", "0.3")
    assert document["density_realised"] == pytest.approx(0.1897, abs=5e-5)
    assert {"name", "shape", "density"} <= document["layers"][0].keys()
    expected = sum(
        layer["shape"][0] * (1 - layer["density"]) ** np.prod(layer["shape"][1:]) for layer in document["layers"]
    )
    assert document["dead_outputs_expected"] == pytest.approx(expected, rel=1e-9)


def test_figure_writes_three_files_and_refuses_to_write_over(ask, capsys, tmp_path):
    document = ask("figure", "lower-bound", "--out", str(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["lower-bound.csv", "lower-bound.png", "lower-bound.svg"]
    assert sorted(document["files"]) == [str(tmp_path / name) for name in names]
    before = (tmp_path / "lower-bound.csv").stat().st_mtime_ns
    assert main(["figure", "lower-bound", "--out", str(tmp_path)]) == 2
    assert "lower-bound" in capsys.readouterr().err
    assert (tmp_path / "lower-bound.csv").stat().st_mtime_ns == before


def test_a_necessary_row_says_up_to_which_widths_below_it_holds(capsys):
    assert main([*WIDTH, "--sparsity", "0.2", "--method", "size-lp", "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["N_1"] == "244"
    assert main([*WIDTH, "--sparsity", "0.2", "--method", "size-lp"]) == 0
    shown = capsys.readouterr().out
    assert "<= 2,724" in shown  # as tests/theory/bounds/test_size_lp.py has it
    assert main([*WIDTH, "--density", "1,0.1,0.1", "--method", "drop"]) == 0
    assert "<=" not in capsys.readouterr().out


def test_calibrate_shows_every_width_that_was_proved_and_measured(ask, capsys):
    words = ["calibrate", "--target", "1-3-4-2", "--density", "1,1,1,0.5", "--delta", "0.25", "--method", "matching"]
    words += ["--resolution", "0.5", "--level", "0.75", "--workers", "1"]
    found = ask(*words)
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["widths", "layer", "0", "N_0", "N_1", "N_2", "total"]
    for line, key in ((lines[2], "proved"), (lines[3], "widths")):
        hidden = (found["proved"]["widths"] if key == "proved" else found["widths"])[:-1]
        assert [int(cell) for cell in re.findall(r"\d+", line)] == [*hidden, sum(hidden)]
    said = [line.split()[0] for line in lines[4:] if line.startswith("  ") and line[2] != " "]
    assert said == ["proved", "measured", "search"]
    assert main([*words, "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_verify_agrees_and_is_repeatable(ask):
    first = ask("verify", "theorem-2.1", "--trials", "4000", "--seed", "7")
    assert first.keys() >= {"estimate", "interval", "level", "predicted", "agrees", "seed"}
    assert first["agrees"] is True
    assert first["seed"] == 7
    low, high = first["interval"]
    assert low <= first["estimate"] <= high
    assert ask("verify", "theorem-2.1", "--trials", "4000", "--seed", "7") == first


def test_a_law_that_does_not_agree_gives_exit_status_1(monkeypatch, capsys):
    from ertheory.commands import measuring

    honest = measuring.verify_statement

    class Disagreeing:
        agrees = False

        def __init__(self, result):
            self.trials = result.trials
            self.to_dict = result.to_dict

    monkeypatch.setattr(measuring, "verify_statement", lambda *args, **kwargs: Disagreeing(honest(*args, **kwargs)))
    assert main(["verify", "degree", "--trials", "100", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["command"] == "verify"


BAD = [
    ([], "COMMAND: expected one of width, sparsity"),
    (["nonsense"], "nonsense"),
    (["width"], "--target"),
    ([*WIDTH], "--density"),
    ([*WIDTH, "--density", "0.1", "--sparsity", "0.9"], "--density"),
    ([*WIDTH, "--density", "0"], "(0, 1]"),
    ([*WIDTH, "--density", "nan"], "(0, 1]"),
    ([*WIDTH, "--density", "inf"], "(0, 1]"),
    ([*WIDTH, "--sparsity", "1"], "[0, 1)"),
    ([*WIDTH, "--sparsity", "0.9,0.8"], "3 (source layers 0..2"),
    ([*WIDTH, "--density", "1e-999999999"], "exponent"),
    ([*WIDTH, "--density", "1/0"], "(0, 1]"),
    ([*WIDTH, "--density", "0.1", "--confidence", "0.9"], "--delta"),
    ([*WIDTH, "--density", "0.1", "--method", "magic"], "one of printed"),
    ([*WIDTH, "--density", "0.1", "--layer0", "coded-by-hand"], "dense, preassigned, matched"),
    ([*WIDTH, "--density", "0.1", "--format", "pdf"], "markdown"),
    ([*WIDTH, "--density", "0.1", "--certificate", "F.npz"], "--certificate: expected a name that ends in .v, got"),
    ([*WIDTH, "--density", "0.1", "--certificate", "no/F.v"], "--certificate: expected a file in a folder that exists"),
    ([*WIDTH, "--density", "0.1", "--colour", "red"], "--colour"),
    (["width", "--target", "784", "--density", "0.1", "--delta", "0.1"], "784-128-10"),
    (["width", "--target", "784-0-10", "--density", "0.1", "--delta", "0.1"], "whole number from 1"),
    (["width", "--target", "no-such-file.npz", "--density", "0.1", "--delta", "0.1"], "no-such-file.npz"),
    (["width", "--target", "4-8-3", "--density", "0.1", "--delta", "0"], "(0, 1)"),
    (["width", "--target", "4-8-3", "--density", "0.1", "--confidence", "1"], "(0, 1)"),
    (["sparsity", "--target", "4-8-3", "--widths", "56", "--delta", "0.1"], "2 or 3"),
    (["sparsity", "--target", "4-8-3", "--widths", "56,eighty", "--delta", "0.1"], "whole numbers"),
    (["confidence", "--target", "4-8-3", "--widths", "56,80,4", "--density", "0.1"], "3 as the last width"),
    (["lower", "--inputs", "0", "--density", "0.1", "--delta", "0.1"], "from 1"),
    (["lower", "--inputs", "3", "--density", "0.1,0.1,0.1", "--delta", "0.1"], "one or two"),
    (["lower", "--inputs", "3", "--density", "0.1", "--delta", "0.1", "--output", "tanh"], "one of relu, linear"),
    (["densities", "--model", "resnet19", "--ratio", "erk", "--density", "0.1"], "resnet18"),
    (["densities", "--model", "resnet18", "--ratio", "magic", "--density", "0.1"], "balanced"),
    (["densities", "--model", "resnet18", "--ratio", "erk", "--density", "2"], "(0, 1]"),
    (["figure", "figure99"], "figure2"),
    (["verify", "lemma-99"], "theorem-2.1"),
    (["verify", "degree", "--trials", "0"], "trials"),
    (["verify", "degree", "--trials", "many"], "--trials: expected a whole number of at least 1, got 'many'"),
    (["verify", "degree", "--trials", "0"], "--trials: expected a whole number of at least 1, got '0'"),
    (["verify", "degree", "--trials", "1000000001"], "--trials: expected a whole number from 1 to"),
    (["verify", "degree", "--seed=-1"], "--seed: expected a whole number of at least 0, got '-1'"),
    (["verify", "degree", "--build"], "--build: expected a statement about a construction"),
    (["verify", "foo"], "STATEMENT: expected one of theorem-2.1"),
    (["figure", "foo"], "NAME: expected one of figure2"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_exit_status_2(arguments, said, capsys):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert len(output.err.rstrip("\n")) <= 400
    assert output.err.startswith("ertheory: ")
    assert said in output.err


@pytest.mark.parametrize("command", ["verify", "figure"])
def test_the_help_lists_what_there_is(command, capsys):
    from ertheory.montecarlo.statements.catalogue import CHECKS
    from ertheory.plots import FIGURES

    assert main([command, "--help"]) == 0
    text = " ".join(re.sub(r"[│]", " ", capsys.readouterr().out).split())
    names = CHECKS if command == "verify" else FIGURES
    assert f"one of {', '.join(names)}" in text


def test_a_table_that_does_not_fit_becomes_blocks(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*WIDTH, "--sparsity", "0.9"]) == 0
    wide = capsys.readouterr().out.splitlines()
    assert wide[0].split() == ["method", "kind", "N_0", "N_1", "N_2", "success", ">=", "edges"]
    assert wide[12] == "Too narrow for: ratio, layer 0."
    assert max(map(len, wide)) <= 80
    monkeypatch.setenv("COLUMNS", "50")
    assert main([*WIDTH, "--sparsity", "0.9"]) == 0
    narrow = capsys.readouterr().out.splitlines()
    assert narrow[0].split() == ["method", "printed"]
    assert max(map(len, narrow[:8])) <= 50


def test_csv_has_the_numbers_of_the_table(capsys):
    assert main([*WIDTH, "--sparsity", "0.9", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    numbers = {row["method"]: [row[f"N_{layer}"] for layer in range(3)] for row in rows}
    assert numbers["exact"] == ["177184", "18432", ""]
    assert numbers["degree"] == ["", "1720", ""]
    assert numbers["coupled"] == ["1053", "", ""]
    assert numbers["factored"] == ["1888", "128", "1596"]


def test_explain_puts_the_numbers_in(capsys):
    assert main([*WIDTH, "--density", "1,0.1,0.1", "--method", "printed", "--explain"]) == 0
    output = capsys.readouterr().out
    assert "q[1] >= log(2*1280*1/0.001)/log(1/(1 - 0.1)) ~ 140.0478891" in output


@pytest.mark.parametrize("layer0", ["dense", "preassigned", "matched"])
@pytest.mark.parametrize("method", ["printed", "exact"])
def test_explain_works_for_every_construction(capsys, method, layer0):
    words = ["width", "--target", "3-4-2", "--density", "1/2", "--delta", "0.1", "--explain"]
    assert main([*words, "--method", method, "--layer0", layer0]) == 0
    assert " ~ " in capsys.readouterr().out


@pytest.mark.parametrize("target", ["3-2", "3-4-2", "3-4-4-2"])
@pytest.mark.parametrize("layer0", ["dense", "matched"])
def test_explain_works_for_dropped_copies(capsys, target, layer0):
    words = ["width", "--target", target, "--density", "1/2", "--delta", "0.1", "--explain"]
    assert main([*words, "--method", "drop", "--layer0", layer0]) == 0
    output = capsys.readouterr().out
    assert "Bin(" in output or target == "3-2"
    assert ("H = " in output) == (layer0 == "matched")


@pytest.mark.parametrize("method", ["sequential", "matching", "sharp", "size-lp", "first-moment"])
@pytest.mark.parametrize("target", ["6-4-2", "3-4-4-2"])
def test_explain_shows_the_law_of_every_statement_of_ours(capsys, method, target):
    words = ["width", "--target", target, "--density", "1/2", "--delta", "0.1", "--explain"]
    assert main([*words, "--method", method]) == 0
    assert "P(" in capsys.readouterr().out.split("\n\n")[-1]


def test_coded_is_a_reading_of_widths_only(capsys):
    assert main([*WIDTH, "--sparsity", "0.9", "--method", "sharp", "--layer0", "coded"]) == 0
    assert "8,551" in capsys.readouterr().out
    assert main([*WIDTH, "--sparsity", "0.9", "--method", "drop", "--layer0", "coded"]) == 2
    assert "read layer 0 as dense or matched" in capsys.readouterr().err
    assert main([*WIDTH, "--sparsity", "0.9", "--layer0", "codes"]) == 2
    assert "one of dense, preassigned, matched, coded" in capsys.readouterr().err


def test_explain_puts_the_numbers_of_dropped_copies_in(capsys):
    assert main([*WIDTH, "--density", "1,0.1,0.1", "--method", "drop", "--explain"]) == 0
    output = capsys.readouterr().out
    assert "128 neurons with k_j = 784: E[(1 - (1 - 0.1)^G)^10],  G ~ Bin(187, (1 - (1 - 0.1)^74)^784)" in output


def test_dropping_with_preassigned_neurons_is_refused_in_one_line(capsys):
    assert main([*WIDTH, "--sparsity", "0.9", "--method", "drop", "--layer0", "preassigned"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "read layer 0 as matched or dense" in output.err


@pytest.mark.parametrize("output", ["relu", "linear"])
def test_explain_works_for_the_lower_bound(capsys, output):
    assert main(["lower", "--inputs", "3", "--density", "1/2", "--delta", "0.1", "--explain", "--output", output]) == 0
    assert "log(1/(1 - (1 - 0.1)^(1/3)))" in capsys.readouterr().out


def test_the_answer_loads_nothing_heavy():
    program = (
        "import sys; from ertheory.cli import main; "
        "main(['width', '--target', '784-128-10', '--sparsity', '0.9', '--delta', '0.001']); "
        "heavy = {'torch', 'matplotlib', 'sympy', 'scipy', 'sklearn', 'safetensors'} & set(sys.modules); "
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_m_ertheory_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "ertheory", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "ertheory width --target 784-128-10" in done.stdout


def test_head_may_stop_reading():
    command = f"{sys.executable} -m ertheory densities --model resnet50 --ratio erk --density 0.1 | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


COMMANDS = ["width", "sparsity", "confidence", "lower", "embed", "calibrate", "subset-sum", "ticket", "densities"]
COMMANDS += ["figure", "explore", "sample", "verify"]


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_help_fits_into_a_narrow_terminal(words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    usage, *lines = capsys.readouterr().out.splitlines()
    assert usage.startswith("usage: ertheory")
    assert max(map(len, [usage, *lines])) <= 80
    assert words or not {"Example:", "Examples:"} & {line.strip(" │") for line in lines}  # the overview has none
    begin = next(number for number, line in enumerate(lines) if line in ("Example:", "Examples:", "Start with:")) + 1
    shown = lines[begin : lines.index("", begin)]
    examples = [shlex.split(line) for line in "\n".join(shown).replace("\\\n", "").splitlines()]
    assert {tuple(example[:2]) for example in examples} == {("ertheory", *(words or ["width"]))}


@pytest.mark.parametrize(("words", "inputs"), [((), {}), (("--factors", "3"), {"factors": 3})])
def test_capacity_repeats_what_was_asked_and_no_more(words, inputs, capsys):
    source = "20-40-20" if not words else "20-300-200-20"
    assert main(["capacity", "--source", source, "--density", "0.5", "--delta", "0.1", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["inputs"]
    asked = {"source": source, "density": "0.5", "sparsity": "0.5", "delta": "0.1"}
    assert {name: set(found[name]).pop() if isinstance(found[name], list) else found[name] for name in asked} == asked
    assert {name: found[name] for name in ("factors", "ratio") if name in found} == inputs
