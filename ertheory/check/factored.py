"""A proof that a source with two layers for each layer of its target computes the target, up to a bound or exactly.

Layer l of the target is W z + b. In the source stand first B z + c, then the identity or ReLU, then A and b'. Where the
inner neurons cannot be negative, the pair computes A B z + (A c + b'). Then

    |source - target| <= |A B - W| (|z| + e) + |W| e + |A c + b' - b|,

where e bounds what the two differ in before the layer; an activation multiplies it by its slope at most. The target's
values z lie in a box that interval arithmetic gives. All sums are rounded up, by the number of their terms. Whatever
the bound, an A B that is off by more than 2^-30 of the largest weight is no product for W and is refused, and so is an
A c + b' that is off by more than rounding explains.

Where rational weights are given, each of which rounds to the double in its place, all is done in rational numbers:
A B = W and A c + b' = b then hold exactly, and so does the equality of the functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.boxes import NONNEGATIVE, activated, image, may_be_negative
from ertheory.check.upwards import gamma, upper
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network

__all__ = ["ACCEPTED", "FactoredProof", "bias_error", "is_factored", "prove_factored"]

Array: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = list[dict[int, Fraction]]  # row by row, the entries other than 0
Rationals: TypeAlias = Mapping[int, Sequence[Fraction]]

ACCEPTED = 2.0**-30  # of the largest entry of W: a product that is off by more is no product for W

_INNER = ("identity", "relu")
_NEAR = Fraction(1, 2**40)  # of the moduli that add up to a bias: how far a stored one may be from the exact one
_NUMBERS = 2**23


@dataclass(frozen=True, kw_only=True)
class FactoredProof:
    """What was proved.

    Parameters
    ----------
    bound
        A bound on every output and the whole box, for the doubles; ``None`` where there is none.
    exact
        Whether the source is the target, with its rational weights where these are given.
    differs
        What stands in the way; ``None`` where nothing does.
    """

    bound: float | None
    exact: bool
    differs: str | None = None


class _Different(Exception):
    """What stands in the way."""


def is_factored(target: Network, source: Network) -> bool:
    """Say whether a source has two layers for each layer of a chain, and an inner activation between them."""
    if not (target.is_chain and source.is_chain) or len(source.affine) != 2 * len(target.affine):
        return False
    names = [step.name for step in source.steps if isinstance(step, Activation)]
    wanted = [step.name for step in target.steps if isinstance(step, Activation)]
    sizes = [step.outputs for step in source.affine[1::2]] == [step.outputs for step in target.affine]
    return sizes and target.inputs == source.inputs and names[1::2] == wanted and set(names[::2]) <= set(_INNER)


def prove_factored(
    target: Network, source: Network, box: Array | None, rationals: Rationals | None = None
) -> FactoredProof:
    """Bound the difference of a source and its target; `is_factored` holds for them.

    Parameters
    ----------
    target, source
        The networks.
    box
        It is that of the inputs, shape (inputs, 2), or ``None`` for all of R^d.
    rationals
        The weights of a source layer as rational numbers in the order of the stored ones.

    Examples
    --------
    >>> pair = Affine.from_dense([[1.0], [1.0]]), Activation("identity"), Affine.from_dense([[2.0, 1.0]], [5.0])
    >>> found = prove_factored(Network((Affine.from_dense([[3.0]], [5.0]),)), Network(pair), np.array([[0.0, 1.0]]))
    >>> found.exact, found.bound < 1e-14
    (True, True)
    """
    names = [step.name for step in source.steps if isinstance(step, Activation)][::2]
    bound: float | None = None
    try:
        if box is not None:
            bound = _bounded(target, source, box, names)
        elif "relu" in names:
            text = "inner neurons with ReLU, which hand on only what a box keeps above 0, but no box"
            raise _Different(text)
        exact = _equal(target, source, rationals)
        if exact and rationals and "relu" in names:
            assert box is not None
            _positive(target, source, box, names, rationals)
    except _Different as difference:
        return FactoredProof(bound=None, exact=False, differs=str(difference))
    if bound is None and not exact:
        text = "weights were rounded, which an unbounded domain magnifies without bound; state a box"
        return FactoredProof(bound=None, exact=False, differs=text)
    return FactoredProof(bound=bound, exact=exact)


def _bounded(target: Network, source: Network, box: Array, names: Sequence[str]) -> float:
    slopes = [activation(step.name) for step in target.steps if isinstance(step, Activation)]
    error = np.zeros(target.inputs)
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, step in enumerate(target.affine):
            first, second = source.affine[2 * layer], source.affine[2 * layer + 1]
            above = layer > 0 and slopes[layer - 1].name in NONNEGATIVE
            if names[layer] == "relu":
                wider = error + (error > 0) * (np.abs(box).max(axis=1) + error) * 2.0**-50
                reach = np.stack([box[:, 0] - wider, box[:, 1] + wider], axis=1)
                _check_lifted(first, second, np.maximum(reach, 0.0) if above else reach, layer)
            size = upper(np.abs(box).max(axis=1) + error, 1)
            error = _difference(step, first, second, size, error, 2 * layer + 1)
            box = image(step, box)
            if layer < len(slopes):
                error = upper(error * float(slopes[layer].lipschitz), 2)
                box = activated(slopes[layer], box)
    largest = float(error.max(initial=0.0))
    if not np.isfinite(largest):
        text = "values beyond the largest double may occur on the box"
        raise _Different(text)
    return largest


def _difference(step: Affine, first: Affine, second: Affine, size: Array, error: Array, number: int) -> Array:
    """Bound |A B - W| size + |W| error + |A c + b' - b|, where A is the source layer of this number."""
    inner = first.outputs
    wanted, outer = step.weight.toarray(), second.weight.toarray()
    columns = first.weight.tocsc()
    total = np.zeros(step.outputs)
    accepted = ACCEPTED * float(np.abs(step.weight.data).max(initial=0.0))
    wide = max(1, _NUMBERS // max(inner, 1))
    for start in range(0, step.inputs, wide):
        block = columns[:, start : start + wide].toarray()
        off = np.abs(outer @ block - wanted[:, start : start + wide])
        if not off.max(initial=0.0) <= accepted:
            text = f"source layer {number}: its product with what is before it is off by {off.max():.2g}"
            raise _Different(text)
        lost = gamma(inner + 2) * upper(np.abs(outer) @ np.abs(block), inner + 2) + inner * 2.0**-1070
        total += upper(upper(off + lost, 3) @ size[start : start + wide], off.shape[1] + 2)
    biases, wrong = bias_error(outer, first.bias, second.bias, step.bias)
    if wrong is not None:
        raise _Different(f"source layer {number}, unit {wrong}: its bias is not that of the target")
    passed = upper(np.abs(wanted) @ error, step.inputs + 2)
    return upper(total + passed + biases, 6 + step.inputs // wide)


def bias_error(outer: Array, shift: Array, stored: Array, wanted: Array) -> tuple[Array, int | None]:
    """Bound |A c + b' - b|, and give a unit where it is more than rounding explains, or ``None``.

    Parameters
    ----------
    outer
        A, shape (outputs, inner).
    shift, stored, wanted
        c, b' and b.
    """
    inner = len(shift)
    rounded = 4 * gamma(inner + 2)
    moduli = upper(np.abs(outer) @ np.abs(shift), inner + 2) + np.abs(stored) + np.abs(wanted)
    fixed = np.abs((outer @ shift + stored) - wanted)
    wrong = np.flatnonzero(~(fixed <= max(rounded, float(_NEAR)) * moduli))
    rest = np.zeros(len(wanted)) if not shift.any() and not fixed.any() else upper(rounded * moduli, 4)
    return upper(fixed + rest, 2), int(wrong[0]) if len(wrong) else None


def _check_lifted(first: Affine, second: Affine, box: Array, layer: int) -> None:
    """Refuse inner neurons that something reads and that may be negative somewhere on the box."""
    wrong = may_be_negative(first, second, box)
    if wrong is not None:
        raise _Different(f"source layer {2 * layer}, unit {wrong}: its value may be negative on the box")


def _equal(target: Network, source: Network, rationals: Rationals | None) -> bool:
    """Say whether A B = W and A c + b' = b in rational arithmetic; only looked at where this can be."""
    work = sum(
        int(np.bincount(second.weight.indices, minlength=first.outputs) @ np.diff(first.weight.indptr))
        for first, second in zip(source.affine[::2], source.affine[1::2], strict=True)
    )
    if work > _NUMBERS // 8:
        return False
    for layer, step in enumerate(target.affine):
        first, second = source.affine[2 * layer], source.affine[2 * layer + 1]
        lower, outer = (_matrix(one, 2 * layer + at, rationals) for at, one in enumerate((first, second)))
        shifts, wanted = first.exact_bias, _matrix(step, -1, None)
        for row, (terms, stored) in enumerate(zip(outer, second.exact_bias, strict=True)):
            product: dict[int, Fraction] = {}
            for inner, factor in terms.items():
                for column, value in lower[inner].items():
                    product[column] = product.get(column, Fraction(0)) + factor * value
            if {column: value for column, value in product.items() if value} != wanted[row]:
                return False
            lifted = [factor * shifts[inner] for inner, factor in terms.items()]
            off = abs(stored + sum(lifted, start=Fraction(0)) - step.exact_bias[row])
            # Beside rational weights a bias counts as the number that its double was rounded from.
            if off and not (rationals and off <= _NEAR * (abs(stored) + sum(map(abs, lifted), start=Fraction(0)))):
                return False
    return True


def _matrix(step: Affine, layer: int, rationals: Rationals | None) -> Matrix:
    weight = step.weight
    values: Sequence[Fraction] = [Fraction(value) for value in weight.data.tolist()]
    if rationals is not None and layer in rationals:
        given = rationals[layer]
        if len(given) != len(values) or any(float(one) != float(own) for one, own in zip(given, values, strict=True)):
            raise _Different(f"source layer {layer}: a rational weight that its double is not rounded from")
        values = given
    starts, columns = weight.indptr.tolist(), weight.indices.tolist()
    return [dict(zip(columns[start:stop], values[start:stop], strict=True)) for start, stop in pairwise(starts)]


def _positive(target: Network, source: Network, box: Array, names: Sequence[str], rationals: Rationals) -> None:
    """Refuse inner neurons that are negative somewhere with rational weights, which compute the target's own values."""
    slopes = [activation(step.name) for step in target.steps if isinstance(step, Activation)]
    for layer, step in enumerate(target.affine):
        first = source.affine[2 * layer]
        if names[layer] == "relu" and 2 * layer in rationals:
            ends = [(Fraction(low), Fraction(high)) for low, high in box.tolist()]
            for unit, terms in enumerate(_matrix(first, 2 * layer, rationals)):
                least = sum((value * ends[at][value < 0] for at, value in terms.items()), start=first.exact_bias[unit])
                if least < 0:
                    raise _Different(f"source layer {2 * layer}, unit {unit}: its value may be negative on the box")
        box = image(step, box)
        if layer < len(slopes):
            box = activated(slopes[layer], box)
