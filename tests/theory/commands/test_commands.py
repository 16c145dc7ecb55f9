"""Every command is a function: the same name, the same arguments, the same answers."""

from __future__ import annotations

import csv
import inspect
import io
import json
from dataclasses import fields
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import ertheory
from ertheory.cli import _COMMANDS, main
from ertheory.cli.program import command_at

ONLY_SHOWN = {"json", "format", "explain"}
# A second word for delta, a grid for which a shell has loops, and functions that are told of progress.
ONLY_IN_PYTHON = {"failure_probability", "sparsities", "progress", "planned", "checking"}
PLACES = {"name", "statement", "target", "source", "model", "inputs", "widths"}  # may be given without a name

DELTA = ["--delta", "0.05"]
ASKED = {
    "width": (["8-6-3", "--sparsity", "0.5", *DELTA], lambda: ertheory.width("8-6-3", sparsity=0.5, delta="0.05")),
    "sparsity": (
        ["4-8-3", "--widths", "56,80", *DELTA],
        lambda: ertheory.sparsity("4-8-3", (56, 80), delta="0.05"),
    ),
    "confidence": (
        ["4-8-3", "--widths", "56,80", "--density", "1,1/2,1/2"],
        lambda: ertheory.confidence("4-8-3", [56, 80], density=[1, 0.5, 0.5]),
    ),
    "calibrate": (
        ["1-4-6", "--method", "matching", "--density", "1,1,1/2", "--delta", "1/4", "--resolution", "0.2"],
        lambda: ertheory.calibrate("1-4-6", method="matching", density=(1, 1, 0.5), delta=0.25, resolution="0.2"),
    ),
    "lower": (["10", "--sparsity", "0.99", *DELTA], lambda: ertheory.lower(10, sparsity="0.99", delta="0.05")),
    "subset-sum": (
        ["0.01", "--density", "0.5", *DELTA],
        lambda: ertheory.subset_sum(epsilon="0.01", density=0.5, delta="0.05"),
    ),
    "ticket": (
        ["2-4-1", "--density", "0.5", "--epsilon", "0.1", *DELTA, "--domain=-1,1"],
        lambda: ertheory.ticket("2-4-1", density=0.5, epsilon="0.1", delta="0.05", domain=(-1, 1)),
    ),
    "densities": (
        ["resnet18", "--ratio", "erk", "--density", "0.1"],
        lambda: ertheory.densities("resnet18", ratio="erk", density="0.1"),
    ),
    "verify": (["degree", "--trials", "200"], lambda: ertheory.verify("degree", trials=200)),
}
FIRST = {"lower": "--inputs", "subset-sum": "--epsilon", "densities": "--model", "verify": None}


