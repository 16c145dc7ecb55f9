"""A proof that a source is its target with two affine steps in a row for one, whatever stands between the steps.

Where W z + b stands in the target, the source has B z and then A y + b, one of which slides as W does; steps that are
the same in both are passed. Behind a pair the two differ by

    |A B - W| (|z| + e) + |W| e

at most, where e bounds what they differ by in front of it; the biases are the same, and A B is refused where it is no
solution at all. Moduli of the target's values come from its box, channel by
channel, and every sum is rounded up. The bound multiplies |W| through all layers, so it is coarse for deep networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.factored import FactoredProof
from ertheory.check.geometry import leading, with_channels
from ertheory.check.layer0 import at_zero
from ertheory.check.upwards import above, products, upper
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = ["is_paired", "prove_paired"]

Array: TypeAlias = npt.NDArray[np.float64]

_GEOMETRY = ("stride", "padding", "dilation")
_NUMBERS = 2**22  # doubles in one block of a product
_NEAR = 2.0**-30  # of the largest entry of W or b: a product that is off by more is no product for W


class _Different(Exception):
    """A step of the source that is none of the target's."""

    def __init__(self, message: str, step: Affine) -> None:
        super().__init__(message)
        self.step = step


def is_paired(target: Network, source: Network) -> bool:
    """Say whether a source has the steps of a target, with one or two affine steps for each of its affine steps."""
    front = leading(target.steps)
    same = target.steps[:front] == source.steps[: leading(source.steps)] and target.inputs == source.inputs
    return same and len(source.affine) > len(target.affine) and _aligned(target.steps, source.steps)


def prove_paired(target: Network, source: Network, box: Array | None) -> FactoredProof:
    """Bound the difference of a source and its target; `is_paired` holds for them.

    Parameters
    ----------
    target, source
        The networks.
    box
        Of the inputs, shape (inputs, 2); there is no bound without one.

    Examples
    --------
    >>> whole, halves = Affine.from_dense([[3.0]]), (Affine.from_dense([[1.5]]), Affine.from_dense([[2.0]]))
    >>> found = prove_paired(Network((Residual((whole,)),)), Network((Residual(halves),)), np.array([[0.0, 1.0]]))
    >>> found.exact, 0 <= found.bound < 1e-14
    (False, True)
    """
    if box is None:
        text = "weights were rounded, which an unbounded domain magnifies without bound; state a box"
        return FactoredProof(bound=None, exact=False, differs=text)
    front = leading(target.steps)
    size = upper(np.abs(box).max(axis=1), 0)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            error, _ = _through(target.steps[front:], source.steps[front:], np.zeros(len(size)), size)
    except _Different as difference:
        layer = next(place for place, step in enumerate(source.affine) if step is difference.step)
        return FactoredProof(bound=None, exact=False, differs=f"source layer {layer}: {difference}")
    worst = float(error.max(initial=0.0))
    if not np.isfinite(worst):
        text = "no bound below the largest double on what source and target differ by on the box"
        return FactoredProof(bound=None, exact=False, differs=text)
    return FactoredProof(bound=worst, exact=False)


def _aligned(target: Sequence[Step], source: Sequence[Step]) -> bool:
    pairs = list(_paired(target, source))
    if len(pairs) != len(target) or sum(len(ours) for _, ours in pairs) != len(source):
        return False
    for step, ours in pairs:
        if isinstance(step, Affine):
            fits = _slides(step, *ours) if len(ours) == 2 else bool(ours) and _same(step, ours[0])
        elif isinstance(step, Residual):
            (other,) = ours
            fits = isinstance(other, Residual) and all(
                _aligned(one, two) for one, two in ((step.branch, other.branch), (step.skip, other.skip))
            )
        else:
            fits = ours == (step,)
        if not fits:
            return False
    return True


def _paired(target: Sequence[Step], source: Sequence[Step]) -> Iterator[tuple[Step, tuple[Step, ...]]]:
    """Give every step of the target with the steps of the source that stand for it."""
    place = 0
    for step in target:
        count = 1
        if isinstance(step, Affine) and not (place < len(source) and _same(step, source[place])):
            count = 2
        ours = tuple(source[place : place + count])
        if len(ours) < count:
            return
        yield step, ours
        place += count


def _same(step: Affine, other: Step) -> bool:
    if not isinstance(other, Affine) or step.weight.shape != other.weight.shape:
        return False
    names = ("inputs", "kernel", "groups", *_GEOMETRY)
    same = all(getattr(step, name) == getattr(other, name) for name in names)
    return same and (step.weight != other.weight).nnz == 0 and bool((step.bias == other.bias).all())


def _slides(step: Affine, first: Step, second: Step) -> bool:
    """Say whether of two steps one slides as the given one does, and the other acts at every position alone."""
    if not (isinstance(first, Affine) and isinstance(second, Affine)):
        return False
    if (step.inputs, step.outputs) != (first.inputs, second.outputs) or first.outputs != second.inputs:
        return False
    if {first.groups, second.groups} != {step.groups}:
        return False
    return any(_like(step, one) and _still(other) for one, other in ((first, second), (second, first)))


