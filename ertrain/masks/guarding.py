"""A guard on an optimiser: whatever it does in a step, weights and what it keeps about them end inside their masks."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ertheory.errors import InvalidInput
from ertrain.masks.clearing import clear, clear_at_once
from ertrain.masks.keeping import MASK, KeepMask, keeper_of, masked_layers, plain_weight
from ertrain.masks.shapes import named_parts
from ertrain.masks.watching import Watch, same

__all__ = ["ENTRY_BY_ENTRY", "Guard", "guard", "moves_entries_alone"]

# They move every entry by its own gradient, state and value alone, so that what they do outside a mask can be undone.
# Others are not shown the gradients outside.
ENTRY_BY_ENTRY = frozenset(
    getattr(torch.optim, name)
    for name in (
        "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
    )
)  # fmt: skip


def moves_entries_alone(optimiser: Optimizer) -> bool:
    """Whether an optimiser is one of these, or says so of itself: `SparseSGD` does.

    Examples
    --------
    >>> moves_entries_alone(torch.optim.AdamW(nn.Linear(2, 1).parameters()))
    True
    """
    return type(optimiser) in ENTRY_BY_ENTRY or bool(getattr(optimiser, "entry_by_entry", False))


class Guard:
    """What `guard` returns: its method `remove` ends the guard, and so does the end of a ``with`` block."""

    def __init__(self, optimiser: Optimizer, module: nn.Module) -> None:
        self.optimiser, self.module = optimiser, module
        self._now: list[tuple[nn.Parameter, Tensor]] = []
        self._keepers: list[KeepMask] = []
        self._watch: Watch | None = None  # over where they were found
        self._moved: list[nn.Parameter] = []  # by the optimiser then
        self._before_step: list[tuple[Tensor, Tensor]] = []  # where an optimiser divides by nothing but its state
        self._handles = optimiser.register_step_pre_hook(self._before), optimiser.register_step_post_hook(self._after)

    def remove(self) -> None:
        """End the guard."""
        for handle in self._handles:
            handle.remove()
        for layer in masked_layers(self.module):
            keeper = keeper_of(layer)
            if keeper is not None:
                keeper.guarded = False

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()

    def look(self) -> None:
        """Find the weights that have masks now, among those that the optimiser moves."""
        parameters = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        if not self._all_is_as_it_was(parameters):
            self._watch = None  # until all is found to be right
            watch, layers = Watch(self.module), masked_layers(self.module)
            tied = self._find(layers, {id(parameter) for parameter in parameters})
            if not tied and watch.masks == len(layers):  # else what masks hold is asked every time
                self._watch, self._moved = watch, parameters
        for keeper in self._keepers:
            keeper.guarded, keeper.lost = True, False

    def _all_is_as_it_was(self, parameters: list[nn.Parameter]) -> bool:
        """Whether another look would find what the last one has found, object by object."""
        if self._watch is None or not same(parameters, self._moved) or not self._watch.sees_no_change():
            return False
        for weight, mask in self._now:
            if weight.shape != mask.shape or mask.dtype is not torch.bool:  # others may have been put inside them
                return False
        return True

    def _find(self, layers: list[nn.Module], moved: set[int]) -> bool:
        """Look at all layers, and say whether some share a weight."""
        found: dict[int, tuple[nn.Parameter, Tensor]] = {}
        keepers, tied = list[KeepMask](), False
        for layer in layers:
            weight, mask = plain_weight(layer), layer._buffers[MASK]
            if id(weight) not in moved or mask is None:
                continue
            if id(weight) in found:
                tied = True
                if not torch.equal(found[id(weight)][1], mask):
                    allowed = "one mask for a weight that layers share: attach it to the first of them alone"
                    raise InvalidInput("masks", allowed, f"two for a weight of shape {tuple(weight.shape)}")
            found[id(weight)] = weight, mask
            keeper = keeper_of(layer)
            if keeper is not None:
                keepers.append(keeper)
        if layers and not found:
            allowed = "one that moves weights with masks of this module; the others need no guard"
            raise InvalidInput("optimiser", allowed, type(self.optimiser).__name__)
        self._now, self._keepers = list(found.values()), keepers
        return tied

    def clear(self) -> None:
        """Clear weights, and what the optimiser keeps about them."""
        state = self.optimiser.state
        for weight, mask in self._now:
            about = state.get(weight)  # nothing before the first step
            alike = list[Tensor]()
            if about:
                size, axes = mask.numel(), mask.dim()
                for kept in about.values():
                    if isinstance(kept, Tensor) and kept.numel() == size and kept.dim() == axes:
                        alike.append(kept)
            if not clear_at_once(weight, mask, alike):
                clear((weight, *alike), mask)

    def _before(
        self, optimiser: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self.look()
        still = [each for group in optimiser.param_groups if group.get("eps") == 0 for each in group["params"]]
        self._before_step = [(parameter, parameter.detach().clone()) for parameter in still]
        if not moves_entries_alone(optimiser):
            self._clear_gradients()
        if len(args) > 1 and args[1] is not None:  # the first one is the optimiser
            return (args[0], self._masked(args[1]), *args[2:]), kwargs
        if kwargs.get("closure") is not None:
            return args, {**kwargs, "closure": self._masked(kwargs["closure"])}
        return None

    def _after(self, optimiser: Optimizer, _: tuple[Any, ...], __: dict[str, Any]) -> None:
        for parameter, before in self._before_step:
            _undo_nothing_by_nothing(parameter, before, optimiser.state.get(parameter, {}))
        self.clear()

    def _masked(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        def inside() -> Any:
            loss = closure()
            self._clear_gradients()
            return loss

        return inside

    def _clear_gradients(self) -> None:
        for weight, mask in self._now:
            if weight.grad is not None:
                clear((weight.grad,), mask)


def _undo_nothing_by_nothing(parameter: Tensor, before: Tensor, state: dict[str, Any]) -> None:
    """Leave what has no gradient where it was, as the weights of a neuron that masks let lead nowhere."""
    if parameter.grad is None:
        return
    lost = parameter.isnan() & ~before.isnan() & (parameter.grad == 0)
    parameter.data.copy_(torch.where(lost, before, parameter.detach()))
    for kept in state.values():
        if isinstance(kept, Tensor) and kept.shape == parameter.shape:
            kept.masked_fill_(lost & kept.isnan(), 0)


def guard(optimiser: Optimizer, module: nn.Module) -> Guard:
    """Keep masked weights, and what an optimiser keeps about them, at 0 after each of its steps.

    Parameters
    ----------
    optimiser
        Any optimiser that moves weights of the module. What it already keeps about masked weights is set to 0.
    module
        The module with masks, before it is wrapped or compiled. Masks that are attached, loaded or written to later are
        those of the next step.

    Returns
    -------
    Guard
        Its method ``remove`` ends the guard.

    Raises
    ------
    InvalidInput
        Here and at every step: if the optimiser moves parameters of another module alone, a masked weight is no plain
        parameter any more or is spread over processes, or layers that share a weight have different masks.

    Notes
    -----
    Optimisers that move entries by themselves alone, such as SGD, Adam and AdamW, see the gradients as they are, and
    what they make of those outside of the masks is set to 0 after the step, whatever it is. Others, such as Muon, and
    closures see gradients that are 0 outside. With an ``eps`` of 0 a weight that never had a gradient, since masks let
    nothing behind it lead to an output, stays where it is instead of moving by 0 / 0. A copy of an optimiser has no
    guard, as PyTorch copies no hooks: the copy of the module then refuses to be trained until it has one.

    Examples
    --------
    >>> from ertrain.masks import attach_masks
    >>> layer = nn.Linear(2, 1)
    >>> attach_masks(layer, {"": torch.tensor([[True, False]])})
    >>> optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1)
    >>> _ = guard(optimiser, layer)
    >>> layer(torch.ones(3, 2)).sum().backward()
    >>> optimiser.step()
    >>> layer.weight[0, 1].item(), optimiser.state[layer.weight]["exp_avg"][0, 1].item()
    (0.0, 0.0)
    """
    moved = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    if not any(id(parameter) in moved for _, part in named_parts(module) for parameter in part._parameters.values()):
        allowed = "an optimiser of this module's parameters; make it after the module is in its place"
        raise InvalidInput("optimiser", allowed, type(optimiser).__name__)
    made = Guard(optimiser, module)
    try:
        made.look()
    except InvalidInput:
        made.remove()
        raise
    made.clear()
    return made
