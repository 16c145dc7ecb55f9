"""What may stand between the two maps of a pair in a module, by bounds on what its layers read.

The module is read as a network, in which interval arithmetic finds these bounds; its affine steps are matched to layers
by their weights, of which BatchNorm may have scaled whole rows. Bounds are those of evaluation mode, in which BatchNorm
is a fixed map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ertheory.builders.factored.boxes import map_boxes
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.pairs import Array
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Affine, Network
from ertheory.networks.readers.torch_read import network_from_torch

if TYPE_CHECKING:
    from ertheory.builders.factored.modules.layers import Layer

__all__ = ["layer_boxes", "positive_layers"]

_CLOSE = 1e-5  # of a row: single precision, in which BatchNorm may be folded in


def layer_boxes(module: Any, layers: Sequence[Layer], domain: npt.ArrayLike | None, inner: Inner) -> dict[str, Array]:
    """Bound what layers read.

    Parameters
    ----------
    module
        The module.
    layers
        The layers that are asked for.
    domain
        The box of the inputs of the module: (a, b), or shape (inputs, 2) by channel; unbounded if left out.
    inner
        What the bounds are for.

    Returns
    -------
    dict
        A box for each layer by name, of shape (inputs, 2), infinite where nothing is known.

    Raises
    ------
    InvalidInput
        If the module cannot be read as a network.
    """
    try:
        network = network_from_torch(module)
    except InvalidInput as error:
        allowed = f"identity, since bounds of what layers read need a module that can be traced ({error.allowed})"
        raise InvalidInput("inner", allowed, inner) from error
    box = None if domain is None else read_box(domain, network.inputs)
    steps = list(zip(network.affine, map_boxes(Network(network.steps, box)), strict=True))
    result: dict[str, Array] = {}
    for layer in layers:
        found = [read for step, read in steps if _is_of(step, layer)]
        if not found:
            raise InvalidInput("inner", f"identity, since {layer.name} is no step of the network that is read", inner)
        low, high = (np.stack([one[:, at] for one in found]) for at in (0, 1))
        result[layer.name] = np.stack([low.min(axis=0), high.max(axis=0)], axis=1)
    return result


def positive_layers(boxes: dict[str, Array], inner: Inner) -> set[str]:
    """Name the layers whose first map can be positive instead of being lifted, because they read nothing negative.

    Raises
    ------
    TheoremNotApplicable
        If there is another one, and no lift was asked for.
    """
    found = {name for name, box in boxes.items() if (box[:, 0] >= 0).all()}
    other = next((name for name in boxes if name not in found), None)
    if inner == "relu-positive" and other is not None:
        msg = f"{other}: no positive first factor, because its inputs may be negative; state a domain of inputs that"
        raise TheoremNotApplicable(f"{msg} are not, or use inner relu or identity")
    return found


def _is_of(step: Affine, layer: Layer) -> bool:
    """Say whether an affine step is a layer, up to a factor for each row."""
    weight = layer.weight.to(device="cpu", dtype=torch.float64).numpy().reshape(layer.weight.shape[0], -1)
    if step.weight.shape != weight.shape or step.groups != layer.groups:
        return False
    given = step.weight.toarray()
    squares = (weight * weight).sum(axis=1)
    factors = np.divide((given * weight).sum(axis=1), squares, out=np.zeros(len(squares)), where=squares > 0)
    off = np.abs(given - factors[:, None] * weight).max(axis=1, initial=0.0)
    return bool((off <= _CLOSE * np.abs(given).max(axis=1, initial=0.0)).all())
