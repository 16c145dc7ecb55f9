"""The contract of ``ertheory subset-sum`` and ``ertheory ticket``."""

from __future__ import annotations

import csv
import io
import json
import os
from fractions import Fraction

import numpy as np
import pytest

from ertheory import Target, write_target
from ertheory.bounds import UniformPart, n_required
from ertheory.cli import main
from ertheory.montecarlo import SimulatedSubsetSum

SUM = ["subset-sum", "--density", "0.5", "--epsilon", "0.01", "--delta", "0.01"]
TICKET = ["ticket", "--target", "2-4-1", "--density", "0.5", "--epsilon", "0.1", "--delta", "0.1"]


@pytest.fixture
def ask(capsys):
    """Run a command and return its JSON document."""

    def run(*arguments, status=0):
        assert main([*arguments, "--json"]) == status
        output = capsys.readouterr()
        assert output.err.rpartition("\r")[2] == ""
        document = json.loads(output.out, parse_constant=pytest.fail)
        assert document.keys() >= {"schema", "command", "version", "inputs"}
        return document

    return run


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.npz"
    write_target(path, Target.from_arrays([np.array([[0.5, -0.25]]), np.array([[0.75]])], domain=[(-1, 1)] * 2))
    return str(path)


# --- subset-sum ----------------------------------------------------------------------------------------------------


def test_subset_sum_gives_every_field_of_the_contract(ask):
    document = ask(*SUM)
    assert document["command"] == "subset-sum"
    assert document.keys() >= {"n", "failure_upper", "failure_lower", "mode", "warnings"}
    assert (document["n"], document["mode"], document["warnings"]) == (69, "rigorous", [])
    assert 0 < document["failure_lower"] < document["failure_upper"] <= 0.01
    inputs = {"density": "0.5", "epsilon": "0.01", "delta": "0.01", "z": "1", "uniform": False, "law": "uniform"}
    assert document["inputs"].items() >= inputs.items()


def test_the_same_number_in_other_words(ask):
    words = ["subset-sum", "--sparsity", "1/2", "--epsilon", "1e-2", "--confidence", "0.99"]
    assert ask(*words)["n"] == ask(*SUM)["n"]


def test_targets_laws_and_modes(ask):
    base = ask(*SUM)["n"]
    assert ask(*SUM, "--uniform")["n"] > base > ask(*SUM, "--z", "0.5")["n"]
    assert ask(*SUM, "--z=-1")["n"] == base
    assert ask(*SUM, "--law", "product")["n"] > base
    assert base > ask(*SUM, "--mode", "calibrated")["n"] > ask(*SUM)["n_necessary"]
    assert ask(*SUM, "--z", "1.5", "--blocks")["n"] > base
    printed = ask(*SUM, "--mode", "printed", "--constant", "3")
    assert printed["n"] == 20
    assert any("not enough" in warning for warning in printed["warnings"])


def test_other_laws_that_contain_a_uniform(ask, capsys):
    document = ask(*SUM, "--law", "1/2,0.35")
    law = UniformPart(Fraction(1, 2), Fraction(7, 20))
    expected = n_required(density="0.5", epsilon="0.01", failure_probability="0.01", law=law)
    assert document["n"] == expected.n
    assert document["inputs"]["law"] == "uniform on [-0.5, 0.5] with probability 0.35"
    assert ask(*SUM, "--law", "1,1")["n"] == ask(*SUM)["n"]
    assert document["n_necessary"] == 7  # 2^-7 < 0.01 < 2^-6: no variable may be live
    assert main([*SUM, "--law", "1/2,0.35"]) == 0
    assert "Variables of law uniform on [-0.5, 0.5] with probability 0.35" in capsys.readouterr().out


