"""A map as a product of two masked ones, with a certificate for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from ertheory.builders.factored.pairs import Scheme

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Certificate", "Entries", "Factors"]

Entries: TypeAlias = dict[tuple[int, int], Fraction]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Why two factors stand for this one map.

    Parameters
    ----------
    bound
        A bound on the largest entry of |A B - W|, proved.
    exact
        Whether there are factors on the same masks with A B = W: rational ones, of which these are the nearest
        doubles, or, for a joint solution, real ones nearby.
    doubt
        The probability that the proof of ``exact`` is wrong, over the vectors that it drew: 0 where it drew none, and
        1e-12 for joint solutions of more than 100,000 entries, or where memory is short or vectors were asked for.
    """

    bound: float
    exact: bool
    doubt: float = 0.0


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
        It is that of this map.
    condition
        The largest condition number of a system, an estimate.
    rational
        Where it was asked for: B and A in rational numbers, {(row, column): value}; ``None`` for one whose doubles are
        the numbers themselves.
    radius
        It is that of a joint solution: all maps W' with |W' - W| up to it, in the Frobenius norm, are proved to be
        reached.
    """

    first: csr_array
    second: csr_array
    scheme: Scheme
    universal: bool | None
    certificate: Certificate
    condition: float
    rational: tuple[Entries | None, Entries | None] | None = None
    radius: float = 0.0

    @property
    def error_bound(self) -> float:
        """A proved bound on the largest entry of |A B - W|."""
        return self.certificate.bound

    @property
    def exact(self) -> bool:
        """Whether there are factors on the same masks with A B = W."""
        return self.certificate.exact

    def transposed(self) -> Factors:
        """Give the factors of the transpose of W."""
        names: dict[Scheme, Scheme] = {
            "dual": "primal",
            "primal": "dual",
            "mixed-dual": "mixed-primal",
            "mixed-primal": "mixed-dual",
            "joint": "joint",
        }
        return Factors(
            first=self.second.T.tocsr(),
            second=self.first.T.tocsr(),
            scheme=names[self.scheme],
            universal=self.universal,
            certificate=self.certificate,
            condition=self.condition,
            rational=None if self.rational is None else (_swapped(self.rational[1]), _swapped(self.rational[0])),
            radius=self.radius,
        )


def _swapped(entries: Entries | None) -> Entries | None:
    return None if entries is None else {(j, i): value for (i, j), value in entries.items()}
