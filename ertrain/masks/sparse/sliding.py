"""Convolutions with a sparse matrix of kernels, as one function of PyTorch's: where entries meet images of some size.

A convolution that jumps over places is one that does not, of the images' planes: the rows and columns that are a
stride apart from one another, of which each entry meets one. So every entry has one place in a framed image, from
which on all rows of an output are a row apart.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ertheory.errors import InvalidInput
from ertrain.masks.sparse.engines import ENGINES, threads_for
from ertrain.masks.sparse.products import goes_forwards

__all__ = ["Meeting", "Window", "convolved", "meeting"]

_Pair: TypeAlias = tuple[int, int]
_MOST = 2**31 - 1  # numbers of one framed image, all channels
_REGISTER = 64  # bytes
_LEAST = 16  # images that are turned around together, whole registers of them
_IN_CACHE = 2**22  # numbers of framed images that the entries go over while they are near
_OF_A_NUMBER = 8  # products take as long as a number that is read and written once


class Window(NamedTuple):
    """How a kernel goes over an image; pairs are of rows and columns.

    Parameters
    ----------
    size
        Size of the kernel.
    stride, padding, dilation
        They are as in `torch.nn.Conv2d`.
    """

    size: _Pair
    stride: _Pair
    padding: _Pair
    dilation: _Pair

    def outputs(self, image: _Pair) -> _Pair:
        """Give the size of what becomes of an image.

        Examples
        --------
        >>> Window((3, 3), (2, 2), (1, 1), (1, 1)).outputs((8, 7))
        (4, 4)
        """
        high, wide = (
            (image[at] + 2 * self.padding[at] - self.dilation[at] * (self.size[at] - 1) - 1) // self.stride[at] + 1
            for at in (0, 1)
        )
        return high, wide


class Meeting(NamedTuple):
    """Where the entries of a matrix, (outputs, inputs * kernel), meet images of one size.

    Parameters
    ----------
    channels
        How many there are of outputs, and of inputs.
    image
        Rows and columns of an image.
    outputs
        Rows and columns of what becomes of it.
    framed, around
        Rows and columns of a plane, which is what of a framed image is a stride apart, and of a framed gradient.
    starts, places
        Where each output channel begins among the values, and the place of every entry in the framed planes.
    of_planes, rows, values
        Where each plane begins, and of its entries the places in the framed gradients and among the values.
    ranges
        For each kind of planes the rows and columns where an image is: first row, end, first column, end.
    into, into_gradients
        Where the numbers of an image, all channels, are in the framed planes, and those of a gradient in its frame.
    """

    channels: _Pair
    image: _Pair
    outputs: _Pair
    framed: _Pair
    around: _Pair
    starts: npt.NDArray[np.int64]
    places: npt.NDArray[np.int32]
    of_planes: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]
    ranges: npt.NDArray[np.int64]
    into: npt.NDArray[np.int32]
    into_gradients: npt.NDArray[np.int32]


def meeting(window: Window, channels: _Pair, image: _Pair, starts: Tensor, columns: Tensor) -> Meeting:
    """Find where the entries meet images of a size, in time linear in the entries but for sorting them by planes.

    Parameters
    ----------
    window, channels, image
        They are as in `Meeting`; the window says how the kernel goes.
    starts, columns
        The matrix by rows, as in `ertrain.masks.sparse.engines.Structure`.

    Raises
    ------
    InvalidInput
        If the kernel does not fit into a framed image, or an image has numbers that 32 bits do not count.
    """
    outputs = window.outputs(image)
    if min(outputs) < 1:
        sizes = zip(window.size, window.padding, window.dilation, strict=True)
        least = " x ".join(str(dilation * (size - 1) + 1 - 2 * padding) for size, padding, dilation in sizes)
        raise InvalidInput("inputs", f"images of at least {least}", f"{image[0]} x {image[1]}")
    (high, down, rows), (wide, along, across) = (_side(outputs[at], image[at], window, at) for at in (0, 1))
    stride, step = window.stride
    kinds = stride * step
    around = high + down, wide + along
    if max(channels[1] * kinds * high * wide, channels[0] * math.prod(around)) > _MOST:
        allowed = f"images with at most {_MOST} framed numbers in all channels"
        raise InvalidInput("inputs", allowed, f"{max(channels)} channels of {image[0]} x {image[1]}")
    channel, tap = np.divmod(columns.cpu().numpy().astype(np.int64), math.prod(window.size))
    row, column = np.divmod(tap, window.size[1])
    (dy, a), (dx, b) = np.divmod(row * window.dilation[0], stride), np.divmod(column * window.dilation[1], step)
    plane = channel * kinds + a * step + b
    by_planes = np.argsort(plane, kind="stable")
    first = starts.cpu().numpy()
    output = np.repeat(np.arange(channels[0]), np.diff(first))
    met = (output * around[0] + down - dy) * around[1] + along - dx
    (y, c), (x, d) = (
        np.divmod(np.arange(image[at]) + window.padding[at], window.stride[at]) for at in (0, 1)
    )  # rows and columns of the planes
    kind = c[:, None] * step + d
    into = ((np.arange(channels[1])[:, None, None] * kinds + kind) * high + y[:, None]) * wide + x
    frame = (np.arange(channels[0])[:, None, None] * around[0] + down + np.arange(outputs[0])[:, None]) * around[1]
    return Meeting(
        channels,
        image,
        outputs,
        (high, wide),
        around,
        first.astype(np.int64, copy=False),
        ((plane * high + dy) * wide + dx).astype(np.int32),
        np.searchsorted(plane[by_planes], np.arange(channels[1] * kinds + 1)).astype(np.int64),
        met[by_planes].astype(np.int32),
        by_planes.astype(np.int32),
        np.array([(*r, *c) for r in rows for c in across], dtype=np.int64),
        into.ravel().astype(np.int32),
        (frame + along + np.arange(outputs[1])).ravel().astype(np.int32),
    )


def _side(outputs: int, image: int, window: Window, at: int) -> tuple[int, int, list[_Pair]]:
    """Give, of rows or columns: how many a plane has, how far entries reach, and where each kind has an image."""
    stride, padding = window.stride[at], window.padding[at]
    reach = window.dilation[at] * (window.size[at] - 1) // stride
    count = max(outputs + reach, -(-(image + 2 * padding) // stride))
    ranges = [(-((first - padding) // stride), -((first - padding - image) // stride)) for first in range(stride)]
    return count, reach, ranges


def convolved(images: Tensor, values: Tensor, bias: Tensor | None, where: Meeting) -> Tensor:
    """Give the convolution of images, (images, inputs, rows, columns), on the CPU.

    Parameters
    ----------
    images
        They have the size of the meeting, and the type of the values.
    values
        The entries of the matrix, row by row.
    bias
        One number for every output, or None.
    where
        Where they meet.

    Notes
    -----
    Every entry goes over all images. Many large ones would come from memory each time, and take twice as long as a few
    of them one after another; what is found for an image does not depend on the others.
    """
    planes = (len(where.of_planes) - 1) * math.prod(where.framed)
    share = max(_LEAST, _IN_CACHE // max(planes, 1) // _LEAST * _LEAST)
    parts: list[Tensor] = [_Convolution.apply(part, values, bias, where) for part in torch.split(images, share)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class _Convolution(torch.autograd.Function):
    """The same, with gradients."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, values: Tensor, bias: Tensor | None, where: Meeting) -> Tensor:
        """Convolve, and keep the planes."""
        planes = _planes(images.detach(), where)
        ctx.where, ctx.has_bias = where, bias is not None
        ctx.save_for_backward(planes, values)
        if goes_forwards():
            ctx.save_for_forward(images, values)
        return _forward(planes, values.detach(), None if bias is None else bias.detach(), where)

    @staticmethod
    def jvp(ctx: Any, along: Tensor | None, of_values: Tensor | None, of_bias: Tensor | None, _: None) -> Tensor | None:
        """Give the derivative forwards: a convolution is linear in images and in values."""
        images, values = (part.detach() for part in ctx.saved_tensors)
        terms = []
        if along is not None:
            terms.append(_forward(_planes(along, ctx.where), values, None, ctx.where))
        if of_values is not None:
            terms.append(_forward(_planes(images, ctx.where), of_values.contiguous(), None, ctx.where))
        if of_bias is not None:
            terms.append(of_bias[:, None, None].expand(len(images), -1, *ctx.where.outputs))
        return sum(terms[1:], terms[0]) if terms else None

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> Any:
        """Go back through the planes."""
        planes, values = (part.detach() for part in ctx.saved_tensors)
        where: Meeting = ctx.where
        of_images = of_values = of_bias = None
        if ctx.has_bias and ctx.needs_input_grad[2]:
            of_bias = gradients.sum((0, 2, 3))
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            of_images, of_values = _back(planes, values, gradients, where)
        return of_images, of_values, of_bias, None


