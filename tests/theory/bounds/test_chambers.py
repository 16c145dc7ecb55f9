"""The chamber theorem: its probability by enumeration, and the target for which a weaker condition is not enough."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.necessary.chambers import dense_rows, evasion, widest
from ertheory.bounds.necessary.coupled import coupled_ceiling
from ertheory.bounds.necessary.elimination import minors, whole_rows
from ertheory.bounds.necessary.parameter_count import count_ceiling
from ertheory.bounds.necessary.path_count import path_count_ceiling
from ertheory.bounds.necessary.position import position_of
from ertheory.networks.target import Target
from ertheory.numbers import at_precision, enclose
from tests.oracles import evasion_probability
from tests.strategies import HALF, ends

tenths = st.integers(1, 9).map(lambda count: Fraction(count, 10))


@settings(max_examples=60)
@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.integers(n, 9), st.just(n))), tenths, st.integers(0, 6))
def test_the_probability_is_that_of_the_law(shape, density, neurons):
    exact = evasion_probability(*shape, density, neurons)
    for bits in (64, 200):
        value = at_precision(bits, partial(evasion, *shape, density, neurons))
        assert value.contains(_ball(exact))
    low, high = ends(lambda: 1 + evasion(*shape, density, neurons))
    assert low - 1 <= exact <= high - 1
    assert high - low < Fraction(1, 10**12)
    assert high - 1 <= enclose(lambda: 1 + dense_rows(*shape, density, neurons))[1]


def _ball(value):
    from ertheory.numbers import ball

    return at_precision(400, lambda: ball(value))


@pytest.mark.parametrize("ceiling", [count_ceiling, path_count_ceiling, coupled_ceiling])
def test_a_bound_for_every_source_adds_what_dense_rows_may_evade(ceiling):
    """One for sources whose layer 0 is affine on the box leaves it out."""
    inputs, n, neurons, second = 6, 3, 2, 4
    densities = HALF, Fraction(1, 5), Fraction(1, 5)
    exact = evasion_probability(inputs, n, HALF, neurons)
    assert Fraction(1, 100) < exact < Fraction(1, 2)
    target = Target.from_widths((inputs, n, 1))
    of_affine, of_all = (ceiling(target, densities, neurons, second, affine=affine) for affine in (True, False))
    assert of_all < 1
    assert exact <= of_all - of_affine + Fraction(1, 10**15)
    assert abs(of_all - of_affine - exact) < Fraction(1, 10**9)


def test_one_layer_of_two_rows_mask_by_mask():
    inputs, n, density = 4, 3, Fraction(2, 3)
    exact = Fraction(0)
    for bits in itertools.product((0, 1), repeat=2 * inputs):
        rows = np.reshape(bits, (2, inputs)).sum(axis=1)
        if np.maximum(0, rows - inputs + n).sum() >= n:
            exact += density ** sum(bits) * (1 - density) ** (len(bits) - sum(bits))
    assert exact == evasion_probability(inputs, n, density, 2)


def test_edges():
    assert evasion(5, 2, HALF, 0) == 0
    assert evasion(5, 2, Fraction(1), 1) == 1
    assert enclose(lambda: 1 + evasion(784, 128, Fraction(1, 10), 10**12))[1] - 1 < Fraction(1, 10**15)
    assert at_precision(64, lambda: evasion(784, 128, Fraction(9, 10), 50)) > 1 - 2**-30


def test_the_widest_layer_0():
    assert widest(784, 128, Fraction(3, 4), Fraction(1, 10**4), 10**12) > 10**10
    assert widest(784, 128, Fraction(1, 10), Fraction(1, 10**4), 10**6) == 10**6
    assert widest(784, 128, Fraction(9, 10), Fraction(1, 10**4), 10**6) < 3
    for density in (Fraction(4, 5), Fraction(81, 100)):
        found = widest(20, 4, density, Fraction(1, 100), 10**6)
        assert evasion_probability(20, 4, density, found) <= Fraction(1, 100)
        assert evasion_probability(20, 4, density, found + 1) > Fraction(1, 100)


# --- no minor is zero, and yet fewer neurons than the theorem says ---------------------------------------------------

A, B, C, E, G = ([0.0] * i + [1.0, w] + [0.0] * (4 - i) for i, w in enumerate((1.0, 0.75, -0.5, 1.25, 0.375)))


def tree_target():
    """A target 6-5-1 of which max(|a|, |b|) + max(|c|, |e|) + relu(f) is all, but for an affine part."""
    a, b, c, e, g = map(np.array, (A, B, C, E, G))
    f = g + 0.3 * (1.25 * a - 0.7 * b + 0.9 * c - 1.6 * e)
    return (a, b, c, e, f), Target.from_arrays(
        [np.array([a + b, a - b, c + e, c - e, f]), [[1.0] * 5]], domain=[(-1, 1)] * 6
    )


def test_four_neurons_do_where_the_sum_over_rows_is_four():
    (a, b, c, e, f), target = tree_target()
    rows = np.array([a, b, c, e])
    assert minors(whole_rows(target.weights[0])) == "none is zero"
    assert np.maximum(0, (rows != 0).sum(axis=1) - 6 + 5).sum() == 4  # univariate rows add nothing
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 6))
    # Layer 0: rows a, b, c, e, whose kinks are used, and one row for each input, which stay affine on the box.
    kinks = np.maximum(0.0, x @ rows.T)
    size = 2 * kinks - x @ rows.T  # |a|, |b|, |c|, |e|, affine in what layer 0 gives
    # Layer 1: one neuron that stays affine, and three with a kink.
    carried = (size[:, 1] + size[:, 3]) + x @ (a + c) + 10
    built = np.maximum(0, carried) - 10
    built = (
        built + np.maximum(0, size[:, 0] - size[:, 1]) + np.maximum(0, size[:, 2] - size[:, 3]) + np.maximum(0, x @ f)
    )
    wanted = np.maximum(0, x @ target.weights[0].T).sum(axis=1)
    assert carried.min() > 0
    assert np.abs(built - wanted).max() < 1e-13


def test_for_such_weights_the_stronger_condition_is_used():
    _, target = tree_target()
    position = position_of(target)
    assert position.minors
    assert position.meeting
    density, rows = Fraction(1, 20), 8
    used, chamber = (
        ends(lambda law=law: 1 + law())[1] - 1
        for law in (lambda: position.evasion(density, rows), lambda: evasion(6, 5, density, rows))
    )
    assert used > 10 * chamber  # rows with two entries are many, and may evade
    generic = position_of(Target.from_widths([6, 5, 1]))
    assert not generic.minors
    assert enclose(lambda: generic.evasion(density, rows))[1] - chamber < Fraction(1, 10**12)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_where_the_condition_holds_directions_cross_all_hyperplanes(rows):
    """For random weights no unit vector lies in the sum of the S_u while the dimensions sum to less than n."""
    rng = np.random.default_rng(rows)
    seen = 0
    for _ in range(1_000):
        d = int(rng.integers(3, 7))
        n = int(rng.integers(2, d + 1))
        weight = rng.normal(size=(n, d))
        masks = rng.random((rows, d)) < 0.7
        if np.maximum(0, masks.sum(axis=1) - d + n).sum() >= n:
            continue
        parts = [np.zeros((n, 0))]
        for mask in masks:
            # s with W^T s = 0 outside of the mask
            outside = weight[:, ~mask].T
            _, sizes, right = np.linalg.svd(outside, full_matrices=True)
            parts.append(right[int((sizes > 1e-9).sum()) :].T)
            assert parts[-1].shape[1] == max(0, int(mask.sum()) - d + n)
        basis = np.hstack(parts)
        if not basis.shape[1]:
            continue
        seen += 1
        kept = np.linalg.svd(basis, full_matrices=False)[0][:, : np.linalg.matrix_rank(basis)]
        assert (np.linalg.norm(np.eye(n) - kept @ kept.T, axis=0) > 1e-6).all()
    assert seen > 10
