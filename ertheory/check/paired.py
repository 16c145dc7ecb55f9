"""A proof that a source is its target with two or three affine steps in a row for one, whatever else there is.

Where W z + b stands in the target, the source has B z and then A y + b, or a third factor between the two; one of them
slides as W does. Steps that are the same in both are passed. Behind a pair the two differ by

    |A B - W| (|z| + e) + |W| e

at most, where e bounds what they differ by in front of it; the biases are the same, and A B is refused where it is no
solution at all. Inner neurons of a pair may have a ReLU where they cannot be negative: then a bias c lifts them, and b'
with A c + b' = b stands behind; where the second step pads with zeros, c has to be 0. The target's values lie in boxes
that interval arithmetic gives, channel by channel, and every sum is rounded up. The bound multiplies |W| through all
layers, so it is coarse for deep networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.boxes import NONNEGATIVE, activated, image, may_be_negative, with_zero
from ertheory.check.factored import ACCEPTED, FactoredProof, bias_error
from ertheory.check.geometry import leading, with_channels
from ertheory.check.upwards import above, gamma, products, upper, weighed
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["is_paired", "prove_paired"]

Array: TypeAlias = npt.NDArray[np.float64]

_GEOMETRY = ("stride", "padding", "dilation")
_NUMBERS = 2**22  # doubles in one block of a product
_PAIR = 2
_TINY = 2.0**-1040  # above all that sums of products lose among the subnormal numbers


class _Different(Exception):
    """A step of the source that is none of the target's."""

    def __init__(self, message: str, step: Affine) -> None:
        super().__init__(message)
        self.step = step


class _Values(NamedTuple):
    """What is known of the values between two steps, channel by channel.

    Parameters
    ----------
    error
        A bound on what source and target differ by.
    box
        Of the target's values, shape (channels, 2).
    least
        A lower bound on the source's values: 0 behind an activation without negative ones, else -inf.
    """

    error: Array
    box: Array
    least: Array


def is_paired(target: Network, source: Network) -> bool:
    """Say whether a source has the steps of a target, with two or three affine steps for affine ones, or the same.

    Every step of each of them reads what the one before gives.
    """
    front = leading(target.steps)
    same = target.steps[:front] == source.steps[: leading(source.steps)] and target.inputs == source.inputs
    factors = _factors(target, source)
    return same and factors > 0 and _aligned(target.steps, source.steps, factors)


