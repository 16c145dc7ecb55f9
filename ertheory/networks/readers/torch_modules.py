"""What PyTorch modules are and hold: known classes, hooks, and the parameters that a forward pass would use.

PyTorch is not imported here; modules are told by the names of their classes and read through their attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array, doubles
from ertheory.networks.readers.batch_norm import ChannelMap

__all__ = [
    "LAYERS",
    "NORMS",
    "POOLS",
    "SILENT",
    "check_unhooked",
    "class_name",
    "evaluating",
    "keeps_mask",
    "label_of",
    "parameter",
    "statistics",
]

LAYERS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d"})
NORMS = frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"})
POOLS = frozenset(
    f"{adaptive}{kind}Pool{axes}d" for adaptive in ("", "Adaptive") for kind in ("Avg", "Max") for axes in (1, 2, 3)
)
# They do nothing in evaluation mode.
SILENT = frozenset({"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"})

_FORWARD = ("forward", "_conv_forward")
# Hooks that set a parameter just before a forward pass, of torch.nn.utils and of masked training.
_SETTING = {
    "ertrain.masks.keeping": "KeepMask",
    "torch.nn.utils.prune": "BasePruningMethod",
    "torch.nn.utils.weight_norm": "WeightNorm",
    "torch.nn.utils.spectral_norm": "SpectralNorm",
}


def class_name(module: object, known: Collection[str], package: str = "torch.nn.modules.") -> str | None:
    """Give the name of a known class that a module belongs to and computes the same as.

    Parameters
    ----------
    module
        Any object.
    known
        Names of classes.
    package
        How the name of the module in which the class is defined begins.

    Returns
    -------
    str or None
        ``None`` if the object belongs to no such class, or has a forward function of its own.

    Examples
    --------
    >>> class_name([], {"Linear"}) is None
    True
    """
    own = type(module)
    for base in own.__mro__:
        if base.__module__.startswith(package) and base.__name__ in known:
            same = all(getattr(own, part, None) is getattr(base, part, None) for part in _FORWARD)
            patched = any(part in getattr(module, "__dict__", ()) for part in _FORWARD)
            return base.__name__ if same and not patched else None
    return None


def label_of(path: str) -> str:
    """Write the path of a module as in Python.

    Examples
    --------
    >>> label_of("body.0.conv")
    'model.body[0].conv'
    """
    parts = path.split(".") if path else []
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put every part of a model into evaluation mode, and leave it as it was: its mode and its attributes."""
    modes = [(module, module.training) for module in model.modules()]
    before = set(vars(model))
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training
        for name in set(vars(model)) - before:  # a trace leaves constants behind
            delattr(model, name)


def check_unhooked(model: Any) -> None:
    """Refuse a model of which a call computes something else than its forward functions say.

    Raises
    ------
    InvalidInput
        If a module has a hook other than those of ``torch.nn.utils`` and ``ertrain`` that set a parameter, or a
        ``__call__`` of its own; it is named.
    """
    import torch

    everywhere = torch.nn.modules.module
    if everywhere._global_forward_hooks or everywhere._global_forward_pre_hooks:
        raise InvalidInput("model", "no hooks for all modules", "a global forward hook")
    for path, module in model.named_modules():
        named = f"{label_of(path)} ({type(module).__name__})"
        for hook in module._forward_hooks.values():
            raise InvalidInput(named, "no forward hook, which may change the output; remove it", _name(hook))
        for hook in module._forward_pre_hooks.values():
            if _setter(hook) is None:
                raise InvalidInput(named, "no forward pre-hook, which may change the input; remove it", _name(hook))
        for part in ("__call__", "_call_impl"):
            own = getattr(type(module), part)
            if own is not getattr(torch.nn.Module, part) and not isinstance(module, torch.fx.GraphModule):
                raise InvalidInput(
                    named, "the __call__ of torch.nn.Module", f"one of its own in {type(module).__name__}"
                )


def keeps_mask(hook: Any) -> bool:
    """Whether a forward pre-hook only sets weights to 0 outside a mask that ``ertrain.attach_masks`` put there."""
    return _setter(hook) is _inside_mask


def parameter(named: str, module: Any, name: str) -> Array | None:
    """Give a weight or a bias as the next forward pass would use it; ``None`` where there is none.

    Parameters
    ----------
    named
        Names the module in an error.
    module
        A module of which `check_unhooked` has seen the hooks.
    name
        ``weight`` or ``bias``.

    Notes
    -----
    Pruning, weight norm and spectral norm as hooks set the parameter just before a forward pass. Until then it is
    stale, as after ``load_state_dict``, so it is computed here. Parametrizations compute it whenever it is read.

    Raises
    ------
    InvalidInput
        If two hooks set the same parameter, or it holds no real numbers.
    """
    hooks = [hook for hook in module._forward_pre_hooks.values() if _sets(hook) == name]
    if len(hooks) > 1:
        raise InvalidInput(named, f"one hook that sets its {name}", ", ".join(map(_name, hooks)))
    if hooks:
        value = _setter(hooks[0])(hooks[0], module)
    else:
        value = getattr(module, name, None)
    return None if value is None else doubles(named, value)


def statistics(named: str, module: Any) -> ChannelMap:
    """Read a BatchNorm by its formula for evaluation.

    Raises
    ------
    InvalidInput
        If it has no running statistics.
    """
    if module.running_mean is None or module.running_var is None:
        raise InvalidInput(named, "running statistics", "track_running_stats=False")
    mean, variance = doubles(named, module.running_mean), doubles(named, module.running_var)
    weight, bias = parameter(named, module, "weight"), parameter(named, module, "bias")
    return ChannelMap.of_statistics(named, mean, variance, module.eps, weight, bias)


def _setter(hook: Any) -> Any:
    """Give the function that computes what a known hook would set, ``None`` for another hook."""
    for base in type(hook).__mro__:
        kind = _SETTING.get(base.__module__)
        if kind == base.__name__ and type(hook).__call__ is base.__call__:
            return {
                "KeepMask": _inside_mask,
                "BasePruningMethod": lambda hook, module: hook.apply_mask(module),
                "WeightNorm": lambda hook, module: hook.compute_weight(module),
                "SpectralNorm": lambda hook, module: hook.compute_weight(module, do_power_iteration=False),
            }[kind]
    return None


def _inside_mask(hook: Any, module: Any) -> Any:
    mask = (module if hook.layer is None else hook.layer)._buffers.get("weight_mask")
    return module.weight if mask is None else module.weight.detach().masked_fill(~mask, 0)


def _sets(hook: Any) -> str | None:
    if _setter(hook) is None:
        return None
    name: str = getattr(hook, "_tensor_name", None) or hook.name
    return name


def _name(hook: Any) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__name__))
