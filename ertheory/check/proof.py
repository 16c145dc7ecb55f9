"""A proof that source and target are the same function on the whole box, found without any help from the builder.

Both networks are walked through in step. At each step a source unit is known as one unit of the target (it is a
copy), or as a constant, or not at all; layer 0 of the source is known as affine forms in the inputs. A source unit that
reads copies is again a copy if its coefficients, those of equal copies added up, are those of a target unit. The
arithmetic is rational. Where rounded numbers agree only up to rounding, the difference of the two functions is bounded
instead.

>>> from ertheory.networks.network import Network
>>> target = Network((Affine.from_dense([[2.0, -1.0]], [0.5]),), np.array([[-1.0, 1.0], [0.0, 1.0]]))
>>> shifted = Affine.from_dense([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0])
>>> prove(target, Network((shifted, Activation("relu"), Affine.from_dense([[2.0, -1.0]], [-1.5])))).exact
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.check.explain import describe
from ertheory.check.forms import Forms, identity, nearest, through
from ertheory.check.geometry import check_flow, entries, leading, with_channels
from ertheory.check.layer0 import expand, keeps_positions
from ertheory.check.numbering import Pair, keys, number
from ertheory.check.states import activated, flattened, pooled
from ertheory.check.upwards import products, upper
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network, Pool, Residual, Step

__all__ = ["Proof", "common_box", "prove"]

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_LAYER = 2**44  # blame numbers: layer times this, plus the unit


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was proved.

    Parameters
    ----------
    equal
        Whether the functions are proved to differ by no more than ``difference_bound``, which comes from rounded
        coefficients, each equal up to a relative 2^-40, and from approximate activations in layer 0, nothing else.
    exact
        Whether they are proved to be the same function.
    difference_bound
        A bound on every output and the whole box, rounded up; ``None`` where nothing is proved.
    differs
        Where the source first computes something else, as far as it matters to an output.
    """

    equal: bool
    exact: bool
    difference_bound: float | None
    differs: str | None = None


def prove(target: Network, source: Network) -> Proof:
    """Prove that a source computes what a target computes.

    Parameters
    ----------
    target
        The target.
    source
        A network with the same steps behind its layer 0 (an affine step and an activation), or with the same steps.

    Returns
    -------
    Proof
        For the box that `common_box` gives. A refusal is no proof that the functions differ.

    Raises
    ------
    InvalidInput
        If the steps of one network do not fit to each other.

    Notes
    -----
    The biases are those of `Affine.exact_bias`. Zero padding: a constant in front of a convolution counts per tap,
    except at the taps that never read the padding.
    """
    for network in (target, source):
        check_flow(network)
    walk = _Walk()
    try:
        box = common_box(target, source)
        pair, rest = _start(target, source, box, walk)
        pair = walk.through(pair, target.steps[leading(target.steps) :], rest, target.inputs)
        if pair.source.units != pair.target.units:
            raise _Different(f"{pair.source.units} outputs, the target has {pair.target.units}")
    except _Different as difference:
        return Proof(equal=False, exact=False, difference_bound=None, differs=str(difference))
    return walk.verdict(pair)


def common_box(target: Network, source: Network) -> Array | None:
    """Give the box on which the source has to compute the target: its own, or that of the target if it has none."""
    return target.domain if source.domain is None else source.domain


class _Different(Exception):
    """The networks do not even have the same form; the argument says where."""