def prove_paired(target: Network, source: Network, box: Array | None) -> FactoredProof:
    """Bound the difference of a source and its target; `is_paired` holds for them.

    Parameters
    ----------
    target, source
        The networks.
    box
        It is that of the inputs, shape (inputs, 2); there is no bound without one.

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
    start = _Values(np.zeros(len(box)), np.asarray(box, dtype=np.float64), np.full(len(box), -np.inf))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            error = _through(target.steps[front:], source.steps[front:], start, _factors(target, source)).error
    except _Different as difference:
        layer = next(place for place, step in enumerate(source.affine) if step is difference.step)
        return FactoredProof(bound=None, exact=False, differs=f"source layer {layer}: {difference}")
    worst = float(error.max(initial=0.0))
    if not np.isfinite(worst):
        text = "no bound below the largest double on what source and target differ by on the box"
        return FactoredProof(bound=None, exact=False, differs=text)
    return FactoredProof(bound=worst, exact=False)


def _factors(target: Network, source: Network) -> int:
    """Count the factors of each map; 0 where there can be none."""
    ours, theirs = len(source.affine), len(target.affine)
    return 3 if ours == 3 * theirs else 2 if theirs < ours <= 2 * theirs else 0


def _aligned(target: Sequence[Step], source: Sequence[Step], factors: int) -> bool:
    pairs = list(_paired(target, source, factors))
    for step, ours, _ in pairs:
        if isinstance(step, Affine):
            fits = bool(ours)
        elif isinstance(step, Residual):
            other = ours[0]
            fits = isinstance(other, Residual) and all(
                _aligned(one, two, factors) for one, two in ((step.branch, other.branch), (step.skip, other.skip))
            )
        else:
            fits = ours == (step,)
        if not fits:
            return False
    return (pairs[-1][2] if pairs else 0) == len(source)


def _paired(
    target: Sequence[Step], source: Sequence[Step], factors: int
) -> Iterator[tuple[Step, tuple[Step, ...], int]]:
    """Give every step of the target with the steps of the source that stand for it, and where these end.

    There are none where nothing fits.
    """
    place = 0
    for step in target:
        ours: tuple[Step, ...] = tuple(source[place : place + 1])
        stop = place + 1
        if isinstance(step, Affine) and not (ours and _same(step, ours[0])):
            ours, stop = _group(step, source, place, factors)
        if not ours:
            yield step, (), -1
            return
        yield step, ours, stop
        place = stop


def _group(step: Affine, source: Sequence[Step], place: int, factors: int) -> tuple[tuple[Step, ...], int]:
    """Give so many affine steps in a row, without the identities between them; a pair may have a ReLU between."""
    found: list[Affine] = []
    between: list[Step] = []
    for at in range(place, len(source)):
        one = source[at]
        if isinstance(one, Affine):
            found.append(one)
            if len(found) == factors:
                return ((found[0], *between, *found[1:]), at + 1) if _slides(step, found) else ((), at)
        elif one == Activation("relu") and factors == len(found) + 1 == _PAIR and not between:
            between.append(one)
        elif not found or one != Activation("identity"):
            break
    return (), place


def _same(step: Affine, other: Step) -> bool:
    if not isinstance(other, Affine) or step.weight.shape != other.weight.shape:
        return False
    names = ("inputs", "kernel", "groups", *_GEOMETRY)
    same = all(getattr(step, name) == getattr(other, name) for name in names)
    return same and (step.weight != other.weight).nnz == 0 and bool((step.bias == other.bias).all())


def _slides(step: Affine, ours: Sequence[Affine]) -> bool:
    """Say whether of some steps one slides as the given one does, and the others act at every position alone."""
    if (step.inputs, step.outputs) != (ours[0].inputs, ours[-1].outputs):
        return False
    if {one.groups for one in ours} != {step.groups}:
        return False
    return any(_like(step, one) and all(_still(other) for other in ours if other is not one) for one in ours)


def _like(step: Affine, other: Affine) -> bool:
    if not step.kernel:
        return _still(other)
    return step.kernel == other.kernel and all(getattr(step, name) == getattr(other, name) for name in _GEOMETRY)


def _still(step: Affine) -> bool:
    return step.taps == 1 and not any(step.padding) and all(size == 1 for size in step.stride)


def _through(target: Sequence[Step], source: Sequence[Step], values: _Values, factors: int) -> _Values:
    """Give what is known behind the steps."""
    channels = {id(step): (before, after) for step, before, after in with_channels(target, len(values.error))}
    for step, ours, _ in _paired(target, source, factors):
        error, box, least = values
        if isinstance(step, Affine):
            values = _Values(_affine(step, ours, values), image(step, box), np.full(step.outputs, -np.inf))
        elif isinstance(step, Activation):
            function = activation(step.name)
            error = upper(products(above(function.lipschitz), error), 2)
            least = np.zeros(len(error)) if step.name in NONNEGATIVE else np.full(len(error), -np.inf)
            values = _Values(error, activated(function, box), least)
        elif isinstance(step, Flatten):
            before, after = channels[id(step)]
            values = _Values(*(np.repeat(one, after // before, axis=0) for one in values))
        elif isinstance(step, Residual):
            other = ours[0]
            assert isinstance(other, Residual)
            one, two = (
                _through(mine, theirs, values, factors)
                for mine, theirs in ((step.branch, other.branch), (step.skip, other.skip))
            )
            low, high = (one.box + two.box).T
            box = np.stack([np.nextafter(low, -np.inf), np.nextafter(high, np.inf)], axis=1)
            values = _Values(upper(one.error + two.error, 1), box, one.least + two.least)
        else:
            assert isinstance(step, Pool)  # neither a maximum nor an average is farther off than what it reads
            values = _Values(error, with_zero(box) if step.kind == "average" and any(step.padding) else box, least)
    return values


def _affine(step: Affine, ours: Sequence[Step], values: _Values) -> Array:
    """Bound what source and target differ by behind an affine step."""
    error, size = values.error, np.abs(values.box).max(axis=1)
    steps = [one for one in ours if isinstance(one, Affine)]
    passed, apart = np.zeros(step.outputs), np.zeros(step.outputs)
    if len(steps) > 1:
        apart = _biases(step, steps, values) if len(ours) > len(steps) else _same_biases(step, steps)
    rows, reads = step.outputs // step.groups, step.inputs // step.groups
    for group in range(step.groups):
        mine, channels = slice(group * rows, (group + 1) * rows), slice(group * reads, (group + 1) * reads)
        columns = np.repeat(size[channels], step.taps), np.repeat(error[channels], step.taps)
        passed[mine] = weighed(abs(step.weight[mine]), columns[1])
        if len(steps) > 1:
            apart[mine] += _difference(step, steps, group, upper(columns[0] + columns[1], 1))
    return upper(passed + apart, int(np.diff(step.weight.indptr).max(initial=0)) + 4)


def _same_biases(step: Affine, steps: Sequence[Affine]) -> Array:
    """Refuse biases of linear inner neurons, and others than the target's behind them."""
    if (steps[-1].bias != step.bias).any():
        text = "its biases are not those of the target"
        raise _Different(text, steps[-1])
    for one in steps[:-1]:
        if one.bias.any():
            text = "inner neurons with biases"
            raise _Different(text, one)
    return np.zeros(step.outputs)


