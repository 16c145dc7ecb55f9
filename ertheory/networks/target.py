"""The target: what the width bounds read of the network that a random sparse source has to represent.

Target layers are numbered 1..L as in the paper; layer l maps n_{l-1} channels to n_l channels. A fully connected layer
has an empty kernel. A convolutional layer counts channels, and its non-zeros are non-zero filter entries. A fully
connected layer behind a flatten reads every channel at several positions; the channels are what the source copies.

A target is made from a network, which it keeps, or from counts alone; then it can be asked about and not built.

>>> target = Target.from_text("784-128-10")
>>> target.widths, target.nonzeros, target.depth
((784, 128, 10), (100352, 1280), 2)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array, check_finite, checked_box, doubles, frozen
from ertheory.networks.layer import Layer, check_size
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Residual, Step

__all__ = ["Layer", "Target", "network_of"]

_MOST_LAYERS = 1000
_TURNED = " (a weight looks transposed: W_l has shape (outputs, inputs))"
_MOST_DIGITS = 40  # of a width, leading zeros included


@dataclass(frozen=True)
class Target:
    """A target of depth L: what layers 1..L count, and the network itself where it is known.

    The last layer is linear, the others are followed by the activation. Widths and non-zero counts decide every width
    bound; the network is kept for the builders, for `ertheory.reduce` and for checking hypotheses. Targets with the
    same counts are equal.

    Parameters
    ----------
    layers
        Layers 1..L, each of which reads what the one before it writes.
    network
        The network that was counted, or ``None`` where only the counts are known. `Target.from_network` makes both.
    domain
        Box of the inputs, shape (d, 2), or ``None`` where no box is stated. That of the network if left out; otherwise
        it takes its place.

    Raises
    ------
    InvalidInput
        If layers do not chain, a number of the box is not finite, or the network has other counts.

    Examples
    --------
    >>> Target.from_widths([2, 3, 1]).widths
    (2, 3, 1)
    """

    layers: tuple[Layer, ...]
    network: Network | None = field(default=None, repr=False, compare=False)
    domain: Array | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInput("target", "at least one layer", self.layers)
        if len(self.layers) > _MOST_LAYERS:
            raise InvalidInput("target", f"at most {_MOST_LAYERS} layers", len(self.layers))
        for index, (below, above) in enumerate(pairwise(self.layers), start=2):
            if above.inputs != below.outputs:
                turned = not above.kernel and above.outputs in (below.inputs, below.outputs)
                allowed = f"{below.outputs} inputs to follow layer {index - 1}{_TURNED if turned else ''}"
                raise InvalidInput(f"layer {index}", allowed, above.inputs)
            if above.kernel and not below.kernel:
                raise InvalidInput(f"layer {index}", "no kernel behind a fully connected layer", above.kernel)
        if self.network is not None and _counts(self.network) != self.layers:
            raise InvalidInput("network", f"a network with the layers of the target {self}", "other counts")
        box = self.domain if self.domain is not None or self.network is None else self.network.domain
        if box is not None:
            object.__setattr__(self, "domain", checked_box(doubles("domain", box), self.inputs))
            if self.network is not None:
                object.__setattr__(self, "network", replace(self.network, domain=self.domain))

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads what the one before it writes, as the theorems of the paper ask."""
        return True

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

    @cached_property
    def weights(self) -> tuple[Array, ...] | None:
        """W_1..W_L of the network, with W_l of shape (n_l, n_{l-1} * positions) or (n_l, n_{l-1}, *kernel).

        Groups are written out with zeros between them; stride, padding and dilation stand in the network alone.
        ``None`` where only counts are known, and where pooling lies between the layers: then the weights alone do not
        say what the target computes.
        """
        if self.network is None or any(isinstance(step, Pool) for step in self.network.steps):
            return None
        return tuple(_full(step) for step in self.network.affine)

    @cached_property
    def biases(self) -> tuple[Array, ...] | None:
        """b_1..b_L of the network, with b_l of shape (n_l,); ``None`` where the weights are."""
        if self.network is None or any(isinstance(step, Pool) for step in self.network.steps):
            return None
        return tuple(frozen(step.bias) for step in self.network.affine)

    def __str__(self) -> str:
        return "-".join(str(width) for width in self.widths)

    def _repr_svg_(self) -> str:
        """Draw a small network as in Figure 4 of the paper, and where a large one has its weights."""
        from ertheory.networks.drawing import MOST_DRAWN, network_svg, shares_of, spy_svg

        flat = None if self.weights is None else [weight.reshape(len(weight), -1) for weight in self.weights]
        if flat is not None and max(max(weight.shape) for weight in flat) > MOST_DRAWN:
            titles = [f"W_{layer}" for layer in range(1, len(flat) + 1)]
            shapes = [(int(weight.shape[0]), int(weight.shape[1])) for weight in flat]
            return spy_svg(list(zip(titles, shapes, map(shares_of, flat), strict=True)))
        fits = flat is not None and all(
            one.inputs == part.shape[1] for one, part in zip(self.layers, flat, strict=True)
        )
        return network_svg(self.widths, flat if flat is not None and fits else [None] * self.depth)

    @classmethod
    def from_text(cls, text: str) -> Target:
        """Read dense layer widths written as ``784-128-10``.

        Examples
        --------
        >>> str(Target.from_text("4-8-3"))
        '4-8-3'
        """
        if not re.fullmatch(rf"\s*\d{{1,{_MOST_DIGITS}}}(\s*-\s*\d{{1,{_MOST_DIGITS}}})+\s*", text, re.ASCII):
            raise InvalidInput("target", "layer widths like 784-128-10, or the name of a file", text)
        return cls.from_widths([int(width) for width in text.split("-")])

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
            check_size("target", width)
        return cls(tuple(Layer(outputs=int(out), inputs=int(into)) for into, out in pairwise(widths)))

    @classmethod
    def from_network(cls, network: Network) -> Target:
        """Count a network: a chain of layers with ReLU between them, and with pooling and flattening where it has some.

        Parameters
        ----------
        network
            The network, with any geometry of its convolutions. The target keeps it.

        Raises
        ------
        InvalidInput
            If it has residual blocks, another activation, or two layers without an activation between them.

        Notes
        -----
        For other activations and for residual blocks there are builders, which take the network itself, and no widths
        that depend on counts alone: layer 0 may need two neurons for each input there.

        Examples
        --------
        >>> hidden, last = Affine.from_dense([[1.0, 0.0]]), Affine.from_dense([[2.0]])
        >>> Target.from_network(Network((hidden, Activation("relu"), last))).nonzeros
        (1, 1)
        """
        return cls(_counts(network), network)

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[npt.ArrayLike],
        biases: Sequence[npt.ArrayLike] | None = None,
        *,
        domain: npt.ArrayLike | None = None,
    ) -> Target:
        """Make a target from W_1..W_L and b_1..b_L, with ReLU between them and convolutions of stride 1 unpadded.

        Parameters
        ----------
        weights
            W_l of shape (n_l, n_{l-1}) or (n_l, n_{l-1}, *kernel). A dense layer that follows a convolution and has
            a multiple of its channels as columns is read as standing behind a flatten, channels first. For another
            geometry make a `Network` and count it by `Target.from_network`.
        biases
            b_l of shape (n_l,); zeros where left out.
        domain
            Box of the inputs, shape (d, 2).

        Raises
        ------
        InvalidInput
            If layers do not chain, shapes disagree, or a number is not finite.

        Examples
        --------
        >>> Target.from_arrays([[[1.0, 0.0], [2.0, 3.0]], [[1.0, 1.0]]]).nonzeros
        (3, 2)
        """
        arrays = [doubles(f"W{index}", weight) for index, weight in enumerate(weights, start=1)]
        offsets = [np.zeros(array.shape[:1]) for array in arrays]
        if biases is not None:
            offsets = [doubles(f"b{index}", bias) for index, bias in enumerate(biases, start=1)]
        if len(offsets) != len(arrays):
            raise InvalidInput("biases", f"{len(arrays)} arrays, one per layer", len(offsets))
        if not arrays:
            raise InvalidInput("target", "at least one layer", "none")
        steps: list[Step] = []
        for index, (array, offset) in enumerate(zip(arrays, offsets, strict=True), start=1):
            _check_shapes(index, array, offset)
            if steps:
                steps.append(Activation("relu"))
            if index > 1 and arrays[index - 2].ndim > 2 == array.ndim:
                if array.shape[1] % (channels := len(arrays[index - 2])):
                    allowed = f"a multiple of the {channels} channels of layer {index - 1} as columns"
                    raise InvalidInput(f"W{index}", allowed, array.shape)
                steps.append(Flatten())
            steps.append(Affine.from_dense(array, offset))
        return cls.from_network(Network(tuple(steps), None if domain is None else doubles("domain", domain)))


