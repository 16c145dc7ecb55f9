"""A copy of a module that holds its large weights only once until they have been replaced."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

__all__ = ["copied", "unshare"]

_LARGE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def copied(module: Any) -> Any:
    """Copy a module, but for the weights of Linear and Conv layers, which both share: nothing may be written to them.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> new = copied(layer)
    >>> new.weight is layer.weight, new.bias is layer.bias
    (True, False)
    >>> unshare(new, layer)
    >>> new.weight is layer.weight
    False
    """
    return copy.deepcopy(module, {id(weight): weight for weight in _weights(module)})


def unshare(new: Any, module: Any) -> None:
    """Give the copy weights of its own wherever it still shares some; those that are tied stay tied."""
    shared = {id(weight) for weight in _weights(module)}
    own: dict[int, Any] = {}
    for part in new.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and id(parameter) in shared:
                part._parameters[name] = own.setdefault(id(parameter), copy.deepcopy(parameter))


def _weights(module: Any) -> list[Any]:
    found = [part for part in module.modules() if isinstance(part, _LARGE)]
    return [part.weight for part in found if isinstance(part._parameters.get("weight"), nn.Parameter)]
