"""Kept weights in checkpoints: small layers are written as matrices, as masked ones are; large ones as they are held.

A layer of more than 2^24 entries has in the file ``W`` (kept,), ``W.starts`` and ``W.columns``, its pattern as in a CSR
matrix, and ``W.mask_final`` (kept,), where W is the name of its weight; what belongs to it in the state has the shape
(kept,) too. Either form is read for either backend.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertrain.masks.entries import whole_size
from ertrain.masks.sparse.kept import KeptLinear
from ertrain.methods import FixedMask

__all__ = ["Tensors", "held", "spread_weights", "written"]

Tensors = dict[str, Tensor]
_LARGE = 2**24  # entries: 64 MB in single precision
_PATTERN = ("starts", "columns")


class _Form(NamedTuple):
    """Where the kept weights of a matrix are."""

    places: Tensor
    shape: tuple[int, ...]

    def spread(self, kept: Tensor) -> Tensor:
        whole = kept.new_zeros(self.shape)
        whole.view(-1)[self.places] = kept
        return whole

    def picked(self, whole: Tensor) -> Tensor:
        return whole.flatten()[self.places]


def written(
    model: nn.Module, optimiser: Optimizer, method: FixedMask | None, weights: Tensors, state: Tensors
) -> tuple[Tensors, Tensors]:
    """Bring weights and state of a checkpoint into the form that files have."""
    for name, layer in _kept_layers(model).items():
        parameter = _weight(name)
        if whole_size(layer) > _LARGE:
            weights |= {f"{parameter}.{part}": getattr(layer, part) for part in _PATTERN}
            weights.pop(f"{parameter}.mask_initial", None)
            continue
        form = _Form(layer.flat_places(), layer.whole_shape)
        for tensors, keys in _belonging(name, model, optimiser, method, weights, state):
            for key in keys:
                if tuple(tensors[key].shape) == tuple(form.places.shape):
                    tensors[key] = form.spread(tensors[key])
    return weights, state


def held(
    model: nn.Module, optimiser: Optimizer, method: FixedMask | None, weights: Tensors, state: Tensors
) -> tuple[Tensors, Tensors]:
    """Bring what a file has into the form in which a model holds it."""
    kept = _kept_layers(model)
    for name in {*kept, *_in_file(weights)}:
        layer, form = kept.get(name), _form_in_file(name, model, weights)
        if layer is not None and form is not None:
            if not torch.equal(form.places, layer.flat_places()):
                msg = f"the weights of {name} are in other places"
                raise ValueError(msg)
            continue
        own = form if form is not None else _Form(layer.flat_places(), layer.whole_shape)  # type: ignore[union-attr]
        for tensors, keys in _belonging(name, model, optimiser, method, weights, state):
            for key in keys:
                shape = tuple(tensors[key].shape)
                if form is not None and shape == tuple(form.places.shape):
                    tensors[key] = own.spread(tensors[key])
                elif form is None and shape == own.shape:
                    tensors[key] = own.picked(tensors[key])
    return weights, state


def spread_weights(model: nn.Module, weights: Tensors) -> Tensors:
    """Give the weights and masks of a file as matrices, for a model that holds such."""
    for name in _in_file(weights):
        form = _form_in_file(name, model, weights)
        assert form is not None
        parameter = _weight(name)
        for key in (parameter, f"{parameter}.mask_final"):
            weights[key] = form.spread(weights[key])
    return weights


def _kept_layers(model: nn.Module) -> dict[str, KeptLinear]:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, KeptLinear)}


def _weight(name: str) -> str:
    return f"{name}.weight" if name else "weight"


def _in_file(weights: Mapping[str, Tensor]) -> list[str]:
    return [key.removesuffix(".weight.starts") for key in weights if key.endswith(".weight.starts")]


def _form_in_file(name: str, model: nn.Module, weights: Tensors) -> _Form | None:
    """Take the pattern of a layer out of what was read."""
    found = [weights.pop(f"{_weight(name)}.{part}", None) for part in _PATTERN]
    starts, columns = found
    if starts is None or columns is None:
        return None
    layer = model.get_submodule(name)
    shape = layer.whole_shape if isinstance(layer, KeptLinear) else tuple(layer.get_parameter("weight").shape)
    rows = torch.repeat_interleave(starts.diff())
    return _Form(rows.mul_(math.prod(shape[1:])).add_(columns), shape)


def _belonging(
    name: str, model: nn.Module, optimiser: Optimizer, method: FixedMask | None, weights: Tensors, state: Tensors
) -> Iterable[tuple[Tensors, list[str]]]:
    """Name the tensors that may have an entry for every weight of a layer."""
    parameter = _weight(name)
    yield (
        weights,
        [key for key in (parameter, f"{parameter}.mask_initial", f"{parameter}.mask_final") if key in weights],
    )
    own = {model.get_submodule(name)._parameters["weight"]}
    if method is not None and name in method.stands_for():
        own |= set(method.stands_for()[name])
    moved = [one for group in optimiser.param_groups for one in group["params"]]
    numbers = {str(number) for number, one in enumerate(moved) if any(one is each for each in own)}
    ours = {f"best.{parameter}", f"method.values.{name}", f"method.scores.{name}", f"method.rewind.{parameter}"}
    of_optimiser = [key for key in state if key.startswith("optimiser.") and key.split(".")[1] in numbers]
    yield state, [key for key in state if key in ours] + of_optimiser