def test_the_table_says_what_it_rests_on(capsys):
    assert main(SUM) == 0
    output = capsys.readouterr().out
    assert "Theorem A'" in output
    assert "necessary" in output
    assert main([*SUM, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["n"] for row in rows] == ["69", "32"]


def simulated(seed: int) -> SimulatedSubsetSum:
    """Stand in for a finished simulation."""
    return SimulatedSubsetSum(
        density=Fraction(1, 2),
        epsilon=Fraction(1, 100),
        failure_probability=Fraction(1, 100),
        z=0.5,
        law="uniform",
        n=36,
        interval=(35, 37),
        level=0.95,
        failures=99,
        trials=1000,
        seed=seed,
        seconds=80.0,
    )


def test_the_simulation_is_asked_and_told(ask, capsys, monkeypatch):
    from ertheory.commands import subset_sums

    asked = []

    def simulate(*arguments, **options):
        asked.append((arguments, options))
        options["progress"](10)
        return simulated(options["seed"])

    monkeypatch.setattr(subset_sums, "simulate_subset_sum", simulate)
    document = ask(*SUM, "--simulate", "--trials", "1000", "--seed", "7", "--z", "1/2", "--level", "0.99")
    assert document.keys() >= {"n", "interval", "level", "failures", "trials", "trials_per_second", "seed"}
    assert (document["n"], document["interval"], document["trials"], document["seed"]) == (36, [35, 37], 1000, 7)
    assert document["inputs"]["z"] == "0.5"
    assert document["inputs"].items() >= {"seed": 7, "workers": 1, "trials": 1000, "simulate": True}.items()
    arguments, options = asked[0]
    assert arguments == (Fraction(1, 2), Fraction(1, 100), Fraction(1, 100))
    assert options["z"] == Fraction(1, 2)
    assert (options["trials"], options["seed"], options["level"]) == (1000, 7, Fraction(99, 100))
    assert (options["uniform"], options["law"], options["workers"]) == (False, "uniform", None)
    assert main([*SUM, "--simulate", "--uniform", "--workers", "2"]) == 0
    assert "35 to 37" in capsys.readouterr().out
    assert (asked[1][1]["uniform"], asked[1][1]["workers"], asked[1][1]["trials"]) == (True, 2, None)


# --- ticket --------------------------------------------------------------------------------------------------------


def test_ticket_gives_every_field_of_the_contract(ask):
    document = ask(*TICKET, "--domain=-1,1")
    assert document.keys() >= {"widths", "epsilons", "problems", "iterations", "mode", "warnings", "assumed"}
    assert len(document["widths"]) == 3
    assert len(document["epsilons"]) == 2
    assert document["problems"] * document["failure_probability_each"] <= 0.1
    assert document["inputs"]["density"] == ["0.5", "0.5", "0.5"]
    assert document["inputs"]["domain"] == [-1, 1]
    resolved = {"mode": "rigorous", "depth": "L+1", "norms": [12], "max_weight": 1, "max_bias": 1, "seed": 0}
    assert document["inputs"].items() >= resolved.items()
    assert ask(*TICKET)["inputs"]["domain"] == [0, 1]


def test_weights_are_read_off_a_file(ask, net):
    document = ask("ticket", "--target", net, *TICKET[3:])
    assert document["assumed"]["weights"] == "known"
    assert document["assumed"]["max_weights"] == [0.5, 0.75]
    assert document["assumed"]["signed_inputs"] is True
    resolved = {"norms": [0.75], "max_weight": 0.75, "max_bias": 0, "domain": [-1, 1]}
    assert {name: pytest.approx(document["inputs"][name]) for name in resolved} == resolved


def test_both_depths_and_sensitivity(ask):
    document = ask(*TICKET, "--depth", "both", "--sensitivity")
    assert [result["depth"] for result in document["results"]] == ["L+1", "2L"]
    assert [len(result["widths"]) for result in document["results"]] == [3, 4]
    arguments = [row["argument"] for row in document["results"][1]["sensitivity"]["rows"]]
    assert arguments[:8] == ["epsilon", "delta", "p_0", "p_1", "p_2", "p_3", "B_0", "B_1"]
    assert {"max_weight", "max_bias", "signed_inputs", "parameters", "fan_in"} <= set(arguments)
    assert document["widths"] == document["results"][0]["widths"]


def test_modes_and_bounds(ask):
    rigorous = ask(*TICKET)
    assert ask(*TICKET, "--norms", "2")["widths"] < rigorous["widths"]
    assert ask(*TICKET, "--max-weight", "0.5", "--max-bias", "0")["constants"] == [0, 0, 0]
    measured = ask(*TICKET, "--mode", "calibrated", "--extrapolate")
    assert measured["widths"] < rigorous["widths"]
    printed = ask(*TICKET, "--mode", "printed", "--constant", "5", "--gamma", "1/2")
    assert (printed["kind"], printed["iterations"]) == ("printed", 0)
    assert printed["inputs"]["gamma"] == "0.5"


def test_the_tables_of_widths(capsys):
    assert main([*TICKET, "--depth", "both", "--sensitivity"]) == 0
    output = capsys.readouterr().out
    assert output.count("sufficient") == 2
    assert "x 2" in output
    assert main([*TICKET, "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["mode"] == "rigorous"


class Ticket:
    """Stands in for a ticket that was built, or not."""

    def __init__(self, success):
        self.success = success

    def to_dict(self):
        return {
            "success": self.success,
            "missing": [] if self.success else ["output 1 misses by 0.2"],
            "widths": [20, 10, 1],
            "epsilon": "0.1",
            "error_certified": 0.01 if self.success else None,
            "error_measured": 0.005 if self.success else None,
            "lambda": [1.5, 2.5],
            "kept": [3, 4, 5],
            "seed": 0,
            "bits": None,
        }


class Checked:
    """Stands in for what the checker says."""

    passed = True

    def to_dict(self):
        return {"passed": True, "error_certified": 0.01}


@pytest.mark.parametrize("success", [True, False])
def test_a_ticket_is_built_and_written(ask, capsys, monkeypatch, tmp_path, net, success):
    from ertheory.commands import tickets

    asked = []

    def build(target, **options):
        asked.append((target, options))
        options["progress"](3)
        return Ticket(success)

    def write(path, ticket, *, overwrite, check):
        check(path)
        path.write_text(f"{ticket.success} {overwrite}")

    monkeypatch.setattr(tickets, "build_ticket", build)
    monkeypatch.setattr(tickets, "write_ticket", write)
    monkeypatch.setattr(tickets, "check_ticket", lambda target, path, *, epsilon: Checked())
    out = tmp_path / "ticket.npz"
    words = ["ticket", "--target", net, "--density", "0.5", "--epsilon", "0.1", "--build", "--widths", "20,10"]
    words += ["--seed", "3", "--out", str(out)]
    document = ask(*words, status=0 if success else 1)
    assert document.keys() >= {"success", "error_certified", "error_measured", "lambda", "kept", "missing", "seed"}
    assert document["success"] is success
    assert document["seed"] == 3
    assert out.exists() == success
    assert document["file"] == (str(out) if success else None)
    resolved = {"seed": 3, "delta": None, "domain": [-1, 1], "workers": os.cpu_count() or 1, "widths": [20, 10]}
    assert document["inputs"].items() >= resolved.items()
    target, options = asked[0]
    assert target.widths == (2, 1, 1)
    assert options["widths"] == (20, 10)
    assert options["density"] == (Fraction(1, 2),) * 3
    assert (options["epsilon"], options["seed"], options["workers"]) == (Fraction(1, 10), 3, None)
    if success:
        assert main(words) == 2  # the file is there
        assert "--out" in capsys.readouterr().err
        assert main([*words, "--force"]) == 0
        assert "off by at most 0.01" in capsys.readouterr().out
    else:
        assert main(words) == 1
        assert "output 1 misses by 0.2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("left_out", "said"),
    [("--widths", "--widths: expected"), ("--target", "with weights")],
)
def test_what_a_ticket_is_built_from(capsys, net, tmp_path, left_out, said):
    given = {
        "--target": net,
        "--density": "0.5",
        "--epsilon": "0.1",
        "--widths": "20,10",
        "--out": str(tmp_path / "t.npz"),
    }
    given = {name: value for name, value in given.items() if name != left_out}
    given.setdefault("--target", "2-1-1")
    assert main(["ticket", "--build", *(word for pair in given.items() for word in pair)]) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "net.npz"]


# --- bad input -----------------------------------------------------------------------------------------------------

NOT_SIMULATED = (["--mode", "rigorous"], ["--constant", "5"], ["--blocks"], ["--extrapolate"])
OF_BUILD = (["--widths", "3,4"], ["--out", "t.npz"], ["--workers", "2"], ["--force"])
OF_WIDTHS = (
    ["--mode", "rigorous"],
    ["--depth", "2L"],
    ["--norms", "2"],
    ["--max-weight", "1"],
    ["--max-bias", "1"],
    ["--constant", "5"],
    ["--gamma", "1"],
    ["--extrapolate"],
    ["--sensitivity"],
)
TINY = (SUM[:1] + SUM[3:], TICKET[:3] + TICKET[5:])
NEXT_TO_0 = [(["--density", "1e-400"], "--density: expected a number in (0, 1]")]
MODES_OF_TINY = ([], ["--mode", "calibrated", "--extrapolate"])
BAD = [
    (["subset-sum", "--epsilon", "0.1", "--delta", "0.1"], "--density"),
    (["subset-sum", "--density", "0", "--epsilon", "0.1", "--delta", "0.1"], "(0, 1]"),
    (["subset-sum", "--density", "1.2", "--epsilon", "0.1", "--delta", "0.1"], "(0, 1]"),
    (["subset-sum", "--density", "1", "--epsilon", "1", "--delta", "0.1"], "(0, 1)"),
    (["subset-sum", "--density", "1", "--epsilon", "0.1", "--delta", "2"], "(0, 1)"),
    ([*SUM, "--z", "1.5"], "--blocks splits"),
    ([*SUM, "--z", "1.5", "--simulate"], "[-1, 1]"),
    ([*SUM, "--z", "1.5", "--blocks", "--mode", "calibrated"], "splits larger ones into blocks"),
    ([*SUM, "--z", "0.5", "--uniform"], "--uniform"),
    ([*SUM, "--mode", "magic"], "rigorous, calibrated, printed"),
    *(([*command, *words, *mode], said) for command in TINY for words, said in NEXT_TO_0 for mode in MODES_OF_TINY),
    ([*TINY[0], "--density", "1e-20"], "--density: expected a number in (0, 1] that is not this close to 0"),
    ([*TINY[0], "--density", "1e-20"], "got '1e-20'"),
    ([*SUM, "--law", "normal"], "uniform, product, or B,A"),
    ([*SUM, "--law", "1,2,3"], "uniform, product, or B,A for one that is uniform"),
    ([*SUM, "--law", "0,0.5"], "--law: expected B,A with a number B above 0, got '0,0.5'"),
    ([*SUM, "--law", "1,1.5"], "--law: expected B,A with a probability A in (0, 1], got '1,1.5'"),
    ([*SUM, "--law", "1,1", "--mode", "calibrated"], "(mode rigorous reads others), got 'uniform on [-1, 1]"),
    ([*SUM, "--law", "1,1", "--mode", "printed", "--constant", "5"], "reads others), got 'uniform on [-1, 1]"),
    ([*SUM, "--law", "1,1", "--simulate"], "--law: expected one of uniform, product"),
    ([*SUM, "--z", "1e10", "--blocks"], "--z: expected a target of size at most 1000000000, got '1e10'"),
    (
        [*SUM[:3], "--epsilon", "1e-10", "--delta", "0.1", "--simulate"],
        "to be simulated (the bounds have no such limit)",
    ),
    ([*SUM[:3], "--epsilon", "1e-10", "--delta", "0.1", "--simulate"], "got '1e-10'"),
    ([*SUM, "--mode", "printed"], "--constant"),
    ([*SUM, "--constant", "5"], "--constant"),
    *(
        ([*SUM, name, value], f"{name}: expected --simulate")
        for name, value in (("--trials", "1"), ("--seed", "1"), ("--workers", "1"), ("--level", "0.9"))
    ),
    *(([*SUM, "--simulate", *words], f"{words[0]}: expected no --simulate") for words in NOT_SIMULATED),
    ([*SUM, "--simulate", "--mode", "magic"], "rigorous, calibrated, printed"),
    ([*SUM, "--extrapolate"], "--extrapolate: expected --mode calibrated"),
    ([*SUM, "--simulate", "--trials", "0"], "--trials: expected a whole number of at least 1"),
    ([*SUM, "--simulate", "--seed=-1"], "--seed: expected a whole number of at least 0"),
    ([*SUM, "--simulate", "--trials=-3"], "--trials: expected a whole number of at least 1"),
    (["subset-sum", "--density", "0.5", "--epsilon", "1e-30", "--delta", "0.1", "--mode", "calibrated"], "measured"),
    ([*TICKET, "--sparsity", "0.5"], "--density"),
    ([*TICKET[:-2]], "--delta"),
    ([*TICKET, "--depth", "3"], "L+1, 2L, both"),
    ([*TICKET, "--mode", "magic"], "rigorous, calibrated, printed"),
    ([*TICKET, "--domain", "1"], "two numbers a,b"),
    ([*TICKET, "--domain", "1,0"], "a <= b"),
    ([*TICKET, "--norms", "1,2"], "--norms: expected one number per hidden layer, 1 here (B1), got '1,2'"),
    ([*TICKET, "--mode", "printed", "--constant", "5", "--depth", "both"], "--depth: expected L+1"),
    ([*TICKET, "--mode", "printed", "--constant", "5", "--depth", "both"], "'both'"),
    ([*TICKET, "--extrapolate"], "--extrapolate: expected --mode calibrated"),
    ([*TICKET, "--seed=-1"], "--seed: expected a whole number of at least 0"),
    *(([*TICKET, *words], f"{words[0]}: expected --build") for words in OF_BUILD),
    *(([*TICKET, "--build", *words], f"{words[0]}: expected no --build") for words in OF_WIDTHS),
    ([*TICKET, "--max-weight", "0"], "--max-weight"),
    ([*TICKET, "--max-weight", "2", "--mode", "calibrated", "--extrapolate"], "blocks"),
    ([*TICKET, "--mode", "printed"], "--constant"),
    ([*TICKET, "--gamma", "1"], "--gamma"),
    ([*TICKET, "--format", "pdf"], "markdown"),
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


def test_nothing_is_said_of_locked_variables_where_there_are_none(capsys):
    assert main([*SUM, "--simulate", "--trials", "4000"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Measured, seed 0." in said
    assert "in every sum" not in said
