"""What the inner neurons of a pair do, so that they hand on B z unchanged.

- ``identity``: nothing, on all of R^n.
- ``relu``: where the inputs of a map cannot be negative and B is the drawn factor, its numbers are positive, and so is
  B z. Everywhere else a bias c lifts the inner neurons above 0 on the box of z, and A c is taken off the next biases.
- ``relu-positive``: the first of these two alone, which needs no bounds on the inputs, but more inner neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ertheory.bounds.factored.inner import INNER, Inner
from ertheory.builders.factored.boxes import widened
from ertheory.builders.factored.draw import Law
from ertheory.builders.factored.pairs import Array
from ertheory.builders.factored.solve import Factors
from ertheory.errors import TheoremNotApplicable
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["INNER", "Inner", "InnerLayer", "inner_layer", "law_of", "shifts_of"]

_LARGEST = 1e9  # of a shift: beyond it, taking it off again costs the digits that are wanted
_DIGITS = 20  # binary ones of a shift, so that its products with drawn numbers and their sums are exact


@dataclass(frozen=True, eq=False)
class InnerLayer:
    """The two affine steps of a pair.

    Parameters
    ----------
    first, second
        B with the shifts as biases, and A with the biases of the map, less what the shifts bring in.
    lost
        A bound on the rounding of each bias of `second`.
    shift
        The largest shift; 0 where there is none.
    """

    first: Affine
    second: Affine
    lost: Array
    shift: float


def law_of(inner: Inner, scheme: str, *, nonnegative: bool, name: str) -> Law:
    """Say which numbers the drawn factor may have.

    Raises
    ------
    TheoremNotApplicable
        If B has to be positive, but the inputs may be negative or B is not the drawn factor.
    """
    possible = nonnegative and scheme == "primal"
    if inner == "relu-positive" and not possible:
        why = "its inputs may be negative" if not nonnegative else f"its scheme is {scheme}, not primal"
        raise TheoremNotApplicable(f"{name}: no positive first factor, because {why}; use inner relu or identity")
    return "positive" if inner != "identity" and possible else "signed"


def inner_layer(target: Affine, factors: Factors, box: Array | None, *, lifted: bool, name: str) -> InnerLayer:
    """Write a pair as two affine steps.

    Parameters
    ----------
    target
        The map, with its biases.
    factors
        B and A.
    box
        It is that of the inputs of the map, shape (inputs, 2), where a shift is needed.
    lifted
        Whether a shift is needed.
    name
        How an error names the map.

    Raises
    ------
    TheoremNotApplicable
        If there is no box, or a shift is too large.
    """
    shift = np.zeros(factors.first.shape[0])
    if lifted:
        shift = shifts_of(factors.first, box, name=name)
    taken = factors.second @ shift
    bias = target.bias - taken
    terms = int(np.diff(factors.second.indptr).max(initial=0))
    size = abs(factors.second) @ shift
    lost = np.zeros(len(bias)) if not shift.any() else (size * (terms + 4) + np.abs(bias)) * 2.0**-52
    return InnerLayer(
        Affine(weight=factors.first, bias=shift, inputs=target.inputs),
        Affine(weight=factors.second, bias=bias, inputs=len(shift)),
        lost,
        float(shift.max(initial=0.0)),
    )


def shifts_of(first: csr_array, box: Array | None, *, name: str) -> Array:
    """Give for every inner neuron the least lift above 0, a little more, and with few digits.

    Parameters
    ----------
    first
        B.
    box
        It is that of what its columns read.
    name
        How an error names the map.

    Raises
    ------
    TheoremNotApplicable
        If there are no bounds, or a shift is too large: taking it off again would cost the digits that are wanted.
    """
    if box is None or not np.isfinite(box).all():
        raise TheoremNotApplicable(f"{name}: inner relu needs a box of the inputs; state one, or use inner identity")
    positive, negative = first.maximum(0), first.minimum(0)
    for signed in (positive, negative):
        signed.eliminate_zeros()
    low = positive @ box[:, 0] + negative @ box[:, 1]
    size = abs(first) @ np.abs(box).max(axis=1)
    # The rational factors and the inputs that the source computes differ from these by relative errors of rounding.
    reach = widened(low, low, size, int(np.diff(first.indptr).max(initial=0)))[:, 0] - size * 2.0**-30
    needed = np.maximum(0.0, -reach)
    if not (needed <= _LARGEST).all():
        msg = f"{name}: inner relu needs shifts up to {needed.max():.2g}, above {_LARGEST:g}, on the box of its inputs"
        raise TheoremNotApplicable(f"{msg}; use inner identity, or relu-positive where inputs are not negative")
    exponent = np.frexp(needed)[1] - _DIGITS
    return np.asarray(np.ldexp(np.ceil(np.ldexp(needed, -exponent)), exponent), dtype=np.float64)