def _start(target: Network, source: Network, box: Array | None, walk: _Walk) -> tuple[Pair, tuple[Step, ...]]:
    front = leading(target.steps)
    if target.steps[:front] != source.steps[: leading(source.steps)]:
        raise _Different(f"the steps in front of the first layer are not those of the target, {front} in number")
    if target.inputs != source.inputs:
        raise _Different(f"{source.inputs} inputs, the target has {target.inputs}")
    if source.domain is not None and target.domain is not None:
        inside = (source.domain[:, 0] <= target.domain[:, 0]) & (source.domain[:, 1] >= target.domain[:, 1])
        if not inside.all():
            raise _Different(f"the box of the source leaves out a part of that of input {int(np.argmin(inside))}")
    if box is not None and any(step.kind == "average" and any(step.padding) for step in _pools(target.steps[:front])):
        box = np.stack([np.minimum(box[:, 0], 0.0), np.maximum(box[:, 1], 0.0)], axis=1)
    sizes = np.full(target.inputs, np.inf) if box is None else np.abs(box).max(axis=1)
    steps = source.steps[front:]
    if len(steps) == len(target.steps) - front:
        same = identity(target.inputs)
        unknown = np.full(target.inputs, -1)
        return Pair(target=same, source=same, error=np.zeros(target.inputs), blame=unknown, magnitude=sizes), steps
    first, rest = steps[0], steps[1:]
    name = "identity"
    if rest and isinstance(rest[0], Activation) and len(rest) > len(target.steps) - front:
        name, rest = rest[0].name, rest[1:]
    if not isinstance(first, Affine) or not keeps_positions(first):
        raise _Different(f"layer 0 is no affine step that keeps the positions: {first!r:.60}")
    walk.layer = 1
    layer0 = expand(first, activation(name), box)
    pair = Pair(
        target=identity(target.inputs, len(layer0.even)),
        source=layer0.forms,
        error=layer0.error,
        blame=np.where(layer0.unknown, np.arange(first.outputs), -1),
        magnitude=np.concatenate([sizes, layer0.even]),
    )
    return pair, rest


def _pools(steps: Sequence[Step]) -> list[Pool]:
    return [step for step in steps if isinstance(step, Pool)]


