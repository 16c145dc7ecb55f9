"""Whether n hyperplanes w_j . x + b_j = 0 meet inside a box, proved one way or the other.

A linear program in doubles finds the common point that is furthest from the sides of the box, or multipliers l_j for
which l . (W x + b) has one sign on the whole box. It is believed in neither: the point is corrected by a solution that
is enclosed in balls, and the sign is that of rational numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb_mat

from ertheory.bounds.necessary.simplex import largest_last
from ertheory.networks.arrays import Array
from ertheory.numbers import Ball, at_precision, ball

__all__ = ["meet_inside"]

_BITS = 256
_MOST_ROWS = 500  # of a system that is solved in balls
_EXACT = 100  # weights of a network whose program is solved in rationals, where doubles have proved nothing
_DENOMINATORS = (1, 12, 1_000, 10**6)  # to which multipliers are rounded; the last turn takes them as they are


def meet_inside(weight: Array, biases: Sequence[Fraction], box: Array) -> bool | None:
    """Say whether the hyperplanes have a common point inside the box, or ``None`` where nothing is proved.

    Parameters
    ----------
    weight
        W of full rank, shape (n, d), n <= d.
    biases
        b, n rationals.
    box
        Shape (d, 2), every interval of positive length.

    Examples
    --------
    >>> square = np.array([[-1.0, 1.0]] * 2)
    >>> meet_inside(np.array([[1.0, 1.0]]), [Fraction(1)], square), meet_inside(np.eye(2), [Fraction(0)] * 2, square)
    (True, True)
    >>> meet_inside(np.array([[1.0, 1.0]]), [Fraction(2)], square)  # they touch at a corner
    False
    """
    shifts = np.frexp(np.abs(weight).max(axis=1))[1].tolist()  # so that the scale of a row has no say
    scaled = np.ldexp(weight, [[-shift] for shift in shifts])  # entries of at most 1; only guesses are made from it
    offsets = [bias / Fraction(2) ** shift for bias, shift in zip(biases, shifts, strict=True)]
    if max(map(abs, offsets)) > weight.shape[1] * Fraction(np.abs(box).max()):
        return False  # that row alone has one sign on the box
    if _is_inside(weight, biases, box, _nearest(scaled, offsets, box)):
        return True
    point, multipliers = _program(scaled, offsets, box)
    if point is not None and _is_inside(weight, biases, box, point):
        return True
    for guess in [] if multipliers is None else _rounded(multipliers):
        if _has_sign(
            weight, biases, box, [one / Fraction(2) ** shift for one, shift in zip(guess, shifts, strict=True)]
        ):
            return False
    return _exactly(weight, biases, box) if weight.size <= _EXACT else None


def _nearest(weight: Array, offsets: Sequence[Fraction], box: Array) -> Array:
    """Give the common point that is nearest to the middle of the box, relative to its sides."""
    middle, half = box.mean(axis=1), (box[:, 1] - box[:, 0]) / 2
    missing = -np.array([float(offset) for offset in offsets]) - weight @ middle
    found: Array = middle + half * np.linalg.lstsq(weight * half, missing, rcond=None)[0]
    return found


def _program(weight: Array, offsets: Sequence[Fraction], box: Array) -> tuple[Array | None, Array | None]:
    """Largest margin t with W x = -b and a + t <= x <= b - t, and the multipliers of the equations."""
    from scipy.optimize import linprog

    inputs = weight.shape[1]
    eye, ones = np.eye(inputs), np.ones((inputs, 1))
    low, high = box.T
    found: Any = linprog(
        np.append(np.zeros(inputs), -1.0),
        A_ub=np.block([[-eye, ones], [eye, ones]]),
        b_ub=np.concatenate([-low, high]),
        A_eq=np.hstack([weight, np.zeros((len(weight), 1))]),
        b_eq=[-float(offset) for offset in offsets],
        bounds=[(None, None)] * (inputs + 1),
    )
    if not found.success:
        return None, None
    return found.x[:-1], found.eqlin.marginals


def _is_inside(weight: Array, offsets: Sequence[Fraction], box: Array, point: Array) -> bool:
    """Whether a solution close to the point, which differs from it in n coordinates, certainly lies inside."""
    from scipy.linalg import qr

    if len(weight) > _MOST_ROWS or not ((box[:, 0] < point) & (point < box[:, 1])).all():
        return False
    sizes = weight / np.abs(weight).max(axis=1, keepdims=True) * (box[:, 1] - box[:, 0])
    chosen = qr(sizes, mode="r", pivoting=True)[1][: len(weight)]
    rest = np.setdiff1d(np.arange(weight.shape[1]), chosen)

    def solved() -> bool:
        right = []
        for row, offset in zip(weight[:, rest].tolist(), offsets, strict=True):
            total = -ball(offset)
            for factor, value in zip(row, point[rest].tolist(), strict=True):
                total -= Ball(factor) * value
            right.append([total])
        try:
            found = arb_mat(weight[:, chosen].tolist()).solve(arb_mat(right)).entries()
        except ZeroDivisionError:
            return False
        ends = box[chosen].tolist()
        return all(low < value and value < high for value, (low, high) in zip(found, ends, strict=True))

    return at_precision(_BITS, solved)


def _rounded(multipliers: Array) -> list[list[Fraction]]:
    largest = float(np.abs(multipliers).max()) or 1.0
    relative = [Fraction(value / largest) for value in multipliers.tolist()]
    return [*([value.limit_denominator(most) for value in relative] for most in _DENOMINATORS), relative]


def _has_sign(weight: Array, offsets: Sequence[Fraction], box: Array, multipliers: Sequence[Fraction]) -> bool:
    """Whether l . (W x + b) is nowhere negative on the box, or nowhere positive, and not constant."""
    rows = [[Fraction(entry) for entry in row] for row in weight[[bool(one) for one in multipliers]].tolist()]
    used = [one for one in multipliers if one]
    normal = [sum(map(_times, used, column), Fraction(0)) for column in zip(*rows, strict=True)]
    level = sum(map(_times, multipliers, offsets), Fraction(0))
    if not any(normal):
        return False
    ends = [
        sorted((entry * Fraction(low), entry * Fraction(high)))
        for entry, (low, high) in zip(normal, box.tolist(), strict=True)
    ]
    return level + sum(low for low, _ in ends) >= 0 or level + sum(high for _, high in ends) <= 0


def _times(left: Fraction, right: Fraction) -> Fraction:
    return left * right


def _exactly(weight: Array, biases: Sequence[Fraction], box: Array) -> bool:
    """Solve the program in rationals: x = a + t + y = b - t - z with y, z, t >= 0, and t as large as it can be."""
    inputs = weight.shape[1]
    rows = [[Fraction(entry) for entry in row] for row in weight.tolist()]
    low, sides = [Fraction(one) for one, _ in box.tolist()], [Fraction(b) - Fraction(a) for a, b in box.tolist()]
    equations = [[*row, *[Fraction(0)] * inputs, sum(row, Fraction(0))] for row in rows]
    right = [-bias - sum(map(_times, row, low)) for row, bias in zip(rows, biases, strict=True)]
    for place in range(inputs):
        both = [Fraction(int(other % inputs == place)) for other in range(2 * inputs)]
        equations.append([*both, Fraction(2)])
        right.append(sides[place])
    found = largest_last(equations, right)
    return found is not None and found > 0
