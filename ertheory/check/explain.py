"""In words, where a source unit differs from the target unit that comes nearest to it.

>>> import numpy as np
>>> from ertheory.check.forms import selection
>>> describe(selection(np.array([1]), 4, {}), selection(np.array([0]), 4, {}), 2, 0)
'equals no unit of the target; the nearest is 0, with 0.0 and not 1.0 at tap 0 of unit 0'
"""

from __future__ import annotations

import numpy as np

from ertheory.check.forms import Forms
from ertheory.check.numbering import neighbours

__all__ = ["describe"]


def describe(target: Forms, source: Forms, taps: int, unit: int) -> str:
    """Say at which coefficient a source row differs most from a target row.

    Parameters
    ----------
    target, source
        Rows as `ertheory.check.forms.through` gives them.
    taps
        Taps of the step; 0 for the sum of branch and skip.
    unit
        The source row.
    """
    row = source.near[[unit]].toarray()[0]
    proposals = {int(rows[0]) for rows in neighbours(target, source, np.array([unit]))} & set(range(target.units))
    with np.errstate(all="ignore"):
        gaps = {near: np.abs(row - target.near[[near]].toarray()[0]) for near in sorted(proposals)}
        near = min(gaps, key=lambda candidate: float(gaps[candidate].sum()))
    column = int(np.argmax(gaps[near]))
    wanted, found = float(target.near[near, column]), float(row[column])
    return (
        f"equals no unit of the target; the nearest is {near}, with {wanted!r} and not {found!r} "
        f"{_place(column, target.elements, taps)}"
    )


def _place(column: int, elements: int, taps: int) -> str:
    if column == elements:
        return "as bias"
    if not taps:
        return "in the sum of branch and skip"
    element, tap = divmod(column, taps)
    if element == elements // taps - 1:
        return f"as constant inside of the padding at tap {tap}"
    return f"at tap {tap} of unit {element}" if taps > 1 else f"at unit {element}"