@dataclass
class _Walk:
    """Goes through both networks; knows the number of the source layer, and keeps what an explanation needs."""

    layer: int = 0
    rows: dict[int, tuple[Forms, Forms, int]] = field(default_factory=dict)

    def through(self, pair: Pair, target: Sequence[Step], source: Sequence[Step], channels: int) -> Pair:
        if len(target) != len(source):
            raise _Different(f"{len(source)} steps where the target has {len(target)}")
        for (step, before, after), other in zip(with_channels(target, channels), source, strict=True):
            if isinstance(step, Affine) and isinstance(other, Affine):
                pair = self._affine(pair, step, other)
            elif isinstance(step, Residual) and isinstance(other, Residual):
                pair = self._residual(pair, step, other, before)
            elif isinstance(step, Affine | Residual) or step != other:
                raise _Different(f"behind source layer {self.layer - 1}: {other!r:.60}, the target has {step!r:.60}")
            elif isinstance(step, Activation):
                pair = activated(pair, activation(step.name), blame_from=(self.layer - 1) * _LAYER)
            elif isinstance(step, Pool):
                pair = pooled(pair, step, blame_from=(self.layer - 1) * _LAYER)
            else:
                pair = flattened(pair, after // before, blame_from=(self.layer - 1) * _LAYER)
        return pair

    def verdict(self, pair: Pair) -> Proof:
        outputs = range(pair.target.units)
        same = [one == other for one, other in zip(keys(pair.target, outputs), keys(pair.source, outputs), strict=True)]
        wrong = [row for row in outputs if pair.blame[row] >= 0 or not same[row]]
        if not wrong:
            bound = float(pair.error.max(initial=0.0))
            if np.isfinite(bound):
                return Proof(equal=True, exact=bound == 0, difference_bound=bound)
            text = "rounded coefficients differ, which an unbounded domain magnifies without bound"
            return Proof(equal=False, exact=False, difference_bound=None, differs=text)
        blame = int(pair.blame[wrong[0]])
        if blame < 0:
            text = f"output {wrong[0]} of the source computes another output of the target"
            return Proof(equal=False, exact=False, difference_bound=None, differs=text)
        layer, unit = divmod(blame, _LAYER)
        text = f"output {wrong[0]}: source layer {layer}, unit {unit} "
        text += describe(*self.rows[layer], unit) if layer in self.rows else "passes no inputs on"
        return Proof(equal=False, exact=False, difference_bound=None, differs=text)

    def _affine(self, pair: Pair, target: Affine, source: Affine) -> Pair:
        for name in ("kernel", "stride", "padding", "dilation"):
            if getattr(target, name) != getattr(source, name):
                wanted = getattr(target, name)
                raise _Different(f"source layer {self.layer} has {name} {getattr(source, name)}, the target {wanted}")
        found = entries(source)
        blame = np.full(source.outputs, -1)
        np.maximum.at(blame, found.rows, pair.blame[found.channels])
        with np.errstate(over="ignore"):
            moved = products(np.abs(found.values), pair.error[found.channels])
            sums = np.bincount(found.rows, moved, minlength=source.outputs)
        error = upper(np.asarray(sums, dtype=np.float64), np.diff(source.weight.indptr) + 2)
        magnitude = np.append(np.repeat(pair.magnitude, target.taps), np.ones(target.taps))
        return self._number(
            through(target, pair.target), through(source, pair.source), error, blame, magnitude, target.taps
        )

    def _residual(self, pair: Pair, target: Residual, source: Residual, channels: int) -> Pair:
        branch = self.through(pair, target.branch, source.branch, channels)
        skip = self.through(pair, target.skip, source.skip, channels)
        if branch.source.units != skip.source.units:
            raise _Different(f"a skip of {skip.source.units} units beside a branch of {branch.source.units}")
        rows = [
            _side_by_side(left, right) for left, right in ((branch.target, skip.target), (branch.source, skip.source))
        ]
        error = upper(branch.error + skip.error, 1)
        blame = np.maximum(branch.blame, skip.blame)
        magnitude = np.concatenate([branch.magnitude, skip.magnitude])
        return self._number(rows[0], rows[1], error, blame, magnitude, 0)

    def _number(self, target: Forms, source: Forms, error: Array, blame: Integers, magnitude: Array, taps: int) -> Pair:
        self.rows.setdefault(self.layer, (target, source, taps))
        pair = number(target, source, error, blame, magnitude, blame_from=self.layer * _LAYER)
        self.layer += 1
        return pair


def _side_by_side(left: Forms, right: Forms) -> Forms:
    """Add units that stand for different elements: only the constants have a column in common."""
    from scipy.sparse import csr_array, hstack

    values = [_last(forms) for forms in (left, right)]
    total = {
        unit: values[0].get(unit, Fraction(0)) + values[1].get(unit, Fraction(0)) for unit in {**values[0], **values[1]}
    }
    fixed = {unit: value for unit, value in total.items() if value}
    places = np.fromiter(fixed, np.int64, len(fixed)), np.zeros(len(fixed), dtype=np.int64)
    column = csr_array((np.array([nearest(value) for value in fixed.values()]), places), shape=(left.units, 1))
    near = csr_array(hstack([left.near[:, : left.elements], right.near[:, : right.elements], column]))
    near.sort_indices()
    last = left.elements + right.elements
    fractions = {key: value for key, value in left.fractions.items() if key[1] < left.elements}
    moved = {(unit, left.elements + column): value for (unit, column), value in right.fractions.items()}
    fractions |= {key: value for key, value in moved.items() if key[1] < last}
    fractions |= {(unit, last): value for unit, value in fixed.items() if nearest(value) != value}
    return Forms(near, fractions)


def _last(forms: Forms) -> dict[int, Fraction]:
    column = forms.near[:, [forms.elements]].tocoo()
    units = column.row.tolist()
    pairs = zip(units, column.data.tolist(), strict=True)
    return {unit: forms.fractions.get((unit, forms.elements), Fraction(value)) for unit, value in pairs}
