"""One map of the target as two masked maps in a row: its form, its inner width and what they cost.

A map of n inputs, m outputs and t taps is a linear layer (t = 1) or a convolution, which becomes two in one of two
ways: ``spatial-first``, the t taps and then a 1x1 convolution, a matrix problem of n t columns and m rows; or
``spatial-last``, a 1x1 convolution and then the t taps, with n columns and m t rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ertheory.bounds.factored.least import ORIENTATIONS, Densities, Orientation, Pair, Split, least_width
from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, probability, whole_number

__all__ = ["FORMS", "FactoredMap", "Form", "factored_map"]

Form = Literal["linear", "spatial-first", "spatial-last"]

FORMS: tuple[Form, ...] = ("linear", "spatial-first", "spatial-last")

_LARGEST_SIZE = 10**9


@dataclass(frozen=True)
class FactoredMap:
    """One map of the target as two masked maps in a row.

    Parameters
    ----------
    inputs, outputs, taps
        The sizes n, m and t of the map; t = 1 for a linear layer.
    form
        How a convolution is split: ``spatial-first`` or ``spatial-last``; ``linear`` where there is one tap.
    orientation
        The theorem that the width rests on: ``dual`` (one outer factor serves every map, the inner one is solved),
        ``primal`` (the reverse), ``mixed-dual`` or ``mixed-primal``.
    inner
        The number N of inner neurons, or channels.
    densities
        The pair (p_1, p_2) of the inner and the outer factor.
    failure
        An upper bound on the probability that the pair does not contain every map.
    share
        The failure probability that was granted; N - 1 inner neurons do not keep it with any of the theorems.
    threshold, set_aside
        The integers of the mixed theorems: kappa and the largest size f of the set F, else 0.
    name
        The name of the layer, or empty.

    Examples
    --------
    >>> found = factored_map(784, 128, densities=("0.1", "0.1"), failure_probability="0.001")
    >>> found.inner, found.orientation, found.edges_expected
    (1881, 'dual', Fraction(857736, 5))
    """

    inputs: int
    outputs: int
    taps: int
    form: Form
    orientation: Orientation
    inner: int
    densities: Densities
    failure: Fraction
    share: Fraction
    threshold: int = 0
    set_aside: int = 0
    name: str = ""

    @property
    def columns(self) -> int:
        """What an inner neuron may read: n t in ``spatial-first``, else n."""
        return self.inputs * (self.taps if self.form == "spatial-first" else 1)

    @property
    def rows(self) -> int:
        """What may read an inner neuron: m t in ``spatial-last``, else m."""
        return self.outputs * (self.taps if self.form == "spatial-last" else 1)

    @property
    def weights(self) -> int:
        """Number of weights of the map itself."""
        return self.inputs * self.outputs * self.taps

    @property
    def entries(self) -> int:
        """Number of entries of both masks."""
        return self.inner * (self.columns + self.rows)

    @property
    def edges_expected(self) -> Fraction:
        """Expected number of kept weights."""
        return self.inner * (self.densities[0] * self.columns + self.densities[1] * self.rows)

    @property
    def density(self) -> Fraction:
        """The overall density of the pair: expected edges over entries."""
        return self.edges_expected / self.entries


def factored_map(
    inputs: int,
    outputs: int,
    *,
    densities: tuple[Rational, Rational],
    failure_probability: Rational,
    taps: int = 1,
    used: tuple[int, int] | None = None,
    split: Split = "equal",
    orientations: Sequence[Orientation] = ORIENTATIONS,
    forms: Sequence[Form] = FORMS,
    name: str = "",
) -> FactoredMap:
    """Find the least number of inner neurons of one map, certified.

    Parameters
    ----------
    inputs, outputs
        The numbers n and m of neurons or channels, each at least 1.
    densities
        The pair (p_1, p_2) of the two factors, each in (0, 1].
    failure_probability
        The number delta in (0, 1).
    taps
        The number of filter taps, at least 1.
    used
        How many inputs and outputs have non-zero weights at all, where that is known; by default all. The others need
        no inner neuron, but their masks are drawn and counted all the same.
    split
        With ``best`` the two densities are chosen for fewest edges, at the overall density of the given ones.
    orientations
        The theorems that may be used.
    forms
        The forms that a convolution may take.
    name
        A name to keep with the answer.

    Returns
    -------
    FactoredMap
        The cheapest one by expected edges.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    InfeasibleWidth
        If more than 10**12 inner neurons would be needed.

    Examples
    --------
    >>> factored_map(1, 1, densities=(1, 1), failure_probability="0.001").inner
    1
    >>> best = factored_map(128, 10, densities=("0.1", "0.1"), failure_probability="0.001", split="best")
    >>> best.density, best.inner < 400
    (Fraction(1, 10), True)
    """
    inputs, outputs, taps = (
        whole_number(argument, size, least=1, most=_LARGEST_SIZE)
        for argument, size in (("inputs", inputs), ("outputs", outputs), ("taps", taps))
    )
    pair = (
        probability("densities", densities[0], one=True),
        probability("densities", densities[1], one=True),
    )
    delta = probability("failure_probability", failure_probability)
    if split not in ("equal", "best"):
        raise InvalidInput("split", "equal or best", split)
    some = (inputs, outputs) if used is None else used
    if not (0 <= some[0] <= inputs and 0 <= some[1] <= outputs):
        raise InvalidInput("used", "at most the inputs and the outputs", used)
    allowed = [form for form in (("linear",) if taps == 1 else FORMS[1:]) if form in forms]
    found: list[FactoredMap] = []
    for form in allowed:
        before, after = (taps if form == "spatial-first" else 1), (taps if form == "spatial-last" else 1)
        sizes = (some[0] * before, some[1] * after)
        entries = (inputs * before, outputs * after)
        choice = least_width(Pair(*entries, *sizes, pair), delta, split, tuple(orientations))
        found.append(
            FactoredMap(
                inputs,
                outputs,
                taps,
                form,
                choice.orientation,
                choice.inner,
                choice.densities,
                choice.bound.failure,
                delta,
                choice.bound.threshold,
                choice.bound.set_aside,
                name,
            )
        )
    if not found:
        raise InvalidInput("forms", "linear for one tap, a spatial form for more", forms)
    return min(found, key=lambda one: one.edges_expected)
