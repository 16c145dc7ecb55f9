"""Certain comparisons, and the smallest integer that satisfies one."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, near_zero, smallest

HUGE = Fraction(1, 2**3000)  # smaller than what the first precisions can tell from 0
fractions = st.fractions(max_denominator=10**9)


@given(fractions | st.sampled_from((HUGE, -HUGE, HUGE - 1)))
@example(HUGE)
@example(-HUGE)
def test_the_sign_of_a_rational_is_decided(value):
    assume(value != 0)
    # The logarithms cancel, but hide x until the precision has grown to it.
    decision = decide(lambda: (ball(value) + Ball(2).log()) - Ball(2).log(), tie=lambda: False)
    assert decision.holds == (value > 0)
    assert decision.bits >= (4096 if abs(value) == HUGE else 64)


def test_intervals_that_separate_ask_for_no_tie():
    def never():
        raise AssertionError

    assert decide(lambda: Ball(2).log(), tie=never) == Decision(True, 64)
    assert decide(lambda: -Ball(2).log(), tie=never) == Decision(False, 64)
    assert decide(lambda: Ball(0), tie=never) == Decision(True, 64)


def test_a_tie_is_decided_by_integers_and_asked_for_once():
    asked = []

    def difference():
        return Ball(9).log() - 2 * Ball(3).log()

    assert decide(difference, tie=lambda: asked.append(1) or True) == Decision(True, 0)
    assert asked == [1]
    # `undecided` is the answer after the tie was denied, in the largest precision.
    for safe in (True, False):
        asked.clear()
        decision = decide(difference, tie=lambda: bool(asked.append(1)), undecided=safe)
        assert decision.holds is safe
        assert decision.bits >= 2**14
        assert asked == [1]
    assert decide(difference, undecided=True, most_bits=512) == Decision(True, 512)
    with pytest.raises(InfeasibleWidth, match="too close to equality"):
        decide(difference)


def test_what_is_not_a_number_decides_nothing():
    for undefined in (Ball.nan(), Ball.pos_inf() - Ball.pos_inf(), Ball(-1).log()):
        assert decide(lambda number=undefined: number, undecided=False).holds is False
        assert decide(lambda number=undefined: number, undecided=True).holds is True


# --- the smallest integer ------------------------------------------------------------------------------------------

wide = st.integers(1, 50) | st.integers(1, 10**18)


@given(wide, wide, wide, st.booleans())
@example(5, 5, 1, False)
@example(5, 4, 1, False)
@example(5, 6, 1, False)
@example(1, 1, 1, False)
@example(1, 10, 1, False)
@example(3, 1, 7, False)
def test_the_smallest_integer_is_certified_on_both_sides(threshold, guess, least, near):
    if near:
        guess = max(1, threshold + guess % 7 - 3)
    asked = {}

    def predicate(q):
        assert q >= least
        assert q not in asked, "asked twice"
        asked[q] = Decision(q >= threshold, 1 + len(asked))
        return asked[q]

    found, used = smallest(predicate, guess, least=least)
    assert found == max(threshold, least)
    assert asked[found].holds
    if found > least:
        assert not asked[found - 1].holds
        assert used == max(asked[found].bits, asked[found - 1].bits)
    else:
        assert used == asked[found].bits
    # Doubling steps away from the guess, then halving: two logarithms of the error.
    error = abs(found - max(guess, least))
    assert len(asked) <= 3 + 2 * math.ceil(math.log2(error + 2))


def test_a_guess_without_a_secant_is_near_the_start():
    assert near_zero(lambda number: Ball.nan(), 7) in (7, 8)
    assert near_zero(lambda number: Ball(number), 7) in (7, 8)  # not decreasing


@pytest.mark.parametrize("start", [1, 900, 1000, 1100, 10**6])
def test_a_guess_comes_close_from_either_side(start):
    asked = []

    def decreasing(number):
        asked.append(number)
        return Ball(1000).log() - Ball(number).log()

    assert abs(near_zero(decreasing, start) - 1000) <= 1
    assert len(asked) <= 14
