"""The proof: it finds sources that are right, by every way through layer 0, and refuses any that is changed."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from ertheory.check import evaluate, evaluate_exact, prove
from ertheory.check.forms import Forms, add_up, identity, through
from ertheory.check.layer0 import expand
from ertheory.check.numbering import number
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual

RELU = Activation("relu")


def layer(weight: Any, bias: Any = None, **geometry: Any) -> Affine:
    """Make an affine step whose biases may be fractions that are no doubles."""
    dense = Affine.from_dense(weight, **geometry)
    if bias is None:
        return dense
    exact = tuple(Fraction(value) for value in bias)
    near = np.array([float(value) for value in exact])
    return Affine(
        weight=dense.weight, bias=near, bias_exact=exact, inputs=dense.inputs, kernel=dense.kernel, stride=dense.stride,
        padding=dense.padding, dilation=dense.dilation, groups=dense.groups,
    )  # fmt: skip


def rounded(network: Network) -> Network:
    """Forget the exact biases, as a file does."""

    def forget(step: Any) -> Any:
        if isinstance(step, Residual):
            return Residual(tuple(map(forget, step.branch)), tuple(map(forget, step.skip)))
        if not isinstance(step, Affine):
            return step
        names = ("weight", "bias", "inputs", "kernel", "stride", "padding", "dilation", "groups")
        return Affine(**{name: getattr(step, name) for name in names})

    return Network(tuple(map(forget, network.steps)), network.domain)


def repeated(weight: np.ndarray, copies: int, rng: np.random.Generator, *, last: bool = False) -> np.ndarray:
    """Copy each output so many times; each copy reads any one copy of each input. All copies are read by someone."""
    rows = weight if last else np.repeat(weight, copies, axis=0)
    wide = np.zeros((rows.shape[0], rows.shape[1] * copies, *rows.shape[2:]))
    for place in np.ndindex(*rows.shape):
        row, channel, *tap = place
        chosen = row % copies if row < copies else rng.integers(copies)
        wide[(row, channel * copies + chosen, *tap)] = rows[place]
    return wide


def shifted(target: Network, *, copies: int = 2, seed: int = 0) -> Network:
    """Make a source for a chain with two layers by shifting the box into the piece where relu is the identity."""
    rng = np.random.default_rng(seed)
    first, _, second = target.steps
    assert isinstance(first, Affine)
    assert isinstance(second, Affine)
    assert target.domain is not None
    shift = np.repeat(np.maximum(-target.domain[:, 0], 0.0), copies)
    eye = np.repeat(np.eye(first.inputs), copies, axis=0)
    weight = repeated(first.weight.toarray(), copies, rng)
    bias = [
        first.exact_bias[row // copies]
        - sum(Fraction(w) * Fraction(c) for w, c in zip(line, shift.tolist(), strict=True))
        for row, line in enumerate(weight.tolist())
    ]
    last = repeated(second.weight.toarray(), copies, rng, last=True)
    steps = (layer(eye, shift), RELU, layer(weight, bias), RELU, layer(last, second.exact_bias))
    return Network(steps, target.domain)


def paired(target: Network, *, copies: int = 2, seed: int = 0) -> Network:
    """Make a source for a chain with two layers from pairs phi(x), phi(-x)."""
    rng = np.random.default_rng(seed)
    first, function, second = target.steps
    assert isinstance(first, Affine)
    assert isinstance(second, Affine)
    eye = np.repeat(np.eye(first.inputs), copies, axis=0)
    weight = repeated(first.weight.toarray(), copies, rng)
    both = layer(np.hstack([weight, -weight]), np.repeat(first.bias, copies))
    last = repeated(second.weight.toarray(), copies, rng, last=True)
    return Network((layer(np.vstack([eye, -eye])), function, both, function, layer(last, second.bias)), target.domain)


def chain(seed: int, widths: tuple[int, int, int] = (3, 4, 2), name: str = "relu", *, box: bool = True) -> Network:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((above, below)) for below, above in pairwise(widths)]
    steps = [Affine.from_dense(weight, rng.standard_normal(len(weight))) for weight in weights]
    domain = rng.uniform(0.5, 2, (widths[0], 2)) * [-1, 1] if box else None
    return Network((steps[0], Activation(name), steps[1]), domain)


def largest_difference(first: Network, second: Network, points: Any) -> Fraction:
    gaps = evaluate_exact(first, points) - evaluate_exact(second, points)
    return max(abs(gap) for gap in gaps.ravel().tolist())


@pytest.mark.parametrize("seed", range(5))
def test_a_shift_is_proved_exactly_and_its_rounded_biases_with_a_bound(seed: int) -> None:
    target = chain(seed)
    source = shifted(target, seed=seed)
    proof = prove(target, source)
    assert (proof.equal, proof.exact, proof.difference_bound, proof.differs) == (True, True, 0.0, None)
    near = prove(target, rounded(source))
    assert near.equal
    assert not near.exact
    assert near.difference_bound is not None
    assert target.domain is not None
    corners = [[Fraction(end) for end in corner] for corner in product(*target.domain.tolist())]
    measured = largest_difference(target, rounded(source), corners)
    assert 0 < measured <= Fraction(near.difference_bound) < Fraction(1, 10**12)


def test_a_shift_that_leaves_a_part_of_the_box_in_the_kink_is_refused() -> None:
    target = chain(0)
    source = shifted(target)
    assert target.domain is not None
    wider = Network(target.steps, target.domain - [[1e-9, 0]])
    assert prove(wider, Network(source.steps)).differs is not None
    assert not prove(wider, Network(source.steps)).equal
    assert not prove(Network(target.steps), Network(source.steps)).equal
    # The source says itself on which box it was made; that has to hold the box of the target.
    assert "leaves out" in str(prove(wider, source).differs)
    assert prove(Network(target.steps), source).exact


def test_the_end_of_the_box_decides_exactly() -> None:
    # 0.1 x - 0.3 >= 0 at x = 3 is true of these two doubles, 0.1 x - 0.1 * 3 as rounded is not.
    target = Network((Affine.from_dense([[0.1]]),), np.array([[3.0, 4.0]]))
    for bias in (0.3, float(np.nextafter(0.3, 1)), 0.1 * 3):
        source = Network((layer([[0.1]], [-bias]), RELU, layer([[1.0]], [bias])))
        assert prove(target, source).exact == (Fraction(0.1) * 3 >= Fraction(bias))
    assert Fraction(0.1) * 3 >= Fraction(0.3)
    assert Fraction(0.1) * 3 < Fraction(0.1 * 3)


@pytest.mark.parametrize("name", ["relu", "silu", "gelu", "gelu_tanh", "softplus", "hardswish"])
@pytest.mark.parametrize("box", [True, False])
def test_pairs_are_proved_for_all_inputs(name: str, box: bool) -> None:
    target = chain(3, name=name, box=box)
    source = paired(target)
    assert prove(target, source).exact
    # A pair that does not cancel, and one with unequal arguments.
    first, function, both, *rest = source.steps
    assert isinstance(both, Affine)
    assert isinstance(first, Affine)
    broken = layer(np.hstack([both.weight.toarray()[:, :6], -2 * both.weight.toarray()[:, :6]]), both.bias)
    assert not prove(target, Network((first, function, broken, *rest), target.domain)).equal
    moved = layer(first.weight.toarray(), np.full(first.outputs, 0.25))
    assert not prove(Network(target.steps), Network((moved, function, both, *rest))).equal


def test_the_pair_of_a_leaky_relu_multiplies() -> None:
    # phi(x) - phi(-x) = 3/2 x.
    leaky = Activation("leaky_relu:0.5")
    target = Network((layer([[3.0], [-1.5]], [0.25, 0.5]), leaky, layer([[1.0, 0.1]])))
    both = layer([[2.0, -2.0], [-1.0, 1.0]], [0.25, 0.5])
    assert prove(target, Network((layer([[1.0], [-1.0]]), leaky, both, leaky, target.steps[2]))).exact
    relu = Network((layer([[1.0], [-1.0]]), RELU, both, leaky, target.steps[2]))
    assert not prove(target, relu).equal


@pytest.mark.parametrize("ends", [(0.5, 2.0), (-2.0, -0.5), (0.0, 1.0), (-1.0, 0.0), (-1.0, 1.0)])
def test_a_pair_on_a_box_where_one_of_the_two_is_affine(ends: tuple[float, float]) -> None:
    target = Network((layer([[0.3], [-0.7]], [0.25, 0.5]), RELU, layer([[1.0, 0.1]])), np.array([ends]))
    source = paired(target)
    assert prove(target, source).exact
    broken = replaced(source, 0, -source.affine[0].weight, [0] * source.affine[0].outputs)
    assert not prove(target, broken).equal


@pytest.mark.parametrize("name", ["elu", "mish", "tanh", "sigmoid"])
def test_without_a_pair_nothing_is_proved_for_all_inputs(name: str) -> None:
    target = chain(3, name=name, box=False)
    proof = prove(target, paired(target))
    assert not proof.equal
    assert "layer 0" in str(proof.differs)


def test_an_approximate_layer_0_is_bounded() -> None:
    # phi(x / 64) = tanh(x / 64), which is x / 64 up to (1 / 64)^3 / 3.
    target = chain(5, name="tanh")
    first, function, second = target.steps
    assert isinstance(first, Affine)
    source = Network(
        (layer(np.eye(3) / 64), function, layer(first.weight.toarray() * 64, first.bias), function, second),
        target.domain,
    )
    proof = prove(target, source)
    assert proof.equal
    assert not proof.exact
    assert target.domain is not None
    points = np.random.default_rng(0).uniform(*target.domain.T, (500, 3))
    measured = np.abs(evaluate(target, points) - evaluate(source, points)).max()
    assert proof.difference_bound is not None
    assert measured <= proof.difference_bound < 0.01


def test_other_slopes_and_offsets() -> None:
    # hardsigmoid(z) = z / 6 + 1/2 on [-3, 3]; softshrink:0.5(z) = z - 1/2 above 1/2.
    box = np.array([[-1.0, 1.0]])
    target = Network((layer([[3.0]], [0.25]), Activation("hardsigmoid"), layer([[2.0]])), box)
    steps = (layer([[2.0]]), target.steps[1], layer([[9.0]], [Fraction(1, 4) - Fraction(9, 2)]), *target.steps[1:])
    assert prove(target, Network(steps, box)).exact
    assert not prove(target, Network((layer([[4.0]]), *steps[1:]), box)).equal
    shrink = Activation("softshrink:0.5")
    target = Network((layer([[3.0]], [0.25]), shrink, layer([[2.0]])), box)
    steps = (layer([[1.0]], [1.5]), shrink, layer([[3.0]], [0.25 - 3.0]), *target.steps[1:])
    assert prove(target, Network(steps, box)).exact


def border(weight: Any, bias: float, *, tap_constants: bool) -> tuple[Network, Network]:
    """A filter with zero padding on inputs in [-1, 1], and a source with x + 1 in layer 0."""
    filters = np.array(weight)[None, None]
    target = Network((Affine.from_dense(filters, [bias], padding=(1, 1)),), np.array([[-1.0, 1.0]]))
    if tap_constants:  # a second channel of layer 0 that is 1 inside and 0 in the padding
        first = layer([[1.0], [0.0]], [1.0, 1.0])
        second = layer(np.concatenate([filters, -filters], axis=1), [bias], padding=(1, 1))
    else:
        first = layer([[1.0]], [1.0])
        total = sum(Fraction(value) for value in filters.ravel().tolist())
        second = layer(filters, [Fraction(bias) - total], padding=(1, 1))
    return target, Network((first, RELU, second), target.domain)


def test_a_shift_next_to_zero_padding_is_refused_and_off_by_what_the_border_lacks() -> None:
    # 7.9 stands in the corner of the filter, where it reads padding along two sides of the image.
    weight = [[7.9, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    target, naive = border(weight, 0.25, tap_constants=False)
    proof = prove(target, naive)
    assert not proof.equal
    assert proof.difference_bound is None
    assert "with 0.25 and not -8.15 as bias" in str(proof.differs)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 1, 5, 5))
    assert largest_difference(target, naive, image) == Fraction(7.9) + Fraction(0.5)
    gap = np.abs(evaluate(target, image) - evaluate(naive, image))[0, 0]
    np.testing.assert_allclose(gap.max(), 8.4)
    np.testing.assert_allclose(gap[0, 1:4], 7.9)  # the upper border alone
    assert gap[1:, 1:4].max() < 1e-14  # inside nothing is wrong
    target, right = border(weight, 0.25, tap_constants=True)
    assert prove(target, right).exact
    assert largest_difference(target, right, image) == 0


def test_the_border_error_of_a_single_corner_is_exactly_7_9() -> None:
    target, naive = border([[7.9, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], 0.0, tap_constants=False)
    assert not prove(target, naive).equal
    assert largest_difference(target, naive, np.zeros((1, 1, 3, 3))) == Fraction(7.9)
    np.testing.assert_allclose(
        np.abs(evaluate(target, np.zeros((1, 1, 3, 3))) - evaluate(naive, np.zeros((1, 1, 3, 3)))).max(), 7.9
    )


def test_the_constant_of_a_tap_that_never_reads_padding_may_be_a_bias() -> None:
    weight = np.array([[0.5, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    target, source = border(weight, 0.0, tap_constants=True)
    corrections = -weight.copy()
    corrections[1, 1] = 0.0
    second = layer(np.stack([weight, corrections])[None], [-1.0], padding=(1, 1))
    assert prove(target, Network((*source.steps[:2], second), target.domain)).exact
    corrections[0, 0] = 0.0  # the same at a corner is wrong
    second = layer(np.stack([weight, corrections])[None], [-1.5], padding=(1, 1))
    assert not prove(target, Network((*source.steps[:2], second), target.domain)).equal


def test_a_convolution_without_padding_may_be_shifted() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((2, 1, 3, 3))
    target = Network((Affine.from_dense(weight),), np.array([[-1.0, 1.0]]))
    bias = [-sum(map(Fraction, rows.ravel().tolist())) for rows in weight]
    source = Network((layer([[1.0]], [1.0]), RELU, layer(weight, bias)), target.domain)
    assert prove(target, source).exact
    image = rng.uniform(-1, 1, (1, 1, 4, 4))
    assert largest_difference(target, source, image) == 0


def test_layer_0_of_a_convolution_may_read_the_centre_tap_alone() -> None:
    target = Network((Affine.from_dense([[[2.0, 3.0, 4.0]]], padding=(1,)),), np.array([[0.0, 1.0]]))
    for tap in range(3):
        weight = np.zeros((1, 1, 3))
        weight[0, 0, tap] = 1.0
        for padding in (0, 1):
            source = Network((layer(weight, padding=(padding,)), RELU, target.steps[0]), target.domain)
            assert prove(target, source).equal == (tap == 1 and padding == 1)
    strided = Network((layer([[[1.0]]], stride=(2,)), RELU, target.steps[0]), target.domain)
    assert "positions" in str(prove(target, strided).differs)


def residual_pair(seed: int, *, identity: bool) -> tuple[Network, Network]:
    """A target with groups, dilation, pools, a flatten and a residual block, and a source with pairs and two copies."""
    rng = np.random.default_rng(seed)
    copies = 2

    def conv(outputs: int, inputs: int, size: int = 3, **geometry: Any) -> Affine:
        weight = rng.standard_normal((outputs, inputs, size, size)) * (rng.random((outputs, inputs, size, size)) < 0.8)
        return Affine.from_dense(weight, rng.standard_normal(outputs), **geometry)

    stem = conv(4, 2, padding=(2, 2), dilation=(2, 2))
    inner = conv(6, 2, padding=(1, 1), groups=2)
    stride = {} if identity else {"stride": (2, 2)}
    outer = conv(4 if identity else 6, 6, padding=(1, 1), **stride)
    skip = () if identity else (conv(6, 4, 1, **stride),)
    channels = 4 if identity else 6
    dense = Affine.from_dense(rng.standard_normal((3, channels * 4)), rng.standard_normal(3))
    pool, mean = Pool("max", (3, 3), (1, 1), (1, 1)), Pool("average", (2, 2), (2, 2), (1, 1))

    def copied(step: Affine, factor: int = copies) -> Affine:
        shape = (step.outputs, step.inputs // step.groups, *step.kernel)
        weight = repeated(step.weight.toarray().reshape(shape), factor, rng)
        geometry = {name: getattr(step, name) for name in ("padding", "stride", "dilation", "groups")}
        return layer(weight, np.repeat(step.bias, factor), **geometry)

    def stream(step: Affine) -> Affine:
        return copied(step)

    eye = np.repeat(np.eye(2), copies, axis=0)
    first = copied(stem)
    weight = first.weight.toarray().reshape(first.outputs, -1, 3, 3)
    first = layer(np.concatenate([weight, -weight], axis=1), first.bias, padding=(2, 2), dilation=(2, 2))
    wide = np.zeros((3, channels * copies, 4))
    for row, channel, place in np.ndindex(3, channels, 4):
        wide[row, channel * copies + rng.integers(copies), place] = dense.weight.toarray()[row, channel * 4 + place]
    head = layer(wide.reshape(3, -1), dense.bias)
    target = (stem, RELU, pool, Residual((inner, RELU, outer), skip), RELU, mean, Flatten(), dense)
    block = Residual((stream(inner), RELU, stream(outer)), tuple(map(stream, skip)))
    source = (layer(np.vstack([eye, -eye])), RELU, first, RELU, pool, block, RELU, mean, Flatten(), head)
    return Network(target), Network(source)


@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_residual_blocks_groups_dilation_pools_and_flatten(identity: bool, seed: int) -> None:
    target, source = residual_pair(seed, identity=identity)
    assert prove(target, source).exact
    size = 2 if identity else 3
    points = np.random.default_rng(seed).standard_normal((2, 2, size, size))
    if evaluate(target, points).shape == (2, 3):
        np.testing.assert_allclose(evaluate(source, points), evaluate(target, points), atol=1e-12)


@pytest.mark.parametrize("identity", [True, False])
def test_any_changed_weight_of_a_residual_network_is_found(identity: bool) -> None:
    target, source = residual_pair(0, identity=identity)
    rng = np.random.default_rng(0)
    found = 0
    for place, step in enumerate(source.affine):
        for _ in range(6):
            data = step.weight.data.copy()
            data[rng.integers(len(data))] *= 1 + 1e-9
            weight = csr_array((data, step.weight.indices, step.weight.indptr), shape=step.weight.shape)
            changed = replaced(source, place, weight, step.bias)
            found += not prove(target, changed).equal
    # A copy that nobody reads may be anything, and some are not read here; most are.
    assert found > 0.8 * 6 * len(source.affine)


def replaced(network: Network, place: int, weight: Any, bias: Any) -> Network:
    """Give the affine step of that number another weight and bias."""
    counter = iter(range(len(network.affine)))

    def change(step: Any) -> Any:
        if isinstance(step, Residual):
            branch = tuple(map(change, step.branch))
            return Residual(branch, tuple(map(change, step.skip)))
        if not isinstance(step, Affine) or next(counter) != place:
            return step
        exact = tuple(map(Fraction, bias)) if step.bias_exact is not None else None
        names = ("inputs", "kernel", "stride", "padding", "dilation", "groups")
        geometry = {name: getattr(step, name) for name in names}
        near = np.array([float(value) for value in bias])
        return Affine(weight=weight, bias=near, bias_exact=exact, **geometry)

    return Network(tuple(map(change, network.steps)), network.domain)


@settings(max_examples=150)
@given(st.data())
def test_any_single_change_of_a_source_is_found(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 50))
    make = data.draw(st.sampled_from([shifted, paired]))
    target = chain(seed)
    source = make(target, seed=seed)
    assert prove(target, source).exact
    place = data.draw(st.integers(0, 2))
    step = source.affine[place]
    read = set(source.affine[place + 1].weight.indices.tolist()) if place < 2 else set(range(step.outputs))
    weight, bias = step.weight.toarray(), list(step.exact_bias)
    row = data.draw(st.sampled_from(sorted(read)))
    kind = data.draw(st.sampled_from(["weight", "bias", "removed", "moved", "added"]))
    columns = np.flatnonzero(weight[row])
    if kind == "bias":
        bias[row] += data.draw(st.sampled_from([Fraction(1, 2), Fraction(-1, 10**6), Fraction(1, 10**10)]))
    elif kind == "added":
        empty = np.flatnonzero(weight[row] == 0)
        weight[row, data.draw(st.sampled_from(empty.tolist()))] = data.draw(st.sampled_from([1.0, -1e-9]))
    else:
        column = data.draw(st.sampled_from(columns.tolist()))
        value = weight[row, column]
        weight[row, column] = 0.0
        if kind == "weight":
            weight[row, column] = value * data.draw(st.sampled_from([-1.0, 2.0, 1 + 1e-10]))
        if kind == "moved":  # to a copy of another unit
            other = data.draw(st.sampled_from([k for k in range(weight.shape[1]) if k // 2 != column // 2]))
            weight[row, other] += value
    changed = replaced(source, place, csr_array(weight), bias)
    proof = prove(target, changed)
    assert not proof.equal
    assert proof.differs
    assert not proof.exact


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 2), st.integers(0, 10**6))
def test_a_change_of_one_unit_in_the_last_place_is_never_exact(seed: int, place: int, pick: int) -> None:
    target = chain(seed % 1000)
    source = shifted(target, seed=seed)
    step = source.affine[place]
    read = set(source.affine[place + 1].weight.indices.tolist()) if place < 2 else set(range(step.outputs))
    rows = np.repeat(np.arange(step.outputs), np.diff(step.weight.indptr))
    places = [k for k, row in enumerate(rows.tolist()) if row in read]
    data = step.weight.data.copy()
    k = places[pick % len(places)]
    data[k] = np.nextafter(data[k], np.inf)
    weight = csr_array((data, step.weight.indices, step.weight.indptr), shape=step.weight.shape)
    proof = prove(target, replaced(source, place, weight, step.exact_bias))
    assert not proof.exact
    if proof.equal:
        assert proof.difference_bound is not None
        assert target.domain is not None
        corners = [[Fraction(end) for end in corner] for corner in product(*target.domain.tolist())]
        gap = largest_difference(target, replaced(source, place, weight, step.exact_bias), corners)
        assert gap <= Fraction(proof.difference_bound)


def test_a_weight_in_two_parts_is_added_exactly() -> None:
    target = Network((layer([[0.3]]), RELU, layer([[1.0]])), np.array([[0.0, 1.0]]))
    ones = layer([[1.0], [1.0], [1.0]])
    for parts, exact in (([0.25, 0.3 - 0.25, 0.0], True), ([0.1, 0.2, 0.0], False), ([1e300, 0.3, -1e300], True)):
        source = Network((ones, RELU, layer([parts]), RELU, layer([[1.0]])), target.domain)
        assert sum(map(Fraction, parts)) == Fraction(0.3) or not exact
        assert prove(target, source).exact == exact
        assert prove(target, source).equal


def test_equal_units_of_the_target_may_stand_for_each_other() -> None:
    target = Network((layer([[1.0], [1.0]], [0.5, 0.5]), RELU, layer([[0.1, 0.2]])), np.array([[0.0, 1.0]]))
    source = Network((layer([[1.0]]), RELU, layer([[1.0]], [0.5]), RELU, layer([[0.1 + 0.2]])), target.domain)
    assert prove(target, source).equal
    assert prove(target, source).exact == (Fraction(0.1) + Fraction(0.2) == Fraction(0.1 + 0.2))
    halves = Network((layer([[1.0], [1.0]]), RELU, layer([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5]), RELU, target.steps[2]))
    assert prove(Network(target.steps, np.array([[0.0, 1.0]])), halves).exact


def test_constants_of_the_target_may_be_folded() -> None:
    target = Network((layer([[0.0], [1.0]], [0.3, 0.0]), RELU, layer([[0.1, 2.0]], [1.0])), np.array([[0.0, 1.0]]))
    bias = 1 + Fraction(0.1) * Fraction(0.3)
    source = Network((layer([[1.0]]), RELU, layer([[1.0]]), RELU, layer([[2.0]], [bias])), target.domain)
    assert prove(target, source).exact
    near = prove(target, rounded(source))
    assert near.equal
    assert not near.exact
    wrong = Network((*source.steps[:-1], layer([[2.0]], [1.0])), target.domain)
    assert not prove(target, wrong).equal
    # silu(0.3) is no rational number: it has a name, which both sides share.
    silu = Activation("silu")
    target = Network((layer([[0.0], [1.0]], [0.3, 0.0]), silu, layer([[0.1, 2.0]], [1.0])))
    pair = (layer([[1.0], [-1.0]]), silu, layer([[0.0, 0.0], [1.0, -1.0]], [0.3, 0.0]), silu, target.steps[2])
    assert prove(target, Network(pair)).exact
    other = (*pair[:2], layer([[0.0, 0.0], [1.0, -1.0]], [0.4, 0.0]), *pair[3:])
    assert not prove(target, Network(other)).equal


def test_coded_inputs_are_bounded() -> None:
    rng = np.random.default_rng(0)
    target = chain(1, (6, 9, 2))
    first, _, second = target.steps
    assert isinstance(first, Affine)
    assert target.domain is not None
    code = rng.standard_normal((12, 6))
    shift = np.abs(code) @ np.abs(target.domain).max(axis=1) + 1
    weight = first.weight.toarray() @ np.linalg.pinv(code)
    source = Network(
        (layer(code, shift), RELU, layer(weight, first.bias - weight @ shift), RELU, second), target.domain
    )
    proof = prove(target, source)
    assert proof.equal
    assert not proof.exact
    corners = [[Fraction(end) for end in corner] for corner in product(*target.domain.tolist())]
    assert proof.difference_bound is not None
    assert 0 < largest_difference(target, source, corners) <= Fraction(proof.difference_bound) < Fraction(1, 10**9)


def test_many_coded_inputs_are_bounded_in_floating_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ertheory.check.forms._MOST_TERMS", 10)
    test_coded_inputs_are_bounded()
    target = chain(1)
    assert not prove(target, replaced(paired(target), 1, *swapped(paired(target)))).equal
    proof = prove(target, paired(target))
    assert proof.equal
    assert not proof.exact


def swapped(source: Network) -> tuple[Any, Any]:
    step = source.affine[1]
    weight = step.weight.toarray()
    weight[0] = weight[0][::-1]
    return csr_array(weight), step.exact_bias


def test_rows_are_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ertheory.check.forms._TERMS_AT_ONCE", 7)
    for seed in range(5):
        target = chain(seed)
        assert prove(target, shifted(target)).exact
        assert prove(target, paired(target)).exact
        assert not prove(target, replaced(paired(target), 1, *swapped(paired(target)))).equal


def test_the_same_steps_need_no_layer_0() -> None:
    target = chain(0)
    assert prove(target, target).exact
    assert not prove(target, Network((target.steps[0], target.steps[1], layer(np.ones((2, 4)))), target.domain)).equal


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda steps: (*steps[:3], Activation("silu"), steps[4]), "'silu'"),
        (lambda steps: (*steps[:3], *steps[4:]), "behind source layer 0"),
        (lambda steps: (*steps, RELU, layer(np.eye(2))), "steps"),
        (lambda steps: (Flatten(), *steps), "in front"),
        (lambda steps: (*steps[:4], layer(np.ones((1, 8)))), "outputs"),
        (lambda steps: (layer(np.ones((6, 4))), *steps[1:]), "inputs"),
        (lambda steps: (RELU, *steps), "layer 0"),
    ],
)
def test_other_forms_are_refused_in_words(change: Any, says: str) -> None:
    target = chain(0)
    steps = change(shifted(target).steps)
    proof = prove(target, Network(steps))
    assert not proof.equal
    assert says in str(proof.differs)


def test_other_geometry_is_refused() -> None:
    target = Network((Affine.from_dense(np.ones((1, 1, 3)), padding=(1,)),), np.array([[0.0, 1.0]]))
    for geometry in ({"padding": (0,)}, {"padding": (1,), "stride": (2,)}, {"padding": (1,), "dilation": (2,)}):
        source = Network((layer([[1.0]]), RELU, Affine.from_dense(np.ones((1, 1, 3)), **geometry)))
        assert "source layer 1 has" in str(prove(target, source).differs)


def test_outputs_in_another_order_are_refused() -> None:
    target = chain(0)
    source = shifted(target)
    last = source.affine[2]
    other = replaced(source, 2, last.weight[[1, 0]], last.exact_bias[::-1])
    assert "another output" in str(prove(target, other).differs)


def test_groups_may_be_written_out() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 1, 3))
    full = np.zeros((4, 2, 3))
    full[:2, :1], full[2:, 1:] = weight[:2], weight[2:]
    target = Network((Affine.from_dense(weight, groups=2),), np.array([[0.0, 1.0]] * 2))
    assert prove(target, Network((layer(np.eye(2)), RELU, layer(full)), target.domain)).exact
    full[:2] = full[:2, ::-1]
    assert not prove(target, Network((layer(np.eye(2)), RELU, layer(full)), target.domain)).equal


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 2), st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from([1.0, -1.0, 0.5, 2.0, 0.1, 3.0, 1e-300, 1e300]),
        ),
        max_size=12,
    ),
    st.dictionaries(st.integers(0, 11), st.fractions(-3, 3, max_denominator=7), max_size=2),
)  # fmt: skip
def test_sums_of_products_are_exact(terms: list[tuple[int, int, float, float]], special: dict[int, Fraction]) -> None:
    special = {place: value for place, value in special.items() if place < len(terms)}
    rows, columns = (np.array([term[part] for term in terms], dtype=np.int64) for part in (0, 1))
    x, y = (np.array([term[part] for term in terms], dtype=np.float64) for part in (2, 3))
    forms = add_up((3, 3), rows, columns, x, y, special)
    for row, column in np.ndindex(3, 3):
        exact = sum(
            special.get(place, Fraction(a) * Fraction(b))
            for place, (i, j, a, b) in enumerate(terms)
            if (i, j) == (row, column)
        )
        found = forms.fractions.get((row, column), Fraction(float(forms.near[row, column])))
        assert found == exact
        if (row, column) in forms.fractions:
            assert forms.near[row, column] != 0


def test_products_that_underflow_are_exact_too() -> None:
    place = np.zeros(1, dtype=np.int64)
    for x, y in ((5e-324, 0.5), (3 * 2.0**-1074, 0.25), (2.0**-1000 * 3, 2.0**-80), (1e308, 4.0)):
        forms = add_up((1, 2), place, place, np.array([x]), np.array([y]), {})
        assert forms.fractions.get((0, 0), Fraction(float(forms.near[0, 0]))) == Fraction(x) * Fraction(y)


def test_rounded_sums_stay_within_their_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    first, second = layer(rng.standard_normal((9, 5)), rng.standard_normal(9) + 20), layer(rng.standard_normal((4, 9)))
    state = expand(first, activation("relu"), np.array([[-1.0, 1.0]] * 5)).forms
    exact = through(second, state)
    monkeypatch.setattr("ertheory.check.forms._MOST_TERMS", 10)
    near = through(second, state)
    assert near.radius is not None
    gaps = []
    for row, column in np.ndindex(*near.near.shape):
        value = exact.fractions.get((row, column), Fraction(float(exact.near[row, column])))
        gaps.append(abs(value - Fraction(float(near.near[row, column]))))
        assert gaps[-1] <= Fraction(float(near.radius[row, column])) < Fraction(1, 10**12)
    assert any(gaps)


def test_the_end_of_a_piece_decides_exactly() -> None:
    # 1 + 2^-60 lies beyond the piece of hardtanh, and the double next to it is 1.
    target = Network((layer([[1.0]]),), np.array([[-0.5, 1.0]]))
    for bias in (0.0, 2.0**-60, -(2.0**-60)):
        source = Network((layer([[1.0]], [bias]), Activation("hardtanh"), layer([[1.0]], [-Fraction(bias)])))
        assert prove(target, source).exact == (bias <= 0)


def test_units_of_layer_0_that_are_multiples_go_through_affine_steps_alone() -> None:
    target = Network((RELU, layer([[3.0]])), np.array([[0.0, 1.0]]))
    assert prove(target, Network((layer([[1.0]]), *([RELU] * 2), target.steps[1]))).exact
    for factor in (2.0, 0.5):
        assert not prove(target, Network((layer([[factor]]), *([RELU] * 2), target.steps[1]))).equal
    assert not prove(target, Network((layer([[1.0]], [0.5]), *([RELU] * 2), target.steps[1]))).equal


@pytest.mark.parametrize(
    ("pool", "folds"),
    [
        (Pool("average", (3,), (1,), (1,)), False),
        (Pool("average", (3,), (1,)), True),
        (Pool("average", outputs=(3,)), True),
        (Pool("max", (3,), (1,), (1,)), True),
    ],
)
def test_a_constant_in_front_of_a_pool_is_a_bias_unless_zeros_are_averaged(pool: Pool, folds: bool) -> None:
    first = layer([[[0.0]], [[1.0]]], [1.0, 0.0])
    target = Network((first, RELU, pool, layer([[[2.0], [5.0]]])), np.array([[0.0, 1.0]]))
    source = Network((layer([[1.0]]), RELU, layer([[[1.0]]]), RELU, pool, layer([[[5.0]]], [2.0])), target.domain)
    assert prove(target, source).equal == folds
    image = np.random.default_rng(0).random((1, 1, 4))
    assert (largest_difference(target, source, image) == 0) == folds
    both = Network((layer([[1.0]]), RELU, *target.steps), target.domain)
    assert prove(target, both).exact


@pytest.mark.parametrize("identity", [True, False])
def test_a_changed_step_of_a_residual_network_is_found(identity: bool) -> None:
    target, source = residual_pair(1, identity=identity)
    for place, step in enumerate(source.affine):
        changed = replaced(source, place, step.weight * (1 + 1e-9), step.exact_bias)
        assert not prove(target, changed).equal
        moved = replaced(source, place, step.weight, [value + Fraction(1, 10**9) for value in step.exact_bias])
        assert not prove(target, moved).equal


def perturbed(network: Network, seed: int) -> Network:
    """Change all numbers by up to 2^-44 of themselves, which still counts as rounding."""
    rng = np.random.default_rng(seed)
    for place, step in enumerate(network.affine):
        weight = step.weight.copy()
        weight.data *= 1 + rng.uniform(-1, 1, weight.nnz) * 2.0**-44
        network = replaced(network, place, weight, step.bias * (1 + rng.uniform(-1, 1, step.outputs) * 2.0**-44))
    return network


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["relu", "hardswish", "leaky_relu:3"]), st.booleans())
def test_the_difference_is_bounded_where_all_is_rounded(seed: int, name: str, residual: bool) -> None:
    rng = np.random.default_rng(seed)
    dense = [layer(rng.standard_normal((3, 3)), rng.standard_normal(3)) for _ in range(4)]
    phi = Activation(name)
    middle = [Residual((dense[1], phi, dense[2]))] if residual else [dense[1], phi, dense[2]]
    target = Network((dense[0], phi, *middle, phi, dense[3]), rng.uniform(0.1, 1, (3, 2)) * [-1, 1])
    source = perturbed(target, seed)
    proof = prove(target, source)
    assert proof.equal
    assert target.domain is not None
    corners = [[Fraction(end) for end in corner] for corner in product(*target.domain.tolist())]
    assert proof.difference_bound is not None
    assert 0 < largest_difference(target, source, corners) <= Fraction(proof.difference_bound) < Fraction(1, 10**7)


def test_each_part_of_the_bound_is_needed() -> None:
    small = 2.0**-45
    # hardswish has the slope 1.47 at 2.9, so that the error of its argument grows.
    box, phi = np.array([[1.9, 1.9]]), Activation("hardswish")
    target = Network((layer([[1.0]], [1.0]), phi, layer([[1.0]])), box)
    source = Network((layer([[1.0]], [1.0 + small]), phi, layer([[1.0]])), box)
    bound = prove(target, source).difference_bound
    assert bound is not None
    assert small * 1.4 < largest_difference(target, source, [[1.9]]) <= bound < small * 1.6
    # Errors of branch, skip and earlier layers add up.
    one, more = layer([[1.0]], [1.0]), layer([[1.0]], [1.0 + small])
    for steps, changed, times in (
        ((one, one), (more, more), 2),
        ((one, Residual((one,), (one,))), (more, Residual((more,), (more,))), 4),
        ((one, Residual((one,))), (more, Residual((one,))), 2),
    ):
        bound = prove(Network(steps, box), Network(changed, box)).difference_bound
        assert bound is not None
        assert times * small <= bound < (times + 0.1) * small


def test_what_layer_0_leaves_out_is_added_to_rounding() -> None:
    tanh, box = Activation("tanh"), np.array([[-1.0, 1.0]])
    target = Network((layer([[2.0]]), tanh, layer([[1.0]])), box)
    source = Network((layer([[0.125]]), tanh, layer([[16.0 + 2.0**-46]]), *target.steps[1:]), box)
    bound = prove(target, source).difference_bound
    assert bound is not None
    assert 1e-4 < abs(evaluate(target, [[1.0]]) - evaluate(source, [[1.0]])).item() < bound


def test_what_is_not_known_never_counts_as_zero() -> None:
    box = np.array([[0.0, 1.0]])
    # A multiple of an input behind another activation, and a skip that is not that of the target.
    target = Network((RELU, layer([[3.0]])), box)
    source = Network((layer([[1.0], [2.0]]), RELU, RELU, layer([[3.0, 5.0]])), box)
    assert not prove(target, source).equal
    one, zero = layer([[1.0]]), layer([[0.0]])
    target = Network((one, Residual((one,), (zero,))), box)
    for factor in (0.0, 1.0, 2.0):
        source = Network((one, RELU, one, Residual((one,), (layer([[factor]]),))), box)
        assert prove(target, source).exact == (factor == 0)


def test_a_residual_block_may_come_first() -> None:
    box = np.array([[0.0, 1.0]])
    target = Network((Residual((layer([[3.0]], [0.5]),)),), box)
    for factor in (1.0, 0.5, 1.0 + 1e-9):
        source = Network((layer([[factor]]), RELU, *target.steps), box)
        assert prove(target, source).exact == (factor == 1)


def test_a_coefficient_that_is_known_roughly_is_not_a_constant() -> None:
    def row(*values: float) -> csr_array:
        return csr_array(np.array([values]))

    rough = row(1e-3, 0.0, 0.0)
    for near in (row(0.0, 0.0, 0.0), row(0.0, 0.0, 2.0)):
        arguments = np.zeros(1), np.array([-1]), np.ones(2)
        known = number(identity(2), Forms(near), *arguments, blame_from=5)
        assert known.blame.tolist() == [-1]
        unknown = number(identity(2), Forms(near, radius=rough), *arguments, blame_from=5)
        assert unknown.blame.tolist() == [5]


def test_fractions_stay_in_their_rows_when_rows_are_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    step = layer(np.random.default_rng(0).standard_normal((6, 3)), [Fraction(1, 3 + row) for row in range(6)])
    whole = through(step, identity(3))
    monkeypatch.setattr("ertheory.check.forms._TERMS_AT_ONCE", 5)
    parts = through(step, identity(3))
    assert len(whole.fractions) == 4  # 1/4 and 1/8 are doubles
    assert parts.fractions == whole.fractions
    np.testing.assert_array_equal(parts.near.toarray(), whole.near.toarray())


def test_a_padded_average_in_front_takes_the_inputs_towards_zero() -> None:
    for padding, proved in (((0,), True), ((1,), False)):
        pool = Pool("average", (3,), (1,), padding)
        target = Network((pool, layer([[2.0]], [1.0])), np.array([[1.0, 2.0]]))
        source = Network((pool, layer([[1.0]], [-0.75]), RELU, layer([[2.0]], [2.5])), target.domain)
        assert prove(target, source).exact == proved
        image = np.ones((1, 1, 3))
        assert (largest_difference(target, source, image) == 0) == proved


@pytest.mark.parametrize("constant", [0.0, 5.0])
def test_what_is_left_of_large_terms_that_cancel_does_not_hide_a_unit(constant):
    # Layer 0 shifts by 1e300, and the bias of layer 1 takes it back up to rounding.
    box = np.array([[-1e300, 1.0]])
    target = Network(
        (Affine.from_dense([[-7.0], [3.0], [9.0]], [0.0, constant, 0.0]), RELU, Affine.from_dense([[0.0, 1.0, 0.0]])),
        box,
    )
    shift = Affine.from_dense([[1.0], [0.5]], [1e300, 5e299])
    bias = -(0.1 * 1e300 + 5.8 * 5e299) * (1 + 2.0**-52)
    layers = shift, RELU, Affine.from_dense([[0.1, 5.8]], [bias]), RELU, Affine.from_dense([[1.0]])
    proof = prove(target, Network(layers, box))
    assert proof.equal
    assert not proof.exact
    assert proof.difference_bound < 1e286
