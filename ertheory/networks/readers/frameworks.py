"""Targets from networks trained elsewhere: PyTorch modules and state dicts, scikit-learn perceptrons.

Neither library is imported here. A module is recognised by the name of its class in ``torch.nn`` and read through its
attributes, so that a network is understood wherever it was trained, and this module loads where torch is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.torch_modules import (
    LAYERS,
    NORMS,
    PARTS,
    POOLS,
    SILENT,
    class_name,
    entries,
    pads,
    parameter,
)
from ertheory.networks.target import Target

__all__ = ["target_from_sklearn", "target_from_torch"]

Array: TypeAlias = npt.NDArray[np.float64]

_LONGEST_NAME = 80
_KNOWN = LAYERS | NORMS | POOLS | SILENT | {"Flatten", "Identity", "ReLU", "Sequential"}


def target_from_torch(model: object) -> Target:
    """Read a target from a ``torch.nn.Sequential`` or from a state dict.

    Parameters
    ----------
    model
        A (nested) Sequential of Linear, Conv1d/2d/3d, ReLU, Flatten, BatchNorm, pooling, dropout and Identity; or a
        state dict, whose weights of two or more dimensions are taken as the layers, in order, with a ReLU between
        them. A state dict with weights of another kind is refused; a transposed or a grouped convolution cannot be
        told from it.

    Returns
    -------
    Target
        The network in evaluation mode, its weights in float64. Pruned weights (``weight_orig`` and ``weight_mask``)
        are multiplied out.

    Raises
    ------
    InvalidInput
        If a module is not supported or the modules are no chain of layers with a ReLU between them; it is named.

    Notes
    -----
    BatchNorm is folded by its formula for evaluation, y = (x - mean) * weight / sqrt(var + eps) + bias, into the layer
    in front of it, or, behind a ReLU, into the layer that follows. The folded weights are computed in float64: they
    define the target exactly, and agree with the module up to rounding.

    A grouped convolution is written out with zeros between the groups, so that m_l counts its filter entries. Stride,
    dilation and padding do not change any count, and a target does not record them: the weights of a convolutional
    target are its filters, and whoever applies them has to know the geometry. Pooling changes no count either, but a
    network with pooling is more than a chain of weights, so its target carries counts alone (``weights`` is None).

    Examples
    --------
    >>> import numpy as np
    >>> target_from_torch({"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))}).widths
    (2, 3, 1)
    """
    if isinstance(model, Mapping):
        return _from_state_dict(model)
    chain = _Chain()
    for label, kind, module in _modules("model", model):
        chain.append(label, kind, module)
    return chain.target()


def target_from_sklearn(estimator: object) -> Target:
    """Read a target from a fitted scikit-learn ``MLPClassifier`` or ``MLPRegressor``.

    Parameters
    ----------
    estimator
        The fitted estimator, with ``activation="relu"``.

    Returns
    -------
    Target
        The network in front of the estimator's last function (``out_activation_``): the logits of a classifier, in
        front of softmax or logistic; the prediction of a regressor, unless its loss puts another function behind it.

    Raises
    ------
    InvalidInput
        If it is another kind of object, not fitted, or has another activation.
    """
    bases = {base.__name__ for base in type(estimator).__mro__ if base.__module__.startswith("sklearn.neural_network")}
    if not bases & {"MLPClassifier", "MLPRegressor"}:
        raise InvalidInput("estimator", "a fitted MLPClassifier or MLPRegressor", type(estimator).__name__)
    activation = getattr(estimator, "activation", None)
    if activation != "relu":
        raise InvalidInput("estimator", "activation='relu'", activation)
    coefficients = getattr(estimator, "coefs_", None)
    if coefficients is None:
        raise InvalidInput("estimator", "a fitted estimator: call fit first", type(estimator).__name__)
    biases: Iterable[npt.ArrayLike] = getattr(estimator, "intercepts_", ())
    return Target.from_arrays([np.transpose(weight) for weight in coefficients], list(biases))


class _Chain:
    """The layers read so far, and what has happened since the last of them."""

    def __init__(self) -> None:
        self.weights: list[Array] = []
        self.biases: list[Array] = []
        self.activated = False
        self.flattened = False
        self.pooled = False
        # A BatchNorm behind a ReLU that waits for the next layer.
        self.pending: ChannelMap | None = None

    def append(self, label: str, kind: str, module: Any) -> None:
        named = f"{label} ({kind})"
        if kind in LAYERS | NORMS:
            # What overflows is refused by the target, which names the layer.
            with np.errstate(over="ignore", invalid="ignore"):
                (self._layer if kind in LAYERS else self._norm)(named, module)
        elif kind in POOLS:
            self._pool(named, module)
        elif kind == "ReLU":
            if not self.weights or self.pending is not None:
                raise InvalidInput(named, "a Linear or Conv layer in front of every ReLU", "none")
            self.activated = True
        elif kind == "Flatten":
            if (module.start_dim, module.end_dim) != (1, -1):
                raise InvalidInput(named, "start_dim=1 and end_dim=-1", (module.start_dim, module.end_dim))
            self.flattened = True

    def target(self) -> Target:
        if not self.weights:
            raise InvalidInput("model", "at least one Linear or Conv layer", "none")
        if self.activated:
            raise InvalidInput("model", "a linear last layer; leave out what follows it", "a ReLU behind it")
        target = Target.from_arrays(self.weights, self.biases)
        return Target(target.layers) if self.pooled else target

    @property
    def _behind_convolution(self) -> bool:
        return bool(self.weights) and self.weights[-1].ndim > 2

    def _layer(self, named: str, module: Any) -> None:
        if self.weights and not self.activated:
            raise InvalidInput(named, "a ReLU between two layers", "none")
        weight = parameter(named, entries(module), "weight")
        bias = parameter(named, entries(module), "bias")
        if weight is None:
            raise InvalidInput(named, "a weight", None)
        if weight.ndim > 2:
            if self.flattened or (self.weights and not self._behind_convolution):
                raise InvalidInput(named, "a convolution in front of a convolution, and no Flatten", "another layer")
            weight = _ungrouped(weight, int(module.groups))
        elif self._behind_convolution and not self.flattened:
            raise InvalidInput(named, "a Flatten between a convolution and a Linear layer", "none")
        offset = np.zeros(weight.shape[0]) if bias is None else bias
        if self.pending is not None:
            weight, offset = self.pending.into_layer_behind(
                named, weight, offset, flattened=self.flattened, padding=module.padding if pads(module) else None
            )
        self.weights.append(weight)
        self.biases.append(offset)
        self.activated = self.flattened = False
        self.pending = None

    def _norm(self, named: str, module: Any) -> None:
        norm = ChannelMap.of_module(named, module)
        if self.pending is not None:
            self.pending = norm.after(named, self.pending)
        elif not self.weights or self.activated:
            self.pending = norm
        else:
            self.weights[-1], self.biases[-1] = norm.into_layer_before(named, self.weights[-1], self.biases[-1])

    def _pool(self, named: str, module: Any) -> None:
        if self.weights and (self.flattened or not self._behind_convolution):
            raise InvalidInput(named, "pooling of the feature maps of a convolution", "pooling of neurons")
        if self.pending is not None and np.any(self.pending.shift) and pads(module):
            raise InvalidInput(named, "no padding behind a BatchNorm that follows an activation", module.padding)
        self.pooled = True


def _modules(label: str, module: Any) -> Iterator[tuple[str, str, Any]]:
    kind = _kind(label, module)
    if kind != "Sequential":
        yield label, kind, module
        return
    # Iterating a Sequential gives a module that is used twice both times; `named_children` would not.
    for index, child in enumerate(module):
        yield from _modules(f"{label}[{index}]", child)


def _kind(label: str, module: object) -> str:
    kind = class_name(module, _KNOWN)
    if kind is None:
        allowed = (
            "a torch.nn.Sequential of Linear, Conv, ReLU, Flatten, BatchNorm, pooling and dropout, or a state dict"
        )
        raise InvalidInput(label, allowed, type(module).__name__)
    return kind


def _from_state_dict(state: Mapping[Any, Any]) -> Target:
    weights: list[Array] = []
    biases: list[Array] = []
    read: set[str] = set()
    for key in map(str, state):
        owner, dot, name = key.rpartition(".")
        if name not in {"weight", "weight_orig"}:
            continue
        held = {part: state.get(f"{owner}{dot}{part}") for part in PARTS}
        label = f"state dict, {' '.join(owner.split())[:_LONGEST_NAME]}"
        weight, bias = parameter(label, held, "weight"), parameter(label, held, "bias")
        if weight is None or weight.ndim < 2:
            allowed = "weights of Linear and Conv layers alone; give the module itself if it has BatchNorm"
            raise InvalidInput(label, allowed, None if weight is None else weight.shape)
        weights.append(weight)
        biases.append(np.zeros(len(weight)) if bias is None else bias)
        read.update(f"{owner}{dot}{part}" for part in PARTS)
    unread = [key for key in state if key not in read]
    if unread or not weights:
        raise InvalidInput("state dict", "a weight and a bias per Linear or Conv layer and nothing else", unread)
    return Target.from_arrays(weights, biases)


def _ungrouped(weight: Array, groups: int) -> Array:
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    full = np.zeros((weight.shape[0], inputs * groups, *weight.shape[2:]))
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        full[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return full
