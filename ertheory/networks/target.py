"""The target: the network that a random sparse source has to represent.

Target layers are numbered 1..L as in the paper; layer l maps n_{l-1} channels to n_l channels. A fully connected layer
has an empty kernel. A convolutional layer counts channels, and its non-zeros are non-zero filter entries. A fully
connected layer behind a flatten reads every channel at several positions; the channels are what the source copies.

>>> target = Target.from_text("784-128-10")
>>> target.widths, target.nonzeros, target.depth
((784, 128, 10), (100352, 1280), 2)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

__all__ = ["Layer", "Target", "read_box"]

_LARGEST_WIDTH = 10**15
_MOST_LAYERS = 1000


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
            _check_size(name, getattr(self, name))
        for size in self.kernel:
            _check_size("kernel", size)
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
        if (
            sum(self.row_nonzeros) == self.size
        ):  # one way to write a layer without zeros, so that equal layers are equal
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
        pattern = _as_float("weight", weight) != 0
        if pattern.ndim < 2 or 0 in pattern.shape:
            raise InvalidInput("weight", "an array of two or more non-empty dimensions", pattern.shape)
        outputs, columns, *kernel = pattern.shape
        _check_size("positions", positions)
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


@dataclass(frozen=True)
class Target:
    """A target network of depth L: layers 1..L, and their weights where they are known.

    The last layer is linear, the others are followed by the activation. Widths and non-zero counts decide every width
    bound; the weights are kept for the builders, for `ertheory.reduce` and for checking hypotheses.

    Parameters
    ----------
    layers
        Layers 1..L, each reading what the one before it writes.
    weights
        W_1..W_L with W_l of shape (n_l, n_{l-1} * positions) or (n_l, n_{l-1}, *kernel), or ``None``.
    biases
        b_1..b_L with b_l of shape (n_l,); zeros if the weights are given without them.
    domain
        Box of the inputs, shape (d, 2), or ``None`` where no box is stated.

    Raises
    ------
    InvalidInput
        If layers do not chain, shapes disagree, or a number is not finite.

    Examples
    --------
    >>> Target.from_widths([2, 3, 1]).widths
    (2, 3, 1)
    """

    layers: tuple[Layer, ...]
    weights: tuple[npt.NDArray[np.float64], ...] | None = field(default=None, repr=False, compare=False)
    biases: tuple[npt.NDArray[np.float64], ...] | None = field(default=None, repr=False, compare=False)
    domain: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInput("target", "at least one layer", self.layers)
        if len(self.layers) > _MOST_LAYERS:
            raise InvalidInput("target", f"at most {_MOST_LAYERS} layers", len(self.layers))
        for index, (below, above) in enumerate(pairwise(self.layers), start=2):
            if above.inputs != below.outputs:
                allowed = f"{below.outputs} inputs to follow layer {index - 1}"
                raise InvalidInput(f"layer {index}", allowed, above.inputs)
            if above.kernel and not below.kernel:
                raise InvalidInput(f"layer {index}", "no kernel behind a fully connected layer", above.kernel)
        if self.domain is not None:
            object.__setattr__(self, "domain", _checked_domain(self.domain, self.inputs))
        if self.weights is None:
            if self.biases is not None:
                raise InvalidInput("biases", "weights to go with them", "weights=None")
            return
        zeros = tuple(np.zeros(layer.outputs) for layer in self.layers)
        biases = zeros if self.biases is None else self.biases
        for name, arrays in (("weights", self.weights), ("biases", biases)):
            if len(arrays) != len(self.layers):
                raise InvalidInput(name, f"{len(self.layers)} arrays, one per layer", len(arrays))
        for index, layer in enumerate(self.layers):
            weight, bias = self.weights[index], biases[index]
            _check_numbers(f"W{index + 1}", weight, (layer.outputs, layer.inputs * layer.positions, *layer.kernel))
            _check_numbers(f"b{index + 1}", bias, (layer.outputs,))
            counted = Layer.from_weight(weight, positions=layer.positions)
            if counted != layer:
                allowed = f"the {layer.nonzeros} non-zeros that its layer counts, row by row and column by column"
                raise InvalidInput(f"W{index + 1}", allowed, counted.nonzeros)
        object.__setattr__(self, "weights", tuple(_read_only(weight) for weight in self.weights))
        object.__setattr__(self, "biases", tuple(_read_only(bias) for bias in biases))

    @property
    def depth(self) -> int:
        """L, the number of layers of weights."""
        return len(self.layers)

    @property
    def inputs(self) -> int:
        """d = n_0, the number of inputs (input channels of a convolutional target)."""
        return self.layers[0].inputs

    @property
    def widths(self) -> tuple[int, ...]:
        """n_0..n_L: inputs, then the neurons or channels of each layer."""
        return (self.inputs, *(layer.outputs for layer in self.layers))

    @property
    def nonzeros(self) -> tuple[int, ...]:
        """m_1..m_L, non-zero weights per layer."""
        return tuple(layer.nonzeros for layer in self.layers)

    @property
    def is_convolutional(self) -> bool:
        """Whether any layer has a kernel."""
        return any(layer.kernel for layer in self.layers)

    def __str__(self) -> str:
        return "-".join(str(width) for width in self.widths)

    @classmethod
    def from_text(cls, text: str) -> Target:
        """Read dense layer widths written as ``784-128-10``.

        Examples
        --------
        >>> str(Target.from_text("4-8-3"))
        '4-8-3'
        """
        if not re.fullmatch(r"\s*\d+(\s*-\s*\d+)+\s*", text):
            raise InvalidInput("target", "layer widths like 784-128-10 or a .npz or .safetensors file", text)
        return cls.from_widths([int(width[:20]) for width in text.split("-")])

    @classmethod
    def from_widths(cls, widths: Sequence[int]) -> Target:
        """Make a fully connected target without zeros from its widths n_0..n_L.

        Examples
        --------
        >>> Target.from_widths([10, 1]).nonzeros
        (10,)
        """
        if len(widths) < 2:
            raise InvalidInput("target", "two or more layer widths", tuple(widths))
        for width in widths:
            _check_size("target", width)
        return cls(tuple(Layer(outputs=int(out), inputs=int(into)) for into, out in pairwise(widths)))

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[npt.ArrayLike],
        biases: Sequence[npt.ArrayLike] | None = None,
        *,
        domain: npt.ArrayLike | None = None,
    ) -> Target:
        """Make a target from W_1..W_L and b_1..b_L; a flatten is recognised by its multiple of the channels.

        Parameters
        ----------
        weights
            W_l of shape (n_l, n_{l-1}) or (n_l, n_{l-1}, *kernel). A dense layer that follows a convolution and has
            a multiple of its channels as columns is read as standing behind a flatten, channels first.
        biases
            b_l of shape (n_l,); zeros where left out.
        domain
            Box of the inputs, shape (d, 2).

        Examples
        --------
        >>> Target.from_arrays([[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0]]]).nonzeros
        (3, 2)
        """
        arrays = tuple(_as_float(f"W{index}", weight) for index, weight in enumerate(weights, start=1))
        layers: list[Layer] = []
        for index, array in enumerate(arrays, start=1):
            if array.ndim < 2:
                raise InvalidInput(f"W{index}", "an array of two or more dimensions", array.shape)
            positions = 1
            if layers and layers[-1].kernel and array.ndim == 2:
                positions, remainder = divmod(array.shape[1], layers[-1].outputs)
                if remainder or not positions:
                    allowed = f"a multiple of the {layers[-1].outputs} channels of layer {index - 1} as columns"
                    raise InvalidInput(f"W{index}", allowed, array.shape)
            layers.append(Layer.from_weight(array, positions=positions))
        given = None if biases is None else tuple(_as_float(f"b{i}", bias) for i, bias in enumerate(biases, start=1))
        box = None if domain is None else _as_float("domain", domain)
        return cls(tuple(layers), arrays, given, box)


def _check_size(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= _LARGEST_WIDTH:
        raise InvalidInput(name, f"a whole number from 1 to {_LARGEST_WIDTH}", value)


def _check_counts(name: str, counts: tuple[int, ...], length: int, largest: int) -> None:
    if len(counts) != length:
        raise InvalidInput(name, f"{length} counts", len(counts))
    for count in counts:
        if not 0 <= count <= largest:
            raise InvalidInput(name, f"counts from 0 to {largest}", count)


def _as_float(name: str, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
    allowed = "a rectangular array of real numbers"
    try:
        given = np.asarray(value)
        exact = np.array(given, dtype=np.float64) if given.dtype.kind in "biuf" else None
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(name, allowed, type(value).__name__) from None
    if exact is None:
        raise InvalidInput(name, allowed, f"an array of {given.dtype}")
    if given.dtype.kind in "iu" and np.any(np.abs(exact) > 2**53):
        raise InvalidInput(name, "integers of at most 2^53, which a double holds exactly", int(np.max(np.abs(exact))))
    return exact


def _check_numbers(name: str, array: npt.NDArray[np.float64], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InvalidInput(name, f"shape {shape}", array.shape)
    if not np.isfinite(array).all():
        raise InvalidInput(name, "finite numbers", array[~np.isfinite(array)][0].item())


def read_box(value: npt.ArrayLike, inputs: int) -> npt.NDArray[np.float64]:
    """Read a box of the inputs: one interval (a, b) for all of them, or shape (inputs, 2).

    Raises
    ------
    InvalidInput
        If it is no such array of finite numbers, or an interval has a > b.

    Examples
    --------
    >>> read_box((0, 1), 2).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    box = _as_float("domain", value)
    return _checked_domain(np.tile(box, (inputs, 1)) if box.shape == (2,) else box, inputs)


def _checked_domain(box: npt.NDArray[np.float64], inputs: int) -> npt.NDArray[np.float64]:
    _check_numbers("domain", box, (inputs, 2))
    for low, high in box:
        if low > high:
            raise InvalidInput("domain", "intervals [a, b] with a <= b", (float(low), float(high)))
    return _read_only(box)


def _read_only(array: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    frozen = array.copy()
    frozen.flags.writeable = False
    return frozen
