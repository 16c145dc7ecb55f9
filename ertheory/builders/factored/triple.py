"""W = A C B on three masks in a row: by linked paths, of which one end is solved for, or by classes, in the middle.

>>> import numpy as np
>>> rng = np.random.default_rng(1)
>>> masks = [rng.random(shape) < 0.6 for shape in ((12, 3), (10, 12), (2, 10))]
>>> found = factor_triple([[1.0, -2.0, 0.5], [3.0, 0.0, 1.0]], masks, theorem="linking")
>>> found.solved, found.bound < 1e-12
('first', True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ertheory.bounds.factored.colouring import Classes
from ertheory.bounds.factored.triple import THEOREMS, Theorem
from ertheory.builders.factored.certificate import residual_bound
from ertheory.builders.factored.draw import draw_on
from ertheory.builders.factored.least_norm import solve_columns
from ertheory.builders.factored.pairs import Array
from ertheory.errors import ConstructionFailed, InvalidInput, one_of
from ertheory.masks import read_mask
from ertheory.networks.arrays import check_finite, doubles

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["TripleFactors", "factor_triple", "triple_locally_generic"]

_DRAWS = 4  # of the factors that are drawn
_ACCEPTED = 2.0**-30  # of the largest weight: a bound above it is no solution
_PRIME = 2**61 - 1
_MOST_EQUATIONS = 4096
_SPARE = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class TripleFactors:
    """A map W as A C B.

    Parameters
    ----------
    first, middle, last
        B of shape (N_1, n), C of shape (N_2, N_1) and A of shape (m, N_2), each on its mask.
    solved
        Which of them depends on W.
    bound
        A bound on the largest entry of |A C B - W|, proved; 0 where W stands in the middle factor as it is.
    condition
        The largest condition number of a system, an estimate; 1 where nothing was solved.
    """

    first: csr_array
    middle: csr_array
    last: csr_array
    solved: Literal["first", "middle", "last"]
    bound: float
    condition: float


def factor_triple(
    weight: npt.ArrayLike,
    masks: Sequence[Any],
    *,
    theorem: Theorem = "linking",
    classes: Classes = (1, 1),
    seed: int = 0,
    name: str = "map",
) -> TripleFactors:
    """Find three factors of a map inside given masks.

    Parameters
    ----------
    weight
        W, shape (m, n).
    masks
        They are those of B, C and A, of shapes (N_1, n), (N_2, N_1) and (m, N_2).
    theorem
        How: ``linking`` solves for B, ``linking-transposed`` for A, ``colouring`` writes W into C.
    classes
        The sizes q_1 and q_2 of the classes of a colouring.
    seed
        It is that of the numbers that are drawn.
    name
        How an error names the map.

    Raises
    ------
    InvalidInput
        If the shapes do not follow each other.
    ConstructionFailed
        If an input or output lacks a class, a pair of classes lacks an entry, or no draw leads to a small residual.
    """
    one_of("theorem", theorem, THEOREMS)
    wanted = doubles("weight", weight)
    check_finite("weight", wanted)
    patterns = _read(masks, wanted)
    if theorem == "colouring":
        return _by_classes(wanted, patterns, classes, name)
    if theorem == "linking":
        return _linked(wanted, patterns, seed, name)
    turned = tuple(pattern.T.tocsr() for pattern in reversed(patterns))
    found = _linked(np.ascontiguousarray(wanted.T), turned, seed, name)
    return TripleFactors(
        first=found.last.T.tocsr(),
        middle=found.middle.T.tocsr(),
        last=found.first.T.tocsr(),
        solved="last",
        bound=found.bound,
        condition=found.condition,
    )


def _read(masks: Sequence[Any], wanted: Array) -> tuple[csr_array, ...]:
    if len(masks) != 3:
        raise InvalidInput("masks", "three of them, first to last", len(masks))
    patterns = tuple(read_mask(mask).to_csr() for mask in masks)
    shapes = [pattern.shape for pattern in patterns]
    chained = (wanted.shape[1], shapes[0][0], shapes[1][0]) == (shapes[0][1], shapes[1][1], shapes[2][1])
    if wanted.ndim != 2 or not chained or shapes[2][0] != wanted.shape[0]:
        allowed = f"shapes (N_1, {wanted.shape[-1]}), (N_2, N_1) and ({wanted.shape[0]}, N_2)"
        raise InvalidInput("masks", allowed, shapes)
    return patterns


def _linked(wanted: Array, patterns: tuple[csr_array, ...], seed: int, name: str) -> TripleFactors:
    scale, best = float(np.abs(wanted).max(initial=0.0)), np.inf
    lacking: list[int] = []
    for draw in range(_DRAWS):
        rng = np.random.default_rng((seed, draw))
        middle, last = (draw_on(pattern, rng, "signed") for pattern in patterns[1:])
        # Drawn numbers are multiples of 2^-10 below 2: their products and sums of up to 2^30 of them are exact.
        product = (last @ middle).tocsr()
        solved = solve_columns(np.ascontiguousarray(product.toarray().T), patterns[0], wanted)
        lacking = solved.failed.tolist()
        if lacking:
            continue
        bound = residual_bound(product, solved.matrix, wanted)
        best = min(best, bound)
        if bound <= _ACCEPTED * scale:
            return TripleFactors(
                first=solved.matrix,
                middle=middle,
                last=last,
                solved="first",
                bound=bound,
                condition=solved.condition,
            )
    if lacking:
        msg = f"{name}: input or output {lacking[0]} is not linked to all others by paths that share no neuron"
        raise ConstructionFailed(msg, tuple(lacking))
    raise ConstructionFailed(f"{name}: {_DRAWS} draws of numbers leave {best:.2g}")


def _by_classes(wanted: Array, patterns: tuple[csr_array, ...], sizes: Classes, name: str) -> TripleFactors:
    from scipy.sparse import csr_array

    for size in sizes:
        if size < 1:
            raise InvalidInput("classes", "two numbers of at least 1", sizes)
    inputs = _classes(patterns[0].T.tocsr(), sizes[0], f"{name}: input")
    outputs = _classes(patterns[2], sizes[1], f"{name}: output")
    # Which class every neuron belongs to; -1 where to none.
    below, above = np.full(patterns[0].shape[0], -1), np.full(patterns[2].shape[1], -1)
    below[inputs], above[outputs] = np.arange(wanted.shape[1])[:, None], np.arange(wanted.shape[0])[:, None]
    entries = patterns[1].tocoo()
    useful = (above[entries.row] >= 0) & (below[entries.col] >= 0)
    rows, columns = entries.row[useful], entries.col[useful]
    pairs, places = np.unique(above[rows] * wanted.shape[1] + below[columns], return_index=True)
    missing = np.setdiff1d(np.flatnonzero(wanted.ravel()), pairs)
    if len(missing):
        output, source = divmod(int(missing[0]), wanted.shape[1])
        msg = f"{name}: no entry between the classes of input {source} and output {output}"
        raise ConstructionFailed(msg, tuple(divmod(int(pair), wanted.shape[1]) for pair in missing[:10]))
    middle = csr_array((wanted.ravel()[pairs], (rows[places], columns[places])), shape=patterns[1].shape)
    ones = np.ones(inputs.size), np.ones(outputs.size)
    first = csr_array((ones[0], (inputs.ravel(), np.repeat(np.arange(len(inputs)), sizes[0]))), patterns[0].shape)
    last = csr_array((ones[1], (np.repeat(np.arange(len(outputs)), sizes[1]), outputs.ravel())), patterns[2].shape)
    return TripleFactors(first=first, middle=middle, last=last, solved="middle", bound=0.0, condition=1.0)


def _classes(rows: csr_array, size: int, name: str) -> npt.NDArray[np.int64]:
    """Match every row with `size` columns of its own; the result has shape (rows, size)."""
    from scipy.sparse import csr_array, vstack
    from scipy.sparse.csgraph import maximum_bipartite_matching

    repeated = csr_array(vstack([rows] * size))  # copy c of row r stands at c * rows + r
    found = maximum_bipartite_matching(repeated, perm_type="column")
    lacking = np.flatnonzero(found < 0) % rows.shape[0]
    if len(lacking):
        msg = f"{name} {int(lacking[0])} has no class of {size} neurons of its own"
        raise ConstructionFailed(msg, tuple(lacking.tolist()))
    classes: npt.NDArray[np.int64] = found.reshape(size, rows.shape[0]).T.astype(np.int64)
    return classes


def triple_locally_generic(masks: Sequence[Any], *, seed: int = 0) -> bool:
    """Say whether (A, C, B) -> A C B has a derivative of rank m n at a random point over a large prime field.

    Parameters
    ----------
    masks
        They are as for `factor_triple`, of a map with at most 4,096 entries.
    seed
        It is that of the point.

    Notes
    -----
    A yes is certain: an open set of maps is reached, not every map. A no is wrong with a probability below mn 2^-59.

    Examples
    --------
    >>> triple_locally_generic([[[1]], [[1]], [[1]]]), triple_locally_generic([[[1]], [[0]], [[1]]])
    (True, False)
    """
    patterns = [read_mask(mask).to_csr().toarray() for mask in masks]
    inputs, outputs = int(patterns[0].shape[1]), int(patterns[2].shape[0])
    equations: int = inputs * outputs
    if equations > _MOST_EQUATIONS:
        raise InvalidInput("masks", f"masks of a map with at most {_MOST_EQUATIONS} entries", equations)
    joined = patterns[2].astype(np.float64) @ (patterns[1].astype(np.float64) @ patterns[0])
    if not (joined > 0).all():
        return False  # an entry of A C B is 0 whatever the numbers
    rng = np.random.default_rng(seed)
    numbers = [_matrix(np.where(pattern, rng.integers(1, _PRIME, pattern.shape), 0)) for pattern in patterns]
    entries = [(layer, *place) for layer, pattern in enumerate(patterns) for place in np.argwhere(pattern).tolist()]
    if len(entries) < equations:
        return False
    some = rng.permutation(len(entries))[: 2 * equations + _SPARE]  # mostly enough of them, and a yes is a yes
    return _has_rank(equations, numbers, [entries[index] for index in some.tolist()]) or (
        len(some) < len(entries) and _has_rank(equations, numbers, entries)
    )


def _has_rank(equations: int, numbers: list[Any], entries: list[tuple[int, ...]]) -> bool:
    """Whether moving these entries, (layer, row, column), moves A C B in all directions."""
    from flint import nmod_mat

    first, middle, last = numbers
    inputs, outputs = first.ncols(), last.nrows()
    below, above = middle * first, last * middle  # C B of shape (N_2, n), A C of shape (m, N_1)
    rows: list[int] = []
    for layer, row, column in entries:
        if layer == 0:
            rows += [int(above[o, row]) if i == column else 0 for o in range(outputs) for i in range(inputs)]
        elif layer == 1:
            into = [int(first[column, i]) for i in range(inputs)]
            rows += [int(last[o, row]) * one % _PRIME for o in range(outputs) for one in into]
        else:
            rows += [int(below[column, i]) if o == row else 0 for o in range(outputs) for i in range(inputs)]
    rank: int = nmod_mat(len(entries), equations, rows, _PRIME).rank()
    return rank == equations


def _matrix(numbers: npt.NDArray[np.int64]) -> Any:
    from flint import nmod_mat

    rows, columns = numbers.shape
    return nmod_mat(rows, columns, numbers.ravel().tolist(), _PRIME)
