"""One layer as a pair of masked maps: masks drawn, factors solved, modules filled.

Shapes: a convolution of taps t with g groups, n channels in and m out has weights (m, n/g, *kernel).
*spatial-first*: B slides, (g N, n/g, *kernel), and A is 1x1, (m, N). *spatial-last*: B is 1x1, (g N, n/g), and A
slides, (m, N, *kernel). Each group is a map of its own: W has a column for each channel and tap in the first form, a
row for each output and tap in the second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, hstack

from ertheory.builders.factored.answers import MapAnswer
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.modules.lift import Lift
from ertheory.builders.factored.modules.pair import Geometry, MapPair, MaskedMap
from ertheory.builders.factored.modules.parts import LayerPlan, Part
from ertheory.builders.factored.modules.weights import HeldWeights, moved_right, rows_to_taps, taps_to_rows
from ertheory.builders.factored.pairs import Array, MaskPair
from ertheory.builders.factored.solve import Factors, factor_map
from ertheory.masks import DrawnMask

__all__ = ["build_pair"]


def build_pair(
    plan: LayerPlan,
    *,
    seed: int,
    number: int,
    frozen: bool,
    inner: Inner,
    box: Array | None,
    positive: bool,
    workers: int | None,
    progress: Callable[[int], object] | None,
) -> tuple[MapPair, MapAnswer]:
    """Draw the masks of a layer and solve for the weights on them.

    Parameters
    ----------
    plan
        The layer, and the maps that it is cut into; it is not changed.
    seed, number
        Where masks and numbers come from; layers have numbers of their own.
    frozen
        Whether the second map is not to be trained.
    inner
        What the inner neurons do.
    box
        It is that of what the layer reads, shape (inputs, 2), where inner neurons have to be lifted above 0.
    positive
        Whether the first map is positive instead.
    workers
        They are as for `factor_map`.
    progress
        It is told how many weights are done, map after map.
    """
    layer, last = plan.layer, plan.one.form == "spatial-last"
    shapes = _shapes(plan)
    drawn = [
        DrawnMask((shape[0], math.prod(shape[1:])), density, seed, 2 * number + at)
        for at, (shape, density) in enumerate(zip(shapes, plan.one.densities, strict=True))
    ]
    dtype = np.float32 if layer.weight.dtype == torch.float32 else np.float64
    held = [HeldWeights(mask.shape, dtype) for mask in drawn]
    lift = Lift(plan)
    answers: list[Factors] = []
    beside: list[csr_array] = []  # parts of A, where inputs are cut
    above: csr_array | None = None
    taps = (1, layer.taps) if last else (layer.taps, 1)
    for at, part in enumerate(plan.parts()):
        below = drawn[0].to_csr(part.inner.start, part.inner.stop)
        if above is None:
            above = drawn[1].to_csr(part.outputs.start, part.outputs.stop)
        found = _solved(
            plan,
            part,
            below,
            above,
            seed=seed,
            stream=number * 2**20 + at,
            law="positive" if positive else "signed",
            dtype=dtype,
            workers=workers,
            progress=None if progress is None else _in_weights(plan, part, progress),
        )
        if box is not None:
            lift.add(part, found, box)
        held[0].add(below, moved_right(found.first, part.inputs.start * taps[0], below.shape[1]))
        second = rows_to_taps(found.second, layer.taps) if last else found.second
        if plan.along == "outputs":
            held[1].add(above, moved_right(second, part.beside * taps[1], above.shape[1]))
            above = None
        else:
            beside.append(second)
            if len(beside) == plan.blocks:
                held[1].add(above, hstack(beside, format="csr"))
                beside, above = [], None
        answers.append(replace(found, first=csr_array((0, 0)), second=csr_array((0, 0)), rational=None))
    plain = None if layer.geometry is None else _plain(layer.geometry, len(shapes[0]) - 2)
    kept = [one.kept for one in held]
    maps = [
        MaskedMap.holding(
            weights,
            shape,
            geometry=layer.geometry if slides else plain,
            device=layer.weight.device,
            trainable=layer.module.weight.requires_grad and not still,
        )
        for weights, shape, slides, still in zip(held, shapes, (not last, last), (False, frozen), strict=True)
    ]
    count = layer.groups * plan.blocks
    answer = MapAnswer(
        name=layer.name,
        form=plan.one.form,
        scheme=answers[0].scheme,
        blocks=plan.blocks,
        inner=(count * plan.one.inner,),
        densities=plan.one.densities,
        masks=tuple(drawn),
        edges=sum(kept),
        nonzeros=int(torch.count_nonzero(layer.weight)),
        failure=count * plan.one.failure,
        error_bound=max(one.certificate.bound for one in answers),
        universal=None if any(one.universal is None for one in answers) else all(one.universal for one in answers),
        condition=max(one.condition for one in answers),
        shift=lift.largest,
    )
    pair = MapPair(
        maps[0],
        maps[1],
        layer.module.bias,
        layer.attributes,
        transposed=layer.transposed,
        rectified=inner != "identity",
        lift=None if box is None else lift.tensors(),
    )
    return pair, answer


def _solved(plan: LayerPlan, part: Part, below: csr_array, above: csr_array, *, dtype: Any, **options: Any) -> Factors:
    """Solve one map of a layer, given the rows of both masks that it may use."""
    taps, last = plan.layer.taps, plan.one.form == "spatial-last"
    reads = slice(part.inputs.start * (1 if last else taps), part.inputs.stop * (1 if last else taps))
    feeds = slice(part.beside * (taps if last else 1), (part.beside + plan.inner) * (taps if last else 1))
    first, second = _columns(below, reads), _columns(above, feeds)
    weight = plan.layer.weight[part.outputs, part.inputs].to(device="cpu", dtype=torch.float64)
    return factor_map(
        _matrix(weight.numpy().reshape(*weight.shape[:2], -1), last=last),
        MaskPair(first, taps_to_rows(second, taps) if last else second),
        scheme=plan.one.orientation,
        name=part.name or "the layer",
        fewest=plan.one.threshold or None,
        dtype=dtype,
        **options,
    )


def _in_weights(plan: LayerPlan, part: Part, progress: Callable[[int], object]) -> Callable[[int], object]:
    """Make a function that is told of solved columns, or rows, of a map out of one that is told of its weights."""
    outputs, inputs = part.outputs.stop - part.outputs.start, part.inputs.stop - part.inputs.start
    one = inputs * plan.layer.taps if "primal" in plan.one.orientation else outputs * plan.layer.taps
    if plan.one.form == ("spatial-last" if "primal" in plan.one.orientation else "spatial-first"):
        one //= plan.layer.taps
    left = outputs * inputs * plan.layer.taps

    def told(solved: int) -> None:
        nonlocal left
        some = min(left, solved * one)  # the mixed theorems solve for some entries of both factors
        left -= some
        progress(some)

    return told


def _columns(array: csr_array, columns: slice) -> csr_array:
    if columns.start == 0 and columns.stop == array.shape[1]:
        return array
    return csr_array(array[:, columns])


def _shapes(plan: LayerPlan) -> tuple[tuple[int, ...], tuple[int, ...]]:
    outputs, inputs, *kernel = plan.layer.weight.shape
    ones = [1] * len(kernel)
    inner = plan.inner * plan.blocks
    last = plan.one.form == "spatial-last"
    return (plan.layer.groups * inner, inputs, *(ones if last else kernel)), (
        outputs,
        inner,
        *(kernel if last else ones),
    )


def _matrix(weight: Array, *, last: bool) -> Array:
    """Give W of one map, shape (outputs, inputs, taps), as a matrix."""
    turned = weight.transpose(0, 2, 1).reshape(-1, weight.shape[1]) if last else weight.reshape(len(weight), -1)
    return np.ascontiguousarray(turned)


def _plain(geometry: Geometry, axes: int) -> Geometry:
    """Give how the 1x1 convolution of a pair slides."""
    return Geometry((1,) * axes, (0,) * axes, (1,) * axes, geometry.groups)
