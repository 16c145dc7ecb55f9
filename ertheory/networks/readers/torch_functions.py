"""Functions of PyTorch in a traced graph: as the modules that compute the same, as flattening, as sums."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.formulas import formula_of
from ertheory.networks.readers.torch_modules import class_name
from ertheory.networks.readers.torch_steps import zeros

__all__ = ["called_layer", "called_module", "flattened", "is_size", "padded", "squeezed", "summed", "written_out"]

# Functions of torch.nn.functional, of torch and of tensors by name, and the classes of torch.nn that compute the same.
_MODULES = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "hardsigmoid": "Hardsigmoid", "hardswish": "Hardswish",
    "hardtanh": "Hardtanh", "leaky_relu": "LeakyReLU", "mish": "Mish", "relu": "ReLU", "relu6": "ReLU6", "selu": "SELU",
    "sigmoid": "Sigmoid", "silu": "SiLU", "softplus": "Softplus", "softshrink": "Softshrink", "tanh": "Tanh",
    **{f"dropout{axes}": f"Dropout{axes}" for axes in ("", "1d", "2d", "3d")},
    **{f"{way}_pool{axes}d": f"{way.title()}Pool{axes}d" for way in ("max", "avg") for axes in (1, 2, 3)},
    **{
        f"adaptive_{way}_pool{axes}d": f"Adaptive{way.title()}Pool{axes}d"
        for way in ("max", "avg") for axes in (1, 2, 3)
    },
}  # fmt: skip
_LAYER_ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_LAYERS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})
_OF_SIZES = frozenset({"add", "floordiv", "getitem", "int", "mul", "prod", "sub"})
# Operations of formulas, by the names that they have here and in Python.
_ARITHMETIC = {"truediv": "div", "itruediv": "div", "imul": "mul", "clip": "clamp"}
_ONE, _TWO = ("hardsigmoid", "relu6", "sigmoid", "softplus", "tanh"), ("add", "div", "mul")
_PARTS = {**dict.fromkeys(_ONE, 1), **dict.fromkeys(_TWO, 2), "clamp": 3}  # and how many operands they have
_PART_MODULES = {"Hardsigmoid": "hardsigmoid", "ReLU6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh"}
_SUMS = frozenset({"add", "iadd", "add_"})


def called_module(node: Any, model: Any) -> Any:
    """Give the module that an operation is, or one that computes the same; ``None`` for another operation.

    Raises
    ------
    InvalidInput
        If it is a dropout in training mode.
    """
    if node.op == "call_module":
        return model.get_submodule(node.target)
    if node.op not in ("call_function", "call_method"):
        return None
    import torch

    name = _name(node).removesuffix("_")
    kind = _MODULES.get(name)
    if kind is None or (node.op == "call_function" and not _is_torch(node.target)):
        return None
    options = _options(node, model)
    if options is None:
        return None
    if options.pop("training", False) and "dropout" in name:
        raise InvalidInput(f"{name}", "training=False", True)
    for part in ("input", "inplace"):
        options.pop(part, None)
    if "dropout" in name:
        options = {}
    try:
        return getattr(torch.nn, kind)(**options)
    except TypeError:
        return None


def called_layer(node: Any, model: Any) -> Any:
    """Give what ``linear`` or a convolution with parameters of the model is, with the attributes of a layer.

    ``None`` for another operation.
    """
    if node.op != "call_function" or _name(node) not in _LAYERS or not _is_torch(node.target):
        return None
    options = dict(zip(_LAYER_ARGUMENTS, node.args, strict=False)) | node.kwargs
    held = {name: _held(options.pop(name, None), model) for name in ("weight", "bias")}
    if held["weight"] is None or getattr(options.pop("input", None), "op", "get_attr") == "get_attr":
        return None
    groups, axes = options.pop("groups", 1), held["weight"].ndim - 2
    each = {"stride": 1, "padding": 0, "dilation": 1} | options
    sizes = {name: (size,) * axes if type(size) is int else size for name, size in each.items()}
    return SimpleNamespace(
        **held,
        **sizes,
        groups=groups,
        kernel_size=tuple(held["weight"].shape[2:]),
        padding_mode="zeros",
        _forward_pre_hooks={},
    )


def flattened(named: str, node: Any) -> Callable[[Chain], None] | None:
    """Give what flattening, or the average over all positions, does to a chain; ``None`` for another operation."""
    if not _is_known(node):
        return None
    name, args, options = _name(node), list(node.args[1:]), dict(node.kwargs)
    if name == "flatten":
        start = args[0] if args else options.pop("start_dim", 0)
        end = args[1] if len(args) > 1 else options.pop("end_dim", -1)
        if (start, end) == (1, -1) and not options:
            return lambda chain: chain.flatten()
        raise InvalidInput(named, "start_dim=1 and end_dim=-1", (start, end))
    if name in ("view", "reshape") and not options:
        shape = args[0] if len(args) == 1 and isinstance(args[0], tuple | list) else args
        if len(shape) != 2:
            return None
        points, neurons = shape
        kept = _is_node(points) and _is_batch_size(points)
        # Of two numbers of which the first is the number of points, the second follows.
        if kept and (neurons == -1 or (_is_node(neurons) and is_size(neurons))):
            return lambda chain: chain.flatten()
        if (points == -1 or kept) and type(neurons) is int and neurons > 0:
            return lambda chain: chain.flatten(neurons)
    if name == "mean" and not options.pop("dtype", None):
        axes = args[0] if args else options.pop("dim", None)
        keeps = args[1] if len(args) > 1 else options.pop("keepdim", False)
        for count in (1, 2, 3):
            if not options and _sorted(axes, count) == list(range(2, 2 + count)):
                return lambda chain: chain.average(named, count, keeps=bool(keeps))
    return None


def squeezed(named: str, node: Any) -> Callable[[Chain], None] | None:
    """Give what ``squeeze`` does to a chain: it drops axes of one position; ``None`` for another operation."""
    if not _is_known(node) or _name(node) != "squeeze":
        return None
    given = (*node.args[1:], *(value for name, value in node.kwargs.items() if name == "dim"))
    axes = given[0] if given else None
    listed = (axes,) if type(axes) is int else axes
    if listed is not None and any(type(axis) is not int for axis in listed):
        return None
    return lambda chain: chain.squeeze(named, listed)


def padded(named: str, node: Any) -> Callable[[Chain], None] | None:
    """Give what ``torch.nn.functional.pad`` does to a chain; ``None`` for another operation, or other values."""
    if node.op != "call_function" or _name(node) != "pad" or not _is_torch(node.target):
        return None
    options = dict(zip(("input", "pad", "mode", "value"), node.args, strict=False)) | node.kwargs
    if options.get("mode", "constant") != "constant" or options.get("value") not in (None, 0):
        raise InvalidInput(named, "mode='constant' and value=0", (options.get("mode"), options.get("value")))
    sizes = zeros(named, options["pad"])
    return lambda chain: chain.pad(named, sizes)


def written_out(node: Any, model: Any) -> tuple[Any, str] | None:
    """Say which activation an operation ends that is written out, as ``x * torch.sigmoid(x)``, and of which value."""

    def opened(thing: Any) -> tuple[Any, ...] | None:
        if not _is_node(thing) or thing.op not in ("call_function", "call_method", "call_module"):
            return None
        if thing.op == "call_module":
            name = _PART_MODULES.get(class_name(model.get_submodule(thing.target), _PART_MODULES) or "", "")
        else:
            name = _name(thing).removesuffix("_")
            name = _ARITHMETIC.get(name, name)
        operands, other = thing.args, set(thing.kwargs) - {"inplace"}
        if other or len(operands) != _PARTS.get(name) or not (thing.op == "call_module" or _is_known(thing)):
            return None
        return ("clamp", *operands, 0, 6) if name == "relu6" else (name, *operands)

    return formula_of(node, opened)


def summed(node: Any) -> bool:
    """Say whether an operation adds two values up."""
    both = node.op in ("call_function", "call_method") and _name(node) in _SUMS
    values = both and len(node.args) == 2 and all(map(_is_node, node.args)) and not node.kwargs
    return values and not any(read.op == "get_attr" or is_size(read) for read in node.args)


def is_size(node: Any) -> bool:
    """Say whether an operation reads sizes of a tensor, or computes something of them alone."""
    if _reads_shape(node) or (node.op == "call_method" and node.target == "size"):
        return True
    reads = node.all_input_nodes
    return node.op == "call_function" and _name(node) in _OF_SIZES and bool(reads) and all(map(is_size, reads))


def _reads_shape(node: Any) -> bool:
    return node.op == "call_function" and node.target is getattr and node.args[1] == "shape"


def _is_batch_size(node: Any) -> bool:
    """Say whether an operation gives the number of points."""
    if node.op == "call_method" and node.target == "size":
        return len(node.args) == 2 and node.args[1] == 0
    if node.op != "call_function" or _name(node) != "getitem" or node.args[1] != 0:
        return False
    whole = node.args[0]
    return _reads_shape(whole) or (whole.op == "call_method" and whole.target == "size" and len(whole.args) == 1)


def _options(node: Any, model: Any) -> dict[str, Any] | None:
    """Give the arguments of a call by name."""
    if len(node.args) <= 1:
        return {name: value for name, value in node.kwargs.items() if name != "input"}
    if node.op == "call_method":
        return None
    found = node.normalized_arguments(model, normalize_to_only_use_kwargs=True)
    return None if found is None else dict(found.kwargs)


def _sorted(axes: Any, count: int) -> list[int] | None:
    """Write axes of a tensor with so many positions, counted from either end, in order."""
    listed = [axes] if type(axes) is int else axes
    if not isinstance(listed, tuple | list) or len(listed) != count or any(type(axis) is not int for axis in listed):
        return None
    return sorted(axis + count + 2 if axis < 0 else axis for axis in listed)


def _held(value: Any, model: Any) -> Any:
    """Give the parameter that an operand is."""
    if not _is_node(value) or value.op != "get_attr":
        return None
    owner, _, name = value.target.rpartition(".")
    return getattr(model.get_submodule(owner), name)


def _is_node(value: Any) -> bool:
    return hasattr(value, "all_input_nodes")


def _is_known(node: Any) -> bool:
    return node.op == "call_method" or (node.op == "call_function" and _is_torch(node.target))


def _is_torch(function: Any) -> bool:
    return str(getattr(function, "__module__", None) or "torch").startswith(("torch", "_operator"))


def _name(node: Any) -> str:
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", ""))
