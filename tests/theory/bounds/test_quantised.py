"""Quantised subset sums and tickets: Theorem Q against all draws of few variables, and tickets that are built."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from ertheory.bounds import ticket_widths
from ertheory.bounds.subset_sum.quantised import codes_of, necessary_quantised, quantised_count, quantised_upper
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.montecarlo import verify
from ertheory.montecarlo.events.subset_sums import _reaches
from ertheory.networks.target import Target

FALSE_ALARM = 1e-9
HALF = Fraction(1, 2)


def sums(codes) -> set[int]:
    found = {0}
    for code in codes:
        found |= {code + other for other in found}
    return found


def failure(number: int, bits: int, density: Fraction, target: int) -> Fraction:
    """Go through all codes and masks: a dead variable is worth 0."""
    values = range(-(2**bits), 2**bits + 1)
    weight = {value: density / len(values) for value in values}
    weight[0] += 1 - density
    missed = Fraction(0)
    for codes in product(values, repeat=number):
        if target not in sums(codes):
            missed += math.prod(weight[code] for code in codes)
    return missed


@pytest.mark.parametrize("density", [Fraction(1), HALF, Fraction(1, 5)])
@pytest.mark.parametrize(("bits", "number"), [(0, 1), (0, 3), (0, 6), (1, 1), (1, 3), (1, 5), (2, 3)])
def test_the_bounds_enclose_what_all_draws_say(bits, number, density):
    for target in {1, 2**bits, -(2**bits)}:
        truth = failure(number, bits, density, target)
        assert truth <= quantised_upper(number, density=density, bits=bits, target=target)
        assert truth >= 1 - ((1 + density) ** number - 1) / (2 ** (bits + 1) + 1)


def test_the_bound_comes_close_for_one_bit_more_of_delta():
    # All draws of six ternary weights: the truth is .2^6 .. and the bound is no more than a few times that.
    truth = failure(6, 0, Fraction(1), 1)
    assert truth < quantised_upper(6, density=Fraction(1), bits=0, target=1) < 4 * truth


@pytest.mark.parametrize("bits", [0, 1, 4, 12])
def test_counts_satisfy_the_formula_and_one_less_does_not(bits):
    delta = Fraction(1, 100)
    for target in (1, 2**bits):
        found = quantised_count(HALF, bits, target, delta)
        assert quantised_upper(found, density=HALF, bits=bits, target=target) <= delta
        assert quantised_upper(found - 1, density=HALF, bits=bits, target=target) > delta * Fraction(999, 1000)
        assert found >= necessary_quantised(HALF, bits, target, delta)
    # By hand, t = 1: (M+1) (1 - p lambda/2)^n <= delta is satisfied by no fewer than the best t needs.
    share = HALF * Fraction(2**bits + 1, 2 ** (bits + 1) + 1) / 2
    by_hand = math.ceil(math.log(float(delta) / (2**bits + 1)) / math.log1p(-float(share)))
    assert quantised_count(HALF, bits, 1, delta) <= by_hand
    assert quantised_count(HALF, bits, 0, delta) == 0


def test_targets_beyond_one_weight_are_met_in_blocks():
    delta = Fraction(1, 10)
    block = quantised_count(HALF, 2, 4, delta / 3)  # rounded up once for each block where it is taken three times
    assert 3 * (block - 1) < quantised_count(HALF, 2, 9, delta) <= 3 * block


def test_all_sums_are_seen():
    rng = np.random.default_rng(0)
    for _ in range(50):
        codes = rng.integers(-3, 4, size=6).tolist()
        assert {target for target in range(-20, 21) if _reaches(codes, target)} == sums(codes)


def test_a_source_of_the_widths_holds_the_target_itself():
    # 1 -> 1 with a bias: layer 0 has features of the input, and constants; all sums of the second layer are looked at.
    bits, delta, densities, trials = 1, Fraction(1, 4), (Fraction(4, 5), Fraction(3, 5)), 400
    target = Target.from_arrays([[[0.5]]], [[-1.0]], domain=[(0, 1)])
    found = ticket_widths(target, density=densities, failure_probability=delta, bits=bits)
    (features,), constants = found.features, found.constants[0]
    rng = np.random.default_rng(5)
    first = np.where(rng.random((trials, features.neurons)) < 0.8, rng.integers(-2, 3, (trials, features.neurons)), 0)
    biases = rng.integers(-2, 3, (trials, constants))
    second = np.where(rng.random((trials, found.widths[0])) < 0.6, rng.integers(-2, 3, (trials, found.widths[0])), 0)
    held = [
        _reaches(row[: features.neurons][edges == 2].tolist(), 1)
        and _reaches(row[features.neurons :][ones == 2].tolist(), -2)
        for row, edges, ones in zip(second, first, biases, strict=True)
    ]
    assert np.mean(held) >= 1 - delta - math.sqrt(-math.log(FALSE_ALARM) / (2 * trials))
    assert found.epsilon == 0
    assert found.to_dict()["bits"] == 1


def test_more_bits_need_wider_sources_and_only_multiples_are_taken():
    asked = {"density": HALF, "failure_probability": Fraction(1, 10)}
    totals = [ticket_widths(Target.from_text("2-3-1"), bits=bits, **asked).total for bits in (0, 1, 3, 6)]
    assert totals == sorted(set(totals))
    target = Target.from_arrays([[[0.75]]], domain=[(0, 1)])
    assert ticket_widths(target, bits=2, **asked).bits == 2
    with pytest.raises(TheoremNotApplicable, match=r"W1 has the entry 0\.75, which is no multiple of 2\^-1"):
        ticket_widths(target, bits=1, **asked)
    with pytest.raises(InvalidInput, match="epsilon: expected no tolerance with `bits`"):
        ticket_widths(target, bits=2, epsilon="0.1", **asked)
    with pytest.raises(InvalidInput, match="bits: expected no bits unless the mode is rigorous"):
        ticket_widths(target, bits=2, mode="calibrated", **asked)
    assert codes_of(Fraction(-5, 4), 2) == -5


def test_drawn_sums_agree():
    assert verify("lemma-2.4-bits", trials=2_000, seed=1, level=1 - FALSE_ALARM).agrees
