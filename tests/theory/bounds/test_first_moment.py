"""The first-moment bound: never below the best colouring of any mask, and increasing."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds.necessary.first_moment import first_moment, first_moment_width, log_first_moment
from ertheory.bounds.sharp.sequential import dense_stages, sequential_width
from ertheory.errors import InvalidInput
from ertheory.networks.target import Layer, Target
from tests.strategies import HALF, ends


def colourable(
    classes: int, consumers: int, neurons: int, density: Fraction, needs: np.ndarray | None = None
) -> Fraction:
    """Probability that some colouring lets every consumer see every class that it needs, over all masks."""
    needs = np.ones((consumers, classes), dtype=bool) if needs is None else needs
    total = Fraction(0)
    entries = consumers * neurons
    colourings = list(itertools.product(range(classes), repeat=neurons))
    for bits in itertools.product((False, True), repeat=entries):
        mask = np.reshape(bits, (consumers, neurons))
        if any(
            all(any(mask[t, v] for v in range(neurons) if colours[v] == j) for t, j in np.argwhere(needs))
            for colours in colourings
        ):
            total += density ** sum(bits) * (1 - density) ** (entries - sum(bits))
    return total


def bound(classes: int, consumers: int, neurons: int, density: Fraction, *, exchangeable: bool) -> float:
    _, high = ends(lambda: log_first_moment(classes, consumers, neurons, density, exchangeable=exchangeable), 128)
    return math.exp(high)


@pytest.mark.parametrize("density", [Fraction(1, 4), HALF, Fraction(4, 5)])
@pytest.mark.parametrize(
    ("classes", "consumers", "neurons"), [(1, 2, 3), (2, 1, 3), (2, 2, 2), (2, 2, 4), (2, 3, 3), (3, 1, 4), (3, 2, 4)]
)
def test_no_colouring_does_better(classes, consumers, neurons, density):
    best = colourable(classes, consumers, neurons, density)
    assert best <= bound(classes, consumers, neurons, density, exchangeable=True) * (1 + 1e-12)
    plain = bound(classes, consumers, neurons, density, exchangeable=False)
    assert math.isclose(plain, math.factorial(classes) * bound(classes, consumers, neurons, density, exchangeable=True))
    expected = classes**neurons * (1 - float(1 - density) ** (neurons / classes)) ** (classes * consumers)
    assert math.isclose(plain, expected, rel_tol=1e-9)


def test_one_class_is_the_law():
    for neurons in range(1, 6):
        exact = (1 - HALF**neurons) ** 2
        assert math.isclose(bound(1, 2, neurons, HALF, exchangeable=True), exact)
        assert colourable(1, 2, neurons, HALF) == exact


def test_sparse_demands():
    # Consumer 0 needs class 0, consumer 1 needs class 1: permuted colours do not serve just as well.
    needs = np.eye(2, dtype=bool)
    for neurons in (2, 3, 4):
        best = colourable(2, 2, neurons, HALF, needs)
        assert best <= bound(2, 1, neurons, HALF, exchangeable=False)


@pytest.mark.parametrize(
    ("classes", "consumers", "density", "factor"),
    [(20, 60, "0.3", 4.5), (20, 60, "0.5", 2.9), (20, 200, "0.5", 4.1), (50, 150, "0.5", 3.6), (100, 450, "0.3", 7.4)],
)
def test_the_reference_factors(classes, consumers, density, factor):
    plain, _ = first_moment_width(classes, consumers, Fraction(density), Fraction(1, 1000), exchangeable=False)
    assert abs(plain / classes - factor) < 0.11
    assert plain <= first_moment_width(classes, consumers, Fraction(density), Fraction(1, 1000))[0]


@pytest.mark.parametrize("density", [Fraction(1, 10), HALF, Fraction(9, 10)])
def test_one_neuron_less_is_ruled_out(density):
    delta = Fraction(1, 100)
    width, _ = first_moment_width(7, 9, density, delta)
    assert bound(7, 9, width, density, exchangeable=True) >= 1 - delta
    assert bound(7, 9, width - 1, density, exchangeable=True) < 1 - delta
    values = [bound(7, 9, n, density, exchangeable=True) for n in range(7, 60)]
    assert values == sorted(values)


@pytest.mark.parametrize("density", [Fraction(1, 10), HALF, Fraction(9, 10)])
@pytest.mark.parametrize(("classes", "consumers"), [(5, 4), (128, 10), (14, 60)])
def test_it_lies_below_what_suffices(classes, consumers, density):
    enough = sequential_width(dense_stages(classes, consumers), density, Fraction(1, 100))[0]
    assert classes <= first_moment_width(classes, consumers, density, Fraction(1, 100))[0] <= enough


def test_the_answer_says_for_which_layer_and_class():
    half = (HALF,) * 4
    target = Target.from_text("10-20-20-5")
    last = first_moment(target, half, Fraction(1, 100))
    assert last.kind == "necessary"
    assert "colourings only" in last.reason
    assert last.widths[:2] == (None, None)
    assert last.widths[2] == first_moment_width(20, 5, HALF, Fraction(1, 100))[0]
    inner = first_moment(target, half, Fraction(1, 100), layer=1, copies=3)
    assert inner.widths[1] == first_moment_width(20, 60, HALF, Fraction(1, 100))[0]
    assert "3 copies" in inner.reason
    # Neurons that fewer outputs read: the best of the numbers of classes, without exchange of colours.
    layer = Layer(outputs=6, inputs=5, row_nonzeros=(4, 3, 3, 3, 3, 3), column_nonzeros=(6, 6, 5, 1, 1))
    sparse = first_moment(Target((Layer(outputs=5, inputs=5), layer)), half[:3], Fraction(1, 100)).widths[1]
    expected = [
        first_moment_width(m, c, HALF, Fraction(1, 100), exchangeable=False)[0] for m, c in [(2, 6), (3, 5), (5, 1)]
    ]
    assert expected[1] == max(expected) > max(expected[0], expected[2])
    assert sparse == max(expected)


def test_edges_of_the_domain():
    assert first_moment_width(4, 3, Fraction(1), HALF) == (4, 0)
    target = Target.from_text("10-20-20-5")
    for keywords in ({"layer": 3}, {"layer": 0}, {"copies": 2}, {"layer": 1, "copies": 0}):
        with pytest.raises(InvalidInput, match=rf"^{list(keywords)[-1]}: "):
            first_moment(target, (HALF,) * 4, HALF, **keywords)
    with pytest.raises(InvalidInput, match=r"^target: "):
        first_moment(Target.from_text("3-1"), (HALF,) * 2, HALF)
    with pytest.raises(InvalidInput, match=r"^classes: "):
        first_moment_width(0, 1, HALF, HALF)


def test_colours_are_exchangeable_only_where_no_weight_of_the_next_layer_is_zero():
    half, delta = (HALF,) * 3, Fraction(1, 100)
    full = Target.from_arrays([np.ones((20, 3)), np.ones((2, 20))])
    weights = np.ones((2, 20))
    weights[0, 0] = 0
    holed = Target.from_arrays([np.ones((20, 3)), weights])
    assert first_moment(full, half, delta).widths[1] == first_moment_width(20, 2, HALF, delta)[0]
    classes = [(19, 2), (20, 1)]  # neurons read twice, and all of them once
    expected = [first_moment_width(m, c, HALF, delta, exchangeable=False)[0] for m, c in classes]
    assert first_moment(holed, half, delta).widths[1] == max(expected)
    wrong = [first_moment_width(m, c, HALF, delta, exchangeable=True)[0] for m, c in classes]
    assert max(expected) < max(wrong)
