"""``ertheory embed --method factored``: the file, what is proved of it, and one line for everything that is wrong."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

import ertheory
from ertheory.check import check_file, evaluate, read_embedding
from ertheory.cli import main
from ertheory.masks import DrawnMask
from ertheory.networks.network import Activation
from ertheory.networks.target import Target, network_of

ASKED = ("--method", "factored", "--sparsity", "0.6", "--delta", "0.05")


@pytest.fixture
def target() -> Target:
    rng = np.random.default_rng(5)
    weights = [rng.standard_normal((4, 6)), rng.standard_normal((3, 4))]
    return Target.from_arrays(weights, [rng.standard_normal(4), rng.standard_normal(3)])


@pytest.fixture
def run(tmp_path, target, capsys):
    """Run the command on net.npz in a folder; its exit status, what it printed, and its messages."""
    ertheory.write_target(tmp_path / "net.npz", target)

    def ask(*words: str, out: str = "source.npz", given: str | None = None) -> tuple[int, str, str]:
        files = ("--target", given or str(tmp_path / "net.npz"), "--out", str(tmp_path / out))
        status = main(["embed", *files, *words])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return ask


@pytest.mark.parametrize("out", ["source.npz", "source.safetensors"])
@pytest.mark.parametrize("options", [(), ("--inner", "identity"), ("--inner", "relu-positive"), ("--outer", "random")])
def test_a_small_file_is_the_target_exactly(run, target, tmp_path, options, out):
    status, printed, _ = run(*ASKED, *options, "--domain", "0,2", "--json", out=out)
    document = json.loads(printed)
    assert status == 0
    assert document["success"] is document["check"]["exact"] is True
    assert document["missing"] == []
    checked = check_file(tmp_path / out, network_of(target))
    assert checked.passed
    assert checked.exact
    file = read_embedding(tmp_path / out)
    names = [step.name for step in file.network.steps if isinstance(step, Activation)]
    inner = "identity" if "identity" in options else "relu"
    assert names == [inner, "relu", inner]
    assert [step.outputs for step in file.network.affine] == document["widths"]
    assert document["widths"][1::2] == [4, 3]
    assert sum(step.weight.nnz for step in file.network.affine) == document["edges_used"]
    for layer, mask in enumerate(file.masks):
        drawn = DrawnMask(mask.shape, Fraction(2, 5), 0, layer).to_csr()
        assert (mask != drawn).nnz == 0
    points = np.random.default_rng(0).uniform(0, 2, (20, 6))
    np.testing.assert_allclose(evaluate(file.network, points), evaluate(network_of(target), points), atol=1e-12)
    if "random" in options:
        assert document["schemes"] == ["dual", "dual"]


def test_unequal_densities_at_the_overall_one(run):
    status, printed, _ = run(*ASKED, "--split", "best", "--json")
    document = json.loads(printed)
    assert status == 0
    assert document["inputs"]["density"] == ["0.4"] * 4
    assert document["inputs"]["split"] == "best"
    first, second, _, _ = map(Fraction, document["densities"])
    assert first != second
    assert (first * 6 + second * 4) / 10 == Fraction(2, 5)


def test_inner_identity_needs_no_box(run):
    status, printed, _ = run(*ASKED, "--inner", "identity", "--domain", "unbounded", "--json")
    document = json.loads(printed)
    assert status == 0
    assert document["inputs"]["domain"] == "unbounded"
    assert document["check"]["exact"] is True
    assert document["error_bound"] is None


def test_weights_too_many_for_rational_numbers_have_a_bound(run):
    words = ("--method", "factored", "--sparsity", "0.5", "--delta", "0.05", "--json")
    status, printed, err = run(*words, given="80-90-3")
    document = json.loads(printed)
    assert status == 0
    assert "drawn by seed 0" in err
    assert document["check"]["exact"] is False
    assert 0 < document["check"]["difference_bound"] < 1e-8
    assert document["max_abs_error"] <= document["check"]["float_bound"]


def test_a_failed_draw_names_the_map_and_its_end_and_leaves_nothing(run, tmp_path):
    words = ("--method", "factored", "--sparsity", "0.6", "--delta", "0.95", "--seed")
    for seed in range(40):
        status, printed, _ = run(*words, str(seed), "--json", "--force")
        if status == 1:
            break
        assert json.loads(printed)["check"]["exact"]
    document = json.loads(printed)
    assert status == 1
    assert set(document["missing"][0]) == {"map", "end", "number"}
    assert document["missing"][0]["map"] in ("layer 1", "layer 2")
    _, words_of_it, _ = run(*words, str(seed), out="other.npz")
    missing = document["missing"][0]
    assert f"{missing['map']}: no matching for {missing['end']} {missing['number']}" in words_of_it
    assert not (tmp_path / "other.npz").exists()


def test_a_report_in_words(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, printed, _ = run(*ASKED)
    assert status == 0
    assert printed.startswith("6-4-3 inside ")
    assert "pairs    relu between A and B; layer 1 " in printed
    assert "equal in exact" in printed
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((*ASKED, "--inner", "tanh"), "--inner: expected one of identity, relu, relu-positive"),
        ((*ASKED, "--outer", "frozen"), "--outer"),
        ((*ASKED, "--split", "odd"), "--split"),
        ((*ASKED, "--outer", "random", "--inner", "relu-positive"), "--outer"),
        ((*ASKED, "--inner", "relu-positive", "--domain=-1,1"), "layer 1: no positive first factor"),
        ((*ASKED, "--domain", "unbounded"), "needs a box"),
        ((*ASKED, "--layer0", "dense"), "--layer0"),
        ((*ASKED, "--form", "shift"), "--form"),
        (("--method", "factored", "--density", "1,.5,.5", "--delta", ".1"), "--density"),
        (("--method", "exact", "--sparsity", "0,.5,.5", "--delta", ".1", "--inner", "relu"), "--inner"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, words, part):
    status, printed, err = run(*words)
    assert status == 2
    assert printed == ""
    assert part in err
    assert err.count("\n") == 1
    assert len(err) <= 400
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]
