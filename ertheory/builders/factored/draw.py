"""Numbers for the factor that is drawn and not solved for.

They are multiples of 2^-10 between 1/2 and 3/2 in modulus: exact in every format of 12 bits or more, with enough of
them that a determinant vanishes by chance hardly ever, and none so small that a system is ill-conditioned for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Law", "draw_on"]

Law: TypeAlias = Literal["signed", "positive"]

_PARTS = 2**10


def draw_on(pattern: csr_array, rng: np.random.Generator, law: Law) -> csr_array:
    """Draw a number for every entry of a pattern.

    Parameters
    ----------
    pattern
        Booleans of any shape.
    rng
        Where the numbers come from.
    law
        ``positive``, or ``signed`` with a fair sign.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> drawn = draw_on(csr_array([[1, 0], [1, 1]]), np.random.default_rng(0), "positive")
    >>> bool((drawn.data >= 0.5).all()), drawn.nnz
    (True, 3)
    """
    from scipy.sparse import csr_array

    size = rng.integers(_PARTS // 2, 3 * _PARTS // 2, size=pattern.nnz, endpoint=True) / _PARTS
    if law == "signed":
        size = size * rng.choice([-1.0, 1.0], size=pattern.nnz)
    return csr_array((size, pattern.indices, pattern.indptr), shape=pattern.shape)
