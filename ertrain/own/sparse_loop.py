"""The methods in somebody's own loop: ``sparse.step()`` takes the place of ``optimiser.step()``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertheory.errors import InvalidInput, called, warn
from ertheory.numbers import Rational, whole_number
from ertrain.configuration import METHOD_SETTINGS, Configuration
from ertrain.masks.masking import attach_masks, draw_masks, masks_of
from ertrain.masks.shapes import layer_shapes
from ertrain.methods import METHODS, FixedMask
from ertrain.methods.base import set_masks
from ertrain.own.densities import REWIRE, AskedDensities, left_dense
from ertrain.own.supply import needs_closure
from ertrain.ratios import SHAPE_RATIOS, allocate_sparsity, by_layers, is_erdos_renyi
from ertrain.streams import stream_seed

__all__ = ["SparseLoop", "start_sparse"]

_DATA = "ertrain.fit, since it looks at data before the first step"
_INSTEAD = {
    "grasp": _DATA,
    "imp": "ertrain.fit, since its rounds begin training again",
    "snip": _DATA,
    "synflow": "ertrain.fit, since it looks at whole passes before the first step",
}
_RATIOS = (*SHAPE_RATIOS, "magnitude")  # the others look at data
_MOST_STEPS = 10**12
_REPLACING = ("edge-popup", "str")  # the optimiser moves something else in the place of the weights


class SparseLoop:
    """A network that is kept sparse by a method, in a loop that is not ours; made by `start_sparse`.

    Parameters
    ----------
    method
        One of `ertrain.methods`, made for the network.
    optimiser
        What moves its parameters.

    Attributes
    ----------
    steps
        How many steps have been taken.
    """

    def __init__(self, method: FixedMask, optimiser: Optimizer) -> None:
        self._method, self.optimiser, self.steps = method, optimiser, 0

    def step(self) -> None:
        """Use the gradients that are there: move the weights, or, at some steps, change the masks.

        Raises
        ------
        InvalidInput
            If all steps that were announced have been taken.
        """
        if self.steps >= self._method.steps:
            raise InvalidInput("steps", "as many steps as start_sparse was told", self.steps + 1)
        self._method.step(self.optimiser, self.steps)
        self.steps += 1

    def density(self) -> float:
        """Give the share of the weights of all layers with masks that is there now."""
        return self._method.density()

    def densities(self) -> dict[str, float]:
        """Give the same layer by layer."""
        return {name: float(mask.double().mean()) for name, mask in self.masks().items()}

    def masks(self) -> dict[str, Tensor]:
        """Return the masks of now by the names of the layers: the buffers themselves."""
        return masks_of(self._method.model)

    def changes_masks(self) -> bool:
        """Whether the masks may change at the next step, which then needs the gradients of all weights."""
        return self._method.changes_masks(self.steps)

    def state_dict(self) -> dict[str, Any]:
        """Return steps, masks and what the method remembers, with weights that the network holds as 0 for now.

        Network and optimiser have state dicts of their own.
        """
        return {
            "steps": self.steps,
            "drawn": {name: mask.clone() for name, mask in self._method.drawn.items()},
            "masks": {name: mask.clone() for name, mask in self.masks().items()},
            "method": {name: tensor.clone() for name, tensor in self._method.state().items()},
            "weights": {name: tensor.clone() for name, tensor in self._method.weights().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` returned; load the state dicts of network and optimiser before it.

        Raises
        ------
        InvalidInput
            If the state is that of another network or method.
        """
        shapes = _shapes_of(self._method.drawn)
        known = isinstance(state, Mapping) and {"drawn", "masks", "method", "steps", "weights"} <= state.keys()
        if not known or not _shapes_of(state["drawn"]) == _shapes_of(state["masks"]) == shapes:
            raise InvalidInput(
                "state", f"that of a loop with masks for {', '.join(shapes or ())}", type(state).__name__
            )
        steps = whole_number("state", state["steps"], least=0)
        if set(state["method"]) != set(self._method.state()):
            raise InvalidInput(
                "state", f"that of the method {self._method.configuration.method}", list(state["method"])
            )
        for name, mask in state["drawn"].items():
            self._method.drawn[name].copy_(mask)
        self._method.size = sum(int(mask.sum()) for mask in self._method.drawn.values())
        for name, values in self._method.weights().items():
            values.copy_(state["weights"][name])
        attach_masks(self._method.model, state["masks"])
        self._method.load(state["method"])
        self.steps = steps


