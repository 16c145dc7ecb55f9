"""BatchNorm in evaluation mode, and how a layer takes it up.

In evaluation mode it is an affine map per channel, y = (x - mean) * weight / sqrt(var + eps) + bias. Behind a layer it
scales rows of the weights; in front of a layer it scales columns, and its shift turns into a bias.

>>> norm = ChannelMap(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
>>> norm.into_layer_before("norm", np.eye(2), np.zeros(2))
(array([[2., 0.],
       [0., 3.]]), array([1., 0.]))
>>> norm.into_layer_behind("layer", np.array([[1.0, 1.0]]), np.zeros(1))
(array([[2., 3.]]), array([1.]))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array
from ertheory.networks.network import Affine

__all__ = ["ChannelMap"]


@dataclass(frozen=True, eq=False)
class ChannelMap:
    """y = scale x + shift, channel by channel.

    Parameters
    ----------
    scale, shift
        Shape (channels,).
    """

    scale: Array
    shift: Array

    @classmethod
    def of_statistics(
        cls, named: str, mean: Array, variance: Array, eps: float, weight: Array | None, bias: Array | None
    ) -> ChannelMap:
        """Make y = (x - mean) * weight / sqrt(variance + eps) + bias.

        Parameters
        ----------
        named
            Names the BatchNorm in an error.
        mean, variance
            The running statistics, shape (channels,).
        eps
            What is added to the variance.
        weight, bias
            Shape (channels,); ``None`` stands for ones and for zeros.

        Raises
        ------
        InvalidInput
            If a variance is negative by eps or more.
        """
        if not (variance + eps > 0).all():
            raise InvalidInput(named, "a running variance above -eps", float(variance.min()))
        scale = 1 / np.sqrt(variance + eps)
        if weight is not None:
            scale = scale * weight
        shift = -mean * scale
        return cls(scale, shift if bias is None else shift + bias)

    def after(self, named: str, first: ChannelMap) -> ChannelMap:
        """Give the map that applies `first` and then this one.

        Raises
        ------
        InvalidInput
            If the numbers of channels differ.
        """
        if first.scale.shape != self.scale.shape:
            raise InvalidInput(named, f"{len(first.scale)} features as in the BatchNorm before", len(self.scale))
        return ChannelMap(self.scale * first.scale, self.scale * first.shift + self.shift)

    def as_step(self, kernel: tuple[int, ...] = ()) -> Affine:
        """Give this map as a step of its own, with a diagonal matrix; the kernel is () or holds ones.

        Raises
        ------
        InvalidInput
            If a number is not finite.
        """
        from scipy.sparse import diags_array

        channels = len(self.scale)
        return Affine(weight=diags_array(self.scale).tocsr(), bias=self.shift, inputs=channels, kernel=kernel)

    def into_layer_before(self, named: str, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Give the weights of a layer and this map behind it.

        Parameters
        ----------
        named
            Names the BatchNorm in an error.
        weight, bias
            Shapes (outputs, inputs / groups, *kernel) and (outputs,).

        Raises
        ------
        InvalidInput
            If the layer has another number of outputs.
        """
        if len(self.scale) != len(weight):
            raise InvalidInput(named, f"{len(weight)} features as in the layer before", len(self.scale))
        return weight * self.scale.reshape(-1, *(1,) * (weight.ndim - 1)), bias * self.scale + self.shift

    def into_layer_behind(
        self, named: str, weight: Array, bias: Array, *, groups: int = 1, flattened: bool = False
    ) -> tuple[Array, Array]:
        """Give the weights of a layer and this map in front of it.

        Parameters
        ----------
        named
            Names the layer in an error.
        weight, bias
            Shapes (outputs, inputs / groups, *kernel) and (outputs,).
        groups
            They are those of a convolution.
        flattened
            Whether a flatten lies between the two, so that every channel is read at several positions.

        Raises
        ------
        InvalidInput
            If the layer has another number of inputs.

        Notes
        -----
        A convolution must not pad what this map has shifted: beyond the border the zeros do not carry the shift, and no
        bias can take its place there.
        """
        scale, shift, columns = self.scale, self.shift, weight.shape[1] * groups
        if flattened and columns % len(scale) == 0:
            positions = columns // len(scale)
            scale, shift = np.repeat(scale, positions), np.repeat(shift, positions)
        if len(scale) != columns:
            raise InvalidInput(named, f"the {len(scale)} features of the BatchNorm before", columns)
        # A row per output where groups read different channels, one row for all of them otherwise.
        rows = len(weight) // groups if groups > 1 else 1
        scale, shift = (np.repeat(values.reshape(groups, -1), rows, axis=0) for values in (scale, shift))
        per_channel = (*scale.shape, *(1,) * (weight.ndim - 2))
        shifted = weight * shift.reshape(per_channel)
        return weight * scale.reshape(per_channel), bias + shifted.reshape(len(weight), -1).sum(axis=1)
