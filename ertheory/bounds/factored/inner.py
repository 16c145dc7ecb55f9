"""What the inner neurons of a pair do, and which forms and theorems that leaves.

- ``identity``: they hand on B z as it is; every form of a convolution and every theorem may be used.
- ``relu``: a bias lifts B z above 0 on the box of z. Zero padding would pad 0 in place of that bias, so a convolution
  has its taps first; unless its inputs are not negative and B is drawn with positive numbers, as in ``relu-positive``.
- ``relu-positive``: B is drawn, with positive numbers, and inputs are not negative; no box is needed. Only the primal
  theorem has a B that serves every map: the minors of B are polynomials that do not vanish on the positive orthant
  either, so drawing from it costs nothing.
"""

from __future__ import annotations

from typing import Literal, get_args

from ertheory.bounds.factored.least import Orientation
from ertheory.bounds.factored.one_map import FORMS, Form
from ertheory.errors import TheoremNotApplicable, one_of

__all__ = ["INNER", "Inner", "Way", "ways"]

Inner = Literal["identity", "relu", "relu-positive"]
INNER: tuple[Inner, ...] = get_args(Inner)
Way = tuple[tuple[Form, ...], tuple[Orientation, ...]]  # forms, and the theorems that may be used with them


def ways(
    name: str, inner: Inner, orientations: tuple[Orientation, ...], *, convolution: bool, nonnegative: bool
) -> tuple[Way, ...]:
    """List how a map may be split into two.

    Parameters
    ----------
    name
        The name of the layer, for errors.
    inner
        What the inner neurons do.
    orientations
        The theorems that may be used.
    convolution
        Whether the map has taps.
    nonnegative
        Whether its inputs are not negative.

    Raises
    ------
    TheoremNotApplicable
        If nothing is left.

    Examples
    --------
    >>> ways("layer 1", "relu", ("dual", "primal"), convolution=True, nonnegative=True)
    ((('spatial-first',), ('dual', 'primal')), (('spatial-last',), ('primal',)))
    """
    one_of("inner", inner, INNER)
    every: tuple[Form, ...] = FORMS[1:] if convolution else FORMS[:1]
    if inner == "identity":
        return ((every, orientations),)
    drawn = tuple(name for name in orientations if name == "primal")
    positive: tuple[Way, ...] = ((every, drawn),) if nonnegative and drawn else ()
    if inner == "relu":
        boxed: Way = (every[:1], orientations)
        return (boxed, *(((every[1:], drawn),) if convolution and positive else ()))
    if not positive:
        msg = "positive inner factors need inputs that are not negative, and the primal theorem"
        raise TheoremNotApplicable(f"{name}: {msg}; take identity, or relu on a box")
    return positive
