"""Networks with skips, convolutions and norms as pairs of masked maps: built, checked by itself, written and read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ertheory import embed, width
from ertheory.builders.factored.networks import embed_network
from ertheory.check import check_embedding, evaluate, read_embedding
from ertheory.check.paired import prove_paired
from ertheory.cli import main
from ertheory.commands import BuiltNetwork
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, affine_steps

pytest.importorskip("torch")


def draw(*shape: int, **geometry: Any) -> Affine:
    rng = np.random.default_rng(sum(shape))
    return Affine.from_dense(rng.normal(size=shape), rng.normal(size=shape[0]), **geometry)


def network() -> Network:
    """Every kind of step: groups, strides, a projection and an identity as skips, a norm, pools, two activations."""
    norm = Affine.from_dense(np.diag([2.0, 3.0, 0.5, 1.0, 4.0, 1.5])[:, :, None, None], np.arange(6.0))
    return Network(
        (
            draw(6, 2, 3, 3, padding=(1, 1)),
            Activation("relu"),
            Residual(
                (draw(6, 3, 3, 3, groups=2, padding=(1, 1), stride=(2, 2)), Activation("relu"), draw(6, 6, 1, 1)),
                (draw(6, 6, 1, 1, stride=(2, 2)),),
            ),
            norm,
            Activation("tanh"),
            Residual((draw(6, 6, 3, 3, padding=(1, 1)),)),
            Pool("max", (2, 2)),
            Flatten(),
            draw(5, 24),
            Activation("relu"),
            draw(3, 5),
        ),
        np.array([[0.0, 1.0], [-1.0, 1.0]]),
    )


POINTS = np.random.default_rng(8).random((4, 2, 8, 8))


def test_every_map_becomes_two_and_the_checker_proves_it() -> None:
    target = network()
    built = embed_network(target, density="1/2", failure_probability="0.01", seed=2)
    assert list(built.left_dense.values()) == ["a norm, which scales channels one by one"]
    assert len(built.source.affine) == 2 * len(target.affine) - 1
    checked = check_embedding(target, built.source, built.masks, points=POINTS)
    assert (checked.passed, checked.on_mask, checked.exact) == (True, True, False)
    assert checked.difference_bound is not None
    assert checked.max_abs_error < 1e-11
    difference = np.abs(evaluate(target, POINTS) - evaluate(built.source, POINTS)).max()
    assert difference <= checked.difference_bound < 1e-5
    masks = [np.asarray(mask.toarray()) for mask in built.masks]
    for step, mask in zip(built.source.affine, masks, strict=True):
        assert not step.weight.toarray()[~mask].any()
    assert built.edges_available == sum(int(mask.sum()) for mask in masks)


def changed(steps: tuple[Any, ...], place: int, how: Any) -> tuple[Any, ...]:
    """Change the affine step of this number."""
    found: list[Any] = []
    for step in steps:
        if isinstance(step, Residual):
            inside = len(list(affine_steps(step.branch))), len(list(affine_steps(step.skip)))
            branch = changed(step.branch, place, how) if 0 <= place < inside[0] else step.branch
            skip = changed(step.skip, place - inside[0], how) if inside[0] <= place < sum(inside) else step.skip
            found.append(Residual(branch, skip))
            place -= sum(inside)
        elif isinstance(step, Affine):
            found.append(how(step) if place == 0 else step)
            place -= 1
        else:
            found.append(step)
    return tuple(found)


def scaled(step: Affine) -> Affine:
    return replace(step, weight=step.weight * (1 + 1e-6))


def moved(step: Affine) -> Affine:
    return replace(step, bias=step.bias + 1e-9)


@pytest.mark.parametrize("place", range(14))
def test_a_step_that_is_not_the_targets_is_named(place: int) -> None:
    target = network()
    built = embed_network(target, density="1/2", failure_probability="0.01", seed=2)
    assert len(built.source.affine) == 15
    for how in (scaled, moved):
        wrong = Network(changed(built.source.steps, place, how), target.domain)
        checked = check_embedding(target, wrong, built.masks, points=POINTS)
        assert not checked.passed
        assert checked.differs is not None
    other = Network((*built.source.steps[:-1], moved(built.source.affine[-1])), target.domain)
    assert "source layer 14" in str(check_embedding(target, other, points=POINTS).differs)


def test_a_bound_is_not_0_where_products_underflow() -> None:
    whole, halves = draw(2, 2), (draw(3, 2), draw(2, 3))
    small = [replace(one, weight=one.weight * 1e-160, bias=one.bias * 0) for one in (whole, *halves)]
    target = Network((replace(whole, weight=whole.weight * 0, bias=whole.bias * 0),), np.array([[0.0, 1e-9]] * 2))
    found = prove_paired(target, Network((small[1], small[2]), target.domain), target.domain)
    assert found.bound is None or found.bound > 0
    assert not found.exact


def test_the_command_writes_a_file_that_the_checker_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, points = network(), tmp_path / "points.npy"
    np.save(points, POINTS)
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"source{suffix}"
        done: list[int] = []
        options: dict[str, Any] = {"inputs": points, "seed": 2, "out": path, "progress": done.append}
        built = embed(target, sparsity=0.5, delta="0.01", method="factored", **options)
        assert isinstance(built, BuiltNetwork)
        assert done == [sum(math.prod(mask.shape) for mask in one.masks) for one in built.embedding.maps]
        assert built.passed
        found = read_embedding(path)
        np.testing.assert_array_equal(evaluate(found.network, POINTS), evaluate(built.embedding.source, POINTS))
        assert all(mask is not None for mask in found.masks)
        assert "0: dual, N = " in built.explain()
    fields = json.loads(json.dumps(built.to_dict()))
    assert {"success", "missing", "max_abs_error", "max_rel_error", "edges_used", "edges_available", "widths",
            "seconds", "edges_ratio", "universal", "certificates"} <= set(fields)  # fmt: skip
    assert fields["densities"] == ["0.5"] * 14


def test_a_program_goes_through_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(3, 4), torch.nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.first(x))
            return x + self.second(x)

    path, out = str(tmp_path / "model.pt2"), str(tmp_path / "source.npz")
    torch.export.save(torch.export.export(Block().double(), (torch.zeros(2, 3, dtype=torch.float64),)), path)
    words = ["embed", "--target", path, "--sparsity", "0.5", "--delta", "0.01", "--method", "factored", "--out", out]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "these masks hold every network of these shapes" in text
    assert "every weight lies on the mask" in text
    assert main([*words, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["success"] is True
    capsys.readouterr()
    hard = [*words[:3], "--sparsity", "0.7", "--delta", "0.99", *words[7:9], "--json"]
    for failed in range(8):  # each fails with a probability near 0.99
        here = tmp_path / f"{failed}.npz"
        status, text = main([*hard, "--seed", str(failed), "--out", str(here)]), capsys.readouterr().out
        if status == 1:
            break
    document = json.loads(text)
    assert (document["success"], document["seed"], document["edges_used"]) == (False, failed, None)
    assert document["missing"]
    for one in document["missing"]:
        assert set(one) == {"map", "end", "number"}
    assert document["inputs"]["sparsity"] == ["0.7"]
    assert not here.exists()
    assert main([*(word for word in hard if word != "--json"), "--seed", str(failed), "--out", str(here)]) == 1
    text = capsys.readouterr().out
    assert text.startswith("Failed: ")
    assert "This happens to at most a share delta of the masks; another --seed draws another one." in text
    assert not here.exists()
    words[words.index("factored")] = "exact"
    assert main([*words, "--force"]) == 2
    assert "a chain of layers" in capsys.readouterr().err


REFUSED = {
    "points": ({}, "inputs"),
    "several densities": ({"inputs": POINTS, "sparsity": ["1/2", "1/2"]}, "density"),
    "an activation": ({"inputs": POINTS, "activation": "gelu"}, "activation"),
    "layer 0": ({"inputs": POINTS, "layer0": "dense"}, "layer0"),
    "no box": ({"inputs": POINTS, "domain": "unbounded"}, "domain"),
    "no masks": ({"inputs": POINTS, "no_mask": True}, "no_mask"),
    "points outside": ({"inputs": POINTS - 5}, "inputs"),
    "other positions": ({"inputs": POINTS[:, :, :4]}, "inputs|points"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_for_chains_alone_is_refused(case: str) -> None:
    options, named = REFUSED[case]
    with pytest.raises(InvalidInput, match=rf"^({named})"):
        embed(network(), **{"sparsity": 0.5, "delta": "0.01", "method": "factored", **options})


def test_other_methods_are_refused() -> None:
    with pytest.raises(InvalidInput, match="chain of layers"):
        embed(network(), sparsity=0.5, delta="0.01", inputs=POINTS)


def relus(steps: tuple[Any, ...]) -> int:
    inside = [(*step.branch, *step.skip) for step in steps if isinstance(step, Residual)]
    return sum(step == Activation("relu") for step in steps) + sum(map(relus, inside))


def test_inner_relu_is_lifted_or_positive_and_proved(tmp_path: Path) -> None:
    target, path = network(), tmp_path / "source.npz"
    built = embed(target, sparsity=0.5, delta="0.01", method="factored", inner="relu", inputs=POINTS, seed=2, out=path)
    assert isinstance(built, BuiltNetwork)
    assert built.passed
    source, pairs = built.embedding.source, len(built.embedding.maps)
    assert relus(source.steps) == relus(target.steps) + pairs  # one for every pair, that of the skip among them
    skip = next(step for step in source.steps if isinstance(step, Residual)).skip
    assert [type(step) for step in skip] == [Affine, Activation, Affine]
    assert (skip[0].weight.data > 0).all()  # it reads what a ReLU gives
    lifted = [bool(step.bias.any()) for step in source.affine]
    schemes = {one.name: one.scheme for one in built.embedding.maps}
    assert schemes["2.branch.0"] == "primal"  # it reads what a ReLU gives, so its first map is positive, and not lifted
    assert lifted[0]
    assert not lifted[2]
    assert (source.affine[2].weight.data > 0).all()
    assert source.affine[3].padding == (1, 1)  # form (b): the taps are in the second map
    found = read_embedding(path)
    np.testing.assert_array_equal(evaluate(found.network, POINTS), evaluate(source, POINTS))
    assert built.to_dict()["inner"] == "relu"


@pytest.mark.parametrize("place", range(15))
def test_wrong_pairs_with_inner_relu_are_refused(place: int) -> None:
    target = network()
    built = embed_network(target, density="1/2", failure_probability="0.01", seed=2, inner="relu")
    assert check_embedding(target, built.source, built.masks, points=POINTS).passed
    for how in (scaled, lambda step: replace(step, bias=step.bias - 1e-3)):
        wrong = Network(changed(built.source.steps, place, how), target.domain)
        assert not check_embedding(target, wrong, built.masks, points=POINTS).passed


def test_a_lift_in_front_of_a_padding_is_refused() -> None:
    first, second = draw(3, 2, 1, 1), draw(2, 3, 3, 3, padding=(1, 1))
    shift = np.full(3, 50.0)
    taken = (second.weight.toarray().reshape(2, 3, 9).sum(axis=2) * shift).sum(axis=1)
    whole = np.einsum("ojt,ji->oit", second.weight.toarray().reshape(2, 3, 9), first.weight.toarray())
    target = Network(
        (Affine.from_dense(whole.reshape(2, 2, 3, 3), second.bias, padding=(1, 1)),), np.array([[-1.0, 1.0]] * 2)
    )
    lifted = replace(first, bias=shift), Activation("relu"), replace(second, bias=second.bias - taken)
    points = np.random.default_rng(1).uniform(-1, 1, (3, 2, 6, 6))
    assert "in front of a padding" in str(
        check_embedding(target, Network(lifted, target.domain), points=points).differs
    )
    plain = replace(first, bias=first.bias * 0), Activation("identity"), second
    assert check_embedding(target, Network(plain, target.domain), points=points).passed


def test_inner_relu_of_too_large_boxes_is_refused_with_a_way_out() -> None:
    large = Network(
        tuple(
            replace(step, weight=step.weight * 1e4) if isinstance(step, Affine) else step for step in network().steps
        ),
        network().domain,
    )
    with pytest.raises(TheoremNotApplicable, match="use inner identity"):
        embed(large, sparsity=0.5, delta="0.01", method="factored", inner="relu", inputs=POINTS)
    with pytest.raises(TheoremNotApplicable, match="no positive first factor"):
        embed(network(), sparsity=0.5, delta="0.01", method="factored", inner="relu-positive", inputs=POINTS)


def test_a_mask_that_lacks_a_matching_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    failures = []
    for seed in range(8):
        try:
            embed(network(), sparsity=0.7, delta="0.99", method="factored", inputs=POINTS, seed=seed)
        except ConstructionFailed as error:
            failures.append(error)
    assert failures  # they fail with a probability near 0.99
    assert all(error.missing and "no matching for" in str(error) for error in failures)


# ---- three factors


def chain(*widths: int) -> Network:
    steps: list[Any] = []
    for inputs, outputs in pairwise(widths):
        steps += [draw(outputs, inputs), Activation("gelu")]
    return Network(tuple(steps[:-1]), np.array([[-1.0, 2.0]] * widths[0]))


@pytest.mark.parametrize("density", ["1/2", "1/20", "1"])
def test_three_factors_of_a_chain(density: str, tmp_path: Path) -> None:
    target = chain(6, 5, 3)
    path = tmp_path / "deep.npz"
    built = embed(target, density=density, delta="0.01", method="factored", factors=3, seed=4, out=path)
    assert isinstance(built, BuiltNetwork)
    assert (built.passed, built.check.on_mask) == (True, True)
    asked = width("6-5-3", density=density, delta="0.01", method="factored", factors=3, inner="identity")
    assert built.embedding.widths == asked.widths
    assert built.embedding.success_lower == asked.success_lower
    found = read_embedding(path)
    points = np.random.default_rng(3).uniform(-1, 2, size=(20, 6))
    np.testing.assert_allclose(evaluate(found.network, points), evaluate(target, points), rtol=1e-9, atol=1e-9)
    names = [step.name for step in found.network.steps if isinstance(step, Activation)]
    assert names == ["identity", "identity", "gelu", "identity", "identity"]
    wrong = Network(changed(built.embedding.source.steps, 1, scaled), target.domain)
    assert "source layer 2" in str(check_embedding(target, wrong).differs)


def test_colourings_hold_every_map_and_paths_were_followed_for_this_one() -> None:
    found = {}
    for density in ("1/2", "1/20", "1/100"):
        built = embed(chain(6, 5), density=density, delta="0.01", method="factored", factors=3)
        assert isinstance(built, BuiltNetwork)
        for one in built.embedding.maps:
            found[one.scheme] = one.universal
            assert (one.error_bound == 0) == (one.scheme == "colouring")
    assert found.pop("colouring", True) is True
    assert found
    assert set(found.values()) == {None}


def test_three_factors_in_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "deep.safetensors")
    words = ["embed", "--target", "6-5-3", "--sparsity", "0.5", "--delta", "0.01", "--method", "factored", "--out", out]
    assert main([*words, "--factors", "3"]) == 0
    text = capsys.readouterr()
    assert "as triples of masked ones" in text.out
    assert "have no weights" in text.err or "has no weights" in text.err
    assert main([*words, "--factors", "3", "--force", "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields["success"], fields["inputs"]["factors"], fields["inputs"]["weights"]) == (True, 3, "drawn")
    for more, message in (
        (["--factors", "4"], "factors: expected 2 or 3, got 4"),
        (["--factors", "3", "--split", "worst"], "split: expected one of equal, best"),
        (["--factors", "3", "--outer", "random"], "outer: expected two `factors`"),
        (["--factors", "3", "--inner", "relu"], "three factors are built with inner identity"),
        (["--factors", "3", "--no-mask"], "no-mask: expected two factors"),
        (["--factors", "3", "--method", "exact"], "factors: expected the `method` factored"),
    ):
        assert main([*words, "--force", *more]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert message.replace("`", "").split(":")[0] in error.replace("-", "-")
        assert len(error) <= 400
    with pytest.raises(InvalidInput, match="factors: expected 2 for a network that is no chain"):
        embed(network(), density="1/2", delta="0.01", method="factored", factors=3, inputs=POINTS)
