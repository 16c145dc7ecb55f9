"""One layer as a pair of masked maps: masks drawn, factors solved, modules filled.

Shapes: a convolution of taps t with g groups, n channels in and m out has weights (m, n/g, *kernel).
*spatial-first*: B slides, (g N, n/g, *kernel), and A is 1x1, (m, N). *spatial-last*: B is 1x1, (g N, n/g), and A
slides, (m, N, *kernel). Each group is a map of its own: W has a column for each channel and tap in the first form, a
row for each output and tap in the second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ertheory.bounds.factored import FactoredMap
from ertheory.builders.factored.modules.layers import Layer
from ertheory.builders.factored.modules.pair import Geometry, MapPair, MaskedMap
from ertheory.builders.factored.modules.result import MapAnswer
from ertheory.builders.factored.pairs import Array, MaskPair
from ertheory.builders.factored.solve import Factors, factor_map
from ertheory.masks import DrawnMask

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["build_pair"]


def build_pair(
    layer: Layer,
    plan: FactoredMap,
    *,
    seed: int,
    number: int,
    frozen: bool = False,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> tuple[MapPair, MapAnswer]:
    """Draw the masks of a layer and solve for the weights on them.

    Parameters
    ----------
    layer
        What to replace; it is not changed.
    plan
        Width, form and theorem of each of its groups.
    seed, number
        Where masks and numbers come from; layers have numbers of their own.
    frozen
        Whether the second map is not to be trained.
    workers
        As for `factor_map`.
    progress
        Told how many weights are done, group after group.
    """
    from scipy.sparse import vstack

    last = plan.form == "spatial-last"
    shapes = _shapes(layer, plan)
    drawn = [
        DrawnMask((shape[0], math.prod(shape[1:])), density, seed, 2 * number + at)
        for at, (shape, density) in enumerate(zip(shapes, plan.densities, strict=True))
    ]
    first, second = (mask.to_csr() for mask in drawn)
    wanted = layer.weight.to(device="cpu", dtype=torch.float64).numpy().reshape(*layer.weight.shape[:2], -1)
    inner, outputs = shapes[0][0] // layer.groups, len(wanted) // layer.groups
    found: list[Factors] = []
    for group in range(layer.groups):
        mine = slice(group * outputs, (group + 1) * outputs)
        below, above = first[group * inner : (group + 1) * inner].tocsr(), second[mine].tocsr()
        pair = MaskPair(below, taps_to_rows(above, layer.taps) if last else above)
        factors = factor_map(
            _matrix(wanted[mine], last=last),
            pair,
            scheme=plan.orientation,
            seed=seed,
            stream=number * layer.groups + group,
            name=(layer.name or "the layer") + (f" (group {group})" if layer.groups > 1 else ""),
            fewest=plan.threshold or None,
            dtype=np.float32 if layer.weight.dtype == torch.float32 else np.float64,
            workers=workers,
        )
        found.append(factors)
        if progress is not None:
            progress(wanted[mine].size)
    plain = None if layer.geometry is None else _plain(layer.geometry, len(shapes[0]) - 2)
    maps = [
        MaskedMap.of(
            mask,
            vstack(parts).tocsr(),
            shape,
            geometry=layer.geometry if slides else plain,
            dtype=layer.weight.dtype,
            device=layer.weight.device,
            trainable=layer.module.weight.requires_grad and not still,
        )
        for mask, parts, shape, slides, still in (
            (first, [one.first for one in found], shapes[0], not last, False),
            (
                second,
                [rows_to_taps(one.second, layer.taps) if last else one.second for one in found],
                shapes[1],
                last,
                frozen,
            ),
        )
    ]
    answer = MapAnswer(
        plan=plan,
        scheme=found[0].scheme,
        groups=layer.groups,
        masks=(drawn[0], drawn[1]),
        edges=int(first.nnz + second.nnz),
        nonzeros=int(np.count_nonzero(wanted)),
        error_bound=max(one.certificate.bound for one in found),
        universal=None if any(one.universal is None for one in found) else all(one.universal for one in found),
        condition=max(one.condition for one in found),
    )
    return MapPair(maps[0], maps[1], layer.module.bias, layer.attributes, transposed=layer.transposed), answer


def taps_to_rows(array: csr_array, taps: int) -> csr_array:
    """Write an array of shape (m, N * taps), channel by channel, as one of shape (m * taps, N).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> taps_to_rows(csr_array([[1, 2, 3, 4]]), 2).toarray().tolist()
    [[1, 3], [2, 4]]
    """
    return _moved(array, (array.shape[0] * taps, array.shape[1] // taps), lambda r, c: (r * taps + c % taps, c // taps))


def rows_to_taps(array: csr_array, taps: int) -> csr_array:
    """Write an array of shape (m * taps, N) as one of shape (m, N * taps): the way back of `taps_to_rows`."""
    return _moved(array, (array.shape[0] // taps, array.shape[1] * taps), lambda r, c: (r // taps, c * taps + r % taps))


def _moved(array: csr_array, shape: tuple[int, int], move: Callable[[Any, Any], tuple[Any, Any]]) -> csr_array:
    from scipy.sparse import csr_array

    entries = array.tocoo()
    result: csr_array = csr_array(
        (entries.data, move(entries.row.astype(np.int64), entries.col.astype(np.int64))), shape=shape
    )
    result.sort_indices()
    return result


def _shapes(layer: Layer, plan: FactoredMap) -> tuple[tuple[int, ...], tuple[int, ...]]:
    outputs, inputs, *kernel = layer.weight.shape
    ones = [1] * len(kernel)
    inner = max(1, plan.inner)  # a layer of zeros asks for none
    last = plan.form == "spatial-last"
    return (layer.groups * inner, inputs, *(ones if last else kernel)), (outputs, inner, *(kernel if last else ones))


def _matrix(weight: Array, *, last: bool) -> Array:
    """Give W of one group, shape (outputs, inputs, taps), as a matrix."""
    turned = weight.transpose(0, 2, 1).reshape(-1, weight.shape[1]) if last else weight.reshape(len(weight), -1)
    return np.ascontiguousarray(turned)


def _plain(geometry: Geometry, axes: int) -> Geometry:
    """Give how the 1x1 convolution of a pair slides."""
    return Geometry((1,) * axes, (0,) * axes, (1,) * axes, geometry.groups)
