"""The whole check: masks, proof, and errors measured next to their bound."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from ertheory.check import check_embedding, check_file, off_mask
from ertheory.errors import InvalidInput
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool
from ertheory.networks.target import Target

RELU = Activation("relu")
DENSE = Affine.from_dense
TARGET = Target.from_arrays([[[2.0, -0.3], [0.0, 0.7]], [[3.0, 0.1]]], [[0.1, -0.2], [0.5]], domain=[[0, 1], [0, 2]])


def source(changed: float = 0.1) -> Network:
    steps = (
        DENSE(np.eye(2)),
        RELU,
        DENSE([[2.0, -0.3], [0.0, 0.7]], [0.1, -0.2]),
        RELU,
        DENSE([[3.0, changed]], [0.5]),
    )
    return Network(steps, TARGET.domain)


class Drawn:
    """A mask that is never written out."""

    shape = (2, 2)

    def contains(self, rows: Any, columns: Any) -> Any:
        return rows <= columns


def test_a_right_source_passes() -> None:
    checked = check_embedding(TARGET, source(), [np.eye(2), Drawn(), csr_array(np.ones((1, 2)))])
    assert checked.passed
    assert checked.on_mask
    assert checked.exact
    assert checked.difference_bound == 0
    assert checked.float_bound is not None
    assert 0 < checked.float_bound < 1e-13
    assert checked.max_abs_error <= checked.float_bound
    assert checked.points == 64 + 4  # and the corners
    document = json.loads(json.dumps(checked.to_dict(), allow_nan=False))
    assert document["passed"] is True
    assert document["off_mask"] == []
    assert set(document) == {field.name for field in dataclasses.fields(checked)} | {"passed"}


def test_without_masks_nothing_is_said_about_them() -> None:
    checked = check_embedding(TARGET, source())
    assert checked.on_mask is None
    assert checked.passed


def test_a_wrong_source_fails_with_the_measured_error() -> None:
    checked = check_embedding(TARGET, source(0.2), points=[[0.0, 0.0], [0.0, 1.0]])
    assert not checked.passed
    assert not checked.equal
    assert "output 0" in str(checked.differs)
    assert checked.float_bound is None
    assert checked.difference_bound is None
    assert checked.points == 2
    assert math.isclose(checked.max_abs_error, 0.1 * 0.5)  # the second neuron is 0.7 - 0.2 at x_2 = 1
    assert math.isclose(checked.max_rel_error, 0.05 / 0.8)  # the target is 0.8 at 0 and 0.55 at the other point
    assert json.dumps(checked.to_dict(), allow_nan=False)


def test_weights_off_the_mask_are_named() -> None:
    masks = [np.eye(2), [[1, 0], [1, 1]], coo_array(([1.0], ([0], [1])), shape=(1, 2))]
    checked = check_embedding(TARGET, source(), masks)
    assert checked.on_mask is False
    assert checked.off_mask == ((1, 0, 1), (2, 0, 0))
    assert checked.equal
    assert not checked.passed
    assert off_mask(source(), [np.eye(2), Drawn(), np.ones((1, 2))]) == ()
    assert off_mask(source(), [np.zeros((2, 2)), Drawn(), np.ones((1, 2))]) == ((0, 0, 0), (0, 1, 1))
    # An entry that is stored as 0 keeps nothing.
    stored = csr_array((np.array([1.0, 0.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    assert off_mask(source(), [np.eye(2), Drawn(), stored]) == ((2, 0, 1),)


def test_only_the_first_few_are_named() -> None:
    network = Network((DENSE(np.ones((8, 8))),))
    assert off_mask(network, [np.zeros((8, 8))]) == tuple((0, place // 8, place % 8) for place in range(10))


def test_masks_of_filters_may_have_their_axes() -> None:
    mask = np.ones((2, 1, 3))
    mask[1, 0, 2] = 0
    network = Network((DENSE(np.ones((2, 1, 3))),))
    assert off_mask(network, [mask]) == off_mask(network, [mask.reshape(2, 3)]) == ((0, 1, 2),)


@pytest.mark.parametrize(
    "masks",
    [[np.eye(2)], [np.eye(2), Drawn(), np.ones((2, 1))], [np.eye(2), Drawn(), csr_array((2, 2))], [Drawn()] * 3],
)
def test_other_masks_are_refused(masks: Any) -> None:
    with pytest.raises(InvalidInput, match="masks"):
        check_embedding(TARGET, source(), masks)


def test_points_are_those_of_the_seed() -> None:
    first, second, third = (check_embedding(TARGET, source(0.2), seed=seed).max_abs_error for seed in (1, 1, 2))
    assert first == second
    assert first == third  # a corner, where it is largest
    free = Network(source(0.2).steps)
    errors = {
        check_embedding(Target.from_arrays(TARGET.weights, TARGET.biases), free, seed=seed).max_abs_error
        for seed in (1, 1, 2)
    }
    assert len(errors) == 2
    with pytest.raises(InvalidInput, match="seed"):
        check_embedding(TARGET, source(), seed=-1)


def test_points_outside_of_the_box_are_refused() -> None:
    with pytest.raises(InvalidInput, match="points of the box"):
        check_embedding(TARGET, source(), points=[[0.5, 2.5]])
    with pytest.raises(InvalidInput, match="points"):
        check_embedding(TARGET, source(), points=np.empty((0, 2)))
    with pytest.raises(InvalidInput, match="points"):
        check_embedding(TARGET, source(), points=[[0.5]])


def test_an_unbounded_source_has_no_floating_point_bound() -> None:
    target = Network((DENSE([[2.0]]), Activation("silu"), DENSE([[1.0]])))
    pair = (DENSE([[1.0], [-1.0]]), Activation("silu"), DENSE([[2.0, -2.0]]), *target.steps[1:])
    checked = check_embedding(target, Network(pair))
    assert checked.passed
    assert checked.exact
    assert checked.float_bound is None
    assert checked.points == 64


def test_the_bound_counts_what_an_approximate_layer_0_leaves_out() -> None:
    tanh = Activation("tanh")
    target = Network((DENSE([[2.0]]), tanh, DENSE([[1.0]])), np.array([[-1.0, 1.0]]))
    checked = check_embedding(target, Network((DENSE([[0.125]]), tanh, DENSE([[16.0]]), *target.steps[1:])))
    assert checked.passed
    assert checked.float_bound is not None
    assert checked.difference_bound is not None
    assert 1e-4 < checked.max_abs_error < checked.difference_bound < checked.float_bound


def test_an_activation_comes_from_the_source() -> None:
    silu = Activation("silu")
    steps = [silu if step == RELU else step for step in source().steps]
    steps[0], steps[2] = (
        DENSE(np.vstack([np.eye(2), -np.eye(2)])),
        DENSE([[2.0, -0.3, -2.0, 0.3], [0, 0.7, 0, -0.7]], [0.1, -0.2]),
    )
    assert check_embedding(TARGET, Network(tuple(steps), TARGET.domain)).exact


def test_positions_need_points() -> None:
    conv = DENSE(np.ones((1, 1, 3)))
    for steps in ((conv,), (Flatten(), DENSE([[1.0]])), (Pool("max"), DENSE([[1.0]]))):
        network = Network(steps, np.array([[0.0, 1.0]]))
        with pytest.raises(InvalidInput, match="points"):
            check_embedding(network, network)
        assert check_embedding(
            network, network, points=np.full((2, 1, 3) if steps[0] != Flatten() else (2, 1), 0.5)
        ).exact
    one = Network((conv,), np.array([[0.0, 1.0]]))
    with pytest.raises(InvalidInput, match="box"):
        check_embedding(one, one, points=np.full((1, 1, 5), 2.0))


def test_outputs_of_another_shape_are_refused() -> None:
    target = Network((DENSE([[1.0]]),))
    with pytest.raises(InvalidInput, match="outputs"):
        check_embedding(target, Network((DENSE([[1.0], [1.0]]),)))


def test_progress_is_told() -> None:
    seen: list[int] = []
    check_embedding(TARGET, source(), progress=seen.append)
    assert seen == [68]


def test_a_target_of_zeros_has_no_relative_error() -> None:
    zero = Network((DENSE([[0.0]]),), np.array([[0.0, 1.0]]))
    checked = check_embedding(zero, zero)
    assert checked.max_rel_error == 0
    other = check_embedding(zero, Network((DENSE([[0.0]], [1.0]),), zero.domain))
    assert other.max_rel_error == math.inf
    assert other.to_dict()["max_rel_error"] is None


def test_a_measured_error_above_its_bound_fails() -> None:
    checked = check_embedding(TARGET, source())
    assert checked.float_bound is not None
    assert not dataclasses.replace(checked, max_abs_error=2 * checked.float_bound).passed
    assert not dataclasses.replace(checked, max_abs_error=math.nan).passed


def test_a_file_is_checked_as_it_is(tmp_path: Any) -> None:
    arrays: dict[str, Any] = {"activation": "relu", "domain": TARGET.domain}
    for layer, step in enumerate(source().affine):
        weight = step.weight
        arrays |= {
            f"W{layer}_data": weight.data,
            f"W{layer}_indices": weight.indices,
            f"W{layer}_indptr": weight.indptr,
        }
        arrays |= {f"W{layer}_shape": np.array(weight.shape), f"b{layer}": step.bias}
        arrays |= {f"mask{layer}_indices": weight.indices, f"mask{layer}_indptr": weight.indptr}
    np.savez(tmp_path / "a.npz", **arrays)
    checked = check_file(tmp_path / "a.npz", TARGET, points=[[0.5, 0.5]])
    assert checked.passed
    assert checked.on_mask
    assert checked.points == 1
    arrays["mask1_indptr"] = np.array([0, 1, 1])
    arrays["mask1_indices"] = np.array([0])
    np.savez(tmp_path / "b.npz", **arrays)
    assert check_file(tmp_path / "b.npz", TARGET).off_mask == ((1, 0, 1), (1, 1, 1))
    assert check_file(tmp_path / "b.npz", TARGET, [np.eye(2), Drawn(), np.ones((1, 2))]).passed
    for key in ("mask1_indptr", "mask1_indices"):
        del arrays[key]
    np.savez(tmp_path / "c.npz", **arrays)
    assert check_file(tmp_path / "c.npz", TARGET).on_mask is None
    arrays["b2"] = np.array([0.75])
    np.savez(tmp_path / "d.npz", **arrays)
    assert not check_file(tmp_path / "d.npz", TARGET).passed
