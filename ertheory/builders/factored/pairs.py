"""Two masks in a row, and which maps they hold.

A linear map W of shape (m, n) is written as A B, where B lies on the first mask, of shape (N, n), and A on the second,
of shape (m, N). The N neurons between the two are the inner ones.

>>> pair = MaskPair.read([[1, 0], [1, 1]], [[1, 1], [0, 1]])
>>> pair.inner, pair.edges, pair.transposed().first.toarray().tolist()
(2, 6, [[True, False], [True, True]])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.masks import read_mask

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["SCHEMES", "Array", "Integers", "MaskPair", "Scheme"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

# dual: A is drawn, B solved column by column. primal: B is drawn, A solved row by row. mixed-dual: of A a part is
# solved first, so that inputs with few inner neurons are right, and then B. mixed-primal: both ends exchanged.
# joint: both are solved for one W together.
Scheme: TypeAlias = Literal["dual", "primal", "mixed-dual", "mixed-primal", "joint"]
SCHEMES: tuple[Scheme, ...] = ("dual", "primal", "mixed-dual", "mixed-primal")


@dataclass(frozen=True, eq=False)
class MaskPair:
    """The masks of two layers in a row.

    Parameters
    ----------
    first
        S_1 as a sparse array of booleans of shape (N, n).
    second
        S_2 as a sparse array of booleans of shape (m, N).

    Raises
    ------
    InvalidInput
        If the shapes do not follow each other.
    """

    first: csr_array
    second: csr_array

    def __post_init__(self) -> None:
        if self.second.shape[1] != self.first.shape[0]:
            allowed = f"a mask with a column for each of the {self.first.shape[0]} rows of the first one"
            raise InvalidInput("second mask", allowed, self.second.shape)

    @classmethod
    def read(cls, first: Any, second: Any) -> MaskPair:
        """Read masks, arrays or sparse matrices of zeros and ones."""
        return cls(read_mask(first, name="first mask").to_csr(), read_mask(second, name="second mask").to_csr())

    @property
    def inner(self) -> int:
        """N, the number of inner neurons."""
        return int(self.first.shape[0])

    @property
    def inputs(self) -> int:
        """The number n of columns of W."""
        return int(self.first.shape[1])

    @property
    def outputs(self) -> int:
        """The number m of rows of W."""
        return int(self.second.shape[0])

    @property
    def edges(self) -> int:
        """Entries of both masks."""
        return int(self.first.nnz + self.second.nnz)

    def transposed(self) -> MaskPair:
        """Give the pair for the transpose of W: inputs and outputs change places."""
        return MaskPair(self.second.T.tocsr(), self.first.T.tocsr())
