"""Steps of a network as JSON: the shape of a source that is more than a chain of layers.

>>> from scipy.sparse import csr_array
>>> text = '[{"affine": 0, "inputs": 1, "kernel": [3], "padding": [1]}, {"activation": "relu"}, {"pool": "max"}]'
>>> steps, order = read_steps(text, [csr_array(np.ones((2, 3)))], [np.zeros(2)])
>>> [type(step).__name__ for step in steps], order
(['Affine', 'Activation', 'Pool'], (0,))
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Flatten, Pool, Residual, Step

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["read_steps"]

_KINDS = {
    "affine": {"inputs", "kernel", "stride", "padding", "dilation", "groups"},
    "activation": set(),
    "pool": {"size", "stride", "padding", "outputs", "ceil", "counted"},
    "flatten": set(),
    "residual": set(),
}
_LARGEST = 2**31
_DEPTH = 8


def read_steps(
    text: str, weights: Sequence[csr_array], biases: Sequence[npt.NDArray[np.float64]]
) -> tuple[tuple[Step, ...], tuple[int, ...]]:
    """Read steps, and give with them the layers in the order in which their weights are used.

    Parameters
    ----------
    text
        A JSON list of objects, each with one of the keys affine, activation, pool, flatten and residual.
    weights, biases
        They are those of the layers, which the affine steps name by number; each is used once.

    Raises
    ------
    InvalidInput
        If the text is not of this form, or the numbers in it make no steps.
    """
    try:
        things = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("steps", "a list in JSON", text) from None
    order: list[int] = []
    steps = _sequence(things, weights, biases, order, _DEPTH)
    if sorted(order) != list(range(len(weights))):
        raise InvalidInput("steps", f"each of the layers 0 to {len(weights) - 1} once", order)
    return steps, tuple(order)


def _sequence(things: Any, weights: Any, biases: Any, order: list[int], depth: int) -> tuple[Step, ...]:
    if not isinstance(things, list) or not depth:
        raise InvalidInput("steps", f"lists of steps, at most {_DEPTH} deep", things)
    return tuple(_step(thing, weights, biases, order, depth) for thing in things)


def _step(thing: Any, weights: Any, biases: Any, order: list[int], depth: int) -> Step:
    kinds = [kind for kind in _KINDS if isinstance(thing, dict) and kind in thing]
    if len(kinds) != 1 or set(thing) - {kinds[0]} - _KINDS[kinds[0]]:
        raise InvalidInput("steps", f"one of {', '.join(_KINDS)}, with its own keys", thing)
    kind, value = kinds[0], thing[kinds[0]]
    if kind == "affine":
        return _affine(thing, value, weights, biases, order)
    if kind == "activation" and isinstance(value, str):
        activation(value)
        return Activation(value)
    if kind == "pool":
        return Pool(value, **{key: _option(key, thing[key]) for key in sorted(_KINDS["pool"]) if key in thing})
    if kind == "flatten" and value is True:
        return Flatten()
    if kind == "residual" and isinstance(value, dict) and "branch" in value and not set(value) - {"branch", "skip"}:
        branch = _sequence(value["branch"], weights, biases, order, depth - 1)
        return Residual(branch, _sequence(value.get("skip", []), weights, biases, order, depth - 1))
    raise InvalidInput("steps", "flatten: true, an activation by name, or a residual with branch and skip", thing)


def _affine(thing: dict[str, Any], layer: Any, weights: Any, biases: Any, order: list[int]) -> Affine:
    if type(layer) is not int or not 0 <= layer < len(weights):
        raise InvalidInput("steps", f"the number of a layer from 0 to {len(weights) - 1}", layer)
    order.append(layer)
    inputs = thing.get("inputs", int(weights[layer].shape[1]))
    (inputs,) = _sizes("inputs", [inputs])
    (groups,) = _sizes("groups", [thing.get("groups", 1)])
    lists: dict[str, Any] = {
        key: _sizes(key, thing[key]) for key in ("kernel", "stride", "padding", "dilation") if key in thing
    }
    return Affine(weight=weights[layer], bias=biases[layer], inputs=inputs, groups=groups, **lists)


def _option(key: str, value: Any) -> Any:
    if key not in ("ceil", "counted"):
        return _sizes(key, value)
    if type(value) is not bool:
        raise InvalidInput(key, "true or false", value)
    return value


def _sizes(key: str, values: Any) -> tuple[int, ...]:
    least = 0 if key in ("outputs", "padding") else 1
    if not isinstance(values, list) or any(type(value) is not int or not least <= value < _LARGEST for value in values):
        raise InvalidInput(key, f"a list of whole numbers of at least {least}", values)
    return tuple(values)
