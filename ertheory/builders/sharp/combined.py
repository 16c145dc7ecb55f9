"""A coded layer 0: it carries linear combinations of the inputs, and layer 1 solves for what it needs.

The construction of `ertheory.bounds.sharp.coded`. On the box a bias keeps every neuron of layer 0 where the activation
is affine, so it is B_k x + e_k, with B on the mask. A neuron v of layer 1 that copies target neuron j needs A_v on its
mask with A_v B = w_j. Primal: B is drawn and A solved for; dual: A is drawn and B solved for, one input after another.
Parts: the dual again, where up to s copies of a target neuron have the same row of A.

>>> from ertheory.networks.activations import activation
>>> from ertheory.masks import read_mask
>>> masks = read_mask([[1, 1], [0, 1]]), read_mask([[1, 1]])
>>> first = Affine.from_dense([[3.0, -1.0]])
>>> found = combine(masks, first, np.array([0]), np.array([[0.0, 1.0], [0.0, 1.0]]), activation("relu"))
>>> (found.first.weight @ found.bottom.weight).toarray().round(12).tolist(), float(found.error[0]) < 1e-12
([[3.0, -1.0]], True)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.builders.blocks.links import Owners
from ertheory.builders.sharp.coding import finite, into_piece
from ertheory.builders.sharp.shared import divisions
from ertheory.builders.sharp.solvable import Problem, Unsolved, has_dual, lacking, problem_of, unsolved_rows
from ertheory.builders.sharp.solve import combine_rows
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks import Mask
from ertheory.networks.activations import ActivationFunction
from ertheory.networks.network import Affine

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Combined", "combine", "products_of"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_DRAWS = 4
_BITS = 10  # of the entries that are drawn, so that sums of products of them are exact
_UNIT = 2.0**-53
_TINY = 2.0**-1074  # of a product that underflows, the absolute error
_LEAST = 2.0**-900  # of a shift, far above what underflows
_MOST_PRODUCTS = 50_000  # so many are added up exactly


@dataclass(frozen=True, eq=False)
class Combined:
    """Layers 0 and 1 of the source.

    Parameters
    ----------
    bottom, first
        The affine steps of layers 0 and 1; rows that nothing needs are empty.
    error
        A bound for each neuron of the first target layer on how far the preactivations of its copies are from its own
        on the box.
    used
        Which neurons of layer 0 layer 1 reads.
    """

    bottom: Affine
    first: Affine
    error: tuple[Fraction, ...]
    used: npt.NDArray[np.bool_]


def combine(
    masks: tuple[Mask, Mask],
    first: Affine,
    owners: Owners,
    box: Array,
    function: ActivationFunction,
    *,
    seed: int = 0,
    workers: int | None = None,
) -> Combined | Unsolved:
    """Choose the weights of layers 0 and 1.

    Parameters
    ----------
    masks
        They are those of layers 0 and 1.
    first
        The first layer of the target: fully connected, or a convolution without groups and padding.
    owners
        They are those of which target neuron each neuron of layer 1 is a copy, -1 where nothing needs it.
    box
        It is that of the inputs, shape (d, 2).
    function
        The activation behind layer 0, affine somewhere.
    seed
        It is that of the numbers that are drawn.
    workers
        So many threads are used; the result does not depend on them.

    Raises
    ------
    TheoremNotApplicable
        If the activation is affine nowhere.

    Notes
    -----
    Inputs that no neuron of the target reads are not read by the source either.
    """
    if function.piece is None:
        raise TheoremNotApplicable(f"{function.name} is affine on no interval, so layer 0 cannot be coded")
    problem = problem_of(masks, first, owners)
    bottom, top, unsolved = _solved(problem, seed, workers)
    if len(unsolved):
        return unsolved_rows(problem, unsolved)
    return _assembled(bottom, top, problem, (first, owners, box, function))


def _solved(problem: Problem, seed: int, workers: int | None) -> tuple[csr_array, csr_array, Integers]:
    """Give B, A and the rows of A that are missing: those of the primal where no dual helps either."""
    from scipy.sparse import csr_array

    lower, upper, wanted = problem.lower, problem.upper, problem.wanted
    random = np.random.default_rng(seed)
    for _ in range(_DRAWS):
        bottom = _drawn(lower, random)
        top, unsolved = combine_rows(bottom, upper, wanted, workers=workers)
        if not len(unsolved):
            return bottom, top, unsolved
        if any(len(lacking(problem, place)) for place in unsolved.tolist()):
            break  # no numbers at all can help
    for part, row_of in divisions(problem):
        if len(part.rows) < len(problem.rows) and not has_dual(part):
            continue
        drawn = _drawn(part.upper, random)
        solved, left = combine_rows(drawn.T.tocsr(), lower.T.tocsr(), part.wanted.T.copy(), workers=workers)
        if not len(left):
            return solved.T.tocsr(), csr_array(drawn[row_of]), left
    return bottom, top, unsolved


def _drawn(pattern: csr_array, random: np.random.Generator) -> csr_array:
    """Draw entries with moduli from 1/2 to 1 and random signs."""
    from scipy.sparse import csr_array

    half = 2 ** (_BITS - 1)
    sizes = random.integers(half, 2 * half, size=pattern.nnz) / (2 * half)
    signs = random.integers(0, 2, size=pattern.nnz) * 2 - 1
    return csr_array((sizes * signs, pattern.indices, pattern.indptr), shape=pattern.shape)


def _assembled(
    bottom: csr_array, top: csr_array, problem: Problem, given: tuple[Affine, Owners, Array, ActivationFunction]
) -> Combined:
    """Add biases, scale layer 0 into the affine piece, and bound what rounding costs."""
    from scipy.sparse import csr_array, diags_array

    first, owners, box, function = given
    rows, read = problem.rows, problem.read
    assert function.piece is not None
    used = np.zeros(bottom.shape[0], dtype=np.bool_)
    used[top.indices] = True
    bottom = csr_array(diags_array(used.astype(np.float64)) @ bottom)
    bottom.eliminate_zeros()
    scales, biases = _into_pieces(bottom, box[read], used, function)
    # A power of two and a slope of 1 leave all numbers what they are; else what is lost is in the residual.
    slope = float(function.piece.slope)
    top = csr_array(top @ diags_array(1 / (scales * slope)))
    bottom = csr_array(diags_array(scales) @ bottom)
    constants = [function.piece.slope * Fraction(bias) + function.piece.offset for bias in biases.tolist()]
    # The first tap of a channel carries its bias; those of the taps are added up afterwards.
    begins = np.append(True, rows[1:] != rows[:-1])[: len(rows)]
    goal = [first.exact_bias[kind] if start else Fraction(0) for kind, start in zip(owners[rows], begins, strict=True)]
    parts, errors = _rounded(top, bottom, (problem.wanted, goal), constants, function.piece.slope)
    reach = np.abs(box[read]).max(axis=1, initial=0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        each = (errors[0] @ reach + errors[1]) * (1 + (len(read) + 8) * 2 * _UNIT)
    if not np.isfinite(each).all():
        raise InvalidInput("target", "weights whose combinations do not overflow", float(np.abs(problem.wanted).max()))
    bias, per_class = np.where(owners >= 0, first.bias[owners], 0.0), [Fraction(0)] * first.outputs
    fixed: dict[int, Fraction] = {}
    for stretch in np.split(np.arange(len(rows)), np.flatnonzero(begins)[1:]) if len(rows) else ():
        neuron, kind = int(rows[stretch[0]]), int(owners[rows[stretch[0]]])
        whole = sum((Fraction(parts[place].item()) for place in stretch), start=Fraction(0))
        bias[neuron] = finite(whole)
        fixed[neuron] = Fraction(bias[neuron].item())
        lost = sum((Fraction(each[place].item()) for place in stretch), start=abs(fixed[neuron] - whole))
        per_class[kind] = max(per_class[kind], lost)
    neurons, width = len(owners), bottom.shape[0]
    placed = top.tocoo()
    columns = placed.col.astype(np.int64) * first.taps + problem.taps[placed.row]
    weight = csr_array((placed.data, (rows[placed.row], columns)), shape=(neurons, width * first.taps))
    inputs = csr_array((np.ones(len(read)), (np.arange(len(read)), read)), shape=(len(read), first.inputs))
    exact = None
    if first.bias_exact is not None:
        exact = tuple(first.bias_exact[owner] if owner >= 0 else Fraction(0) for owner in owners.tolist())
        exact = tuple(fixed.get(row, value) for row, value in enumerate(exact))
    return Combined(
        bottom=Affine(weight=csr_array(bottom @ inputs), bias=biases, inputs=first.inputs),
        first=replace(first, weight=weight, bias=bias, inputs=width, bias_exact=exact),
        error=tuple(per_class),
        used=used,
    )


def _into_pieces(
    bottom: csr_array, box: Array, used: npt.NDArray[np.bool_], function: ActivationFunction
) -> tuple[Array, Array]:
    """Give for each neuron a power of two and a bias that keep it where the activation is affine."""
    assert function.piece is not None
    positive, negative = bottom.maximum(0), bottom.minimum(0)
    terms = np.diff(bottom.indptr) + 4
    with np.errstate(over="ignore", invalid="ignore"):
        low = positive @ box[:, 0] + negative @ box[:, 1]
        high = positive @ box[:, 1] + negative @ box[:, 0]
        slack = (abs(bottom) @ np.abs(box).max(axis=1, initial=0.0)) * (terms * 4 * _UNIT) + _LEAST
    scales, biases = np.ones(len(low)), np.zeros(len(low))
    if not np.isfinite([low, high, slack]).all():
        raise InvalidInput(
            "domain", "a box on which combinations of the inputs do not overflow", float(np.abs(box).max())
        )
    for row in np.flatnonzero(used).tolist():
        ends = Fraction(low[row] - slack[row]), Fraction(high[row] + slack[row])
        scales[row], biases[row] = into_piece(*ends, function.piece)
    return scales, biases


def _rounded(
    top: csr_array, bottom: csr_array, wanted: tuple[Array, list[Fraction]], constants: list[Fraction], slope: Fraction
) -> tuple[Array, tuple[Array, Array]]:
    """Give the biases of layer 1, and bounds on what is wrong with every weight and every bias.

    Sums of k products err by at most (k + 2) u times the sum of the moduli; so much more is added for the few
    operations around them. Where there are few products, all is computed exactly instead.
    """
    if int(np.diff(bottom.indptr)[top.indices].sum()) <= _MOST_PRODUCTS:
        return _exactly_rounded(top, bottom, wanted, constants, slope)
    near = np.array([float(value) for value in constants])
    goal = np.array([float(value) for value in wanted[1]])
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused later
        return _roughly_rounded((top, bottom), wanted[0], goal, near, float(slope))


def _roughly_rounded(
    matrices: tuple[csr_array, csr_array],
    wanted: Array,
    goal: Array,
    near: Array,
    slope: float,
) -> tuple[Array, tuple[Array, Array]]:
    top, bottom = matrices
    terms = np.diff(top.indptr)
    factor, tiny = (terms + 12) * 2 * _UNIT, (terms + 4) * _TINY
    biases: Array = goal - top @ near
    products = (top @ bottom).toarray() * slope
    moduli = (abs(top) @ abs(bottom)).toarray() * abs(slope)
    weights = np.abs(products - wanted) + factor[:, None] * (moduli + np.abs(wanted)) + tiny[:, None]
    sizes = abs(top) @ np.abs(near) + np.abs(goal) + np.abs(biases)
    return biases, (weights, factor * sizes + tiny)


def _exactly_rounded(
    top: csr_array, bottom: csr_array, wanted: tuple[Array, list[Fraction]], constants: list[Fraction], slope: Fraction
) -> tuple[Array, tuple[Array, Array]]:
    weights, rest, biases = np.zeros(wanted[0].shape), np.zeros(len(wanted[1])), np.zeros(len(wanted[1]))
    for row, products in enumerate(products_of(top, bottom)):
        missing = {column: -Fraction(value) for column, value in enumerate(wanted[0][row].tolist()) if value}
        for column, value in products.items():
            missing[column] = missing.get(column, Fraction(0)) + slope * value
        for column, value in missing.items():
            weights[row, column] = _above(abs(value))
        cut = slice(int(top.indptr[row]), int(top.indptr[row + 1]))
        pairs = zip(top.data[cut].tolist(), top.indices[cut].tolist(), strict=True)
        bias = wanted[1][row] - sum((Fraction(value) * constants[unit] for value, unit in pairs), start=Fraction(0))
        biases[row] = finite(bias)
        rest[row] = _above(abs(Fraction(biases[row].item()) - bias))
    return biases, (weights, rest)


def products_of(top: csr_array, bottom: csr_array) -> Iterator[dict[int, Fraction]]:
    """Give the rows of A B exactly, by column.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> list(products_of(csr_array([[0.5, 2.0]]), csr_array([[1.0], [3.0]])))
    [{0: Fraction(13, 2)}]
    """
    for row in range(top.shape[0]):
        total: dict[int, Fraction] = {}
        for place in range(top.indptr[row], top.indptr[row + 1]):
            factor, unit = Fraction(top.data[place].item()), top.indices[place]
            cut = slice(int(bottom.indptr[unit]), int(bottom.indptr[unit + 1]))
            for column, value in zip(bottom.indices[cut].tolist(), bottom.data[cut].tolist(), strict=True):
                total[column] = total.get(column, Fraction(0)) + factor * Fraction(value)
        yield total


def _above(value: Fraction) -> float:
    return math.nextafter(finite(value), math.inf) if value else 0.0
