"""One linear map as a product of two masked ones.

>>> import numpy as np
>>> pair = MaskPair.read(np.ones((3, 2)), np.ones((2, 3)))
>>> found = factor_map([[1.0, 2.0], [3.0, 4.0]], pair)
>>> found.scheme, found.universal, found.certificate.bound < 1e-13
('dual', True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.draw import Law
from ertheory.builders.factored.factors import Certificate, Entries, Factors
from ertheory.builders.factored.matching import Unmatched, matched
from ertheory.builders.factored.pairs import SCHEMES, Array, Integers, MaskPair, Scheme
from ertheory.builders.factored.system import System
from ertheory.errors import ConstructionFailed, InvalidInput

__all__ = ["Certificate", "Factors", "factor_map"]


def factor_map(
    weight: npt.ArrayLike,
    pair: MaskPair,
    *,
    scheme: Scheme | None = None,
    seed: int = 0,
    stream: int = 0,
    name: str = "the map",
    fewest: int | None = None,
    law: Law = "signed",
    dtype: npt.DTypeLike = np.float64,
    exact: bool = False,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Factors:
    """Find A and B on two masks with A B = W.

    Parameters
    ----------
    weight
        W, finite numbers of shape (m, n).
    pair
        The masks.
    scheme
        One of `SCHEMES`; if left out, the first one of them whose matchings exist.
    seed, stream
        Where the numbers of the drawn factor come from.
    name
        How an error names the map.
    fewest
        In a mixed scheme, inputs that fewer inner neurons read are set apart; if left out, those without a matching.
    law
        ``signed`` or ``positive`` numbers in the drawn factor.
    dtype
        What the factors are stored in; the certificate is about the stored numbers.
    exact
        Whether to solve in rational arithmetic. The time grows with the cube of m at least.
    workers, progress
        They are as for `solve_columns`.

    Raises
    ------
    InvalidInput
        If the shapes do not fit.
    ConstructionFailed
        If an input or output has no matching, which is named; or if no numbers were found although all have one.
    """
    wanted = np.asarray(weight, dtype=np.float64)
    if wanted.shape != (pair.outputs, pair.inputs):
        raise InvalidInput(f"weight of {name}", f"shape {(pair.outputs, pair.inputs)}, as the masks have", wanted.shape)
    if not np.isfinite(wanted).all():
        raise InvalidInput(f"weight of {name}", "finite numbers", wanted[~np.isfinite(wanted)][0].item())
    if scheme is not None and scheme not in SCHEMES:
        raise InvalidInput("scheme", f"one of {', '.join(SCHEMES)}", scheme)
    options: dict[str, Any] = {
        "rng": lambda draw: np.random.default_rng([seed, stream, draw]),
        "law": law,
        "dtype": np.dtype(dtype),
        "exact": exact,
        "workers": workers,
        "progress": progress,
    }
    used = _Used.of(wanted)
    part, wanted_part = used.part(pair), wanted[np.ix_(used.outputs, used.inputs)]
    sides = {False: (part, wanted_part), True: (part.transposed(), np.ascontiguousarray(wanted_part.T))}
    refused: list[str] = []
    missing: tuple[Unmatched, ...] = ()
    for candidate in SCHEMES if scheme is None else (scheme,):
        turned = candidate in ("primal", "mixed-primal")
        numbers = (used.inputs, used.outputs)
        ends = ("output", "input") if turned else ("input", "output")
        system = System(*sides[turned], numbers=numbers[::-1] if turned else numbers, ends=ends, name=name)
        if candidate in ("dual", "primal"):
            lacking, apart = system.dual_failure(), np.zeros(0, dtype=np.int64)
        else:
            lacking, apart = system.mixed_failure(fewest)
        if not lacking:
            found = system.solve(apart, **options)
            return used.widened(found.transposed() if turned else found, pair)
        more = f", one of {len(lacking)} {lacking[0].end}s without" if len(lacking) > 1 else ""
        refused.append(f"no matching for {lacking[0].end} {lacking[0].number}{more} ({candidate})")
        missing = missing or tuple(lacking)
    raise ConstructionFailed(f"{name}: {'; '.join(refused[:2])}", missing)


@dataclass(frozen=True, eq=False)
class _Used:
    """The outputs and inputs with a weight other than 0: the factors are 0 at the others."""

    outputs: Integers
    inputs: Integers

    @classmethod
    def of(cls, wanted: Array) -> _Used:
        return cls(np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0)))

    def part(self, pair: MaskPair) -> MaskPair:
        if len(self.outputs) == pair.outputs and len(self.inputs) == pair.inputs:
            return pair
        return MaskPair(pair.first[:, self.inputs].tocsr(), pair.second[self.outputs].tocsr())

    def widened(self, found: Factors, pair: MaskPair) -> Factors:
        if found.second.shape[0] == pair.outputs and found.first.shape[1] == pair.inputs:
            return found
        from scipy.sparse import csr_array

        first, second = found.first.tocoo(), found.second.tocoo()
        below, above = found.rational or (None, None)
        return replace(
            found,
            first=csr_array((first.data, (first.row, self.inputs[first.col])), shape=pair.first.shape),
            second=csr_array((second.data, (self.outputs[second.row], second.col)), shape=pair.second.shape),
            universal=None if found.universal is None else matched(pair, found.scheme),
            rational=None
            if found.rational is None
            else (_moved(below, None, self.inputs), _moved(above, self.outputs, None)),
        )


def _moved(entries: Entries | None, rows: Integers | None, columns: Integers | None) -> Entries | None:
    if entries is None:
        return None
    return {
        (i if rows is None else int(rows[i]), j if columns is None else int(columns[j])): value
        for (i, j), value in entries.items()
    }
