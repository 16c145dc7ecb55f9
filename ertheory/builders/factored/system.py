"""W = A B for one pair of masks, solved for one of the two: numbers drawn, numbers found, and what they leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.draw import Law, draw_on
from ertheory.builders.factored.factors import Certificate, Entries, Factors
from ertheory.builders.factored.least_norm import solve_columns
from ertheory.builders.factored.matching import Unmatched, matched, mixed_failure, unmatched_inputs
from ertheory.builders.factored.pairs import Array, Integers, MaskPair
from ertheory.builders.factored.rational import exact_solution
from ertheory.errors import ConstructionFailed

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["System"]

_DRAWS = 4  # of the drawn factor; that one is singular has probability 0 for real numbers, and little for these
_ACCEPTED = 2.0**-30  # of the largest weight: a bound above it is no solution


@dataclass(frozen=True, eq=False)
class System:
    """W = A B to be solved for B, column by column; where this is the transposed map, `ends` says so.

    Parameters
    ----------
    pair
        The masks.
    wanted
        W.
    numbers
        They are those of its columns and rows in the whole map.
    ends
        What columns and rows are called there.
    name
        How an error names the map.
    """

    pair: MaskPair
    wanted: Array
    numbers: tuple[Integers, Integers]
    ends: tuple[str, str]
    name: str

    def dual_failure(self) -> list[Unmatched]:
        """Give what stands in the way of the dual scheme."""
        lacking = self.numbers[0][unmatched_inputs(self.pair, self.wanted)]
        return [Unmatched(self.name, self.ends[0], number) for number in lacking.tolist()]

    def mixed_failure(self, fewest: int | None) -> tuple[list[Unmatched], Integers]:
        """Give what stands in the way of the mixed scheme, and the columns that A serves."""
        readers = np.bincount(self.pair.first.indices, minlength=self.pair.inputs)
        apart = unmatched_inputs(self.pair)
        if fewest is not None:
            apart = np.union1d(apart, np.flatnonzero(readers < fewest))
        failure = mixed_failure(self.pair, apart, thorough=False)
        if failure is None:
            return [], apart
        end = int(failure[0] == "output")
        return [Unmatched(self.name, self.ends[end], int(self.numbers[end][failure[1]]))], apart

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
        """Draw A, solve for B, and prove it.

        Parameters
        ----------
        apart
            The columns that A serves; none in the dual scheme.
        rng
            Gives a generator for every attempt.
        law, dtype, exact
            They are as for `factor_map`.
        how
            Further options of `solve_columns`.

        Raises
        ------
        ConstructionFailed
            If no attempt led to a small residual.
        """
        scale = float(np.abs(self.wanted).max(initial=0.0))
        best = np.inf
        for draw in range(_DRAWS):
            second = draw_on(self.pair.second, rng(draw), law)
            given = self._given(apart, rng(draw))
            outer = (
                self._absorbed(second, given, apart, exact=exact, dtype=dtype, **how) if len(apart) else _Side(second)
            )
            if outer is None:
                continue
            inner = self._inner(outer, given, apart, exact=exact, **how)
            if inner is None:
                continue
            first = inner.matrix.astype(dtype).astype(np.float64)
            bound = residual_bound(outer.matrix, first, self.wanted)
            best = min(best, bound)
            accepted = _ACCEPTED if dtype == np.float64 else np.finfo(dtype).eps * 2.0**12
            if bound == 0 or bound <= accepted * scale:
                return Factors(
                    first=first,
                    second=outer.matrix,
                    scheme="mixed-dual" if len(apart) else "dual",
                    universal=None if len(apart) else matched(self.pair, "dual"),
                    certificate=Certificate(bound=bound, exact=exact or bound == 0),
                    condition=max(inner.condition, outer.condition),
                    rational=(inner.entries, outer.entries) if exact else None,
                )
        msg = f"{self.name}: all {self.ends[0]}s have matchings, but {_DRAWS} draws of numbers leave {best:.2g}"
        raise ConstructionFailed(msg)

    def _given(self, apart: Integers, rng: np.random.Generator) -> csr_array:
        """Draw B on the columns that A serves; it is 0 on the others."""
        from scipy.sparse import csr_array, diags_array

        chosen = np.zeros(self.pair.inputs)
        chosen[apart] = 1.0
        pattern = csr_array(self.pair.first.astype(np.float64) @ diags_array(chosen))
        pattern.eliminate_zeros()
        return draw_on(pattern, rng.spawn(1)[0], "signed")

    def _absorbed(
        self, second: csr_array, given: csr_array, apart: Integers, *, exact: bool, dtype: Any, **how: Any
    ) -> _Side | None:
        """Change A by as little as makes A B right on the columns that it serves."""
        part = given[:, apart].toarray()  # (N, |F|)
        left = np.ascontiguousarray((self.wanted[:, apart] - second @ part).T)
        pattern = self.pair.second.T.tocsr()
        change = solve_columns(part, pattern, left, **how)
        if len(change.failed):
            return None
        near = second + change.matrix.T.tocsr()
        if not exact:
            return _Side(near.tocsr().astype(dtype).astype(np.float64), change.condition)
        found = exact_solution(part, pattern, self.wanted[:, apart].T, near.T.tocsr())
        if found is None:
            return None
        entries = {(output, inner): value for (inner, output), value in found.items()}
        return _Side(_nearest(entries, second.shape), change.condition, entries)

    def _inner(self, outer: _Side, given: csr_array, apart: Integers, *, exact: bool, **how: Any) -> _Side | None:
        goal = self.wanted
        if len(apart):
            goal = goal.copy()
            goal[:, apart] = 0.0
        drawn = np.ascontiguousarray(outer.matrix.toarray().T)
        solved = solve_columns(drawn, self.pair.first, goal, **how)
        if len(solved.failed) and not exact:
            return None
        if not exact:
            return _Side((solved.matrix + given).tocsr() if len(apart) else solved.matrix, solved.condition)
        numbers = drawn if outer.entries is None else outer.entries
        found = exact_solution(numbers, self.pair.first, goal, solved.matrix, transposed=outer.entries is not None)
        if found is None:
            return None
        drawn_part = given.tocoo()
        places = zip(drawn_part.row.tolist(), drawn_part.col.tolist(), drawn_part.data.tolist(), strict=True)
        entries = found | {(inner, column): Fraction(value) for inner, column, value in places}
        return _Side(_nearest(entries, self.pair.first.shape), solved.condition, entries)


@dataclass(frozen=True, eq=False)
class _Side:
    """One factor: its doubles, a condition number, and its rational numbers where doubles are not enough."""

    matrix: csr_array
    condition: float = 1.0
    entries: Entries | None = None


def _nearest(entries: Entries, shape: tuple[int, int]) -> csr_array:
    from scipy.sparse import csr_array

    places = np.array(list(entries), dtype=np.int64).reshape(-1, 2).T
    values = np.array([float(value) for value in entries.values()])
    result: csr_array = csr_array((values, (places[0], places[1])), shape=shape)
    result.sort_indices()
    return result