@pytest.mark.parametrize(("name", "command"), [(name, command_at(place)) for name, place, _ in _COMMANDS])
def test_a_command_and_its_function_take_the_same(name, command):
    function = getattr(ertheory, name.replace("-", "_"))
    parameters = inspect.signature(function).parameters
    shown = ONLY_SHOWN | ({"certificate", "force"} if name == "width" else set())  # a file of `Width.certificate()`
    assert set(parameters) - ONLY_IN_PYTHON == {field.name for field in fields(command)} - shown
    assert set(parameters) & ONLY_SHOWN == set()
    named = {one for one, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert set(parameters) - named <= PLACES


@pytest.mark.parametrize("name", ASKED)
def test_a_command_and_its_function_answer_the_same(name, capsys):
    (first, *words), ask = ASKED[name]
    option = FIRST.get(name, "--target")
    assert main([name, *([] if option is None else [option]), first, *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    answer = json.loads(json.dumps(ask().to_dict()))
    elsewhere = {**document["inputs"], **document}  # some documents give what was asked for among the inputs
    for field, value in answer.items():
        if field in ("inputs", "delta", "densities") or (field not in elsewhere and name == "ticket"):
            continue
        found = document[field] if field in document else elsewhere[field]
        if field == "density":
            found = float(Fraction(found))
        assert found == value, field


DENSE = {
    "width": ["--target", "4-8-3", *DELTA],
    "confidence": ["--target", "4-8-3", "--widths", "56,80"],
    "embed": ["--target", "2-3-1", *DELTA, "--out", "OUT.npz"],
    "embed of triples": ["--target", "2-3-1", *DELTA, "--method", "factored", "--factors", "3", "--out", "OUT.npz"],
    "capacity": ["--source", "4-300-40-3", *DELTA, "--method", "exact"],
    "capacity of a ratio": ["--model", "lenet-300-100", "--ratio", "erk", *DELTA],
    "lower": ["--inputs", "3", *DELTA],
    "subset-sum": ["--epsilon", "0.1", *DELTA],
    "ticket": ["--target", "2-4-1", "--epsilon", "0.1", *DELTA],
    "densities": ["--model", "lenet-300-100", "--ratio", "uniform"],
    "explore": ["--target", "4-8-3", "--out", "OUT.html"],
}


@pytest.mark.parametrize("name", DENSE)
def test_documents_say_which_density_and_which_sparsity_was_asked_for(name, capsys, tmp_path):
    """Both of them, whichever was given."""
    words = [name.partition(" ")[0], *(word.replace("OUT", str(tmp_path / "out")) for word in DENSE[name])]
    for asked in (["--density", "0.4"], ["--sparsity", "0.6"]):
        if name == "explore" and "--density" in asked:
            continue
        main([*words, *asked, "--json", *(["--force"] if "--out" in words else [])])
        inputs = json.loads(capsys.readouterr().out)["inputs"]
        alone = {"lower": "density", "subset-sum": "density", "densities": "density", "ticket": "density"}
        alone["explore"] = "sparsity"
        for field, value in (("density", Fraction(2, 5)), ("sparsity", Fraction(3, 5))):
            if alone.get(name, field) == field:
                found = inputs[field] if isinstance(inputs[field], list) else [inputs[field]]
                assert {Fraction(one) for one in found} == {value}


def test_embed_is_the_command(tmp_path, capsys):
    ertheory.sample("3-4-2", seed=2, out=tmp_path / "net.npz")
    built = ertheory.embed(tmp_path / "net.npz", sparsity=0.5, delta=0.05, seed=3, out=str(tmp_path / "python.npz"))
    words = ["--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / "command.npz"), "--sparsity", "0.5"]
    assert main(["embed", *words, "--delta", "0.05", "--seed", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert built.passed is document["success"] is True
    assert document["widths"] == list(built.plan.answer.widths)
    assert (tmp_path / "python.npz").read_bytes() == (tmp_path / "command.npz").read_bytes()


@pytest.mark.parametrize("name", ["source.npz", "source.safetensors"])
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, monkeypatch, name):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ertheory.InvalidInput, match=r"that can be written \(No space left on device\), got .*source"):
        ertheory.sample(out=tmp_path / name)
    with pytest.raises(ertheory.InvalidInput, match=r"^out: .*that can be written \(No space left on device\)"):
        ertheory.explore(out=tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write to")
def test_a_place_that_cannot_be_written_is_named_as_it_was_given():
    target = ertheory.Target.from_arrays([[[0.5, -0.25]], [[0.5]]], domain=[(0, 1), (0, 1)])
    with pytest.raises(
        ertheory.InvalidInput,
        match=r"^out: expected a place that can be written \(No such .*got '/proc/source.npz'",
    ):
        ertheory.embed(target, density=(1, 0.5, 0.5), delta=0.1, out="/proc/source.npz")


def test_a_narrow_source_fails_with_the_missing_edges():
    with pytest.raises(ertheory.ConstructionFailed) as failed:
        ertheory.embed("3-4-2", sparsity=0.5, delta=0.999, seed=1)
    assert failed.value.missing


def test_sample_writes_what_it_returns(tmp_path, capsys):
    assert main(["sample", "--out", str(tmp_path / "net.npz"), "--target", "5-3-2", "--seed", "7"]) == 0
    assert "5-3-2" in capsys.readouterr().out
    read, drawn = ertheory.load_target(tmp_path / "net.npz"), ertheory.sample("5-3-2", seed=7)
    for kept, made in zip((*read.weights, *read.biases), (*drawn.weights, *drawn.biases), strict=True):
        np.testing.assert_array_equal(kept, made)
    assert read.domain.tolist() == [[-1, 1]] * 5
    assert main(["sample", "--out", str(tmp_path / "other.npz"), "--target", "2-3-1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    place = str(tmp_path / "other.npz")
    assert {name: document[name] for name in ("command", "seed", "widths", "nonzeros", "file")} == {
        "command": "sample", "seed": 0, "widths": [2, 3, 1], "nonzeros": [6, 3], "file": place,
    }  # fmt: skip
    assert document["inputs"] == {"target": "2-3-1", "out": place, "force": False}
    assert main(["sample", "--out", str(tmp_path / "net.npz")]) == 2
    assert "--out: expected a file that does not exist yet, or --force" in capsys.readouterr().err


def test_sampled_weights_are_normal_by_the_fan_in_and_multiples_of_1_by_1024_other_than_0():
    """At the fixed seed; a right program fails with a probability below 1e-4 at another one."""
    drawn = ertheory.sample("400-50-200", seed=1)
    for layer, fan_in in enumerate((400, 50)):
        for numbers in (drawn.weights[layer].ravel(), drawn.biases[layer]):
            steps = numbers * 1024
            assert (steps == np.round(steps)).all()
            assert (steps != 0).all()
            assert (steps % 2 == 1).any()
            assert stats.kstest(numbers * np.sqrt(fan_in), "norm").pvalue > 1e-5


def test_figure_takes_text_and_paths(tmp_path):
    paths = ertheory.figure("lower-bound", out=str(tmp_path))
    assert [path.suffix for path in paths] == [".png", ".svg", ".csv"]
    with pytest.raises(ertheory.InvalidInput, match=r"name: .*did you mean lower-bound\?"):
        ertheory.figure("lower-bounds")


def test_three_words_for_the_failure_probability_and_exactly_one():
    answers = [
        ertheory.width("4-8-3", method="exact", sparsity="1/2", **{name: value}).widths
        for name, value in (("delta", "0.001"), ("confidence", "0.999"), ("failure_probability", "1/1000"))
    ]
    assert answers[0] == answers[1] == answers[2]
    for given in ({}, {"delta": 0.1, "confidence": 0.9}, {"delta": 0.1, "failure_probability": 0.1}):
        with pytest.raises(ertheory.InvalidInput, match="delta: expected exactly one"):
            ertheory.width("4-8-3", sparsity=0.5, **given)


def test_a_question_without_numbers_says_what_is_missing():
    with pytest.raises(ertheory.InvalidInput, match="density: expected exactly one of"):
        ertheory.width("784-128-10")


@pytest.mark.parametrize(("given", "said"), [({}, "none"), ({"density": 0.5, "sparsity": 0.5}, "both")])
def test_a_density_or_a_sparsity_is_asked_for(given, said):
    for ask in (
        lambda: ertheory.lower(10, delta=0.1, **given),
        lambda: ertheory.width("4-8-3", delta=0.1, **given),
        lambda: ertheory.confidence("4-8-3", (56, 80), **given),
        lambda: ertheory.subset_sum(epsilon=0.1, delta=0.1, **given),
        lambda: ertheory.ticket("2-4-1", epsilon=0.1, delta=0.1, **given),
        lambda: ertheory.densities("resnet18", ratio="erk", **given),
        lambda: ertheory.calibrate("1-4-6", delta=0.1, **given),
        lambda: ertheory.capacity((4, 60, 80, 3), delta=0.1, **given),
        lambda: ertheory.embed("4-8-3", delta=0.1, **given),
    ):
        with pytest.raises(
            ertheory.InvalidInput, match=rf"^(density|sparsity): expected exactly one of .*got '?{said}"
        ):
            ask()


def test_one_number_per_layer_is_no_grid():
    per_layer = ertheory.width("4-8-3", method="exact", sparsity=[0, 0.5, 0.5], delta=0.1)
    assert per_layer.densities == (1, Fraction(1, 2), Fraction(1, 2))
    grid = ertheory.width("4-8-3", method="exact", sparsities=[0, 0.5, [0, 0.5, 0.5]], delta=0.1)
    assert [row.densities for row in grid][1] == (Fraction(1, 2),) * 3
    assert grid[2] == per_layer
    rows = list(csv.DictReader(io.StringIO(grid.to_csv())))
    assert [row["sparsity"] for row in rows] == ["0", "0.5", "0,0.5,0.5"]
    with pytest.raises(ertheory.InvalidInput, match="sparsities"):
        ertheory.width("4-8-3", sparsities=[0.5], density=0.5, delta=0.1)
    for method in (None, "exact"):
        with pytest.raises(ertheory.InvalidInput, match=r"^sparsity: .*or 3 .*; sparsities=.* in turn, got 2$"):
            ertheory.width("4-8-3", method=method, sparsity=[0.5, 0.9], delta=0.1)
    with pytest.raises(ertheory.InvalidInput, match=r"^sparsity: expected a number in \[0, 1\)"):
        ertheory.width("4-8-3", sparsity=[2, 2], delta=0.1)


def test_results_are_found_by_place_and_by_method():
    found = ertheory.width("784-128-10", sparsity="0.9", delta="0.001")
    assert found["sharp"] is found[3]
    assert [answer.method for answer in found[1:3]] == ["exact", "drop"]
    assert len(found) == len(found.methods) == 10
    with pytest.raises(ertheory.InvalidInput, match=r"did you mean sharp\?"):
        found["shrap"]
    with pytest.raises(AttributeError):
        found.answers = ()
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    numbers = {row["method"]: (row["N_1"], row["N_2"]) for row in rows}
    assert numbers["exact"] == ("18432", "")
    assert numbers["factored"] == ("128", "1596")
    assert "179,536" in found.to_markdown()
    assert found.to_latex().startswith(r"\begin{tabular}")
    assert "H = " in found.explain()
    assert json.loads(found.to_json())["results"][0]["method"] == "printed"


def test_a_target_may_be_anything(tmp_path):
    weights = [np.array([[1.0, 0.0], [2.0, 3.0]]), np.array([[1.0, 1.0]])]
    path = tmp_path / "net.npz"
    ertheory.write_target(path, ertheory.Target.from_arrays(weights))
    options = {"method": "exact", "sparsity": 0.5, "delta": 0.1}
    answers = {ertheory.width(thing, **options).widths for thing in (weights, path, str(path), Path(path))}
    assert len(answers) == 1


def test_densities_read_shapes_and_modules():
    shapes = [(300, 784), (100, 300), (10, 100)]
    answer = ertheory.densities(shapes, ratio="balanced", density=0.1).densities
    torch = pytest.importorskip("torch")
    layers = [torch.nn.Linear(inputs, outputs) for outputs, inputs in shapes]
    assert ertheory.densities(torch.nn.Sequential(*layers), ratio="balanced", density=0.1).densities == answer


def test_old_names_warn_and_work():
    from ertheory._deprecated import RENAMED

    for name in RENAMED:
        with pytest.warns(DeprecationWarning, match=f"ertheory.{name} goes after this release: use ertheory."):
            assert callable(getattr(ertheory, name))
    with pytest.warns(DeprecationWarning, match="sparsity"):
        old = ertheory.largest_sparsity
    answer = old(ertheory.Target.from_text("784-128-10"), (179536, 18048), Fraction(1, 1000))
    assert round(float(answer.sparsity), 4) == 0.9004
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ertheory.nonsense


def test_names_that_are_called_otherwise_warn_and_work():
    from ertheory._deprecated import OTHERWISE

    for package, names in OTHERWISE.items():
        module = import_module(package)
        for old, new in names.items():
            with pytest.warns(
                DeprecationWarning, match=rf"{package}\.{old} goes after .* use {package}\.{new}$"
            ) as caught:
                assert getattr(module, old) is getattr(module, new)
            assert old in OTHERWISE["ertheory"] or [warning.filename for warning in caught] == [__file__]
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            _ = module.nonsense


def test_the_public_page_is_sorted_and_documented():
    names = ertheory.__all__
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and not name.isupper()]
    functions = [name for name in names if name[0].islower()]
    assert names == sorted(constants) + sorted(classes) + sorted(functions)
    undocumented = [
        name
        for name in classes + functions
        if callable(getattr(ertheory, name)) and not inspect.getdoc(getattr(ertheory, name))
    ]
    assert undocumented == ["Layer0"]  # a union of names


def test_no_function_hides_a_module():
    root = Path(ertheory.__file__).parent
    modules = {path.stem for path in root.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert {name for name in modules & set(ertheory.__all__) if not inspect.ismodule(getattr(ertheory, name))} == set()


def test_a_success_that_is_nearly_sure_is_short_in_a_table_and_plain_in_csv():
    """The text is a lower bound too: 55 nines, so that the failure is at most 1e-55."""
    answers = ertheory.confidence("784-128-10", "179536,18048", density="1,0.1,0.1", method="sharp")
    (found,) = (answer.success_lower for answer in answers)
    assert ">= 1 - 1e-55" in answers.to_markdown()
    assert 1 - Fraction(1, 10**55) <= found < 1 - Fraction(1, 10**56)
    assert Fraction(answers.to_csv().splitlines()[1].rpartition(",")[2]) <= found
    upper = ertheory.confidence("8-6-3", (20, 40), sparsity=0.5, method="degree")
    assert "<= " in upper.to_markdown()
    assert "<=" not in upper.to_csv().splitlines()[1]


@pytest.mark.parametrize("option", ["trials", "seed", "level", "workers"])
def test_what_belongs_to_a_simulation_is_refused_without_one(option):
    with pytest.raises(ertheory.InvalidInput, match=rf"^{option}: expected `simulate` to go with it, got 1$"):
        ertheory.subset_sum(density=0.5, epsilon=0.1, delta=0.1, **{option: 1})


@pytest.mark.parametrize("option", ["mode", "constant", "blocks", "extrapolate", "kept", "locked"])
def test_what_belongs_to_a_formula_is_refused_beside_a_simulation(option):
    value = "printed" if option == "mode" else 1
    with pytest.raises(ertheory.InvalidInput, match=rf"^{option}: expected no `simulate` beside it"):
        ertheory.subset_sum(density=0.5, epsilon=0.1, delta=0.1, simulate=True, **{option: value})
