"""How Coq adds up the bound of one factored map from above: at which columns, by how many terms, by which theorem.

Coq computes Hall's sum h_k at some columns k only, since with more columns less is lost, and of h_k only as many terms
at both ends as matter. Which ones is chosen here, in floating point. The choice cannot make a wrong answer right: where
it is too coarse Coq refuses the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.errors import TheoremNotApplicable

__all__ = ["Means", "Plan", "Sides", "plan_of", "sides_of"]

_MOST_NEURONS = 20_000
_NEGLIGIBLE = 1e-4  # of the failure probability, for the terms that are bounded together
_FINEST = 2**40  # densities of what is set aside are multiples of its inverse
_SLACK = 1e-9  # relative, of those densities

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sides:
    """A map as its theorem reads it: backwards for the primal ones.

    Parameters
    ----------
    backwards
        Whether outputs are read as inputs.
    columns, rows
        The sizes n and m then.
    densities
        The pair (p_1, p_2) then.
    """

    backwards: bool
    columns: int
    rows: int
    densities: tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Means:
    """A mean of losses that Coq adds up: at these columns, by so many terms at either end; what comes out of it."""

    columns: tuple[int, ...]
    ends: int
    failure: float

    @property
    def terms(self) -> int:
        """Number of terms of Hall's sums."""
        return len(self.columns) * 2 * self.ends


@dataclass(frozen=True)
class Plan:
    """What Coq is told about one map.

    Parameters
    ----------
    sides
        How it is read.
    threshold, set_aside
        Inputs that fewer inner neurons read are set aside, at most so many; 0 and 0 for the dual.
    density
        A lower bound of the density with which those are read.
    small
        The probability that an input is set aside.
    matched, aside
        The sums of Hall for the other inputs, and for those.
    failure
        What the bound is, all in all.
    """

    sides: Sides
    threshold: int
    set_aside: int
    density: Fraction
    small: float
    matched: Means
    aside: Means
    failure: float


def sides_of(one: FactoredMap) -> Sides:
    """Read a map as its theorem does."""
    if one.orientation in ("primal", "mixed-primal"):
        return Sides(True, one.rows, one.columns, one.densities[::-1])
    return Sides(False, one.columns, one.rows, one.densities)


def plan_of(one: FactoredMap, delta: float) -> Plan:
    """Choose what Coq computes for one map.

    Raises
    ------
    TheoremNotApplicable
        If the computation would take too long.
    """
    if max(one.inner, one.rows, one.columns) > _MOST_NEURONS:
        msg = f"certificate: more than {_MOST_NEURONS} neurons in a layer, which would take Coq too long"
        raise TheoremNotApplicable(msg)
    sides = sides_of(one)
    inputs, rows, neurons = sides.columns, sides.rows, one.inner
    threshold, most = one.threshold, one.set_aside
    masses = np.exp(_log_masses(neurons, float(sides.densities[0])))
    small = float(masses[:threshold].sum())
    density = Fraction(0)
    if most:
        readers = float(masses[:threshold] @ np.arange(threshold)) / small / neurons
        density = Fraction(int(readers * (1 - _SLACK) * _FINEST), _FINEST)
    kept = inputs * np.where(np.arange(neurons + 1) < threshold, 0.0, masses)
    left = inputs * rows * np.exp(_log_masses(neurons, float(sides.densities[1] * (1 - sides.densities[0]))))
    sums = [(kept, _losses(rows, neurons, float(1 - sides.densities[1]), inputs, delta))]
    if most:
        sums.append((left, _losses(most, neurons, float(1 - density), inputs * rows, delta)))
    need = _many(inputs, small, most) + sum(float(weights @ lost) for weights, lost in sums)
    spare = max(0.0, float(one.share) * (1 - 1e-9) - need) / len(sums)
    matched = _means(*sums[0], rows, float(1 - sides.densities[1]), spare, threshold)
    aside = _means(*sums[1], most, float(1 - density), spare, 0) if most else Means((), 0, 0.0)
    failure = _many(inputs, small, most) + matched.failure + aside.failure
    return Plan(sides, threshold, most, density, small, matched, aside, failure)


def _many(inputs: int, small: float, most: int) -> float:
    from scipy.stats import binom  # slow to load

    return float(binom.sf(most, inputs, small))


def _losses(rows: int, neurons: int, miss: float, inputs: int, delta: float) -> Floats:
    """Bound what is lost at every number of columns, followed as long as it matters."""
    lost = np.ones(neurons + 1)
    for k in range(rows, neurons + 1):
        lost[k] = min(lost[k - 1] if k else 1.0, _hall(rows, k, miss))
        if inputs * lost[k] <= _NEGLIGIBLE * delta:
            lost[k:] = lost[k]
            break
    return lost


def _means(weights: Floats, lost: Floats, rows: int, miss: float, spare: float, start: int) -> Means:
    """Choose the columns: one more wherever what it saves exceeds what is allowed up to there."""
    need, total = float(weights @ lost), float(weights.sum())
    # What the last column loses counts whatever the number of columns is; the rest is shared out among the columns.
    enough = (total * lost <= spare / 5) | (np.arange(len(lost)) == len(lost) - 1)
    last = max(int(np.argmax(enough)), start)
    allowed = spare * (weights * lost / max(need, 1e-300) + 1 / len(lost)) / 4
    columns: list[int] = []
    level, paid, extra = 1.0, 0.0, 0.0
    for k in range(last + 1):
        cost = weights[k] * (level - lost[k])
        if k == last or (extra + cost > paid + allowed[k] and level > lost[k]):
            columns.append(k)
            level, cost = float(lost[k]), 0.0
        extra, paid = extra + cost, paid + allowed[k]
    extra += total * level - float(weights[last:] @ lost[last:])
    ends = _ends(rows, columns, miss, weights, spare / 20)
    return Means(tuple(columns), ends, need + extra + spare / 20)


def _log_masses(trials: int, chance: float) -> Floats:
    from scipy.special import gammaln  # slow to load

    counts = np.arange(trials + 1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(counts < trials, (trials - counts) * np.log1p(-chance), 0.0)
        part = np.where(counts > 0, counts * np.log(chance), 0.0)
    choices = gammaln(trials + 1) - gammaln(counts + 1) - gammaln(trials - counts + 1)
    found: Floats = choices + part + rest
    return found


def _hall(rows: int, columns: int, miss: float) -> float:
    if not miss:
        return 0.0
    from scipy.special import gammaln, logsumexp

    sizes = np.arange(1, rows + 1, dtype=np.float64)
    terms = gammaln(rows + 1) - gammaln(sizes + 1) - gammaln(rows - sizes + 1)
    terms += gammaln(columns + 1) - gammaln(sizes) - gammaln(columns - sizes + 2)
    return float(np.exp(min(0.0, logsumexp(terms + sizes * (columns - sizes + 1) * np.log(miss)))))


def _ends(rows: int, columns: list[int], miss: float, weights: Floats, allowed: float) -> int:
    """Find how many terms at both ends leave little to those between."""
    if not miss:
        return 1
    starts = np.array([k for k in columns if k >= rows])
    gathered = np.add.reduceat(weights, starts) if len(starts) else np.zeros(0)
    for ends in range(1, rows // 2):
        between = (rows + starts) * np.log(2) + (ends + 1) * (starts - ends) * np.log(miss)
        if float(gathered @ np.exp(np.minimum(between, 50.0))) <= allowed:
            return ends
    return rows
