"""Two sparse layers with nothing between them, multiplied with one another before they meet an input.

B (A x) takes a product for each input and each entry of A and B, and an activation for every inner neuron. W = B A
takes one for each path through an inner neuron, once for the whole batch, and W x is a small dense product. Where
there are many inner neurons and few entries in each, as in factored layers of low density, that is far less. Of two
convolutions, one with kernels of 1 x 1, the product is one convolution, used at all places of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.compiler import is_compiling
from torch.nn.functional import conv2d, linear

from ertrain.masks.sparse.chain import is_just_called, operand_of
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.engines import ENGINES, Structure, threads_for
from ertrain.masks.sparse.products import Operand
from ertrain.masks.sparse.sliding import Window

__all__ = ["joined"]

_LARGE = 2**21  # products of an entry and an input: below, half a millisecond or less is at stake
_POINT = Window((1, 1), (1, 1), (0, 0), (1, 1))
_FOR_ALL = 2**30  # whatever is joined is worth all threads
# Nanoseconds of one core, forwards and backwards (benchmarks/joined.py). One after the other: for an entry and an
# input, and an inner neuron and an input. At once: for a path, an entry of B, and a dense weight and an input.
_ENTRY, _NEURON = 0.13, 1.0
_PATH, _OUTER, _DENSE = 2.0, 18.0, 0.06


def joined(layers: Sequence[nn.Module], inputs: Tensor) -> Tensor | None:
    """Apply two sparse layers of which only the second has a bias, if it is sooner done with their product.

    Parameters
    ----------
    layers
        The inner and the outer one.
    inputs
        Shape (..., columns of the inner one), or (images, channels, rows, columns) for convolutions.

    Returns
    -------
    torch.Tensor or None
        What the outer one gives. None if they should be applied one after the other: one is not sparse, has
        hooks or another engine than compiled loops, or there is little to gain. The two ways differ in roundings alone.

    Examples
    --------
    >>> joined([nn.Linear(3, 4, bias=False), nn.Linear(4, 2)], torch.ones(5, 3)) is None
    True
    """
    if len(layers) != 2 or inputs.device.type != "cpu" or torch.is_autocast_enabled("cpu") or is_compiling():
        return None
    first, last = layers
    if isinstance(first, SparseConv2d) and isinstance(last, SparseConv2d):
        return _joined_convolutions(first, last, inputs)
    inner, outer = operand_of(first), operand_of(last)
    if inner is None or outer is None or inputs.shape[-1:] != inner.structure.shape[1:]:
        return None
    if not _pays(inner, outer, inputs.numel() // inner.structure.shape[1]):
        return None
    weight = _Joined.apply(inner.values, outer.values, inner.structure, outer.structure)
    return linear(inputs.to(weight.dtype), weight, outer.bias)


def _joined_convolutions(first: SparseConv2d, last: SparseConv2d, inputs: Tensor) -> Tensor | None:
    points = [layer for layer in (first, last) if layer.window == _POINT]
    if not points or not is_just_called(first) or not is_just_called(last):
        return None
    if inputs.dim() != 4 or inputs.shape[1] != first.in_channels:
        return None
    inner, outer = first.operand(), last.operand()
    slides = first if points[-1] is last else last
    if slides is last:
        structure, order = last.by_taps()
        outer = outer._replace(structure=structure, values=outer.values[order])
    size, stride, padding, dilation = slides.window
    high, wide = slides.window.outputs((inputs.shape[2], inputs.shape[3]))
    if min(high, wide) < 1 or not _pays(inner, outer, len(inputs) * high * wide):
        return None
    weight = _Joined.apply(inner.values, outer.values, inner.structure, outer.structure)
    if slides is last:
        weight = weight.view(last.out_channels, -1, first.in_channels).mT
    kernels = weight.reshape(last.out_channels, first.in_channels, *size)
    return conv2d(inputs.to(weight.dtype), kernels, outer.bias, stride, padding, dilation)


def _pays(inner: Operand, outer: Operand, batch: int) -> bool:
    """Whether two operands are sooner joined, for so many inputs or places of images."""
    (width, columns), rows = inner.structure.shape, outer.structure.shape[0]
    entries = batch * (len(inner.values) + len(outer.values))
    ours = inner.engine is outer.engine is ENGINES["numba"] and inner.values.dtype == outer.values.dtype
    fits = inner.bias is None and outer.structure.shape[1] == width
    if entries < _LARGE or not ours or not fits:
        return False
    paths = int(inner.structure.starts.diff() @ outer.structure.of_columns.diff())
    at_once = _PATH * paths + _OUTER * len(outer.values) + _DENSE * batch * rows * columns
    return at_once < _ENTRY * entries + _NEURON * batch * width


class _Joined(torch.autograd.Function):
    """W = B A, dense, (rows of B, columns of A)."""

    @staticmethod
    def forward(ctx: Any, inner: Tensor, outer: Tensor, of_inner: Structure, of_outer: Structure) -> Tensor:
        """Add up the paths from every input to every output."""
        from ertrain.masks.sparse.paths import add_paths

        ctx.save_for_backward(inner, outer)
        ctx.structures = of_inner, of_outer
        weight = inner.new_empty(of_outer.shape[0], of_inner.shape[1])
        forms = _rows(of_inner, inner), _rows(of_outer, outer), _columns(of_outer)
        add_paths(*forms, weight.numpy(), threads=threads_for(_FOR_ALL))
        return weight

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> Any:
        """Give the gradients of the entries of A and of B, where they are asked for."""
        from ertrain.masks.sparse.paths import pass_to_paths

        inner, outer = ctx.saved_tensors
        of_inner, of_outer = ctx.structures
        results = [torch.empty_like(values) for values in (inner, outer)]
        forms = _rows(of_inner, inner), _columns(of_outer), outer.detach().numpy()
        ends = (part.numpy() for part in (gradients.contiguous(), *results))
        pass_to_paths(*forms, *ends, threads=threads_for(_FOR_ALL))
        return *(one if asked else None for one, asked in zip(results, ctx.needs_input_grad, strict=False)), None, None


def _rows(structure: Structure, values: Tensor) -> tuple[Any, Any, Any]:
    return structure.starts.numpy(), structure.columns.numpy(), values.detach().numpy()


def _columns(structure: Structure) -> tuple[Any, Any, Any]:
    return structure.of_columns.numpy(), structure.rows.numpy(), structure.places.numpy()
