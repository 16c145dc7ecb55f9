"""A network as a PyTorch module, with its masks as buffers.

>>> from ertheory.networks.target import Target, network_of
>>> model = network_to_torch(network_of(Target.from_arrays([[[1.0, -1.0]], [[2.0]]])), masks=[[[1, 1]], [[1]]])
>>> sorted(model.state_dict())
['0.bias', '0.weight', '0.weight_mask', '2.bias', '2.weight', '2.weight_mask']
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.masks.given import read_mask
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Network, Pool, Step
from ertheory.networks.network import Residual as ResidualStep

__all__ = ["network_to_torch"]

_LARGEST = 2**32  # bytes
_GIBIBYTE = 2**30
# Above it log(1 + exp(z)) and z are the same double; below it exp(z) does not overflow.
_SOFTPLUS_THRESHOLD = 40.0
_MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    "celu": ("CELU", {}),
    "elu": ("ELU", {}),
    "gelu": ("GELU", {}),
    "gelu_tanh": ("GELU", {"approximate": "tanh"}),
    "hardsigmoid": ("Hardsigmoid", {}),
    "hardswish": ("Hardswish", {}),
    "hardtanh": ("Hardtanh", {}),
    "identity": ("Identity", {}),
    "leaky_relu": ("LeakyReLU", {}),
    "mish": ("Mish", {}),
    "relu": ("ReLU", {}),
    "relu6": ("ReLU6", {}),
    "selu": ("SELU", {}),
    "sigmoid": ("Sigmoid", {}),
    "silu": ("SiLU", {}),
    "softplus": ("Softplus", {"threshold": _SOFTPLUS_THRESHOLD}),
    "softshrink": ("Softshrink", {}),
    "tanh": ("Tanh", {}),
}


def network_to_torch(network: Network, masks: Sequence[object] | None = None) -> Any:
    """Write a network as a ``torch.nn.Sequential`` in float64 and evaluation mode.

    Parameters
    ----------
    network
        The network. Its box is not kept, and biases that are no doubles become the nearest ones.
    masks
        One mask per affine step, in the order of ``network.affine``: zeros and ones of shape
        (outputs, inputs / groups * taps) as arrays or sparse matrices, or objects with a method ``to_csr``.

    Returns
    -------
    torch.nn.Sequential
        Its Linear and Conv layers hold the weights densely, and their masks as boolean buffers ``weight_mask``. A
        residual block is a module ``Residual`` with the children ``branch`` and ``skip``. `network_from_torch` and
        `masks_from_torch` read all of it back.

    Raises
    ------
    InvalidInput
        If the dense weights need more than 4 GiB, an activation is not known, there is another number of masks, or a
        mask has another shape or lacks an entry where a weight lies.
    ModuleNotFoundError
        If PyTorch is not installed.

    Examples
    --------
    >>> steps = Affine.from_dense([[1.0, -1.0]]), Activation("gelu"), Affine.from_dense([[2.0]])
    >>> network_to_torch(Network(steps))
    Sequential(
      (0): Linear(in_features=2, out_features=1, bias=True)
      (1): GELU(approximate='none')
      (2): Linear(in_features=1, out_features=1, bias=True)
    )
    """
    size = 8 * sum(math.prod(step.weight.shape) for step in network.affine)
    if size > _LARGEST:
        raise InvalidInput("network", "at most 4 GiB of dense weights", f"{size / _GIBIBYTE:.1f} GiB")
    patterns = [None] * len(network.affine) if masks is None else list(masks)
    if len(patterns) != len(network.affine):
        raise InvalidInput("masks", f"{len(network.affine)}, one per affine step", len(patterns))
    axes = next(_axes(network.steps), None)
    return _sequential(network.steps, enumerate(patterns), axes, maps=_read_maps(network.steps))[0].eval()


def __getattr__(name: str) -> Any:
    # The class is made where torch is needed, but pickle looks it up here: no other name of this module may hide it.
    if name == "Residual":
        return _residual_class()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


@cache
def _residual_class() -> Any:
    from torch import nn

    class Residual(nn.Module):
        """y = branch(x) + skip(x), where an empty skip is the identity."""

        def __init__(self, branch: nn.Sequential, skip: nn.Sequential) -> None:
            super().__init__()
            self.branch = branch
            self.skip = skip

        def forward(self, x: Any) -> Any:
            """Add the two."""
            return self.branch(x) + self.skip(x)

    Residual.__qualname__ = "Residual"
    return Residual


def _axes(steps: Sequence[Step]) -> Iterator[int]:
    """Give how many axes of positions the steps have that say so."""
    for step in steps:
        if isinstance(step, Affine) and step.kernel:
            yield len(step.kernel)
        elif isinstance(step, Pool) and step.axes:
            yield step.axes
        elif isinstance(step, ResidualStep):
            yield from _axes((*step.branch, *step.skip))


def _read_maps(steps: Sequence[Step]) -> bool:
    """Say whether steps read feature maps: a kernel, a pooling or a flatten comes before anything else shows it."""
    for step in steps:
        if isinstance(step, Flatten | Pool) or (isinstance(step, Affine) and step.kernel):
            return True
        if isinstance(step, ResidualStep) and _read_maps(step.branch):
            return True
    return False


def _sequential(
    steps: Sequence[Step], patterns: Iterator[tuple[int, object]], axes: int | None, *, maps: bool
) -> tuple[Any, bool]:
    """Write steps, and say whether they give feature maps.

    The masks of the affine steps are taken from `patterns`, which goes on from one part of a block to the next.
    """
    from torch import nn

    modules: list[Any] = []
    for place, step in enumerate(steps):
        if isinstance(step, Affine):
            modules.append(_layer(step, *next(patterns), axes if maps else 0))
        elif isinstance(step, Activation):
            modules.append(_activation(step.name))
        elif isinstance(step, Flatten):
            modules.append(nn.Flatten())
            maps = False
        elif isinstance(step, Pool):
            modules.append(_pool(step, axes))
            # Here a global pooling leaves no positions, in PyTorch one.
            if step.axes is None and not (place + 1 < len(steps) and isinstance(steps[place + 1], Flatten)):
                modules.append(nn.Flatten())
            maps = maps and step.axes is not None
        else:
            branch, behind = _sequential(step.branch, patterns, axes, maps=maps)
            modules.append(_residual_class()(branch, _sequential(step.skip, patterns, axes, maps=maps)[0]))
            maps = behind
    return nn.Sequential(*modules), maps


def _layer(step: Affine, index: int, pattern: object, axes: int | None) -> Any:
    """Write one layer; one without a kernel acts at every position of feature maps, as a convolution of one tap."""
    import torch

    if axes is None and not step.kernel:
        raise InvalidInput("network", "a convolution that says how many axes feature maps have", "none")
    if axes and not step.kernel:
        step = replace(step, kernel=(1,) * axes)
    sizes = step.inputs, step.outputs
    shape = (step.outputs, step.inputs // step.groups, *step.kernel)
    # It leaves torch's random numbers as they are.
    skip_init: Any = torch.nn.utils.skip_init
    if step.kernel:
        kind = getattr(torch.nn, f"Conv{len(step.kernel)}d", None)
        if kind is None:
            raise InvalidInput("network", "kernels of at most three axes", step.kernel)
        geometry = {part: getattr(step, part) for part in ("stride", "padding", "dilation", "groups")}
        layer = skip_init(kind, *sizes, step.kernel, dtype=torch.float64, **geometry)
    else:
        layer = skip_init(torch.nn.Linear, *sizes, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(step.weight.toarray().reshape(shape)))
        layer.bias.copy_(torch.from_numpy(step.bias))
    if pattern is not None:
        layer.register_buffer("weight_mask", torch.from_numpy(_kept(step, index, pattern).reshape(shape)))
    return layer


def _kept(step: Affine, index: int, pattern: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    name = f"masks[{index}]"
    mask = read_mask(pattern.to_csr() if hasattr(pattern, "to_csr") else pattern, name=name)
    if mask.shape != step.weight.shape:
        raise InvalidInput(name, f"shape {step.weight.shape}", mask.shape)
    kept: np.ndarray[Any, np.dtype[np.bool_]] = mask.to_csr().toarray()
    rows, columns = step.weight.nonzero()
    missing = int(np.count_nonzero(~kept[rows, columns]))
    if missing:
        raise InvalidInput(name, "an entry wherever a weight lies", f"{missing} weights outside")
    return kept


def _activation(name: str) -> Any:
    import torch

    activation(name)
    kind, colon, text = name.partition(":")
    if kind == "prelu":
        return torch.nn.PReLU(1, float(text) if colon else 0.25, dtype=torch.float64)
    module, options = _MODULES[kind]
    return getattr(torch.nn, module)(*((float(text),) if colon else ()), **options)


def _pool(step: Pool, axes: int | None) -> Any:
    from torch import nn

    kind = "Max" if step.kind == "max" else "Avg"
    axes = step.axes or axes
    module = getattr(nn, f"{kind}Pool{axes}d" if step.size else f"Adaptive{kind}Pool{axes}d", None)
    if module is None:
        allowed = "poolings over one to three axes; a global one takes those of a convolution"
        raise InvalidInput("network", allowed, "none" if axes is None else axes)
    if not step.size:
        return module(tuple(count or None for count in step.outputs) if step.outputs else 1)
    counted = {} if step.counted else {"count_include_pad": False}
    return module(step.size, step.stride, step.padding, ceil_mode=step.ceil, **counted)
