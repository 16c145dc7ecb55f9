"""From the necessary widths to the printed ones, neuron by neuron: one number to search instead of one per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number

__all__ = ["WidthLine"]


@dataclass(frozen=True)
class WidthLine:
    """Hidden widths N_0..N_{L-1} along straight pieces between corners, one for every total.

    Parameters
    ----------
    corners
        Widths that are met, at least one; in no layer smaller than at the corner before.

    Raises
    ------
    InvalidInput
        If corners have different numbers of layers, or a layer shrinks.

    Notes
    -----
    With g_l = last_l - first_l along a piece, the j-th additional neuron of layer l has the time (2 j - 1) / (2 g_l) in
    [0, 1]; neurons come in the order of their times, and at one time in the order of their layers. So the widths follow
    the straight piece between its ends, no layer shrinks as the total grows, and every total is met.

    Examples
    --------
    >>> line = WidthLine(((7, 8), (28, 28), (56, 80)))
    >>> line.widths(15), line.widths(46), line.widths(56), line.widths(96)
    ((7, 8), (23, 23), (28, 28), (42, 54))
    """

    corners: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for low, high in pairwise(self.corners):
            if len(low) != len(high) or any(a > b for a, b in zip(low, high, strict=True)):
                raise InvalidInput("corners", f"widths of at least {low} behind these", high)

    @property
    def first(self) -> tuple[int, ...]:
        """The smallest widths."""
        return self.corners[0]

    @property
    def last(self) -> tuple[int, ...]:
        """The largest widths."""
        return self.corners[-1]

    @property
    def lowest(self) -> int:
        """The smallest total."""
        return sum(self.first)

    @property
    def highest(self) -> int:
        """The largest total."""
        return sum(self.last)

    @cached_property
    def _order(self) -> Sequence[int]:
        return [layer for low, high in pairwise(self.corners) for layer in _additional(low, high)]

    def widths(self, total: int) -> tuple[int, ...]:
        """Give the widths with this sum.

        Raises
        ------
        InvalidInput
            If the total lies outside.
        """
        total = whole_number("total", total, least=self.lowest, most=self.highest)
        added = self._order[: total - self.lowest]
        return tuple(low + added.count(layer) for layer, low in enumerate(self.first))


def _additional(low: tuple[int, ...], high: tuple[int, ...]) -> list[int]:
    """List the layers of the neurons that are added along a piece, in their order."""
    gaps = [b - a for a, b in zip(low, high, strict=True)]
    times = [(Fraction(2 * j + 1, 2 * gap), layer) for layer, gap in enumerate(gaps) for j in range(gap)]
    return [layer for _, layer in sorted(times)]