def _shapes_of(masks: object) -> dict[str, Any] | None:
    return {name: getattr(mask, "shape", None) for name, mask in masks.items()} if isinstance(masks, Mapping) else None


@called(module="model", skip="dense_layers")
def start_sparse(
    model: nn.Module,
    optimiser: Optimizer,
    *,
    density: Rational | None = None,
    sparsity: Rational | None = None,
    densities: Mapping[str, Rational] | None = None,
    ratio: str = "erk",
    method: str = "fixed",
    final_density: Rational | None = None,
    steps: int,
    masks: Mapping[str, Tensor] | None = None,
    dense_layers: Sequence[str] = (),
    counting: str = "masked",
    seed: int = 0,
    **settings: Any,
) -> SparseLoop:
    """Make a network sparse for a loop of your own: draw and attach masks, and guard the optimiser.

    Parameters
    ----------
    model
        Any module with linear or convolutional layers, where it is going to be trained; masked in place, its weights
        stay as they are inside. Under DistributedDataParallel it is the module inside.
    optimiser
        Moves the parameters of the model, any `torch.optim.Optimizer` that takes steps without a closure.
    density, sparsity, densities, ratio, final_density, dense_layers, counting
        They are as in `ertrain.fit`; a ratio that looks at data is refused.
    method
        ``"fixed"``, ``"set"``, ``"rigl"``, ``"granet"``, ``"gradual"``, ``"str"`` or ``"edge-popup"``. The last two
        train something else than the weights, which the optimiser then moves in their place.
    steps
        How many steps training has, over all epochs: the schedules of the methods end with them.
    masks
        Masks of your own by the names of the layers, instead of a density. ``"set"`` and ``"rigl"`` begin with them and
        grow anywhere; the other methods stay inside. Layers without one stay dense.
    seed
        It is that of the masks, and of what methods draw.
    **settings
        They are those of the method, as in `Configuration`: ``update_every``, ``update_until``, ``drop_share``,
        ``prune_until``, ``threshold_start``; and ``drawing``.

    Returns
    -------
    SparseLoop
        Its ``step()`` takes the place of ``optimiser.step()``, after ``backward()``. With automatic mixed precision
        call ``scaler.unscale_(optimiser)`` before it.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or the method cannot be had in a loop that is not its own.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 2))
    >>> optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> sparse = start_sparse(model, optimiser, density="0.2", method="rigl", steps=40, update_every=10)
    >>> for _ in range(40):
    ...     loss = model(torch.randn(8, 20)).square().mean()
    ...     optimiser.zero_grad()
    ...     loss.backward()
    ...     sparse.step()
    >>> sparse.density(), sparse.steps
    (0.2, 40)
    """
    if method in _INSTEAD:
        raise InvalidInput("method", f"another one here; {method} needs {_INSTEAD[method]}", method)
    if not isinstance(optimiser, Optimizer) or needs_closure(optimiser):
        raise InvalidInput("optimiser", "a torch.optim.Optimizer that takes steps without a closure", optimiser)
    steps = whole_number("steps", steps, least=1, most=_MOST_STEPS)
    asked = AskedDensities(
        density=density,
        sparsity=sparsity,
        densities=densities,
        ratio=ratio,
        method=method,
        final_density=final_density,
        dense_layers=dense_layers,
        counting=counting,
    )
    budget = (asked if masks is None else _of_masks(masks, asked)).shared_out(model)
    if masks is None and ratio not in _RATIOS and not by_layers(budget["ratio"]) and not is_erdos_renyi(ratio):
        raise InvalidInput("ratio", f"one of {', '.join(_RATIOS)}, er or erk-power:E in a loop of your own", ratio)
    allowed = {"drawing", *METHOD_SETTINGS[method]} - {"final_density", "levels"}
    for name in settings:
        if name not in allowed:
            raise InvalidInput("settings", f"names among {', '.join(sorted(allowed))} with {method}", name)
    nested = method in REWIRE and budget["density"] != "1"
    usual = {"drawing": "independent" if nested else "exact"}
    own: dict[str, Any] = {"recipe": "loop", "model": "own-model", "data": "own-data", "initialisation": "own"}
    configuration = Configuration(**{**own, **usual, **settings, **budget}, seed=seed, method=method, epochs=1)
    skip = left_dense(model, dense_layers)
    masked = [layer.name for layer in layer_shapes(model, skip=skip)] if masks is None else list(masks)
    _check_moved(optimiser, model, masked, method)
    if masks is None:
        shared = allocate_sparsity(model, configuration.density, configuration.ratio, skip=skip)
        drawn = draw_masks(shared, stream_seed(configuration.seed, "mask"), drawing=configuration.drawing)
        with called(masks="model"):
            attach_masks(model, drawn)
        made = METHODS[method](configuration, model, None, steps)
    else:
        made = _inside(masks, configuration, model, steps)
    _hand_over(optimiser, model, made)
    made.protect(optimiser, model)
    return SparseLoop(made, optimiser)


