"""A linear layer or a convolution as two masked maps, of which only the kept weights are held.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> maps = []
>>> for shape in ((3, 2), (1, 3)):
...     held = HeldWeights(shape, np.float64)
...     held.add(csr_array(np.ones(shape)), csr_array(np.ones(shape)))
...     maps.append(MaskedMap.holding(held, shape))
>>> pair = MapPair(*maps, bias=None, attributes={"in_features": 2, "out_features": 1})
>>> pair(torch.tensor([[1.0, 2.0]], dtype=torch.float64)).tolist(), sorted(pair.state_dict())[:2]
([[9.0]], ['first.places', 'first.values'])
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ertheory.builders.factored.modules.weights import HeldWeights
from ertheory.errors import InvalidInput

__all__ = ["Geometry", "MapPair", "MaskedMap"]

_ENTRIES = 2**25  # of a dense block of weights that lives while it is used


@dataclass(frozen=True)
class Geometry:
    """How a convolution slides; arguments as `torch.nn.functional.conv2d` and its neighbours take them.

    Parameters
    ----------
    stride, padding, dilation, groups
        One number per axis, or the words that PyTorch knows for the padding.
    mode
        ``zeros``, or how the input is continued beyond its border before the convolution.
    border
        The argument of `torch.nn.functional.pad` in the other modes.
    extra
        The output padding of a transposed convolution, one number per axis; ``None`` for others.
    """

    stride: tuple[int, ...]
    padding: Any
    dilation: tuple[int, ...]
    groups: int = 1
    mode: str = "zeros"
    border: tuple[int, ...] = ()
    extra: tuple[int, ...] | None = None

    def extra_for(self, x: Tensor, kernel: Sequence[int], size: Sequence[int] | None) -> tuple[int, ...]:
        """Give the output padding with which a transposed convolution gives positions of this size."""
        assert self.extra is not None
        if size is None:
            return self.extra
        axes = len(kernel)
        least = [
            (at - 1) * step - 2 * pad + gap * (taps - 1) + 1
            for at, step, pad, gap, taps in zip(
                x.shape[-axes:], self.stride, self.padding, self.dilation, kernel, strict=True
            )
        ]
        found = tuple(int(wanted) - one for wanted, one in zip(size[-axes:], least, strict=True))
        if not all(0 <= one < step for one, step in zip(found, self.stride, strict=True)):
            raise InvalidInput("output_size", f"{least} on these positions, or less than a stride more", list(size))
        return found


class MaskedMap(nn.Module):
    """y = W x with W on a mask.

    Parameters
    ----------
    values
        The kept weights, row by row.
    places
        Where they stand in W, which is counted row by row; integers of the same shape.
    shape
        It is that of W: (outputs, inputs) or (outputs, inputs / groups, *kernel).
    starts
        Where each row begins among the values, outputs + 1 numbers.
    geometry
        It is that of a convolution; ``None`` for a linear layer.
    """

    places: Tensor

    def __init__(
        self,
        values: nn.Parameter,
        places: Tensor,
        shape: tuple[int, ...],
        starts: Any,
        geometry: Geometry | None = None,
    ) -> None:
        super().__init__()
        self.values = values
        self.register_buffer("places", places)
        self.shape = tuple(shape)
        self.geometry = geometry
        grouped = geometry is not None and geometry.groups > 1
        rows = shape[0] if grouped else max(1, _ENTRIES // max(1, math.prod(shape[1:])))
        cuts = [*range(0, shape[0], rows), shape[0]]
        # (first row, last row + 1, first value, last value + 1) of every block.
        self.blocks = tuple((a, b, int(starts[a]), int(starts[b])) for a, b in pairwise(cuts))

    @classmethod
    def holding(
        cls,
        weights: HeldWeights,
        shape: tuple[int, ...],
        *,
        geometry: Geometry | None = None,
        device: Any = None,
        trainable: bool = True,
    ) -> MaskedMap:
        """Make a map from weights that were gathered row by row; they are taken away."""
        places, values, starts = weights.taken()
        parameter = nn.Parameter(torch.from_numpy(values).to(device=device), requires_grad=trainable)
        return cls(parameter, torch.from_numpy(places).to(device), shape, starts, geometry)

    @property
    def mask(self) -> Tensor:
        """The mask as booleans, of the shape of W."""
        flat = torch.zeros(math.prod(self.shape), dtype=torch.bool, device=self.places.device)
        return flat.index_fill(0, self.places.long(), True).reshape(self.shape)

    @property
    def weight(self) -> Tensor:
        """W, dense."""
        return torch.cat([self._dense(*block) for block in self.blocks])

    def forward(self, x: Tensor, bias: Tensor | None = None, size: Sequence[int] | None = None) -> Tensor:
        """Apply W, block of rows by block of rows, and add the bias; the size is that of a transposed convolution."""
        if self.geometry is not None and self.geometry.mode != "zeros":
            x = functional.pad(x, self.geometry.border, mode=self.geometry.mode)
        parts = [
            self._act(x, self._dense(*block), None if bias is None else bias[block[0] : block[1]], size)
            for block in self.blocks
        ]
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts, dim=-1 if self.geometry is None else 1 - len(self.shape))

    def extra_repr(self) -> str:
        """Say how large W is, and how much of it is kept."""
        return f"{tuple(self.shape)}, kept={self.values.numel()}"

    def _dense(self, first: int, last: int, start: int, stop: int) -> Tensor:
        width = math.prod(self.shape[1:])
        places = self.places[start:stop].long() - first * width
        flat = self.values.new_zeros((last - first) * width)
        return flat.index_put((places,), self.values[start:stop]).reshape(last - first, *self.shape[1:])

    def _act(self, x: Tensor, weight: Tensor, bias: Tensor | None, size: Sequence[int] | None) -> Tensor:
        if self.geometry is None:
            return functional.linear(x, weight, bias)
        if self.geometry.extra is not None:
            spread = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
            extra = self.geometry.extra_for(x, weight.shape[2:], size)
            slides = self.geometry.stride, self.geometry.padding, extra, 1, self.geometry.dilation
            return spread[len(self.shape) - 3](x, weight.transpose(0, 1), bias, *slides)
        convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[len(self.shape) - 3]
        padding = self.geometry.padding if self.geometry.mode == "zeros" else 0
        return convolve(x, weight, bias, self.geometry.stride, padding, self.geometry.dilation, self.geometry.groups)


class MapPair(nn.Module):
    """y = A B x + b, in the place of a layer.

    Parameters
    ----------
    first, second
        B and A.
    bias
        The bias b, or ``None``.
    attributes
        What others may ask the layer for: ``in_features``, ``kernel_size`` and so on.
    transposed
        Whether the layer held its weight as (inputs, outputs, *kernel).
    rectified
        Whether the inner neurons have a ReLU.
    lift
        The biases c that keep them above 0, and A c, which is taken off again.
    """

    bias: nn.Parameter | None
    shift: Tensor | None
    taken: Tensor | None

    def __init__(
        self,
        first: MaskedMap,
        second: MaskedMap,
        bias: nn.Parameter | None,
        attributes: Mapping[str, Any],
        *,
        transposed: bool = False,
        rectified: bool = False,
        lift: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.register_parameter("bias", bias)
        self.transposed = transposed
        self.rectified = rectified
        for name, value in zip(("shift", "taken"), lift or (None, None), strict=True):
            self.register_buffer(name, value)
        for name, value in attributes.items():
            setattr(self, name, value)

    @property
    def weight(self) -> Tensor:
        """The product A B in the shape of the layer's weight, for modules that read it instead of calling the layer."""
        groups = 1 if self.first.geometry is None else self.first.geometry.groups
        first, second = self.first.weight, self.second.weight
        kernel = first.shape[2:] if first[0, 0].numel() > 1 else second.shape[2:]
        inner, inputs = first.shape[0] // groups, first.shape[1]
        product: Tensor = torch.einsum(
            "gojs,gjit->goits",
            second.reshape(groups, -1, inner, second[0, 0].numel()),
            first.reshape(groups, inner, inputs, first[0, 0].numel()),
        ).reshape(-1, inputs, *kernel)
        turned: Tensor = product.transpose(0, 1) if self.transposed else product
        return turned

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Apply one map after the other; transposed convolutions may be told the size of their outputs."""
        inner: Tensor = self.first(x, self.shift, output_size)
        if self.rectified:
            inner = functional.relu(inner)
        bias: Tensor | None = self.bias
        if self.taken is not None:
            bias = -self.taken if bias is None else bias - self.taken
        result: Tensor = self.second(inner, bias, output_size)
        return result
