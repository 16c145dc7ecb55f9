"""What can be said about a pair of masks: three statements that must not be taken for each other.

*Universal*: every W is A B for some A and B on the masks, proved by matchings. *Locally generic*: an open set of maps W
is reached, because (A, B) -> A B has a derivative of full rank somewhere. *This map*: there are factors for the W
given, with a certificate.

>>> lower_upper = MaskPair.read([[1, 0], [1, 1]], [[1, 1], [0, 1]])
>>> found = verdicts(lower_upper)
>>> found.universal, found.locally_generic, found.this_map
(None, True, None)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.joint import factor_jointly
from ertheory.builders.factored.matching import mixed_failure, unmatched_inputs
from ertheory.builders.factored.pairs import MaskPair, Scheme
from ertheory.builders.factored.solve import Certificate, factor_map
from ertheory.errors import ConstructionFailed, InvalidInput

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Verdicts", "locally_generic", "universal_by", "verdicts"]

_PRIME = 2**61 - 1
_MOST_EQUATIONS = 4096
_FEW = 6  # inputs of which every set is tried as the one set apart


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Three statements about a pair of masks.

    Parameters
    ----------
    universal
        The scheme whose matchings prove that every map is reached; ``None`` where none of them does.
    locally_generic
        Whether the derivative has full rank, so that an open set of maps is reached; a wrong no has a probability below
        mn 2^-60. ``None`` where the map is too large for it.
    this_map
        The certificate of the map given; ``None`` where there is none, or no map.
    """

    universal: Scheme | None
    locally_generic: bool | None
    this_map: Certificate | None


def verdicts(pair: MaskPair, weight: npt.ArrayLike | None = None) -> Verdicts:
    """Say all three of a pair of masks, and of a map W of shape (m, n) where it is given."""
    certificate = None if weight is None else _certified(pair, weight)
    small = pair.inputs * pair.outputs <= _MOST_EQUATIONS
    return Verdicts(
        universal=universal_by(pair),
        locally_generic=locally_generic(pair) if small else None,
        this_map=certificate,
    )


def _certified(pair: MaskPair, weight: npt.ArrayLike) -> Certificate | None:
    """Look for factors of one map, first by drawing one of them."""
    for attempt in (factor_map, factor_jointly):
        try:
            return attempt(weight, pair).certificate
        except ConstructionFailed:
            continue
    return None


def universal_by(pair: MaskPair) -> Scheme | None:
    """Give the first scheme by which a pair of masks holds every map; ``None`` where no matching shows it."""
    turned = pair.transposed()
    if not len(unmatched_inputs(pair)):
        return "dual"
    if not len(unmatched_inputs(turned)):
        return "primal"
    if _mixed(pair):
        return "mixed-dual"
    return "mixed-primal" if _mixed(turned) else None


def _mixed(pair: MaskPair) -> bool:
    lacking = unmatched_inputs(pair)
    others = np.setdiff1d(np.arange(pair.inputs), lacking).tolist()
    # A larger set apart asks for more of the other condition, but for that of fewer inputs.
    more = range(len(others)) if pair.inputs <= _FEW else range(1)
    sets = (np.union1d(lacking, extra).astype(np.int64) for size in more for extra in combinations(others, size))
    return any(mixed_failure(pair, apart) is None for apart in sets)


def locally_generic(pair: MaskPair, *, seed: int = 0) -> bool:
    """Say whether (A, B) -> A B has a derivative of rank m n at a random point over a large prime field.

    Parameters
    ----------
    pair
        The masks, with at most 4,096 entries of W.
    seed
        It is that of the point.

    Notes
    -----
    A minor that is not 0 modulo the prime is not 0 as a polynomial, so a yes is certain. A no is wrong where a non-zero
    minor of degree m n at most vanishes at the point.
    """
    from flint import nmod_mat

    equations = pair.inputs * pair.outputs
    if equations > _MOST_EQUATIONS:
        raise InvalidInput("pair", f"masks of a map with at most {_MOST_EQUATIONS} entries", equations)
    rng = np.random.default_rng(seed)
    first, second = _numbers(pair.first, rng), _numbers(pair.second.T.tocsr(), rng)  # by inner neuron
    rows: list[dict[int, int]] = []
    for reads, feeds in zip(first, second, strict=True):
        # B[j, i] moves column i of A B by column j of A; A[o, j] moves row o by row j of B.
        rows += [{output * pair.inputs + at: value for output, value in feeds.items()} for at in reads]
        rows += [{output * pair.inputs + at: value for at, value in reads.items()} for output in feeds]
    if len(rows) < equations:
        return False
    entries = [row.get(place, 0) for row in rows for place in range(equations)]
    return int(nmod_mat(len(rows), equations, entries, _PRIME).rank()) == equations


def _numbers(pattern: csr_array, rng: np.random.Generator) -> list[dict[int, int]]:
    """Draw a number other than 0 for every entry; those of a row together."""
    values = rng.integers(1, _PRIME, size=pattern.nnz).tolist()
    places, starts = pattern.indices.tolist(), pattern.indptr.tolist()
    return [dict(zip(places[start:stop], values[start:stop], strict=True)) for start, stop in pairwise(starts)]
