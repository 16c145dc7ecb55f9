"""Nothing is certified as equal because numbers underflow: a bound of 0 means that the functions are the same."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ertheory.check import evaluate_exact, prove
from ertheory.check.upwards import above, products, upper, weighed
from ertheory.networks.network import Activation, Affine, Network

SCALES = st.integers(-1074, 0)
NEXT = 1 + 2.0**-52


def chain(*weights: Any, name: str = "relu", domain: Any = ((0.0, 1.0),)) -> Network:
    steps: list[Any] = []
    for place, weight in enumerate(weights):
        steps += [Activation(name)] if place else []
        steps.append(Affine.from_dense(np.atleast_2d(weight)))
    return Network(tuple(steps), np.array(domain))


def difference(target: Network, source: Network, points: list[Any]) -> Fraction:
    outputs = [evaluate_exact(network, points) for network in (target, source)]
    return max(abs(value) for value in (outputs[0] - outputs[1]).ravel())


@pytest.mark.parametrize(
    ("weights", "changed"),
    [
        ((1e-155, 1e-155), (1e-155, 1e-155 * NEXT)),
        ((1e-155, 1e-155), (1e-155 * NEXT, 1e-155)),
        ((1.0, 1e-310), (NEXT, 1e-310)),
    ],
    ids=["last", "first", "at the edge"],
)
def test_a_last_bit_under_a_subnormal_scale_is_no_equality(weights, changed):
    target, source = chain(*weights), chain(1.0, *changed)
    assert difference(target, source, [[1.0]]) > 0
    proof = prove(target, source)
    assert proof.equal  # up to a bound, which is not 0
    assert not proof.exact
    assert proof.difference_bound is not None
    assert difference(target, source, [[1.0]]) <= Fraction(proof.difference_bound)


@settings(max_examples=200)
@given(st.lists(SCALES, min_size=2, max_size=3), st.integers(0, 2), st.integers(-1022, 1000), st.booleans())
@example([-1000, -60], 1, 0, True)
@example([0, -1040], 0, 0, True)
@example([-500, -520], 0, -1000, True)
def test_bounds_hold_at_every_scale_and_exact_means_equal(scales, place, size, changed):
    weights = [math.ldexp(1.5, scale) for scale in scales]
    target = chain(*weights, domain=[(0.0, math.ldexp(1.0, size))])
    place %= len(weights)
    other = [weight * NEXT if changed and at == place else weight for at, weight in enumerate(weights)]
    source = chain(1.0, *other, domain=[(0.0, math.ldexp(1.0, size))])
    proof = prove(target, source)
    truth = difference(target, source, [[math.ldexp(1.0, size)]])
    assert proof.exact == (truth == 0)
    if proof.equal:
        assert proof.difference_bound is not None
        assert truth <= Fraction(proof.difference_bound)


def test_an_approximation_that_underflows_is_not_exact():
    # tanh has no affine piece: layer 0 is z up to a multiple of z^3, which is 0 as a double long before z is.
    wide = [[0.0, 1e-120]]
    proof = prove(chain(1.0, name="tanh", domain=wide), chain(1.0, 1.0, name="tanh", domain=wide))
    assert not proof.exact
    assert proof.difference_bound is None or proof.difference_bound > 0


@given(st.lists(st.tuples(st.floats(0, 1e300), st.floats(0, 1e300)), max_size=5))
@example([(5e-324, 0.25), (1.0, 1e-310)])
@example([(1e-200, 1e-200)] * 5)
@example([(0.0, 1e300)])
def test_sums_of_products_are_rounded_up_and_are_0_only_where_the_truth_is(pairs):
    first, second = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    truth = sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0))
    with np.errstate(over="ignore"):
        bound = float(upper(products(first, second).sum(keepdims=True), len(pairs) + 1)[0])
    assert bound == math.inf or truth <= Fraction(bound)
    assert (bound == 0) == (truth == 0)


def test_a_matrix_is_weighed_row_by_row():
    from scipy.sparse import csr_array

    matrix = csr_array(np.array([[1e-200, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 3.0]]))
    assert weighed(matrix, np.array([1e-200, 0.0, np.inf])).tolist() == [5e-324, 0.0, np.inf]


@given(st.fractions(0, 10**6) | st.integers(0, 400).map(lambda k: Fraction(1, 10**k)))
def test_rationals_are_rounded_up(value):
    assert Fraction(above(value)) >= value
    assert (above(value) == 0) == (value == 0)
    assert above(Fraction(10**400)) == math.inf


def test_products_that_underflow_keep_their_radius_where_sums_are_rounded(monkeypatch):
    # So many coded terms that coefficients are summed in floating point: one that underflows must not be lost.
    monkeypatch.setattr("ertheory.check.forms._MOST_TERMS", 0)
    rows = np.array([[1.0, 1.0], [1.0, 2.0]])
    target = Network((Affine.from_dense([[1e-200, 0.0]]),), np.array([[0.0, 1.0]] * 2))
    for lost in (0.0, 1e-200):
        second = [[1e-200, lost * 1e-200]]
        source = Network(
            (Affine.from_dense(rows), Activation("relu"), Affine.from_dense(second)), np.array([[0.0, 1.0]] * 2)
        )
        assert not prove(target, source).exact
