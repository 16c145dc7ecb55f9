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
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.draw import Law, draw_on
from ertheory.builders.factored.least_norm import LeastNorm, solve_columns
from ertheory.builders.factored.matching import matched, mixed_failure, unmatched_inputs
from ertheory.builders.factored.pairs import SCHEMES, Array, Integers, MaskPair, Scheme
from ertheory.builders.factored.rational import exact_columns
from ertheory.errors import ConstructionFailed, InvalidInput

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Certificate", "Factors", "factor_map"]

_DRAWS = 4  # of the drawn factor; that one is singular has probability 0 for real numbers, and little for these
_ACCEPTED = 2.0**-30  # of the largest weight: a bound above it is no solution


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Why two factors stand for this one map.

    Parameters
    ----------
    bound
        On the largest entry of |A B - W|, proved.
    exact
        Whether there are rational factors on the same masks with A B = W, of which these are the nearest doubles.
    """

    bound: float
    exact: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Factors:
    """A map W as A B.

    Parameters
    ----------
    first, second
        B of shape (N, n) and A of shape (m, N), each on its mask.
    scheme
        Which factor was drawn, and which solved.
    universal
        Whether the masks are proved to hold every map, by matchings; false where only the zeros of this one make the
        matchings possible, and ``None`` where this was not decided.
    certificate
        For this map.
    condition
        The largest condition number of a system, an estimate.
    rational
        The solved factor in rational numbers, {(row, column): value}, where it was asked for.
    """

    first: csr_array
    second: csr_array
    scheme: Scheme
    universal: bool | None
    certificate: Certificate
    condition: float
    rational: dict[tuple[int, int], Fraction] | None = None

    def transposed(self) -> Factors:
        """Give the factors of the transpose of W."""
        names: dict[Scheme, Scheme] = {
            "dual": "primal",
            "primal": "dual",
            "mixed-dual": "mixed-primal",
            "mixed-primal": "mixed-dual",
        }
        swapped = None if self.rational is None else {(j, i): value for (i, j), value in self.rational.items()}
        return Factors(
            first=self.second.T.tocsr(),
            second=self.first.T.tocsr(),
            scheme=names[self.scheme],
            universal=self.universal,
            certificate=self.certificate,
            condition=self.condition,
            rational=swapped,
        )


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
        As for `solve_columns`.

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
    for candidate in SCHEMES if scheme is None else (scheme,):
        turned = candidate in ("primal", "mixed-primal")
        numbers = (used.inputs, used.outputs)
        ends = ("output", "input") if turned else ("input", "output")
        system = _System(*sides[turned], numbers=numbers[::-1] if turned else numbers, ends=ends, name=name)
        if candidate in ("dual", "primal"):
            reason, apart = system.dual_failure(), np.zeros(0, dtype=np.int64)
        elif exact:
            continue  # A would have to absorb equations in rational numbers; the others are enough for small maps
        else:
            reason, apart = system.mixed_failure(fewest)
        if reason is None:
            found = system.solve(apart, **options)
            return used.widened(found.transposed() if turned else found, pair)
        refused.append(f"{reason} ({candidate})")
    raise ConstructionFailed(f"{name}: {'; '.join(refused[:2])}")


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
        places = {(j, int(self.inputs[i])): value for (j, i), value in (found.rational or {}).items()}
        return replace(
            found,
            first=csr_array((first.data, (first.row, self.inputs[first.col])), shape=pair.first.shape),
            second=csr_array((second.data, (self.outputs[second.row], second.col)), shape=pair.second.shape),
            universal=None if found.universal is None else matched(pair, found.scheme),
            rational=None if found.rational is None else places,
        )


@dataclass(frozen=True, eq=False)
class _System:
    """W = A B to be solved for B, column by column; where this is the transposed map, `ends` says so."""

    pair: MaskPair
    wanted: Array
    numbers: tuple[Integers, Integers]  # of the columns and rows in the whole map
    ends: tuple[str, str]
    name: str

    def dual_failure(self) -> str | None:
        lacking = unmatched_inputs(self.pair, self.wanted)
        if not len(lacking):
            return None
        kind, first = self.ends[0], int(self.numbers[0][lacking[0]])
        return f"no matching for {kind} {first}, one of {len(lacking)} {kind}s without"

    def mixed_failure(self, fewest: int | None) -> tuple[str | None, Integers]:
        readers = np.bincount(self.pair.first.indices, minlength=self.pair.inputs)
        apart = unmatched_inputs(self.pair)
        if fewest is not None:
            apart = np.union1d(apart, np.flatnonzero(readers < fewest))
        if len(apart) >= self.pair.inputs:
            return f"no {self.ends[0]} has a matching", apart
        failure = mixed_failure(self.pair, apart, thorough=False)
        if failure is None:
            return None, apart
        kind, index = failure
        end = int(kind == "output")
        return f"no matching for {self.ends[end]} {int(self.numbers[end][index])}", apart

    def solve(
        self,
        apart: Integers,
        *,
        rng: Callable[[int], np.random.Generator],
        law: Law,
        dtype: Any,
        exact: bool,
        **how: Any,
    ) -> Factors:
        scale = float(np.abs(self.wanted).max(initial=0.0))
        best = np.inf
        for draw in range(_DRAWS):
            second = draw_on(self.pair.second, rng(draw), law)
            if len(apart):
                second = self._absorb(second, apart, rng(draw), dtype, **how)
                if second is None:
                    continue
            solved = self._columns(second, apart, rng(draw), **how)
            rational = self._rational(second) if exact and not len(apart) else None
            if exact and rational is None:
                continue
            if rational is not None:
                solved = _nearest(rational, self.pair.first.shape, solved)
            first = solved.matrix.astype(dtype).astype(np.float64)
            bound = residual_bound(second, first, self.wanted)
            best = min(best, bound)
            accepted = _ACCEPTED if dtype == np.float64 else np.finfo(dtype).eps * 2.0**12
            if bound == 0 or (bound <= accepted * scale and not len(solved.failed)):
                return Factors(
                    first=first,
                    second=second,
                    scheme="mixed-dual" if len(apart) else "dual",
                    universal=None if len(apart) else matched(self.pair, "dual"),
                    certificate=Certificate(bound=bound, exact=rational is not None or bound == 0),
                    condition=solved.condition,
                    rational=rational,
                )
        msg = f"{self.name}: all {self.ends[0]}s have matchings, but {_DRAWS} draws of numbers leave {best:.2g}"
        raise ConstructionFailed(msg)

    def _columns(self, second: csr_array, apart: Integers, rng: np.random.Generator, **how: Any) -> LeastNorm:
        goal = self.wanted
        if len(apart):
            goal = goal.copy()
            goal[:, apart] = 0.0
        solved = solve_columns(np.ascontiguousarray(second.toarray().T), self.pair.first, goal, **how)
        if not len(apart):
            return solved
        return solved._replace(matrix=(solved.matrix + self._given(apart, rng)).tocsr())

    def _given(self, apart: Integers, rng: np.random.Generator) -> csr_array:
        """Draw B on the inputs of F."""
        from scipy.sparse import csr_array, diags_array

        chosen = np.zeros(self.pair.inputs)
        chosen[apart] = 1.0
        pattern = csr_array(self.pair.first.astype(np.float64) @ diags_array(chosen))
        pattern.eliminate_zeros()
        return draw_on(pattern, rng.spawn(1)[0], "signed")

    def _absorb(
        self, second: csr_array, apart: Integers, rng: np.random.Generator, dtype: Any, **how: Any
    ) -> csr_array | None:
        """Change A by as little as makes A B right on the inputs of F."""
        given = self._given(apart, rng)[:, apart]
        left = self.wanted[:, apart] - second @ given.toarray()
        change = solve_columns(given.toarray(), self.pair.second.T.tocsr(), np.ascontiguousarray(left.T), **how)
        if len(change.failed):
            return None
        result: csr_array = (second + change.matrix.T.tocsr()).tocsr().astype(dtype).astype(np.float64)
        return result

    def _rational(self, second: csr_array) -> dict[tuple[int, int], Fraction] | None:
        by_column = self.pair.first.tocsc()
        starts = by_column.indptr
        members = [by_column.indices[starts[at] : starts[at + 1]].tolist() for at in range(self.pair.inputs)]
        drawn = [[Fraction(value) for value in row] for row in second.toarray().T.tolist()]
        goal = [[Fraction(value) for value in row] for row in self.wanted.tolist()]
        found = exact_columns(drawn, members, goal)
        if any(column is None for column in found):
            return None
        return {(inner, at): value for at, column in enumerate(found) for inner, value in (column or {}).items()}


def _nearest(rational: dict[tuple[int, int], Fraction], shape: tuple[int, int], solved: LeastNorm) -> LeastNorm:
    from scipy.sparse import csr_array

    places = np.array(list(rational), dtype=np.int64).reshape(-1, 2).T
    values = np.array([float(value) for value in rational.values()])
    matrix = csr_array((values, (places[0], places[1])), shape=shape)
    return LeastNorm(matrix, solved.condition, np.zeros(0, dtype=np.int64))