def _like(step: Affine, other: Affine) -> bool:
    if not step.kernel:
        return _still(other)
    return step.kernel == other.kernel and all(getattr(step, name) == getattr(other, name) for name in _GEOMETRY)


def _still(step: Affine) -> bool:
    return step.taps == 1 and not any(step.padding) and all(size == 1 for size in step.stride)


def _through(target: Sequence[Step], source: Sequence[Step], error: Array, size: Array) -> tuple[Array, Array]:
    """Give bounds on the difference and on the moduli of the target's values, channel by channel."""
    channels = {id(step): (before, after) for step, before, after in with_channels(target, len(size))}
    for step, ours in _paired(target, source):
        if isinstance(step, Affine):
            error, size = _affine(step, ours, error, size)
        elif isinstance(step, Activation):
            function = activation(step.name)
            slope = above(function.lipschitz)
            error, size = upper(products(slope, error), 2), upper(at_zero(function) + products(slope, size), 4)
        elif isinstance(step, Flatten):
            before, after = channels[id(step)]
            error, size = np.repeat(error, after // before), np.repeat(size, after // before)
        elif isinstance(step, Residual):
            other = ours[0]
            assert isinstance(other, Residual)
            both = ((step.branch, other.branch), (step.skip, other.skip))
            (first, one), (second, two) = (_through(ours_, theirs, error, size) for ours_, theirs in both)
            error, size = upper(first + second, 1), upper(one + two, 1)
        else:
            assert isinstance(step, Pool)  # neither a maximum nor an average is farther off than what it reads
    return error, size


def _affine(step: Affine, ours: Sequence[Step], error: Array, size: Array) -> tuple[Array, Array]:
    terms = int(np.diff(step.weight.indptr).max(initial=0))
    reach, passed = np.zeros(step.outputs), np.zeros(step.outputs)
    apart = np.zeros(step.outputs)
    rows, reads = step.outputs // step.groups, step.inputs // step.groups
    for group in range(step.groups):
        mine, channels = slice(group * rows, (group + 1) * rows), slice(group * reads, (group + 1) * reads)
        columns = np.repeat(size[channels], step.taps), np.repeat(error[channels], step.taps)
        moduli = abs(step.weight[mine])
        reach[mine], passed[mine] = moduli @ columns[0], moduli @ columns[1]
        if len(ours) == 2:
            apart[mine] = _difference(step, ours, group, upper(columns[0] + columns[1], 1))
    last = ours[-1]
    assert isinstance(last, Affine)
    if (last.bias != step.bias).any():
        text = "its biases are not those of the target"
        raise _Different(text, last)
    if len(ours) == 2 and isinstance(ours[0], Affine) and ours[0].bias.any():
        text = "inner neurons with biases"
        raise _Different(text, ours[0])
    return upper(passed + apart, terms + 4), upper(reach + np.abs(step.bias), terms + 4)


def _difference(step: Affine, ours: Sequence[Step], group: int, size: Array) -> Array:
    """Bound |A B - W| size for one group, row by row."""
    first, second = ours
    assert isinstance(first, Affine)
    assert isinstance(second, Affine)
    inner, rows = first.outputs // step.groups, step.outputs // step.groups
    below = first.weight[group * inner : (group + 1) * inner]
    outer = second.weight[group * rows : (group + 1) * rows]
    weight = step.weight[group * rows : (group + 1) * rows]
    if second.taps > 1:  # a row for each output and tap, a column for each input
        outer = outer.toarray().reshape(rows, inner, second.taps).transpose(0, 2, 1).reshape(-1, inner)
    else:
        outer = outer.toarray()
    total = np.zeros(rows)
    gamma = (inner + 2) * 2.0**-53 / (1 - (inner + 2) * 2.0**-53)
    by_column, goal = below.tocsc(), weight.tocsc()
    size_of_weights = float(np.abs(step.weight.data).max(initial=0.0))
    wide = max(1, _NUMBERS // max(inner, len(outer)))
    for start in range(0, below.shape[1], wide):
        block = by_column[:, start : start + wide].toarray()
        found = outer @ block
        lost = gamma * upper(np.abs(outer) @ np.abs(block), inner + 2) + inner * 2.0**-1070
        chosen = slice(start * second.taps, (start + block.shape[1]) * second.taps)
        if second.taps > 1:
            found, lost = (
                one.reshape(rows, second.taps, -1).transpose(0, 2, 1).reshape(rows, -1) for one in (found, lost)
            )
        off = np.abs(found - goal[:, chosen].toarray())
        if not off.max(initial=0.0) <= _NEAR * size_of_weights:
            raise _Different(f"its product with the layer before is off by {off.max():.2g}", second)
        total += upper(upper(off + lost, 3) @ size[chosen], off.shape[1] + 2)
    return upper(total, 2 + below.shape[1] // wide)