def network_of(target: Target, *, activation: str | None = None) -> Network:
    """Give the network of a target, with its own geometry and its own box.

    Parameters
    ----------
    target
        The target.
    activation
        The name of an activation that takes the place of the target's own, or ``None`` to keep that.

    Raises
    ------
    InvalidInput
        If the target is known by its counts alone.

    Examples
    --------
    >>> network_of(Target.from_arrays([[[1.0, 2.0]], [[3.0]]])).is_chain
    True
    """
    network = target.network
    if network is None:
        allowed = "a network with its weights and the geometry of its convolutions, such as a module or arrays"
        raise InvalidInput("target", allowed, f"{str(target)[:60]}, known by its counts alone")
    if activation is None:
        return network
    steps = (Activation(activation) if isinstance(step, Activation) else step for step in network.steps)
    return Network(tuple(steps), network.domain)


def _counts(network: Network) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    flattened, activated = False, True
    for step in network.steps:
        if isinstance(step, Residual):
            allowed = "a chain of layers: widths from counts are for chains; builders and embed_module take the network"
            raise InvalidInput("network", allowed, "a residual block")
        if isinstance(step, Affine):
            if not activated:
                raise InvalidInput("network", "an activation between two layers", _unactivated(step, len(layers) + 1))
            channels = layers[-1].outputs if layers and flattened else step.inputs
            layers.append(Layer.from_step(step, channels=channels))
            flattened = activated = False
        elif isinstance(step, Activation):
            if step.name != "relu":
                allowed = "ReLU: widths are computed for it, and builders take the network itself"
                raise InvalidInput("activation", allowed, step.name)
            activated = True
        elif isinstance(step, Flatten):
            flattened = True
    return tuple(layers)


