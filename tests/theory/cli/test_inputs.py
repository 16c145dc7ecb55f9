"""JSON documents say under ``inputs`` what was asked, with what was left out as it was understood."""

from __future__ import annotations

import json

import pytest

from ertheory import Target, write_target
from ertheory.builders.factored.matching import Unmatched
from ertheory.cli import main
from ertheory.errors import ConstructionFailed
from tests.reference.compare_commands import write_targets

HALF = {"density": ["0.5"], "sparsity": ["0.5"]}
EMBED = "embed --density 0.5 --out OUT.npz"
BUILT = {"out": "OUT.npz", "method": "factored", "layer0": "factored", "force": False, "inputs": None}
CALIBRATE = "calibrate --delta 0.5 --level 0.1 --resolution 0.9 --workers 1"
MEASURED = {"delta": "0.5", "level": "0.1", "resolution": "0.9", "workers": 1}

CASES = {
    "capacity --source 20-40-20 --density 0.5 --confidence 0.9": {
        **{"source": "20-40-20", "model": None, "edges": None, "delta": "0.1"},
        **{"density": ["0.5"] * 2, "sparsity": ["0.5"] * 2, "method": ["exact", "drop", "sharp", "factored"]},
    },
    "capacity --model lenet-300-100 --sparsity 1/4 --delta 0.1 --ratio erk": {
        **{"source": None, "model": "lenet-300-100", "edges": None, "delta": "0.1", "ratio": "erk"},
        **{"density": ["0.75"], "sparsity": ["0.25"], "method": ["factored"]},
    },
    "capacity --source 20-300-200-20 --density 1/5 --delta 0.1 --factors 3 --method factored": {
        **{"source": "20-300-200-20", "model": None, "edges": None, "delta": "0.1", "factors": 3},
        **{"density": ["0.2"] * 3, "sparsity": ["0.8"] * 3, "method": ["factored"]},
    },
    f"{CALIBRATE} --target 1-1 --sparsity 1/4 --method factored": {
        **{"target": "1-1", "target_widths": [1, 1], "nonzeros": [1], "domain": None, **MEASURED},
        **{"density": ["0.75"] * 2, "sparsity": ["0.25"] * 2, "method": "factored", "layer0": "factored", "factors": 2},
    },
    f"{CALIBRATE} --target 1-2-1 --density 1,1,3/4 --domain=-1,2 --method matching": {
        **{"target": "1-2-1", "target_widths": [1, 2, 1], "nonzeros": [2, 2], "domain": [-1, 2], **MEASURED},
        **{"density": ["1", "1", "0.75"], "sparsity": ["0", "0", "0.25"]},
        **{"method": "matching", "layer0": "coded", "factors": None},
    },
    f"{CALIBRATE} --target small.npz --density 1 --method matching": {  # a file that does not say its box
        **{"target": "small.npz", "target_widths": [2, 3, 1], "nonzeros": [6, 3], "domain": [0, 1], **MEASURED},
        **{"density": ["1"] * 3, "sparsity": ["0"] * 3, "method": "matching", "layer0": "coded", "factors": None},
    },
    f"{CALIBRATE} --target boxes.npz --density 1 --method factored": {  # one that does
        **{"target": "boxes.npz", "target_widths": [2, 1], "nonzeros": [2], "domain": [[-3, 1], [5, 5]], **MEASURED},
        **{"density": ["1"] * 2, "sparsity": ["0"] * 2, "method": "factored", "layer0": "factored", "factors": 2},
    },
    f"{EMBED} --target net.npz --delta 0.05 --method factored --outer random --domain=0,2": {
        **{"target": "net.npz", "target_widths": [4, 5, 2], "nonzeros": [19, 10], "weights": "given", "delta": "0.05"},
        **{"density": ["0.5"] * 4, "sparsity": ["0.5"] * 4, **BUILT, "no_mask": False, "domain": [0, 2]},
        **{"activation": "relu", "form": None, "inner": "relu", "outer": "random", "split": "equal", "factors": 2},
    },
    f"{EMBED} --target 1-2-1 --delta 0.05 --method exact --no-mask": {
        **{"target": "1-2-1", "target_widths": [1, 2, 1], "nonzeros": [2, 2], "weights": "drawn", "delta": "0.05"},
        **{"density": ["0.5"] * 3, "sparsity": ["0.5"] * 3, **BUILT, "no_mask": True, "domain": [-1, 1]},
        **{"method": "exact", "layer0": "matched", "activation": "relu", "form": "shift"},
    },
    f"{EMBED} --target 1-2-1 --delta 0.05 --method exact --domain unbounded": {  # two units of layer 0 for its input
        **{"target": "1-2-1", "target_widths": [1, 2, 1], "nonzeros": [2, 2], "weights": "drawn", "delta": "0.05"},
        **{"density": ["0.5"] * 3, "sparsity": ["0.5"] * 3, **BUILT, "no_mask": False, "domain": "unbounded"},
        **{"method": "exact", "layer0": "preassigned", "activation": "relu", "form": "pairs"},
    },
    f"{EMBED} --target 2-2-1 --confidence 0.9 --method factored --factors 3 --domain=-1,2": {
        **{"target": "2-2-1", "weights": "drawn", "delta": "0.1", **HALF, **BUILT, "domain": [-1, 2]},
        **{"inner": "identity", "outer": "solved", "split": "equal", "factors": 3},
    },
    f"{EMBED} --target boxes.npz --delta 0.1 --method factored --factors 3 --split best": {
        **{"target": "boxes.npz", "weights": "given", "delta": "0.1", **HALF, **BUILT, "domain": [[-3, 1], [5, 5]]},
        **{"inner": "identity", "outer": "solved", "split": "best", "factors": 3},
    },
    "figure figure2": {"name": "figure2", "out": ".", "force": False},
    "explore --target 3-4-2 --sparsity 1/2 --delta 1/10 --out OUT.html": {
        **{"target": "3-4-2", "sparsity": "0.5", "delta": "0.1", "out": "OUT.html", "force": False},
    },
    "sample --out OUT.npz --target 2-3-1 --seed 4": {"target": "2-3-1", "out": "OUT.npz", "force": False},
    "subset-sum --density 0.5 --epsilon 0.1 --delta 0.1 --locked 1/4": {
        **{"density": "0.5", "epsilon": "0.1", "delta": "0.1", "z": "1", "uniform": False, "law": "uniform"},
        **{"mode": "rigorous", "constant": None, "kept": None, "locked": "0.25"},
        **{"blocks": False, "extrapolate": False, "simulate": False},
    },
    "subset-sum --sparsity 1/4 --epsilon 0.1 --confidence 0.5 --z 3/2 --blocks --kept 60": {
        **{"density": "0.75", "epsilon": "0.1", "delta": "0.5", "z": "1.5", "uniform": False, "law": "uniform"},
        **{"mode": "rigorous", "constant": None, "kept": 60, "locked": "0"},
        **{"blocks": True, "extrapolate": False, "simulate": False},
    },
    "subset-sum --density 0.5 --epsilon 0.3 --delta 0.1 --simulate --trials 400 --seed 6 --uniform --workers 1": {
        **{"density": "0.5", "epsilon": "0.3", "delta": "0.1", "z": "1", "uniform": True, "law": "uniform"},
        **{"simulate": True, "trials": 400, "seed": 6, "level": "0.95", "workers": 1},
    },
    "width --target 4-8-3 --sparsity 0.5 --confidence 0.9 --method exact --certificate OUT.v": {
        **{"target": "4-8-3", "target_widths": [4, 8, 3], "nonzeros": [32, 24], "model": None, "delta": "0.1"},
        **{"density": ["0.5"] * 3, "sparsity": ["0.5"] * 3, "method": ["exact"], "layer0": ["matched"]},
        **{"split": "equal", "objective": "edges", "inner": "relu", "factors": 2, "certificate": "OUT.v"},
    },
    "width --model lenet-300-100 --density 1/2 --delta 0.1 --method factored --objective total --split best": {
        **{"target": None, "target_widths": [784, 300, 100, 10], "nonzeros": [235200, 30000, 1000], "delta": "0.1"},
        **{"model": "lenet-300-100", "density": ["0.5"] * 6, "sparsity": ["0.5"] * 6},
        **{"method": ["factored"], "layer0": ["factored"], "inner": "identity", "factors": 2},
        **{"split": "best", "objective": "total"},
    },
}


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """Be where the files are that commands read."""
    path = tmp_path_factory.mktemp("inputs")
    write_targets(path)
    write_target(path / "boxes.npz", Target.from_arrays([[[1.0, 2.0]]], domain=[(-3, 1), (5, 5)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setattr("ertheory.cli.others.figure", lambda *_, **__: ["figure2.svg"])
        yield path


@pytest.mark.parametrize("words", CASES)
def test_inputs_are_what_was_asked(words, tmp_path, capsys):
    place = str(tmp_path / "out")
    assert main([*words.replace("OUT", place).split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["inputs"]
    assert found == json.loads(json.dumps(CASES[words]).replace("OUT", place))


def test_a_network_that_no_mask_holds_is_told_with_what_was_asked(tmp_path, monkeypatch, capsys):
    def fails(*_, **__):
        raise ConstructionFailed("no such mask", [Unmatched("layer 1", "output", 3)])

    monkeypatch.setattr("ertheory.cli.embed.embed", fails)
    place = str(tmp_path / "out.npz")
    words = ["embed", "--target", "2-2-1", "--sparsity", "1/4", "--delta", "0.1", "--out", place, "--seed", "5"]
    words += ["--method", "factored", "--factors", "3"]
    assert main([*words, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["inputs"] == {
        **{"target": "2-2-1", "weights": "drawn", "delta": "0.1", "density": ["0.75"], "sparsity": ["0.25"], **BUILT},
        **{"inner": "identity", "outer": "solved", "split": "equal", "factors": 3, "domain": [-1, 1], "out": place},
    }
    nothing = dict.fromkeys(("max_abs_error", "max_rel_error", "edges_used", "edges_available", "widths"))
    told = {"seed": 5, "success": False, "missing": [{"map": "layer 1", "end": "output", "number": 3}], **nothing}
    assert {name: found[name] for name in told} == told
    assert 0 <= found["seconds"] < 60
    assert main(words) == 1
    assert capsys.readouterr().out == (
        "Failed: no such mask.\nThis happens to at most a share delta of the masks; another --seed draws another one.\n"
    )
