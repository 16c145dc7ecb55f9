"""Error floors: no network on a mask gets below them, they vanish exactly where the target fits, boxes are the best."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ertheory.bounds import univariate_width
from ertheory.bounds.necessary.error_floor import error_floor, unseen_inputs
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target


def single(weights, bias=0.0, factor=1.0, box=(-1, 1)):
    return Target.from_arrays([[weights], [[factor]]], [[bias], [0.25]], domain=[box] * len(weights))


def value(target, point):
    """The target at a point, in rationals."""
    (first, second), (bias, shift) = target.weights, target.biases
    total = sum(Fraction(w) * x for w, x in zip(first[0].tolist(), point, strict=True)) + Fraction(float(bias[0]))
    return Fraction(float(second[0, 0])) * max(total, 0) + Fraction(float(shift[0]))


small = st.integers(-4, 4).map(lambda number: number / 2)


@st.composite
def neurons(draw, most=4):
    inputs = draw(st.integers(1, most))
    weights = draw(st.lists(small, min_size=inputs, max_size=inputs))
    return single(weights, draw(small), draw(small), draw(st.sampled_from([(-1, 1), (0, 1), (-2, 3)])))


@st.composite
def stacks(draw, inputs, layers):
    widths = [inputs, *draw(st.lists(st.integers(1, 4), min_size=layers, max_size=layers)), 1]
    return [
        np.array(draw(st.lists(st.lists(st.booleans(), min_size=a, max_size=a), min_size=b, max_size=b)), dtype=bool)
        for a, b in itertools.pairwise(widths)
    ]


@settings(max_examples=150)
@given(st.data())
def test_no_weights_get_below_the_floor(data):
    target = data.draw(neurons())
    masks = data.draw(stacks(target.inputs, data.draw(st.integers(1, 3))))
    output = data.draw(st.sampled_from(["linear", "relu"]))
    bend = data.draw(st.sampled_from([lambda x: max(x, 0), lambda x: x * x - x**3]))
    floor = error_floor(target, masks, output=output)
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = [mask * random.integers(-3, 4, mask.shape) for mask in masks]
    biases = [random.integers(-3, 4, len(mask)) for mask in masks]
    worst = Fraction(0)
    for point in floor.corners:
        hidden = list(point)
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            sums = [
                sum(int(w) * x for w, x in zip(row, hidden, strict=True)) + int(b)
                for row, b in zip(weight, bias, strict=True)
            ]
            last = number == len(masks) - 1
            hidden = [max(x, 0) if output == "relu" else x for x in sums] if last else [bend(x) for x in sums]
        worst = max(worst, abs(value(target, point) - hidden[0]))
    assert worst >= floor.value
    low, high = np.asarray(target.domain)[0]
    assert all(low <= x <= high for point in floor.corners for x in point)


def smallest_error(target, floor, families, grid):
    """The smallest largest error on a grid of all sums of functions of the given sets of inputs, by linear programming.

    The grid holds the coordinates of the floor's corners; every function has a variable per value of its inputs.
    """
    axes = [sorted({*grid, *(float(corner[place]) for corner in floor.corners)}) for place in range(target.inputs)]
    points = list(itertools.product(*axes))
    columns = {}
    for number, family in enumerate(families):
        for point in points:
            columns.setdefault((number, tuple(point[place] for place in family)), len(columns))
    sums = np.zeros((len(points), len(columns) + 1))
    for row, point in enumerate(points):
        for number, family in enumerate(families):
            sums[row, columns[number, tuple(point[place] for place in family)]] = 1
    wanted = np.array([float(value(target, [Fraction(x) for x in point])) for point in points])
    signs = [sums.copy(), -sums]
    for part in signs:
        part[:, -1] = -1
    costs = np.zeros(sums.shape[1])
    costs[-1] = 1
    found = linprog(costs, A_ub=np.vstack(signs), b_ub=np.concatenate([wanted, -wanted]), bounds=(None, None))
    return found.fun


SEEN = [[(0,), (1,)], [(0, 1), (1, 2)], [(0, 1), (1, 2), (0, 2)], [(0,)], [(0, 1, 2), (0, 3), (1, 3), (2, 3)]]


@pytest.mark.parametrize("seen", SEEN)
def test_the_best_functions_of_what_is_seen_reach_the_floor_on_a_grid(seen):
    # Not proved in general: on these grids some functions of what is seen come down to the floor.
    inputs = max(2, 1 + max(max(family) for family in seen))
    target = single([1.0, 0.75, 1.25, 1.0][:inputs], bias=0.25)
    mask = np.array([[place in family for place in range(inputs)] for family in seen])
    floor = error_floor(target, [mask, np.ones((1, len(seen)), dtype=bool)])
    assert floor.value > 0
    assert smallest_error(target, floor, seen, [-1.0, 0.0, 1.0]) == pytest.approx(float(floor.value), abs=1e-9)


@pytest.mark.parametrize("output", ["linear", "relu"])
def test_masks_without_a_floor_are_as_many_as_the_exact_law_says(output):
    target, (inputs, width) = single([1.0, -2.0], bias=0.5), (2, 3)
    fits = total = 0
    for bits in itertools.product([False, True], repeat=width * inputs + width):
        first, last = np.array(bits[: width * inputs]).reshape(width, inputs), np.array([bits[width * inputs :]])
        fits += error_floor(target, [first, last], output=output).value == 0
        total += 1
    # The law at p = 1/2: width 3 is the exact width for any failure probability between its own and that of width 2.
    failure = 1 - Fraction(fits, total)
    half = (Fraction(1, 2), Fraction(1, 2))
    assert univariate_width(inputs, half, failure, output=output).exact == width
    assert univariate_width(inputs, half, failure - Fraction(1, 10**9), output=output).exact == width + 1


@given(st.data())
def test_no_box_gives_more_than_the_cube_where_the_shortest_side_limits(data):
    count = data.draw(st.integers(1, 5))
    sides = data.draw(st.lists(st.integers(1, 6), min_size=count, max_size=count))
    target = single([float(side) for side in sides], bias=-sum(sides) / 2, box=(0, 1))
    seen = [[place != missing for place in range(count)] for missing in range(count)]
    floor = error_floor(target, [np.array(seen), np.ones((1, count), dtype=bool)])
    assert floor.inputs == tuple(range(count))
    high = data.draw(st.lists(st.fractions(0, 1, max_denominator=8), min_size=count, max_size=count))
    low = [data.draw(st.fractions(0, 1, max_denominator=8)) * end for end in high]
    corners = itertools.product(*zip(low, high, strict=True))
    signs = itertools.product((-1, 1), repeat=count)
    shown = abs(sum(np.prod(sign) * value(target, point) for sign, point in zip(signs, corners, strict=True)))
    assert shown / 2**count <= floor.value


@pytest.mark.parametrize(
    ("inputs", "floor"),
    # C(d - 2, floor((d - 2) / 2)) / 2^(d - 1), the sides being 2 where the cube fits (d even, or d = 1)
    [(1, Fraction(1, 2)), (2, Fraction(1, 2)), (4, Fraction(1, 4)), (6, Fraction(3, 16)), (3, Fraction(3, 16))],
)
def test_the_sum_of_all_inputs(inputs, floor):
    rows = [[place != missing for place in range(inputs)] for missing in range(inputs)]
    target = single([1.0] * inputs)
    assert error_floor(target, [np.array(rows), np.ones((1, inputs), dtype=bool)]).value == floor


def test_unseen_sets_are_minimal_and_follow_paths():
    first = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
    second = np.array([[1, 1, 0], [0, 1, 1]], dtype=bool)
    assert unseen_inputs([first, second, np.array([[True, True]])], range(3)) == ((0, 2),)
    assert unseen_inputs([first, second, np.array([[True, False]])], range(3)) == ((2,),)
    assert unseen_inputs([first, second, np.array([[False, False]])], range(3)) == ((0,), (1,), (2,))
    assert unseen_inputs([first, second, np.array([[True, True]])], range(3), output="relu") == ()


def test_where_the_target_is_affine_or_constant_paths_are_all_it_needs():
    apart = [np.eye(2, dtype=bool), np.ones((1, 2), dtype=bool)]
    assert error_floor(single([1.0, 1.0], bias=3.0), apart).value == 0
    assert error_floor(single([1.0, 1.0], bias=-3.0), apart).value == 0
    without = [np.eye(2, dtype=bool), np.array([[True, False]])]
    assert error_floor(single([1.0, 1.0], bias=3.0), without).value == 1
    assert error_floor(single([1.0, 0.0]), without).value == 0


@pytest.mark.parametrize(
    ("target", "masks", "named"),
    [
        (Target.from_text("2-1-1"), [np.eye(2, dtype=bool), np.ones((1, 2), dtype=bool)], "target"),
        (Target.from_arrays([[[1.0]], [[1.0]]]), [np.ones((1, 1), dtype=bool)], "target"),
        (single([1.0] * 17), [np.ones((1, 17), dtype=bool)], "target"),
        (single([1.0] * 2), [], "masks"),
        (single([1.0] * 2), [np.ones((2, 2), dtype=bool)], "masks"),
        (single([1.0] * 2), [np.ones((3, 2), dtype=bool), np.ones((1, 2), dtype=bool)], "masks"),
        (single([1.0] * 2), [np.ones((1, 2))], "masks"),
    ],
)
def test_bad_arguments_are_refused(target, masks, named):
    with pytest.raises(InvalidInput, match=named):
        error_floor(target, masks)


def test_a_bad_output_is_refused():
    with pytest.raises(InvalidInput, match="output"):
        error_floor(single([1.0]), [np.ones((1, 1), dtype=bool)], output="softmax")


def test_the_cube_is_where_the_difference_is_largest():
    """Four inputs are seen three at a time, a fifth moves w.x + b: the middle cube shows C(2, 1) times as much."""
    target = Target.from_arrays([[[1.0] * 5], [[1.0]]], domain=[(-1, 1)] * 4 + [(-10, 10)])
    mask = np.ones((4, 5), dtype=bool)
    mask[range(4), range(4)] = False
    floor = error_floor(target, [mask, np.ones((1, 4), dtype=bool)])
    assert floor.inputs == (0, 1, 2, 3)
    assert floor.value == Fraction(2 * 2, 2**4)
