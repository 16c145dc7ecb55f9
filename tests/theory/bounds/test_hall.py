"""The Hall sum: against enumeration, against reference values, and sound where doubles run out of digits."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.blocks.hall import hall_guess, hall_sum
from ertheory.errors import InfeasibleWidth
from ertheory.numbers import enclose
from tests import oracles
from tests.reference import make_widths as ref
from tests.strategies import HALF, bits, ends, plain_densities, real

STORED = json.loads((Path(ref.__file__).parent / "widths.json").read_text(encoding="utf-8"))["layer0"]
TINY = Fraction(1, 10**12)
SLACK = Fraction(1, 2**26)  # a radius has thirty bits: an enclosure of [0, x] may begin a little below 0


def hall(neurons: int, inputs: int, copies: int, density: Fraction, precision: int = 128):
    return ends(lambda: hall_sum(neurons, inputs, copies, density), precision)


SMALL = [(1, 3, 5), (2, 1, 2), (2, 2, 4), (2, 3, 9), (3, 1, 4), (3, 2, 7), (4, 1, 5)]


@pytest.mark.parametrize("density", [HALF, Fraction(1, 5), Fraction(9, 10)])
@pytest.mark.parametrize(("inputs", "copies", "neurons"), SMALL)
def test_no_b_matching_is_at_most_as_likely_as_the_sum(inputs, copies, neurons, density):
    low, high = hall(neurons, inputs, copies, density)
    assert low <= ref.hall_sum(inputs, copies, density, neurons) <= high
    assert 1 - oracles.b_matching_probability([copies] * inputs, neurons, density) <= high
    if inputs == 1:
        assert low <= 1 - oracles.b_matching_probability([copies], neurons, density) <= high


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 30), plain_densities, bits)
def test_the_sum_is_enclosed(inputs, copies, spare, density, precision):
    neurons = inputs * copies + spare
    low, high = hall(neurons, inputs, copies, density, precision)
    truth = ref.hall_sum(inputs, copies, density, neurons)
    assert low <= truth <= high
    if precision > 64:  # in the lowest precision a tiny sum is only bounded
        assert (high - low) * 2 ** (precision // 2 - 8) <= high
    else:
        assert high - low <= max(high * Fraction(1, 2**24), Fraction(1, 10**9))


@pytest.mark.parametrize("row", STORED["hall"], ids=lambda row: f"{row['d']}-{row['q0']}-{row['p0']}-{row['n0']}")
def test_reference_values(row):
    low, high = enclose(lambda: hall_sum(row["n0"], row["d"], row["q0"], Fraction(row["p0"])), digits=20)
    unit = Fraction(10) ** (math.floor(math.log10(float(row["hall_sum"]))) - 23)  # of the last digit stored
    assert low - unit <= Fraction(row["hall_sum"]) <= high + unit


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 12), plain_densities)
@settings(max_examples=50)
def test_more_neurons_fewer_copies_and_more_density_help(inputs, copies, spare, density):
    neurons = inputs * copies + spare
    low, _ = hall(neurons, inputs, copies, density)
    for better in (
        hall(neurons + 1, inputs, copies, density),
        hall(neurons, inputs, copies - 1, density) if copies > 1 else (0, 0),
        hall(neurons, inputs - 1, copies, density) if inputs > 1 else (0, 0),
        hall(neurons, inputs, copies, (density + 1) / 2),
    ):
        assert better[0] < low or better == (0, 0)


def test_too_few_neurons_fail_and_a_dense_layer_does_not():
    assert hall(7, 4, 2, HALF) == (1, 1)
    assert hall(7, 4, 2, Fraction(1)) == (1, 1)
    assert hall(8, 4, 2, Fraction(1)) == (0, 0)


def test_a_density_next_to_1():
    r = Fraction(1, 10**300)
    truth = ref.hall_sum(3, 2, 1 - r, 6)
    low, high = hall(6, 3, 2, 1 - r, 4096)
    assert low <= truth <= high
    assert (high - low) * 10**100 <= high
    assert hall(6, 3, 2, 1 - r, 64)[1] >= truth


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 60), plain_densities, bits)
def test_the_closed_form_for_long_tails_is_a_bound(inputs, copies, spare, density, precision):
    neurons = inputs * copies + spare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ertheory.bounds.blocks.hall._LONGEST_TAIL", 0)
        low, high = hall(neurons, inputs, copies, density, precision)
    assert -SLACK * high <= low <= 0
    assert min(1, ref.hall_sum(inputs, copies, density, neurons)) <= high <= 1 + SLACK
    eta = neurons * float(1 - (1 - density) ** inputs) / (inputs * copies) - 1
    closed = (1 + math.exp(-(eta**2) * copies / (2 * (1 + eta)))) ** inputs - 1 if eta > 0 else math.inf
    assert float(high) == pytest.approx(min(closed, 1), rel=2**-26)


def test_bits_only_narrow_the_enclosure():
    before = (0, 10**9)
    for precision in (64, 128, 256, 512):
        low, high = hall(120, 8, 10, Fraction(1, 5), precision)
        assert before[0] <= low
        assert high <= before[1]
        before = low, high
    assert before[1] - before[0] < TINY * TINY


# --- where doubles run out of digits -------------------------------------------------------------------------------


def least(neurons: int, copies: int, density: Fraction) -> Fraction:
    """m P(Bin(N, p) = q - m), which H of a single input certainly exceeds: masses grow up to the mean."""
    p = real(density, 300)
    mp = p.context
    terms = 1 + math.isqrt(copies) // 8
    n, k = mp.mpf(neurons), mp.mpf(copies - terms)
    log = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1) + k * mp.log(p) + (n - k) * mp.log1p(-p)
    return Fraction(1, 10**200) * int(mp.floor(terms * mp.exp(log) * mp.mpf(10) ** 200))


@pytest.mark.parametrize("density", [HALF, Fraction(1, 10), TINY], ids=str)
@pytest.mark.parametrize("exponent", [6, 14, 16, 17, 18, 20])
def test_the_crude_bound_of_the_lowest_precision_is_a_bound(exponent, density):
    copies = 10**exponent
    for deviations in (8, 9, 10, 12):
        neurons = int((copies + deviations * math.isqrt(copies)) / density)
        try:
            _, high = hall(neurons, 1, copies, density, 64)
        except InfeasibleWidth:
            assert exponent > 15  # an honest refusal is allowed beyond what is promised
        else:
            assert 0 < least(neurons, copies, density) <= high


@pytest.mark.parametrize("density", [HALF, 1 - Fraction(1, 10**300)], ids=["half", "next to 1"])
def test_more_neurons_than_a_double_can_count(density):
    copies = 7 * 10**14
    neurons = 784 * copies * 3
    low, high = hall(neurons, 784, copies, density, 64)
    assert -SLACK * high <= low <= high < Fraction(1, 10**9)
    # With no neuron to spare, one that leads nowhere is enough; 2^-784 of them do.
    low, high = hall(784 * copies, 784, copies, HALF, 64)
    assert low < Fraction(784 * copies, 2**784) < high <= 1 + SLACK


@pytest.mark.parametrize(
    ("inputs", "copies", "density", "delta"),
    [
        (4, 9, HALF, Fraction(1, 20)),
        (784, 229, Fraction(1, 100), Fraction(1, 3000)),
        (784, 33, Fraction(1, 50), Fraction(1, 3000)),
        (1, 1, HALF, Fraction(1, 2**199)),
        (3, 5, Fraction(1, 10**6), Fraction(1, 10**300)),
        (3, 5, Fraction(1), Fraction(1, 10)),
    ],
)
def test_the_guess_is_near_the_smallest_width_and_no_less_than_the_copies(inputs, copies, density, delta):
    guess = hall_guess(inputs, copies, density, delta)
    assert guess >= inputs * copies
    assert hall(math.ceil(guess * 1.2) + 10, inputs, copies, density, 2048)[1] <= delta
    if density < 1 and guess > 2 * inputs * copies:
        assert hall(guess // 3, inputs, copies, density, 2048)[0] > delta
