"""Targets from state dicts: the weights of a model by name, without the model.

A state dict says neither in which order its layers are used nor how a convolution strides and pads. Layers are put in
the order of the numbers in their names, and in the one order that their shapes allow where numbers do not decide. A
state dict with convolutions gives counts alone, for nothing in it tells their geometry.

>>> import numpy as np
>>> state = {"fc10.weight": np.ones((1, 3)), "fc2.weight": np.ones((3, 2)), "fc2.bias": np.zeros(3)}
>>> target_from_state_dict(state).widths
(2, 3, 1)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array, doubles
from ertheory.networks.target import Target

__all__ = ["is_state_dict", "target_from_state_dict"]

_PARTS = ("weight", "weight_orig", "weight_mask", "bias", "bias_orig", "bias_mask")
_WEIGHTS = ("weight", "weight_orig")
_LONGEST_NAME = 80
_MOST_STEPS = 10_000  # of the search for an order


@dataclass(frozen=True, eq=False)
class _Layer:
    """The weights of one layer, and its name: the text between the numbers in it, and these."""

    owner: str
    words: tuple[str, ...]
    numbers: tuple[int, ...]
    weight: Array
    bias: Array


def is_state_dict(entries: Mapping[Any, Any]) -> bool:
    """Say whether a mapping has the keys of a state dict, such as ``fc1.weight``.

    Examples
    --------
    >>> is_state_dict({"fc1.weight": 0}), is_state_dict({"W1": 0})
    (True, False)
    """
    return any(str(key).rpartition(".")[2] in _WEIGHTS for key in entries)


def target_from_state_dict(state: Mapping[Any, Any]) -> Target:
    """Read a target from a state dict.

    Parameters
    ----------
    state
        Weights and biases of Linear and Conv layers and nothing else, under the names of PyTorch, as tensors,
        parameters or arrays. Pruned weights (``weight_orig`` and ``weight_mask``) are multiplied out.

    Returns
    -------
    Target
        It has a ReLU between the layers. Where some are convolutions it has counts alone: give the module itself, which
        knows stride and padding. A transposed or a grouped convolution cannot be told from a state dict.

    Raises
    ------
    InvalidInput
        If there are weights of another kind, such as those of BatchNorm, or neither numbers nor shapes decide the order
        of the layers.
    """
    layers = _ordered(list(_layers(state)))
    target = Target.from_arrays([layer.weight for layer in layers], [layer.bias for layer in layers])
    return Target(target.layers) if target.is_convolutional else target


def _layers(state: Mapping[Any, Any]) -> Iterator[_Layer]:
    read: set[Any] = set()
    for key in state:
        owner, dot, name = str(key).rpartition(".")
        if name not in _WEIGHTS:
            continue
        label = f"state dict, {' '.join(owner.split())[:_LONGEST_NAME]}"
        held = {part: state[f"{owner}{dot}{part}"] for part in _PARTS if f"{owner}{dot}{part}" in state}
        weight, bias = _parameter(label, held, "weight"), _parameter(label, held, "bias")
        if weight is None or weight.ndim < 2:
            allowed = "weights of Linear and Conv layers alone; give the module itself if it has BatchNorm"
            raise InvalidInput(label, allowed, None if weight is None else weight.shape)
        read.update(f"{owner}{dot}{part}" for part in held)
        words = tuple(re.split(r"\d+", owner))
        numbers = tuple(int(digits[:_LONGEST_NAME]) for digits in re.findall(r"\d+", owner))
        yield _Layer(owner, words, numbers, weight, np.zeros(len(weight)) if bias is None else bias)
    unread = [key for key in state if key not in read]
    if unread or not read:
        allowed = "a weight and a bias per Linear or Conv layer and nothing else; give the module itself"
        raise InvalidInput("state dict", allowed, ", ".join(map(str, unread[:8])))


def _parameter(label: str, held: Mapping[str, Any], name: str) -> Array | None:
    original, mask = held.get(f"{name}_orig"), held.get(f"{name}_mask")
    if original is not None and mask is not None:
        return doubles(label, original) * doubles(label, mask)
    value = held.get(name)
    return None if value is None else doubles(label, value)


def _ordered(layers: list[_Layer]) -> list[_Layer]:
    """Put layers in order: by the numbers in names that are equal otherwise, by shapes between such groups."""
    groups: dict[tuple[str, ...], list[_Layer]] = {}
    for layer in layers:
        groups.setdefault(layer.words, []).append(layer)
    lines = [sorted(group, key=lambda layer: layer.numbers) for group in groups.values()]
    if len(lines) == 1:
        return lines[0]
    steps = iter(range(_MOST_STEPS))
    found = []
    for order in _merged(lines, [0] * len(lines), None, steps):
        found.append(order)
        if len(found) > 1:
            break
    if len(found) == 1 and next(steps, None) is not None:
        return found[0]
    names = ", ".join(layer.owner for layer in layers)
    allowed = "layers whose order their names show by numbers, or their shapes; give the module itself"
    raise InvalidInput("state dict", allowed, f"{'several orders of' if found else 'no order of'} {names}")


def _merged(
    lines: list[list[_Layer]], taken: list[int], last: _Layer | None, steps: Iterator[int]
) -> Iterator[list[_Layer]]:
    """Go through the orders in which every layer can read what the one before it writes."""
    if next(steps, None) is None:
        return
    if all(count == len(line) for count, line in zip(taken, lines, strict=True)):
        yield []
    for place, line in enumerate(lines):
        if taken[place] < len(line) and _follows(last, layer := line[taken[place]]):
            taken[place] += 1
            yield from ([layer, *rest] for rest in _merged(lines, taken, layer, steps))
            taken[place] -= 1


def _follows(below: _Layer | None, above: _Layer) -> bool:
    if below is None:
        return True
    outputs, inputs = len(below.weight), above.weight.shape[1]
    if above.weight.ndim > 2:
        return below.weight.ndim == above.weight.ndim and outputs == inputs
    return bool(inputs % outputs == 0 if below.weight.ndim > 2 else outputs == inputs)