def _biases(step: Affine, steps: Sequence[Affine], values: _Values) -> Array:
    """Refuse inner neurons with a ReLU that may be negative, and bound what their biases leave."""
    first, second = steps
    if any(second.padding) and first.bias.any():
        text = "inner neurons with biases in front of a padding with zeros"
        raise _Different(text, first)
    size = np.abs(values.box).max(axis=1)
    wider = values.error + (values.error > 0) * (size + values.error) * 2.0**-50
    low, high = np.maximum(values.box[:, 0] - wider, values.least), values.box[:, 1] + wider
    wrong = may_be_negative(first, second, np.stack([low, high], axis=1))
    if wrong is not None:
        text = f"unit {wrong}: its value may be negative on the box"
        raise _Different(text, first)
    total = np.zeros(step.outputs)
    rows, inner = step.outputs // step.groups, first.outputs // step.groups
    for group in range(step.groups):
        mine, shift = slice(group * rows, (group + 1) * rows), first.bias[group * inner : (group + 1) * inner]
        outer = _of_group(second, group).toarray()
        total[mine], unit = bias_error(outer, np.repeat(shift, second.taps), second.bias[mine], step.bias[mine])
        if unit is not None:
            text = f"unit {mine.start + unit}: its bias is not that of the target"
            raise _Different(text, second)
    return total


def _difference(step: Affine, ours: Sequence[Affine], group: int, size: Array) -> Array:
    """Bound |A B - W| size, or |A C B - W| size, for one group, row by row."""
    factors, last = [_of_group(one, group) for one in ours], ours[-1]
    rows, taps = step.outputs // step.groups, last.taps
    below, outers = factors[0].tocsc(), [factor.toarray() for factor in factors[1:]]
    if taps > 1:  # a row for each output and tap, a column for each input
        outers = [outers[0].reshape(rows, -1, taps).transpose(0, 2, 1).reshape(rows * taps, -1)]
    goal = _of_group(step, group).tocsc()
    accepted = ACCEPTED * float(np.abs(step.weight.data).max(initial=0.0))
    total = np.zeros(rows)
    wide = max(1, _NUMBERS // max(len(factor) for factor in (*outers, outers[0].T)))
    for start in range(0, below.shape[1], wide):
        found = below[:, start : start + wide].toarray()
        lost = np.zeros_like(found)
        for outer in outers:
            inner = outer.shape[1]
            computed = gamma(inner + 2) * upper(np.abs(outer) @ (np.abs(found) + lost), inner + 3) + inner * 2.0**-1070
            lost = upper(upper(np.abs(outer) @ lost, inner + 2) + computed, 2)
            found = outer @ found
        chosen = slice(start * taps, (start + found.shape[1]) * taps)
        if taps > 1:
            found, lost = (one.reshape(rows, taps, -1).transpose(0, 2, 1).reshape(rows, -1) for one in (found, lost))
        off = np.abs(found - goal[:, chosen].toarray())
        if not off.max(initial=0.0) <= accepted:
            text = f"its product with what is before it is off by {off.max():.2g}"
            raise _Different(text, last)
        total += upper(upper(off + lost, 3) @ size[chosen], off.shape[1] + 2)
    return upper(total, 2 + below.shape[1] // wide) + _TINY


def _of_group(step: Affine, group: int) -> csr_array:
    rows = step.outputs // step.groups
    return step.weight[group * rows : (group + 1) * rows]
