"""One layer of a target, reduced to what the width bounds read: sizes, and non-zeros per row and per column.

>>> Layer(outputs=16, inputs=3, kernel=(3, 3)).nonzeros
432
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import doubles
from ertheory.networks.network import Affine
from ertheory.numbers import whole_number

__all__ = ["Layer", "check_size"]

_LARGEST_WIDTH = 10**15


@dataclass(frozen=True)
class Layer:
    """One target layer, reduced to what the width bounds read.

    Parameters
    ----------
    outputs
        n_l, neurons or output channels; at least 1.
    inputs
        n_{l-1}, neurons or input channels; at least 1.
    kernel
        Filter size per spatial axis, ``()`` for a fully connected layer.
    positions
        Spatial positions at which each input channel is read: above 1 only behind a flatten.
    row_nonzeros
        k_j, non-zero entries that lead into output j, shape (outputs,). ``None`` for a layer without zeros.
    column_nonzeros
        c_i, non-zero entries that leave input channel i (all taps and positions), shape (inputs,). ``None`` for a
        layer without zeros.

    Raises
    ------
    InvalidInput
        If a size is not a positive integer or the two counts contradict each other.

    Examples
    --------
    >>> Layer(outputs=16, inputs=3, kernel=(3, 3)).nonzeros
    432
    """

    outputs: int
    inputs: int
    kernel: tuple[int, ...] = ()
    positions: int = 1
    row_nonzeros: tuple[int, ...] | None = None
    column_nonzeros: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("outputs", "inputs", "positions"):
            check_size(name, getattr(self, name))
        for size in self.kernel:
            check_size("kernel", size)
        if self.kernel and self.positions > 1:
            raise InvalidInput("positions", "1 for a convolutional layer", self.positions)
        if (self.row_nonzeros is None) != (self.column_nonzeros is None):
            raise InvalidInput("column_nonzeros", "counts per row and per column together", self.column_nonzeros)
        if self.row_nonzeros is None or self.column_nonzeros is None:
            return
        _check_counts("row_nonzeros", self.row_nonzeros, self.outputs, self.inputs * self.entries_per_pair)
        _check_counts("column_nonzeros", self.column_nonzeros, self.inputs, self.outputs * self.entries_per_pair)
        if sum(self.row_nonzeros) != sum(self.column_nonzeros):
            allowed = f"the same total as row_nonzeros ({sum(self.row_nonzeros)})"
            raise InvalidInput("column_nonzeros", allowed, sum(self.column_nonzeros))
        # One way to write a layer without zeros, so that equal layers are equal.
        if sum(self.row_nonzeros) == self.size:
            object.__setattr__(self, "row_nonzeros", None)
            object.__setattr__(self, "column_nonzeros", None)

    @property
    def entries_per_pair(self) -> int:
        """Weights between one output and one input channel: filter taps times positions."""
        return math.prod(self.kernel) * self.positions

    @property
    def size(self) -> int:
        """Number of weights, zero or not."""
        return self.outputs * self.inputs * self.entries_per_pair

    @cached_property
    def nonzeros(self) -> int:
        """m_l, the number of non-zero weights."""
        return self.size if self.row_nonzeros is None else sum(self.row_nonzeros)

    @property
    def fan_in_counts(self) -> Counter[int]:
        """How many outputs have fan-in k_j, per value of k_j."""
        if self.row_nonzeros is None:
            return Counter({self.inputs * self.entries_per_pair: self.outputs})
        return Counter(self.row_nonzeros)

    @property
    def fan_out_counts(self) -> Counter[int]:
        """How many input channels have fan-out c_i, per value of c_i."""
        if self.column_nonzeros is None:
            return Counter({self.outputs * self.entries_per_pair: self.inputs})
        return Counter(self.column_nonzeros)

    @classmethod
    def from_weight(cls, weight: npt.ArrayLike, *, positions: int = 1) -> Layer:
        """Count the non-zeros of a weight array of shape (outputs, inputs * positions) or (outputs, inputs, *kernel).

        Examples
        --------
        >>> Layer.from_weight([[1.0, 0.0], [2.0, 3.0]]).row_nonzeros
        (1, 2)
        """
        pattern = doubles("weight", weight) != 0
        if pattern.ndim < 2 or 0 in pattern.shape:
            raise InvalidInput("weight", "an array of two or more non-empty dimensions", pattern.shape)
        outputs, columns, *kernel = pattern.shape
        check_size("positions", positions)
        if columns % positions:
            raise InvalidInput("positions", f"a divisor of the {columns} columns of the weight", positions)
        by_channel = pattern.reshape(outputs, columns // positions, -1)  # (outputs, inputs, taps * positions)
        return cls(
            outputs=outputs,
            inputs=columns // positions,
            kernel=tuple(kernel),
            positions=positions,
            row_nonzeros=tuple(by_channel.sum(axis=(1, 2)).tolist()),
            column_nonzeros=tuple(by_channel.sum(axis=(0, 2)).tolist()),
        )

    @classmethod
    def from_step(cls, step: Affine, *, channels: int) -> Layer:
        """Count the non-zeros of an affine step.

        Parameters
        ----------
        step
            The step, of any geometry; a grouped convolution is counted as one with zeros between the groups.
        channels
            How many channels the step before it writes: fewer than it reads where a flatten lies between.

        Raises
        ------
        InvalidInput
            If the step does not read a multiple of the channels.

        Examples
        --------
        >>> Layer.from_step(Affine.from_dense([[1.0, 0.0, 0.0, 2.0]]), channels=2).column_nonzeros
        (1, 1)
        """
        if step.inputs % channels:
            raise InvalidInput("step", f"a multiple of {channels} inputs, as many as channels before it", step.inputs)
        rows, columns = step.weight.nonzero()
        groups = rows // (step.outputs // step.groups)
        read = groups * (channels // step.groups) + columns // (step.inputs // channels * step.taps)
        return cls(
            outputs=step.outputs,
            inputs=channels,
            kernel=step.kernel,
            positions=step.inputs // channels,
            row_nonzeros=tuple(np.diff(step.weight.indptr).tolist()),
            column_nonzeros=tuple(np.bincount(read, minlength=channels).tolist()),
        )


def check_size(name: str, value: object) -> None:
    """Refuse what is no whole number from 1 to 10^15.

    Raises
    ------
    InvalidInput
        If it is none.
    """
    whole_number(name, value, least=1, most=_LARGEST_WIDTH)


def _check_counts(name: str, counts: tuple[int, ...], length: int, largest: int) -> None:
    if len(counts) != length:
        raise InvalidInput(name, f"{length} counts", len(counts))
    for count in counts:
        if not 0 <= count <= largest:
            raise InvalidInput(name, f"counts from 0 to {largest}", count)
