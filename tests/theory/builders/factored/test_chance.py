"""A bound by random vectors: what it refutes, and that what rounding can have done is taken off."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from ertheory.builders.factored import chance
from ertheory.builders.factored.chance import DOUBT, carried, smallest_by_vectors
from ertheory.builders.factored.derivative import Derivative
from ertheory.builders.factored.spectra import largest_square


@pytest.fixture(scope="module")
def point() -> Derivative:
    rng = np.random.default_rng(3)
    reads, feeds = (rng.random((14, 5)) < 0.6) * 1.0, (rng.random((6, 14)) < 0.6) * 1.0
    return Derivative(rng.standard_normal(feeds.shape) * feeds, rng.standard_normal(reads.shape) * reads, feeds, reads)


def smallest(point):
    """The smallest eigenvalue on pairs with a path, and its vector, from all of the matrix."""
    images = [point.gram(e.reshape(point.paths.shape)).ravel() for e in np.eye(point.paths.size)]
    kept = np.flatnonzero(point.paths.ravel())
    values, vectors = np.linalg.eigh(np.array(images)[np.ix_(kept, kept)])
    vector = np.zeros(point.paths.size)
    vector[kept] = vectors[:, 0]
    return values[0], vector.reshape(point.paths.shape)


@pytest.mark.parametrize("beyond", [Fraction(1, 1000), Fraction(1, 10), Fraction(2), Fraction(50)])
def test_errors_in_all_steps_become_what_is_taken_off(beyond):
    """Chebyshev's polynomials at 1 + beyond in exact arithmetic, by their recurrences."""
    x, limit = 1 + beyond, carried(math.acosh(1 + float(beyond)))
    (before, now), (second_before, second), total = (Fraction(1), x), (Fraction(1), 2 * x), Fraction(1)
    shares = []
    for _ in range(300):
        shares.append(float(total / now))
        total += second
        before, now = now, 2 * x * now - before
        second_before, second = second, 2 * x * second - second_before
    assert max(shares) <= limit * (1 + 1e-12)
    assert max(shares) >= limit * (1 - 1e-4)  # which the sum comes near in many steps


def test_an_eigenvalue_that_is_there_is_not_refuted_and_what_lies_below_all_of_them_is(point):
    (true, _), high = smallest(point), largest_square(point.second) + largest_square(point.first.T)
    for claimed, low, refuted in [(0.95, 0.99, True), (1.05, 1.2, False), (1.05, 4.0, False), (0.3, 0.9, True)]:
        places, shares = (claimed * true, low * true, high), []
        rng = np.random.default_rng(0)
        assert chance._refuted(point, point.paths, places, rng, shares.append) is refuted, claimed
        assert sum(shares) == pytest.approx(1) or not refuted
    assert 0 < smallest_by_vectors(point, point.paths, 0, lambda _: None) < true


@pytest.mark.parametrize("low", [1.5, 4.0])
def test_a_vector_grows_as_much_as_is_said(point, low):
    """Drawn with nothing but a known share of the eigenvector, it becomes T_k of the place of the eigenvalue."""
    (true, vector), high = smallest(point), largest_square(point.second) + largest_square(point.first.T)
    for share, refuted in [(0.999, True), (1.001, False)]:
        rng = SimpleNamespace(standard_normal=lambda shape, share=share: (share * chance._ETA * vector).reshape(shape))
        assert chance._refuted(point, point.paths, (true, low * true, high), rng, lambda _: None) is refuted


def test_what_rounding_can_have_taken_away_is_taken_off(point, monkeypatch):
    """With roundings as large as that no vector is known well enough, and with smaller ones all are."""
    found = []
    for rounding in (1e-12, 1e-8, 1e-4, 1e-2):
        monkeypatch.setattr(chance, "gamma", lambda terms, unit=rounding: terms * unit)
        found.append(smallest_by_vectors(point, point.paths, 0, lambda _: None))
    assert found[0] > 0
    assert found[-2:] == [0, 0]


def test_the_probability_of_a_mistake_is_what_all_attempts_add_up_to():
    """The density of a normal number is 1 / sqrt(2 pi) at most; every attempt needs all of its vectors short."""
    short = 2 * chance._ETA / math.sqrt(2 * math.pi)
    assert DOUBT / 2 < chance._TRIES * short**chance._VECTORS < DOUBT
