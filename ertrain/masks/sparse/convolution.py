"""A convolution that holds its kept weights and nothing else."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ertheory.errors import InvalidInput
from ertheory.numbers import whole_number
from ertrain.masks.sparse.engines import ENGINES, Structure
from ertrain.masks.sparse.layer import SparseLinear, turned_around
from ertrain.masks.sparse.sliding import Meeting, Window, convolved, meeting

__all__ = ["SparseConv2d", "window_of"]

_LARGEST = 10**6
_Pair: TypeAlias = tuple[int, int]


class SparseConv2d(SparseLinear):
    """Compute a convolution whose kernels exist only under a mask: their entries are the parameter, a vector.

    Time goes with the number of kept weights, times the places of an image at which they are used. No columns are made
    of the images, which are turned around once in each direction.

    Parameters
    ----------
    in_channels, out_channels, kernel_size
        They are as in `torch.nn.Conv2d`; a pair is of rows and columns.
    mask
        Which weights are kept: booleans of shape (out_channels, in_channels, rows, columns), or a mask of the matrix
        that these are, one row for each output, as in `SparseLinear`. At least one weight is kept.
    bias
        Whether there is one.
    stride, padding, dilation
        They are as in `torch.nn.Conv2d`; around an image there are zeros.
    engine, device, dtype
        They are as in `SparseLinear`; the engine ``"torch"`` computes with dense kernels.

    Attributes
    ----------
    weight : torch.nn.Parameter
        The kept weights, shape (kept,), output by output.

    Raises
    ------
    InvalidInput
        If one of these is not what it has to be.

    Notes
    -----
    Measured by one thread, forwards and backwards, kernels of 3 x 3, stride 1, 64 to 512 channels: 2.5 to 4.7 times as
    fast as the dense convolution at density 0.1, 3.1 to 6.8 at 0.05, 3.8 to 12.0 at 0.02; with a stride of 2, 1.7 to
    2.1 (benchmarks/sparse_convolutions.py).
    Gradients of gradients are not computed.

    Examples
    --------
    >>> layer = SparseConv2d(3, 8, 3, torch.rand(8, 3, 3, 3) < 0.5, stride=2, padding=1)
    >>> layer(torch.ones(5, 3, 8, 8)).shape
    torch.Size([5, 8, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | _Pair,
        mask: Any,
        bias: bool = True,
        *,
        stride: int | _Pair = 1,
        padding: int | _Pair = 0,
        dilation: int | _Pair = 1,
        engine: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        whole_number("in_channels", in_channels, least=1, most=_LARGEST)
        self.window = Window(
            _pair("kernel_size", kernel_size), _pair("stride", stride), _pair("padding", padding, least=0),
            _pair("dilation", dilation),
        )  # fmt: skip
        self.in_channels, self.out_channels = in_channels, out_channels
        self._met: tuple[_Pair, Meeting] | None = None  # for images of the last size
        self._by_taps: tuple[Structure, Tensor] | None = None
        entries = in_channels * math.prod(self.window.size)
        super().__init__(entries, out_channels, mask, bias, engine=engine, device=device, dtype=dtype)

    def _compute(self, inputs: Tensor) -> Tensor:
        """Convolve images of shape (..., in_channels, rows, columns)."""
        if inputs.dim() < 3 or inputs.shape[-3] != self.in_channels:
            raise InvalidInput("inputs", f"shape (..., {self.in_channels}, rows, columns)", tuple(inputs.shape))
        operand = self.operand()
        if inputs.device != operand.values.device:
            allowed = f"a tensor on the device of the weights, {operand.values.device}"
            raise InvalidInput("inputs", allowed, inputs.device)
        images = inputs.to(operand.values.dtype).reshape(-1, *inputs.shape[-3:])
        if operand.engine is ENGINES["numba"]:
            found = convolved(images, operand.values, operand.bias, self._meeting((images.shape[2], images.shape[3])))
        else:
            _, stride, padding, dilation = self.window
            found = conv2d(images, self.kernels(), operand.bias, stride, padding, dilation)
        return found.reshape(*inputs.shape[:-3], *found.shape[1:])

    def kernels(self) -> Tensor:
        """Give the kernels with their zeros, shape (out_channels, in_channels, rows, columns), as autograd follows."""
        return self.spread(self.weight).view(self.out_channels, self.in_channels, *self.window.size)

    def by_taps(self) -> tuple[Structure, Tensor]:
        """Where the weights are in a matrix with a row for each output and place of a kernel, and their order there.

        Its shape is (out_channels * places, in_channels); its entries are ``weight[order]``.
        """
        if self._by_taps is None:
            places = math.prod(self.window.size)
            inputs = torch.div(self.columns, places, rounding_mode="floor")
            rows = torch.repeat_interleave(self.starts.diff()) * places + self.columns % places
            order = rows.argsort(stable=True)  # by rising inputs in each row, as they are now
            starts = torch.searchsorted(rows[order], torch.arange(self.out_channels * places + 1, device=rows.device))
            turned = turned_around(starts, inputs[order].to(torch.int32), self.in_channels)
            shape = self.out_channels * places, self.in_channels
            self._by_taps = Structure(starts, inputs[order].to(torch.int32), *turned, shape), order
        return self._by_taps

    def found(self) -> list[Tensor]:
        """List what is known besides buffers of where the entries are, for images of the last size."""
        taps = [] if self._by_taps is None else [*self._by_taps[0][:-1], self._by_taps[1]]
        met = () if self._met is None else self._met[1]
        return [*taps, *(torch.from_numpy(part) for part in met if isinstance(part, np.ndarray))]

    def turn(self) -> None:
        """Find the entries by columns anew; what else is known of where they are is found again when it is needed."""
        super().turn()
        self._met = self._by_taps = None

    def _meeting(self, image: _Pair) -> Meeting:
        if self._met is None or self._met[0] != image:
            channels = self.out_channels, self.in_channels
            self._met = image, meeting(self.window, channels, image, self.starts, self.columns)
        return self._met[1]

    def extra_repr(self) -> str:
        """Describe the layer within that of its network."""
        kept = f"kept={len(self.weight)} of {self.in_features * self.out_features}"
        how = ", ".join(f"{name}={pair}" for name, pair in zip(self.window._fields, self.window, strict=True))
        return f"{self.in_channels}, {self.out_channels}, {kept}, {how}, bias={self.bias is not None}"


def _pair(name: str, given: object, least: int = 1) -> _Pair:
    pair = given if isinstance(given, tuple | list) else (given, given)
    if len(pair) != 2:
        raise InvalidInput(name, "a whole number or two", given)
    rows, columns = (whole_number(name, number, least=least, most=_LARGEST) for number in pair)
    return rows, columns


def window_of(layer: nn.Module) -> Window | None:
    """Give how the kernels of a convolution go over images, None for all but those in one group with zeros around.

    Examples
    --------
    >>> window_of(nn.Conv2d(3, 4, 3, padding="same")).padding, window_of(nn.Conv2d(4, 4, 3, groups=4)) is None
    ((1, 1), True)
    """
    if type(layer) is not nn.Conv2d or layer.groups != 1:
        return None
    size, stride, dilation, padding = layer.kernel_size, layer.stride, layer.dilation, layer.padding
    if padding == "valid":
        padding = 0, 0
    elif padding == "same":
        reach = [step * (side - 1) for step, side in zip(dilation, size, strict=True)]
        if any(whole % 2 for whole in reach):  # one side has more zeros then
            return None
        padding = reach[0] // 2, reach[1] // 2
    if layer.padding_mode != "zeros" and any(padding):
        return None
    assert not isinstance(padding, str)
    return Window(*((pair[0], pair[1]) for pair in (size, stride, padding, dilation)))
