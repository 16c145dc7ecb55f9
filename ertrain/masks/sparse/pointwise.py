"""A convolution with kernels of 1 x 1 that holds its kept weights and nothing else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertrain.masks.sparse.layer import SparseLinear

__all__ = ["SparsePointwise", "is_pointwise"]


class SparsePointwise(SparseLinear):
    """Compute what a sparse layer does at every place of an image: a convolution with kernels of 1 x 1.

    Parameters
    ----------
    in_features, out_features
        Numbers of channels.
    mask, bias, engine, device, dtype
        They are as in `SparseLinear`.
    stride
        Rows and columns from one place to the next.

    Notes
    -----
    Measured by one thread, forwards and backwards: with 256 channels 1.3 times as fast as the dense convolution at
    density 0.1 and 2.8 at 0.05, with 64 channels 1.4 at 0.1 and slower at 0.25.

    Examples
    --------
    >>> layer = SparsePointwise(3, 2, [[1, 0, 1], [0, 1, 0]], stride=(2, 2))
    >>> layer(torch.ones(5, 3, 8, 8)).shape
    torch.Size([5, 2, 4, 4])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        mask: Any,
        bias: bool = True,
        *,
        stride: tuple[int, int] = (1, 1),
        engine: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, mask, bias, engine=engine, device=device, dtype=dtype)
        self.stride = stride

    def _compute(self, inputs: Tensor) -> Tensor:
        """Convolve images of shape (..., in_features, height, width)."""
        if inputs.dim() < 3 or inputs.shape[-3] != self.in_features:
            raise InvalidInput("inputs", f"shape (..., {self.in_features}, height, width)", tuple(inputs.shape))
        rows, columns = self.stride
        places: Tensor = super()._compute(inputs[..., ::rows, ::columns].movedim(-3, -1))
        return places.movedim(-1, -3)

    def extra_repr(self) -> str:
        """Describe the layer within that of its network."""
        return f"{super().extra_repr()}, stride={self.stride}"


def is_pointwise(layer: nn.Module) -> bool:
    """Whether a layer is a convolution with kernels of 1 x 1, without groups or anything around the image.

    Examples
    --------
    >>> is_pointwise(nn.Conv2d(3, 4, 1, stride=2)), is_pointwise(nn.Conv2d(3, 4, 3)), is_pointwise(nn.Linear(3, 4))
    (True, False, False)
    """
    if type(layer) is not nn.Conv2d or layer.groups != 1:
        return False
    return layer.kernel_size == (1, 1) and layer.padding in ((0, 0), "valid", "same")
