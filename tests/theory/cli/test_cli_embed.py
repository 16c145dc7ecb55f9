"""``ertheory embed``: what it prints and writes, and that nothing is left behind of what failed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import ertheory
from ertheory import Target, write_target
from ertheory.check import check_file, evaluate, read_embedding
from ertheory.cli import main
from ertheory.masks import DrawnMask
from ertheory.networks.target import network_of

WIDE = ("--sparsity", "0,0.5,0.5", "--delta", "0.05")
NARROW = ("--sparsity", "0.5", "--delta", "0.999", "--seed", "1")


@pytest.fixture
def target(tmp_path) -> Target:
    rng = np.random.default_rng(5)
    weights = [rng.integers(-8, 9, (4, 3)) / 4, rng.integers(1, 9, (2, 4)) / 4]
    made = Target.from_arrays(weights, [rng.integers(-8, 9, 4) / 4, np.array([0.5, -1.0])])
    write_target(tmp_path / "net.npz", made)
    return made


@pytest.fixture
def ask(tmp_path, target, capsys):
    """Run the command with --json in a folder with net.npz; its document and exit status."""

    def run(*words: str, out: str = "source.npz") -> tuple[dict, int]:
        files = ("--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / out))
        status = main(["embed", *files, *words, "--json"])
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1
        return json.loads(printed), status

    return run


@pytest.fixture
def refused(tmp_path, target, capsys):
    """Run the command with bad input; its one line."""

    def run(*words: str, out: str = "source.npz", given: str = "net.npz") -> str:
        files = ("--target", str(tmp_path / given), "--out", str(tmp_path / out))
        assert main(["embed", *files, *words]) == 2
        streams = capsys.readouterr()
        assert streams.out == ""
        assert streams.err.count("\n") == 1
        assert len(streams.err) <= 400
        assert sorted(path.name for path in tmp_path.iterdir()) == ["net.npz"]
        return streams.err

    return run


@pytest.mark.parametrize("out", ["source.npz", "source.safetensors"])
@pytest.mark.parametrize("method", ["exact", "joint", "drop", "printed"])
def test_the_file_is_the_target_and_what_was_reported(ask, target, tmp_path, method, out):
    document, status = ask(*WIDE, "--method", method, "--domain=-1,2", out=out)
    assert status == 0
    assert document["success"] is True
    assert document["missing"] == []
    assert document["seed"] == 0
    checked = check_file(tmp_path / out, network_of(target))
    assert checked.passed
    assert checked.exact is document["check"]["exact"] is True
    file = read_embedding(tmp_path / out)
    assert [step.outputs for step in file.network.affine] == document["widths"]
    assert sum(step.weight.nnz for step in file.network.affine) == document["edges_used"]
    assert sum(mask.nnz for mask in file.masks) == document["edges_available"]
    points = np.random.default_rng(0).uniform(-1, 2, (20, 3))
    np.testing.assert_allclose(evaluate(file.network, points), evaluate(network_of(target), points), atol=1e-12)
    assert document["seconds"] > 0


@pytest.mark.parametrize("layer0", [None, "coded", "matched"])
@pytest.mark.parametrize("method", ["sharp", "sequential", "matching"])
def test_a_coloured_source_is_the_target_up_to_what_is_proved(ask, target, tmp_path, method, layer0):
    words = ("--sparsity", "0.5", "--delta", "0.05", "--method", method, "--domain=-1,2")
    document, status = ask(*words, *(() if layer0 is None else ("--layer0", layer0)))
    assert status == 0
    assert document["inputs"]["layer0"] in ((layer0,) if layer0 else ("coded", "matched"))
    assert document["construction"] in ("sequential", "matching")
    coded = document["inputs"]["layer0"] == "coded"
    assert document["inputs"]["form"] == ("combinations" if coded else "shift")
    checked = check_file(tmp_path / "source.npz", network_of(target))
    assert checked.passed
    assert checked.exact is not coded
    assert checked.difference_bound <= 4 * document["error_bound"] + 1e-13
    assert document["error_bound"] < 1e-10


def test_a_coded_layer_0_is_refused_where_it_cannot_be(refused):
    words = ("--sparsity", "0.5", "--delta", "0.05", "--layer0", "coded")
    assert "expected one of dense, preassigned, matched for the method exact" in refused(*words)
    assert "needs bounded inputs" in refused(*words, "--method", "sharp", "--domain", "unbounded")


def test_the_keys_of_the_file_are_those_of_the_contract(ask, tmp_path):
    ask(*WIDE)
    names = ("W{}_data", "W{}_indices", "W{}_indptr", "W{}_shape", "b{}", "mask{}_indices", "mask{}_indptr")
    with np.load(tmp_path / "source.npz", allow_pickle=False) as file:
        assert {name.format(layer) for layer in range(3) for name in names} <= set(file.files)
        assert str(file["activation"]) == "relu"
        assert file["domain"].tolist() == [[0, 1]] * 3
        assert file["W0_data"].dtype == np.float64


def test_the_masks_of_the_file_are_those_of_the_seed(ask, tmp_path):
    document, _ = ask("--density", "1,1/2,1/3", "--delta", "0.05", "--seed", "9", out="a.safetensors")
    stored = load_file(tmp_path / "a.safetensors")
    for layer, density in enumerate(document["inputs"]["density"]):
        shape = tuple(stored[f"W{layer}_shape"].tolist())
        drawn = DrawnMask(shape, density, 9, layer).to_csr()
        np.testing.assert_array_equal(stored[f"mask{layer}_indices"], drawn.indices)
        np.testing.assert_array_equal(stored[f"mask{layer}_indptr"], drawn.indptr)


def test_the_mask_depends_on_the_seed_alone_and_the_file_on_nothing_else(ask, tmp_path):
    first, _ = ask(*WIDE, "--seed", "4")
    before = (tmp_path / "source.npz").read_bytes()
    second, _ = ask(*WIDE, "--seed", "4", "--force")
    assert (tmp_path / "source.npz").read_bytes() == before
    third, _ = ask(*WIDE, "--seed", "5", "--force")
    assert first["edges_available"] == second["edges_available"] != third["edges_available"]


def test_without_masks_the_file_says_how_to_draw_them(ask, tmp_path):
    ask(*WIDE, "--seed", "7", "--no-mask")
    file = read_embedding(tmp_path / "source.npz")
    assert file.masks == (None, None, None) or file.masks is None or not any(m is not None for m in file.masks)
    assert int(file.seed) == 7
    with np.load(tmp_path / "source.npz") as arrays:
        assert not [name for name in arrays.files if name.startswith("mask")]


def test_a_failure_says_what_is_missing_and_leaves_nothing(ask, tmp_path):
    document, status = ask(*NARROW)
    assert status == 1
    assert document["success"] is False
    assert document["missing"]
    assert {"layer", "copy", "output", "input", "tap"} == set(document["missing"][0])
    assert document["max_abs_error"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def test_a_failure_in_words(tmp_path, target, ask, capsys):
    document, _ = ask(*NARROW)
    files = ("--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / "source.npz"))
    assert main(["embed", *files, *NARROW]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("Failed: ")
    often = f"{1 - float(document['success_probability_lower']):.3g}"
    assert f"This happens to at most {often} of the masks; another --seed draws another one." in printed


def test_a_report_in_words_has_the_numbers_of_the_document(tmp_path, target, ask, capsys):
    document, _ = ask(*WIDE, out="other.npz")
    files = ("--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / "source.npz"))
    assert main(["embed", *files, *WIDE]) == 0
    printed = capsys.readouterr().out
    widths, copies = (" + ".join(map(str, document[name][:-1])) for name in ("widths", "copies_used"))
    assert printed.startswith(f"3-4-2 inside {widths} hidden neurons, found in ")
    assert f"  used     {document['edges_used']:,} weights in {copies} hidden neurons; inputs by " in printed
    available = f"{document['edges_available']:,} of them kept"
    assert f"  mask     {document['mask_entries']:,} entries drawn, {available}\n" in printed
    assert "equal in exact arithmetic on the whole box" in printed
    assert "source.npz" in printed


def test_points_are_read_from_a_file(ask, tmp_path):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).random((11, 3)))
    document, _ = ask(*WIDE, "--inputs", str(tmp_path / "points.npy"))
    assert document["check"]["points"] == 11
    np.savez(tmp_path / "points.npz", inputs=np.zeros((2, 3)), other=np.zeros(1))
    document, _ = ask(*WIDE, "--inputs", str(tmp_path / "points.npz"), "--force")
    assert document["check"]["points"] == 2


def test_unbounded_inputs_take_pairs(ask):
    document, status = ask(*WIDE, "--domain", "unbounded", "--activation", "gelu")
    assert status == 0
    assert document["inputs"]["domain"] == "unbounded"
    assert document["inputs"]["form"] == "pairs"
    assert document["check"]["exact"] is True


def test_the_approximate_form_has_to_be_asked_for_and_bounds_its_error(ask, refused):
    assert "approximate" in refused(*WIDE, "--activation", "tanh")
    document, status = ask(*WIDE, "--activation", "tanh", "--form", "approximate", "--domain=-1,1")
    assert status == 0
    assert 0 < document["max_abs_error"] <= document["error_bound"] < 1e-3
    assert document["check"]["exact"] is False


def test_a_box_of_its_own_is_taken_from_the_file(tmp_path, capsys):
    boxed = Target.from_arrays([[[1.0, 2.0]]], domain=[(-3, 1), (5, 5)])
    write_target(tmp_path / "boxed.npz", boxed)
    files = ("--target", str(tmp_path / "boxed.npz"), "--out", str(tmp_path / "source.npz"))
    assert main(["embed", *files, "--density", "1,1/2", "--delta", "0.01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"]["domain"] == [[-3, 1], [5, 5]]


def test_an_existing_file_is_kept(tmp_path, target, capsys):
    (tmp_path / "source.npz").write_text("mine")
    files = ("--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / "source.npz"))
    assert main(["embed", *files, *WIDE]) == 2
    assert "--out" in capsys.readouterr().err
    assert (tmp_path / "source.npz").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((*WIDE, "--method", "theorem-2.3"), "--method"),
        ((*WIDE, "--domain", "2,1"), "--domain"),
        ((*WIDE, "--domain", "0,1,2"), "--domain"),
        ((*WIDE, "--domain", "nan,1"), "--domain"),
        ((*WIDE, "--seed", "-1"), "--seed"),
        ((*WIDE, "--seed", str(2**128)), "seed"),
        ((*WIDE, "--activation", "cosine"), "activation"),
        ((*WIDE, "--form", "sideways"), "--form"),
        ((*WIDE, "--layer0", "upside"), "--layer0"),
        ((*WIDE, "--inputs", "absent.npy"), "--inputs"),
        (("--sparsity", "0.5", "--delta", "0.05", "--method", "printed"), "layer 0 is masked"),
        (("--sparsity", "0.5", "--delta", "2"), "--delta"),
        (("--sparsity", "1", "--delta", "0.1"), "--sparsity"),
        (
            (
                "--sparsity",
                "0.5",
            ),
            "--delta",
        ),
    ],
)
def test_bad_input_is_one_line(refused, words, part):
    assert part in refused(*words)


def test_bad_files_are_one_line(refused, tmp_path):
    assert "--target" in refused(*WIDE, given="absent.npz")
    assert "--out" in refused(*WIDE, out="source.txt")
    assert "--out" in refused(*WIDE, out="nowhere/source.npz")


def test_widths_alone_get_weights_of_the_seed(tmp_path, capsys):
    words = ["embed", "--target", "3-4-2", "--out", str(tmp_path / "a.npz"), *WIDE, "--seed", "5"]
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["inputs"]["weights"] == "drawn"
    assert err.rpartition("\r")[2] == "3-4-2 has no weights; they are drawn by seed 5\n"
    drawn = ertheory.sample("3-4-2", seed=5)
    assert check_file(tmp_path / "a.npz", network_of(drawn)).exact
    assert not check_file(tmp_path / "a.npz", network_of(ertheory.sample("3-4-2", seed=6))).passed


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((0, 3)), np.full((2, 3), 5.0), np.array(["a"])])
def test_bad_points_are_one_line(tmp_path, target, capsys, points):
    np.save(tmp_path / "points.npy", points)
    files = ("--target", str(tmp_path / "net.npz"), "--out", str(tmp_path / "source.npz"))
    assert main(["embed", *files, *WIDE, "--inputs", str(tmp_path / "points.npy")]) == 2
    assert "--inputs" in capsys.readouterr().err
    assert not (tmp_path / "source.npz").exists()


def test_a_file_that_fails_its_check_is_not_kept(ask, tmp_path, monkeypatch):
    from ertheory.builders import files as written

    honest = written._texts
    monkeypatch.setattr(written, "_texts", lambda embedding: {**honest(embedding), "activation": "identity"})
    document, status = ask(*WIDE, "--domain=-1,1")
    assert status == 1
    assert document["success"] is False
    assert [path.name for path in Path(tmp_path).iterdir()] == ["net.npz"]
