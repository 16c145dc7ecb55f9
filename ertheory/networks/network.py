"""Networks as they are evaluated: step after step, with the geometry of convolutions, pooling and skips.

A `Network` holds all that is needed to compute an output, for a target and for the source that contains it; what the
width bounds read of a target is counted from it (`ertheory.networks.target`). Signals have shape (points, channels) or
(points, channels, *positions).

>>> import numpy as np
>>> hidden = Affine.from_dense([[1.0, -1.0]], [0.5])
>>> net = Network((hidden, Activation("relu"), Affine.from_dense([[2.0]], [0.0])))
>>> net.inputs, net.outputs, len(net.affine)
(2, 1, 2)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Activation", "Affine", "Flatten", "Network", "Pool", "Residual", "Step", "affine_steps"]

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine:
    """y = W x + b: fully connected, or a convolution where there is a kernel.

    Parameters
    ----------
    weight
        W as a sparse array of shape (outputs, inputs / groups * taps), row by row as in PyTorch: channel, then tap.
        Entries that are not stored are 0.
    bias
        b, shape (outputs,).
    inputs
        Neurons or channels that are read.
    kernel
        Filter size per axis, ``()`` where fully connected.
    stride, padding, dilation
        One number per axis of the kernel; the padding supplies zeros on both sides.
    groups
        Output channels fall into so many groups in a row, each of which reads its own group of input channels.
    bias_exact
        The biases as rational numbers where some are no doubles; ``bias`` is then the nearest double.

    Raises
    ------
    InvalidInput
        If shapes disagree or a number is not finite.
    """

    weight: csr_array
    bias: Array
    inputs: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    bias_exact: tuple[Fraction, ...] | None = None

    def __post_init__(self) -> None:
        from scipy.sparse import csr_array

        axes = len(self.kernel)
        for name, usual, least in (("kernel", 1, 1), ("stride", 1, 1), ("padding", 0, 0), ("dilation", 1, 1)):
            object.__setattr__(self, name, _per_axis(name, getattr(self, name) or (usual,) * axes, axes, least))
        try:
            weight = csr_array(self.weight, dtype=np.float64, copy=True)
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput("weight", "a matrix of numbers", type(self.weight).__name__) from None
        if weight.ndim != 2:
            raise InvalidInput("weight", "a matrix of numbers", f"shape {weight.shape}")
        weight.sum_duplicates()
        weight.eliminate_zeros()
        if self.groups < 1 or self.inputs % self.groups or weight.shape[0] % self.groups:
            allowed = f"a divisor of {self.inputs} inputs and {weight.shape[0]} outputs"
            raise InvalidInput("groups", allowed, self.groups)
        columns = self.inputs // self.groups * math.prod(self.kernel)
        if weight.shape[1] != columns:
            raise InvalidInput("weight", f"{columns} columns", weight.shape)
        bias = np.array(self.bias, dtype=np.float64)
        if bias.shape != weight.shape[:1]:
            raise InvalidInput("bias", f"shape {weight.shape[:1]}", bias.shape)
        for name, numbers in (("weight", weight.data), ("bias", bias)):
            if not np.isfinite(numbers).all():
                raise InvalidInput(name, "finite numbers", numbers[~np.isfinite(numbers)][0].item())
        if self.bias_exact is not None and len(self.bias_exact) != len(bias):
            raise InvalidInput("bias_exact", f"{len(bias)} numbers", len(self.bias_exact))
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def outputs(self) -> int:
        """Neurons or channels that are written."""
        return int(self.weight.shape[0])

    @property
    def taps(self) -> int:
        """Entries of a filter; 1 where fully connected."""
        return math.prod(self.kernel)

    @property
    def is_scaling(self) -> bool:
        """Whether it scales and shifts channels one by one, as a norm does, and there are several."""
        rows, columns = self.weight.nonzero()
        square = self.taps == 1 and self.groups == 1 and self.inputs == self.outputs
        return square and self.inputs > 1 and bool((rows == columns).all())

    @property
    def exact_bias(self) -> tuple[Fraction, ...]:
        """The biases as rational numbers."""
        return self.bias_exact or tuple(Fraction(value) for value in self.bias.tolist())

    @classmethod
    def from_dense(cls, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None, **geometry: Any) -> Affine:
        """Make a layer from W of shape (outputs, inputs) or (outputs, inputs / groups, *kernel), and b.

        Examples
        --------
        >>> layer = Affine.from_dense(np.ones((4, 3, 5, 5)), padding=(2, 2))
        >>> layer.inputs, layer.kernel, layer.weight.shape
        (3, (5, 5), (4, 75))
        """
        from scipy.sparse import csr_array

        array = np.asarray(weight, dtype=np.float64)
        if array.ndim < 2:
            raise InvalidInput("weight", "an array of two or more dimensions", array.shape)
        outputs, inputs, *kernel = array.shape
        return cls(
            weight=csr_array(array.reshape(outputs, -1)),
            bias=np.zeros(outputs) if bias is None else np.asarray(bias, dtype=np.float64),
            inputs=inputs * int(geometry.get("groups", 1)),
            kernel=tuple(kernel),
            **geometry,
        )


@dataclass(frozen=True)
class Activation:
    """A function that is applied to every number; the names are those of `ertheory.networks.activations`.

    Parameters
    ----------
    name
        ``relu`` and others, with a parameter behind a colon where there is one, as in ``leaky_relu:0.1``.
    """

    name: str


@dataclass(frozen=True)
class Pool:
    """Maximum or average over windows of every channel.

    Parameters
    ----------
    kind
        ``max`` (padding never wins) or ``average`` (padding counts as zeros, where it is counted).
    size
        Window per axis. Where it is left out, and ``outputs`` too, one window lies over everything, and no positions
        are left.
    stride, padding
        One number per axis; the stride is the size where left out.
    outputs
        The size may be left to this: how many positions per axis are left of any number n. Output i of m then reads the
        positions from floor(i n / m) to ceil((i + 1) n / m), without that last one, as PyTorch's adaptive pooling does.
        Of an axis with the number 0 as many are left as there are.
    ceil
        Whether a last window may reach beyond the padding, as long as it begins in front of it. An average is then
        taken over what lies inside.
    counted
        Whether an average divides by the zeros of the padding, too.
    """

    kind: Literal["max", "average"]
    size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    ceil: bool = False
    counted: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("max", "average"):
            raise InvalidInput("kind", "max or average", self.kind)
        if self.outputs and self.size:
            raise InvalidInput("outputs", "nothing beside a size of the windows", self.outputs)
        object.__setattr__(self, "outputs", _per_axis("outputs", self.outputs, len(self.outputs), 0))
        axes = len(self.size)
        for name, usual, least in (("size", (), 1), ("stride", self.size, 1), ("padding", (0,) * axes, 0)):
            object.__setattr__(self, name, _per_axis(name, getattr(self, name) or usual, axes, least))
        if any(2 * pad > size for pad, size in zip(self.padding, self.size, strict=True)):
            raise InvalidInput("padding", "at most half of the window", self.padding)

    @property
    def axes(self) -> int | None:
        """How many axes of positions are read; ``None`` where it is any number of them."""
        return len(self.size or self.outputs) or None


@dataclass(frozen=True)
class Flatten:
    """Channels times positions become neurons, channel by channel."""


@dataclass(frozen=True)
class Residual:
    """y = F(x) + S(x).

    Parameters
    ----------
    branch
        F, which ends with an affine step.
    skip
        S: nothing for the identity, or affine steps for a projection, mostly one, with activations between them, as in
        a projection that became a pair.
    """

    branch: tuple[Step, ...]
    skip: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if not self.branch or not isinstance(self.branch[-1], Affine):
            raise InvalidInput("branch", "steps that end with an affine one", len(self.branch))
        ends = not self.skip or isinstance(self.skip[-1], Affine)
        if not (ends and all(isinstance(step, Affine | Activation) for step in self.skip)):
            raise InvalidInput("skip", "nothing, or affine steps, the last of them at the end", self.skip)


Step: TypeAlias = Affine | Activation | Pool | Flatten | Residual


@dataclass(frozen=True, eq=False)
class Network:
    """A function from inputs to outputs, given step by step.

    Parameters
    ----------
    steps
        The steps in their order. The last affine step gives the outputs.
    domain
        Box of the inputs, shape (inputs, 2), or ``None`` where all of R^d is meant.
    """

    steps: tuple[Step, ...]
    domain: Array | None = None

    def __post_init__(self) -> None:
        if not any(affine_steps(self.steps)):
            raise InvalidInput("steps", "at least one affine step", len(self.steps))

    @property
    def affine(self) -> tuple[Affine, ...]:
        """The affine steps in the order of evaluation; a branch comes before its skip."""
        return tuple(affine_steps(self.steps))

    @property
    def inputs(self) -> int:
        """Neurons or channels that the first affine step reads."""
        return self.affine[0].inputs

    @property
    def outputs(self) -> int:
        """Neurons that the last affine step writes."""
        return self.affine[-1].outputs

    @property
    def nonzeros(self) -> tuple[int, ...]:
        """Weights other than 0 of each affine step."""
        return tuple(int(step.weight.nnz) for step in self.affine)

    @property
    def activation(self) -> str:
        """Name of the one activation; ``identity`` where there is none."""
        names = set(self.activations)
        if len(names) > 1:
            raise InvalidInput("steps", "one kind of activation", ", ".join(sorted(names)))
        return names.pop() if names else "identity"

    @property
    def activations(self) -> frozenset[str]:
        """Names of all activations that occur."""
        return frozenset(step.name for step in _walk(self.steps) if isinstance(step, Activation))

    def behind(self) -> tuple[str, ...]:
        """Name the activation behind each affine step but the last, ``identity`` where there is none."""
        names: list[str] = []
        for step in _walk(self.steps):
            if isinstance(step, Affine):
                names.append("identity")
            elif isinstance(step, Activation) and names:
                names[-1] = step.name
        return tuple(names[:-1])

    @property
    def is_chain(self) -> bool:
        """Whether fully connected layers alternate with activations, and nothing else occurs."""
        kinds = [type(step) for step in self.steps]
        chain = [Affine if place % 2 == 0 else Activation for place in range(len(kinds))]
        return kinds == chain and kinds[-1] is Affine and not any(layer.kernel for layer in self.affine)


def affine_steps(steps: Sequence[Step]) -> Iterator[Affine]:
    """Go through the affine steps in the order of evaluation, those of a branch before its skip."""
    return (step for step in _walk(steps) if isinstance(step, Affine))


def _per_axis(name: str, values: tuple[int, ...], axes: int, least: int) -> tuple[int, ...]:
    if len(values) != axes or any(value < least or value != int(value) for value in values):
        raise InvalidInput(name, f"{axes} whole numbers of at least {least}", values)
    return tuple(int(value) for value in values)


def _walk(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, Residual):
            yield from _walk((*step.branch, *step.skip))
        else:
            yield step