def _planes(images: Tensor, where: Meeting) -> Tensor:
    """Turn images into planes, (planes, rows, columns, images), framed with zeros."""
    return _framed(images, where.into, (len(where.of_planes) - 1, *where.framed))


def _framed(images: Tensor, into: npt.NDArray[np.int32], shape: tuple[int, int, int]) -> Tensor:
    """Turn images around, (planes, rows, columns, images), and put zeros where none of their numbers is."""
    made = images.new_empty if math.prod(shape) == len(into) else images.new_zeros
    framed = made(*shape, len(images))
    _turn("scatter", images.contiguous(), framed, into)
    return framed


def _unframed(framed: Tensor, into: npt.NDArray[np.int32], channels: int, size: _Pair) -> Tensor:
    """Bring them back, (images, channels, rows, columns)."""
    images = framed.new_empty(framed.shape[-1], channels, *size)
    _turn("gather", framed, images, into)
    return images


def _turn(how: str, given: Tensor, made: Tensor, into: npt.NDArray[np.int32]) -> None:
    from ertrain.masks.sparse import image_kernels

    count = given.numel() // max(1, len(into)) if how == "scatter" else len(made)
    parts = given.view(-1).numpy(), made.view(-1).numpy(), into, count, _REGISTER // given.itemsize
    threads = threads_for(_OF_A_NUMBER * len(into) * count)
    if threads == 1:
        getattr(image_kernels, how)(0, len(into), *parts)
    else:
        getattr(image_kernels, f"share_{how}")(threads, *parts)


