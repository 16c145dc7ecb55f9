"""A network as a target of factored sources: its maps counted, whatever lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ertheory.errors import InvalidInput
from ertheory.layerwise.model_target import ModelTarget
from ertheory.networks.layer import Layer
from ertheory.networks.network import Activation, Affine, Network, Residual, Step

__all__ = ["NetworkTarget", "network_target"]

_NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})


@dataclass(frozen=True)
class NetworkTarget(ModelTarget):
    """The maps of a network with skips, norms or other activations than ReLU, in the order of evaluation.

    Parameters
    ----------
    layers, network, domain, name, names
        They are as in `ModelTarget`; the maps of a branch come before those of its shortcut.
    left
        What stays as it is in a factored source: norms, and convolutions of single channels.
    nonnegative
        Whether no input of a map is negative, for each map.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = Affine.from_dense(np.ones((4, 3))), Affine.from_dense(np.ones((3, 4)))
    >>> block = Residual((first, Activation("relu"), second))
    >>> known = network_target(Network((block, Affine.from_dense(np.ones((2, 3))))))
    >>> str(known), known.nonzeros, known.nonnegative
    ('network of 3 maps, 3 inputs, 2 outputs', (12, 12, 6), (False, True, False))
    """

    left: tuple[str, ...] = ()
    nonnegative: tuple[bool, ...] = ()

    @property
    def is_chain(self) -> bool:
        """``False``: the theorems of the paper do not speak of such networks."""
        return False


def network_target(network: Network) -> NetworkTarget:
    """Count the maps of a network.

    Parameters
    ----------
    network
        The network, with all that lies between its maps.

    Raises
    ------
    InvalidInput
        If a convolution has groups of several channels, which are as many maps, or there is no map at all.
    """
    found = _Found()
    box = network.domain
    _walk(network.steps, positive=box is not None and bool((box[:, 0] >= 0).all()), found=found)
    if not found.layers:
        raise InvalidInput("target", "a network with a linear map that is no scaling of channels", "none")
    name = f"network of {len(found.layers)} maps, {network.inputs} inputs, {network.outputs} outputs"
    return NetworkTarget(
        tuple(found.layers),
        name=name,
        names=tuple(found.names),
        left=tuple(found.left),
        nonnegative=tuple(found.nonnegative),
    )


@dataclass
class _Found:
    """What was seen on the way through a network."""

    layers: list[Layer] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    nonnegative: list[bool] = field(default_factory=list)


def _walk(steps: Sequence[Step], *, positive: bool, found: _Found, kind: str = "layer") -> bool:
    """Count the maps of some steps; say whether no output is negative where, so given, no input is."""
    for step in steps:
        if isinstance(step, Residual):
            branch = _walk(step.branch, positive=positive, found=found)
            positive = _walk(step.skip, positive=positive, found=found, kind="shortcut") and branch
        elif isinstance(step, Affine):
            _count(step, found, kind=kind, positive=positive)
            positive = False
        elif isinstance(step, Activation):
            positive = step.name in _NEVER_NEGATIVE
    return positive


def _count(step: Affine, found: _Found, *, kind: str, positive: bool) -> None:
    name = f"{kind} {len(found.layers) + len(found.left) + 1}"
    if step.is_scaling:
        found.left.append(f"{name} (a norm)")
    elif step.groups > 1 and step.groups == step.inputs:
        found.left.append(f"{name} (channel by channel)")
    elif step.groups > 1:
        raise InvalidInput(f"groups of {name}", "1, or as many as there are input channels", step.groups)
    else:
        found.layers.append(Layer.from_step(step, channels=step.inputs))
        found.names.append(name)
        found.nonnegative.append(positive)
