"""Coordinate descent: where it ends no step of 1 is better, and it never ends above where it began."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.descent import coordinate_descent

points = st.lists(st.integers(1, 60), min_size=1, max_size=3).map(tuple)


@settings(max_examples=25)
@given(points, st.integers(0, 3), st.randoms(use_true_random=False))
def test_no_neighbour_of_the_end_is_better(start, fixed, random):
    ends, weights = [random.randint(1, 60) for _ in start], [random.choice((0, 1, 5)) for _ in start]

    def value(point):
        coupled = abs(sum(point) - sum(ends))
        return coupled + sum(w * abs(a - b) for w, a, b in zip(weights, point, ends, strict=True))

    found = coordinate_descent(value, start, finest=0.01, fixed=fixed)
    assert value(found) <= value(start)
    assert found[:fixed] == start[:fixed]
    for place in range(fixed, len(start)):
        for move in (1, -1):
            near = (*found[:place], max(1, found[place] + move), *found[place + 1 :])
            assert value(near) >= value(found)


def test_it_goes_from_where_there_is_nothing_to_where_there_is_something():
    assert coordinate_descent(lambda at: at[0] if at[0] >= 11 else math.inf, (9,), finest=0.01) == (11,)
    assert coordinate_descent(lambda _: math.inf, (9, 2), finest=0.01) == (9, 2)
    assert coordinate_descent(lambda _: 7.5, (9, 2), finest=0.01) == (9, 2)
