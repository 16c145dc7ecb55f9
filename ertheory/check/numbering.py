"""Which units of the source compute what units of the target compute.

Rows of coefficients over the same elements are the same function if they are equal. So the target rows get numbers,
equal rows the same one, and each source row is looked up. One that is found nowhere is compared with the target row
that lies next to it under a random projection: if all coefficients agree up to rounding, the source unit stands for
that unit with an error, which is bounded.

>>> import numpy as np
>>> from ertheory.check.forms import identity
>>> numbered = number(identity(2), identity(2), np.zeros(2), np.array([-1, -1]), np.ones(2), blame_from=0)
>>> numbered.source.near.indices.tolist(), numbered.error.tolist()
([0, 1], [0.0, 0.0])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.forms import ROUNDOFF, TINY, Forms, selection
from ertheory.check.upwards import upper, weighed

__all__ = ["Pair", "compare", "constants", "keys", "neighbours", "number"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_TOLERANCE = 2.0**-40
_SEED = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """The units of target and source behind the same step, in terms of the same elements.

    Parameters
    ----------
    target, source
        Their forms.
    error
        A bound on |source unit - its form| on the box, shape (source units,).
    blame
        It is -1 where the form of a source unit is known, elsewhere the number of the unit that is to blame.
    magnitude
        A bound on the modulus of each element on the box.
    """

    target: Forms
    source: Forms
    error: Array
    blame: Integers
    magnitude: Array


def number(target: Forms, source: Forms, error: Array, blame: Integers, magnitude: Array, *, blame_from: int) -> Pair:
    """Make each target row an element of its own, and find the source rows among them.

    Parameters
    ----------
    target, source
        Rows over the same elements.
    error, blame
        They are as in `Pair`, of the source rows.
    magnitude
        It is as in `Pair`, of the elements of the rows.
    blame_from
        Number of source row 0, for the rows that are found nowhere.
    """
    numbers: dict[object, int] = {}
    target_keys = keys(target, range(target.units))
    first = np.array([numbers.setdefault(key, row) for row, key in enumerate(target_keys)], dtype=np.int64)
    # A row without elements is a constant, and stays one.
    target_constants = constants(target)
    first[list(target_constants)] = -1
    found = np.full(source.units, -1)
    rough = np.zeros(source.units, dtype=np.bool_) if source.radius is None else np.diff(source.radius.indptr) > 0
    fixed = {row: value for row, value in constants(source).items() if blame[row] < 0 and not rough[row]}
    open_rows = []
    rows = np.flatnonzero((blame < 0) & (rough | (np.diff(source.near.indptr) > 0))).tolist()
    for row, key in zip(rows, keys(source, rows), strict=True):
        equal = -1 if rough[row] else numbers.get(key, -1)
        if equal < 0:
            open_rows.append(row)
        elif row not in fixed:
            found[row] = equal
    error, blame = error.copy(), blame.copy()
    chosen, bounds = _nearby(target, source, np.array(open_rows, dtype=np.int64), magnitude)
    for row, near, bound in zip(open_rows, chosen.tolist(), bounds.tolist(), strict=True):
        if near >= 0:
            error[row] = (error[row] + bound) * (1 + 4 * ROUNDOFF)
            found[row] = first[near]
            if near in target_constants:
                fixed[row] = target_constants[near]
        elif row not in fixed:
            blame[row] = blame_from + row
    return Pair(
        target=selection(first, target.units, target_constants),
        source=selection(found, target.units, fixed),
        error=error,
        blame=blame,
        magnitude=_magnitudes(target, magnitude),
    )


def keys(forms: Forms, rows: Iterable[int]) -> list[object]:
    """Describe rows so that equal ones have equal descriptions."""
    starts, indices, data = forms.near.indptr.tolist(), forms.near.indices, forms.near.data
    odd: dict[int, list[tuple[int, Fraction]]] = {}
    for (row, column), value in sorted(forms.fractions.items()):
        odd.setdefault(row, []).append((column, value))
    cuts = ((row, slice(starts[row], starts[row + 1])) for row in rows)
    return [(indices[cut].tobytes(), data[cut].tobytes(), tuple(odd.get(row, ()))) for row, cut in cuts]


def neighbours(target: Forms, source: Forms, rows: Integers) -> list[Integers]:
    """Propose target rows for each source row: that of the same number where there is one, and the next few.

    What is left of large terms that cancel must not decide: neither coefficients that are rounding alone, nor the
    constants, which take back the shift of layer 0.
    """
    near = source.near[rows]
    with np.errstate(all="ignore"):
        if source.moduli is not None:
            near = near.multiply(abs(near) - source.moduli[rows] * _TOLERANCE > 0)
        proposals = [rows] if target.units == source.units else []
        for constant in (1.0, 0.0):
            direction = np.random.default_rng(_SEED).standard_normal(target.near.shape[1])
            direction[-1] *= constant
            places, wanted = target.near @ direction, near @ direction
            order = np.argsort(places, kind="stable")
            right = np.searchsorted(places[order], wanted)
            proposals += [order[np.clip(right + shift, 0, target.units - 1)] for shift in (-1, 0)]
    return proposals


def compare(target: Forms, source: Forms, magnitude: Array) -> tuple[npt.NDArray[np.bool_], Array]:
    """Say which rows agree up to rounding, and bound the difference over the box; row by row."""
    slack = abs(source.near) * 0.0
    for forms in (target, source):
        if forms.fractions:
            slack = slack + _rounding(forms)
        if forms.radius is not None:
            slack = slack + forms.radius
    moduli = abs(source.near) if source.moduli is None else source.moduli
    with np.errstate(over="ignore", invalid="ignore"):  # NaN, where something overflows, agrees with nothing
        difference = abs(source.near - target.near) * (1 + 4 * ROUNDOFF) + slack
        excess = difference - (moduli + abs(target.near)) * _TOLERANCE
        excess.data = np.maximum(excess.data, 0.0)
        bound = upper(weighed(difference, np.append(magnitude, 1.0)), np.diff(difference.indptr) + 4)
    return np.asarray(excess.sum(axis=1)).ravel() == 0, bound


def _nearby(target: Forms, source: Forms, rows: Integers, magnitude: Array) -> tuple[Integers, Array]:
    chosen, best = np.full(len(rows), -1), np.full(len(rows), np.inf)
    if not len(rows) or not target.units:
        return chosen, best
    part = _rows(source, rows)
    for proposal in neighbours(target, source, rows):
        agrees, bound = compare(_rows(target, proposal), part, magnitude)
        better = agrees & (bound < best)
        chosen[better], best[better] = proposal[better], bound[better]
    return chosen, best


def _rows(forms: Forms, rows: Integers) -> Forms:
    places: dict[int, list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        places.setdefault(row, []).append(place)
    fractions = {
        (place, column): value for (row, column), value in forms.fractions.items() for place in places.get(row, ())
    }
    moduli, radius = (None if part is None else part[rows] for part in (forms.moduli, forms.radius))
    return Forms(forms.near[rows], fractions, moduli, radius)


def constants(forms: Forms) -> dict[int, Fraction]:
    """Give the rows that hold a constant alone, and its value."""
    sizes = np.diff(forms.near.indptr)
    last = np.zeros(forms.units, dtype=np.bool_)
    occupied = np.flatnonzero(sizes == 1)
    last[occupied] = forms.near.indices[forms.near.indptr[occupied]] == forms.elements
    near = forms.near.data[forms.near.indptr[np.flatnonzero(last)]].tolist()
    nonzero = {
        row: forms.fractions.get((row, forms.elements), Fraction(value))
        for row, value in zip(np.flatnonzero(last).tolist(), near, strict=True)
    }
    return {**dict.fromkeys(np.flatnonzero(sizes == 0).tolist(), Fraction(0)), **nonzero}


def _rounding(forms: Forms) -> Any:
    from scipy.sparse import csr_array

    rows, columns = np.array(list(forms.fractions)).T
    values = [abs(value) for value in forms.fractions.values()]
    data = [float(value) * 2 * ROUNDOFF + TINY if value < 2**1000 else np.inf for value in values]
    return csr_array((np.array(data), (rows, columns)), shape=forms.near.shape)


def _magnitudes(target: Forms, magnitude: Array) -> Array:
    sizes = weighed(abs(target.near), np.append(magnitude, 1.0))
    return upper(sizes, np.diff(target.near.indptr) + 4)