def _unactivated(step: Affine, layer: int) -> str:
    norm = ", which scales channels like a BatchNorm that no layer beside it can take up" if step.is_scaling else ""
    return f"none before layer {layer}{norm}; embed_module leaves norms and skips as they are"


def _check_shapes(index: int, array: Array, offset: Array) -> None:
    if array.ndim < 2 or 0 in array.shape:
        raise InvalidInput(f"W{index}", "an array of two or more non-empty dimensions", array.shape)
    if offset.shape != array.shape[:1]:
        turned = array.ndim == 2 and offset.shape == array.shape[1:]
        raise InvalidInput(f"b{index}", f"shape {array.shape[:1]}{_TURNED if turned else ''}", offset.shape)
    check_finite(f"W{index}", array)
    check_finite(f"b{index}", offset)


def _full(step: Affine) -> Array:
    """Write the weights densely, those of groups with zeros between the groups."""
    weight: Array = step.weight.toarray().reshape(step.outputs, step.inputs // step.groups, *step.kernel)
    if step.groups > 1:
        outputs, inputs = step.outputs // step.groups, step.inputs // step.groups
        parts, weight = weight, np.zeros((step.outputs, step.inputs, *step.kernel))
        for group in range(step.groups):
            rows = slice(group * outputs, (group + 1) * outputs)
            weight[rows, group * inputs : (group + 1) * inputs] = parts[rows]
    weight.flags.writeable = False
    return weight