def _forward(planes: Tensor, values: Tensor, bias: Tensor | None, where: Meeting) -> Tensor:
    from ertrain.masks.sparse import image_kernels

    (outputs, _), size, images = where.channels, where.outputs, planes.shape[-1]
    constants = values.new_zeros(outputs) if bias is None else bias
    result = values.new_empty(outputs, *size, images)
    given = (
        where.places, values.numpy(), constants.numpy(), planes.view(-1).numpy(), where.framed[1],
        result.view(-1).numpy(), *size, images,
    )  # fmt: skip
    threads = threads_for(len(values) * math.prod(size) * images)
    if threads == 1:
        image_kernels.forward(0, outputs, where.starts, *given)
    else:
        image_kernels.share_forward(threads, where.starts, *given)
    flat = result.view(outputs * math.prod(size), images)
    return ENGINES["numba"].by_features(flat).view(images, outputs, *size)


def _back(planes: Tensor, values: Tensor, gradients: Tensor, where: Meeting) -> tuple[Tensor, Tensor]:
    from ertrain.masks.sparse import image_kernels

    framed = _framed(gradients, where.into_gradients, (where.channels[0], *where.around))
    of_values, of_planes = torch.zeros_like(values), torch.empty_like(planes)
    given = (
        where.rows, where.values, values.numpy(), planes.view(-1).numpy(), *where.framed, framed.view(-1).numpy(),
        where.around[1], len(gradients), where.ranges, of_values.numpy(), of_planes.view(-1).numpy(),
    )  # fmt: skip
    threads = threads_for(2 * len(values) * math.prod(where.outputs) * len(gradients))
    if threads == 1:
        image_kernels.back(0, len(planes), where.of_planes, *given)
    else:
        image_kernels.share_back(threads, where.of_planes, *given)
    return _unframed(of_planes, where.into, where.channels[1], where.image), of_values
