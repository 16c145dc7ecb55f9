"""Random masks with a structure: as many weights for every neuron, some of every few, or whole blocks of them."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_numbers

__all__ = ["DRAWINGS", "check_drawing", "is_structured", "structured_mask"]

DRAWINGS = ("exact", "independent")
_LARGEST, _MOST_AXES = 10**15, 16  # side of a mask, and how many it has
_FAN_IN = "constant-fan-in"
_ALLOWED = f"{', '.join(DRAWINGS)}, {_FAN_IN}, n:M such as n:4, or block-RxC such as block-4x4"
_PATTERN = re.compile(r"n:(?P<group>[1-9]\d{0,5})|block-(?P<rows>[1-9]\d{0,5})x(?P<columns>[1-9]\d{0,5})")


def check_drawing(drawing: str) -> None:
    """Refuse what is no way to draw a mask.

    Raises
    ------
    InvalidInput
        If it is none.

    Examples
    --------
    >>> check_drawing("n:4")
    """
    if drawing not in (*DRAWINGS, _FAN_IN) and _PATTERN.fullmatch(drawing) is None:
        raise InvalidInput("drawing", _ALLOWED, drawing)


def is_structured(drawing: str) -> bool:
    """Whether masks have a structure that rewiring would not keep.

    Examples
    --------
    >>> is_structured("n:4"), is_structured("exact")
    (True, False)
    """
    return drawing not in DRAWINGS


def structured_mask(
    shape: tuple[int, ...], density: float, drawing: str, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw the mask of a layer.

    Parameters
    ----------
    shape
        (outputs, inputs per group, *kernel); the rows of its matrix have all but the outputs.
    density
        p, in [0, 1].
    drawing
        ``"constant-fan-in"``: every row keeps round(p fan_in) weights. ``"n:M"``: of each M neighbours in a row, from
        the left, round(p M) are kept, which is 2:4 for ``"n:4"`` and p = 1/2; of fewer at the end their share. Both
        keep at least one for p > 0. ``"block-RxC"``: the matrix is cut into blocks of R rows and C columns, smaller at
        the borders, and round(p B) of the B blocks are kept whole, at least one.
    rng
        Where the choice comes from; all are equally likely.

    Returns
    -------
    ndarray of bool
        It is that of the shape.

    Raises
    ------
    InvalidInput
        If the drawing is unknown, or shape or density lie outside of their domains.

    Examples
    --------
    >>> mask = structured_mask((6, 8), 0.5, "n:4", np.random.default_rng(0))
    >>> mask.reshape(6, 2, 4).sum(2).tolist()
    [[2, 2], [2, 2], [2, 2], [2, 2], [2, 2], [2, 2]]
    """
    check_drawing(drawing)
    if not 1 <= len(whole_numbers("shape", shape, least=1, most=_LARGEST)) <= _MOST_AXES:
        raise InvalidInput("shape", f"(outputs, inputs, *kernel), at most {_MOST_AXES} of them", shape)
    if not 0 <= density <= 1:
        raise InvalidInput("density", "a number in [0, 1]", density)
    rows, columns = shape[0], math.prod(shape[1:])
    mask = np.empty((rows, columns), dtype=np.bool_)  # first of all: it says so if there is no memory for it
    found = _PATTERN.fullmatch(drawing)
    if found is not None and found["rows"] is not None:
        sides = int(found["rows"]), int(found["columns"])
        kept = _chosen(-(-rows // sides[0]) * -(-columns // sides[1]), density, 1, rng)
        blocks = kept.reshape(-(-rows // sides[0]), -(-columns // sides[1]))
        return blocks.repeat(sides[0], axis=0)[:rows].repeat(sides[1], axis=1)[:, :columns].reshape(shape)
    group = columns if found is None else int(found["group"])
    for start in range(0, columns, group):
        mask[:, start : start + group] = _chosen(min(group, columns - start), density, rows, rng)
    return mask.reshape(shape)


def _chosen(count: int, density: float, times: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose round(p count) of so many, at least one unless p is 0, so many times: (times, count)."""
    wanted = max(round(density * count), 1) if density > 0 else 0
    ranks = rng.random((times, count)).argsort(axis=1).argsort(axis=1)
    kept: NDArray[np.bool_] = ranks < wanted
    return kept
