"""From the necessary widths to the printed ones, neuron by neuron: one number to bisect instead of one per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ertheory.errors import InvalidInput

__all__ = ["WidthLine"]


@dataclass(frozen=True)
class WidthLine:
    """Hidden widths N_0..N_{L-1} between two ends, one for every total.

    Parameters
    ----------
    first
        Smallest widths.
    last
        Largest widths, none smaller than the first one of its layer.

    Notes
    -----
    With g_l = last_l - first_l the j-th additional neuron of layer l has the time (2 j - 1) / (2 g_l) in [0, 1];
    neurons come in the order of their times, and at one time in the order of their layers. So the widths follow the
    straight line between the ends, no layer shrinks as the total grows, and every total is met.

    Examples
    --------
    >>> line = WidthLine((7, 8), (56, 80))
    >>> line.widths(15), line.widths(46), line.widths(136)
    ((7, 8), (20, 26), (56, 80))
    """

    first: tuple[int, ...]
    last: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.first) != len(self.last) or any(a > b for a, b in zip(self.first, self.last, strict=True)):
            raise InvalidInput("last", f"widths of at least {self.first}", self.last)

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
        gaps = [high - low for low, high in zip(self.first, self.last, strict=True)]
        times = [(Fraction(2 * j + 1, 2 * gap), layer) for layer, gap in enumerate(gaps) for j in range(gap)]
        return [layer for _, layer in sorted(times)]

    def widths(self, total: int) -> tuple[int, ...]:
        """Give the widths with this sum.

        Raises
        ------
        InvalidInput
            If the total lies outside.
        """
        if not self.lowest <= total <= self.highest:
            raise InvalidInput("total", f"a whole number from {self.lowest} to {self.highest}", total)
        added = self._order[: total - self.lowest]
        return tuple(low + added.count(layer) for layer, low in enumerate(self.first))