def _check_moved(optimiser: Optimizer, model: nn.Module, masked: Collection[str], method: str) -> None:
    """Refuse an optimiser of something else, before the network is changed."""
    moved = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    if not any(id(parameter) in moved for parameter in model.parameters()):
        allowed = "an optimiser of this model's parameters; make it after the model is in its place"
        raise InvalidInput("optimiser", allowed, type(optimiser).__name__)
    for layer in layer_shapes(model) if method in _REPLACING else ():
        if layer.name in masked and id(model.get_submodule(layer.name)._parameters.get("weight")) not in moved:
            raise InvalidInput("optimiser", "one that moves the weights of all layers with masks", layer.name)


def _hand_over(optimiser: Optimizer, model: nn.Module, method: FixedMask) -> None:
    """Let the optimiser move what the method trains, in the place of the weights that it stands for."""
    trained = method.trainable()
    own = {id(parameter) for parameter in model.parameters()}
    if all(id(parameter) in own for parameter in trained):
        return
    instead = method.stands_for()
    groups = optimiser.param_groups
    places = {id(weight): value for weight, value in instead.values()}
    for group in groups:
        group["params"] = [places.get(id(parameter), parameter) for parameter in group["params"]]
    there = {id(parameter) for group in groups for parameter in group["params"]}
    groups[0]["params"] += [one for one in trained if id(one) not in there and id(one) not in own]
    optimiser.state.clear()


def _of_masks(masks: Mapping[str, Tensor], asked: AskedDensities) -> AskedDensities:
    """Put the density of given masks in the place of one that is asked for."""
    others = (value for value in (asked.density, asked.sparsity, asked.densities) if value is not None)
    if (other := next(others, None)) is not None:
        raise InvalidInput("density", "nothing beside masks", other)
    given = list(masks.values()) if isinstance(masks, Mapping) else []
    if not given or not all(isinstance(mask, Tensor) and mask.dtype == torch.bool for mask in given):
        raise InvalidInput("masks", "boolean tensors by the names of layers", masks)
    if asked.final_density is None and asked.method not in ("fixed", *REWIRE):
        raise InvalidInput("final_density", f"a density, where {asked.method} prunes masks of your own", None)
    if asked.final_density is not None and asked.method in REWIRE:
        allowed = f"nothing, where {asked.method} begins with masks of your own"
        raise InvalidInput("final_density", allowed, asked.final_density)
    count = sum(mask.numel() for mask in masks.values())
    kept = sum(int(mask.sum()) for mask in masks.values())
    if kept == 0:
        warn(f"masks keep none of {count:,} weights: nothing passes through them")
    return replace(asked, density=max(kept, 1) / count, ratio="uniform")


def _inside(masks: Mapping[str, Tensor], configuration: Configuration, model: nn.Module, steps: int) -> FixedMask:
    """Make a method that begins with masks that were not drawn."""
    if configuration.method not in REWIRE:
        attach_masks(model, masks)
        return METHODS[configuration.method](configuration, model, None, steps)
    attach_masks(model, {name: torch.ones_like(mask) for name, mask in masks.items()})
    weights = {name: model.get_submodule(name).get_parameter("weight") for name in masks}
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    made = METHODS[configuration.method](configuration, model, None, steps)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(start[name])
    set_masks(model, masks)
    return made
