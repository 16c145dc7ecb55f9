"""What Coq computes to see that one inner neuron less is too few where a map rests on the mixed theorem.

Inputs that fewer than kappa inner neurons read are set aside, f of them at most. The program takes the least kappa for
which the second term of the bound is at most half of a share of delta, and then the least f for which the first is at
most a tenth of it. Coq sees that whatever keeps these parts has the third term too large: for a smaller kappa the
second term is above its part, for a smaller f the first; for a larger f, or kappa, more inputs are set aside and the
third term is above the share. The numbers are chosen here. The choice cannot make a wrong claim right: where it is too
coarse Coq refuses the file, and where the claim is not true, or cannot be seen so, none is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds import coq
from ertheory.bounds.factored.certified_plans import Sides, sides_of
from ertheory.bounds.factored.failure import LARGE_PART, TAIL_PART
from ertheory.bounds.factored.floors import Window, least_losses, window_above
from ertheory.bounds.factored.one_map import FactoredMap

__all__ = ["MixedChoice", "mixed_choice"]

_ENDS = (1, 2, 4, 8, 16)  # terms at both ends of Hall's sums that are tried
_FINEST = 2**40  # the density of what is set aside is a multiple of its inverse
_SLACK = 1e-9  # relative, of that density
_CLEAR = 1e-6  # relative: what is closer to its part counts as within it
_TERMS = 60  # of P(Bin(n, phi) > f)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MixedChoice:
    """Where Coq computes the bound of N - 1 inner neurons, and with how many binary digits.

    Parameters
    ----------
    kappa, aside
        The least kappa, and the least f with it, that keep their parts.
    density
        An upper bound of the density with which inputs that are set aside are read, with kappa.
    aside_next
        The least f with the next kappa.
    terms
        How many terms of the first term of the bound are added up.
    windows
        Five places: the second term for the kappa before and for kappa; the third term for f, for f + 1, and for the
        next kappa.
    bits
        The binary digits.
    divided
        Whether the third term has to be divided by 1 - phi, as the program does and the proof of the bound does not.
    """

    kappa: int
    aside: int
    density: Fraction
    aside_next: int
    terms: int
    windows: tuple[Window, ...]
    bits: int
    divided: bool

    @property
    def work(self) -> int:
        """Number of terms of Hall's sums."""
        return sum((window.start + window.length) * 2 * window.ends for window in self.windows)

    def written(self) -> str:
        """Write it as a `choice` of Coq."""
        numbers = f"{self.kappa} {self.aside} {self.density.numerator}%bin {self.density.denominator}%bin"
        places = " ".join(f"{one.ends} {one.start} {one.length}" for one in self.windows)
        return f"Choice {numbers} {self.aside_next} {self.terms}\n      {places}"


def mixed_choice(one: FactoredMap) -> MixedChoice | None:
    """Choose what Coq computes for one map, or nothing where that would not show that N - 1 inner neurons are too few.

    Parameters
    ----------
    one
        A map that rests on a mixed theorem.

    Examples
    --------
    >>> from ertheory.bounds.factored.one_map import factored_map
    >>> found = factored_map(80, 200, densities=("0.5", "0.5"), failure_probability="0.0005")
    >>> choice = mixed_choice(found)
    >>> (found.orientation, choice.kappa, choice.aside) if choice else None
    ('mixed-primal', 80, 17)
    """
    sides = sides_of(one)
    if sides.densities[0] == 1:
        return None
    tried = (
        _choice(sides, one.inner - 1, float(one.share), ends, divided=divided)
        for divided in (False, True)
        for ends in _ENDS
        if ends <= sides.rows
    )
    return next((choice for choice in tried if choice), None)


def _choice(sides: Sides, neurons: int, share: float, ends: int, *, divided: bool) -> MixedChoice | None:
    from scipy.stats import binom  # slow to load

    columns, both, counts = sides.columns, sides.columns * sides.rows, np.arange(neurons + 1)
    first, second = (float(density) for density in sides.densities)
    inside: Floats = binom.pmf(counts, neurons, first)
    lost = columns * inside * least_losses(sides.rows, neurons, 1 - second, ends)
    matched = np.cumsum(lost[::-1])[::-1]  # the second term of the bound, for every kappa
    kept = np.flatnonzero(matched > LARGE_PART * share * (1 + _CLEAR))
    kappa = int(kept[-1]) + 1 if len(kept) else 0
    if not 0 < kappa <= neurons:
        return None
    chances = binom.cdf([kappa - 1, kappa], neurons, first)
    aside, following = (_aside(columns, chance, TAIL_PART * share * (1 + _CLEAR)) for chance in chances)
    terms = min(_TERMS, columns - aside, columns + 1 - following)
    if terms < 1 or not aside or chances[0] < 1e-200:
        return None
    read = float(inside[:kappa] @ counts[:kappa]) / float(chances[0]) / neurons
    density = min(Fraction(1), Fraction(math.ceil(read * (1 + _SLACK) * _FINEST), _FINEST))
    left: Floats = both * binom.pmf(counts, neurons, second * (1 - first))

    def third(rows: int, miss: float, need: float) -> Window | None:
        return window_above(left * least_losses(rows, neurons, miss, ends), max(need, share * _CLEAR), ends)

    many = float(binom.sf(aside, columns, chances[0]) - binom.sf(aside + terms, columns, chances[0]))
    before = window_above(np.where(counts < kappa - 1, 0.0, lost), LARGE_PART * share, ends)
    here = Window(ends, kappa, 0, 0.0)
    if matched[kappa] > share / 100:
        here = window_above(np.where(counts < kappa, 0.0, lost), float(matched[kappa]) * (1 - 1e-4), ends) or here
    known = float(lost[here.start : here.start + here.length].sum()) * (1 - _CLEAR)
    miss, part = float(1 - density), (1 - float(chances[0]) * (1 - _CLEAR)) if divided else 1.0
    found = [
        before,
        here,
        third(aside, miss, part * (share - known - many * (1 - _CLEAR))),
        third(aside + 1, miss, part * (share - known)),
        third(following, 1 - first, share),
    ]
    windows = [window for window in found if window]
    if len(windows) < len(found):
        return None
    margins = [
        *((Fraction(one.margin) / (8 * both), 4 * one.length * (1 + 2 * ends)) for one in windows if one.length),
        (Fraction(TAIL_PART * share * _CLEAR / 10), 8 * (columns + neurons)),
        (Fraction(float(chances[0]) * _SLACK / 8), 8 * neurons),
    ]
    bits = max(coq.margin_bits(*pair) for pair in margins)
    return MixedChoice(kappa, aside, density, following, terms, tuple(windows), bits, divided)


def _aside(columns: int, chance: float, part: float) -> int:
    """Find the least f with P(Bin(n, phi) > f) at most so much."""
    from scipy.stats import binom

    above = binom.sf(np.arange(columns), columns, chance)
    return int(np.count_nonzero(above > part))
