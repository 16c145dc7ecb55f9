"""ATen operators of exported programs as nodes: what each of them appends to a chain.

An operator with options that change the function, and that are not known here, is refused and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.activations import SELU
from ertheory.networks.arrays import Array, doubles
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.formulas import formula_of
from ertheory.networks.readers.graph import Node
from ertheory.networks.readers.torch_steps import activation_name, geometry, pool, zeros

__all__ = ["ATEN", "Call", "refuse"]


def refuse(named: str) -> None:
    """Refuse an operator.

    Raises
    ------
    InvalidInput
        Always.
    """
    allowed = "linear, convolution, activations, flattening, batch_norm, pooling, or the sum of two values"
    raise InvalidInput(named, allowed, "another operator")


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an operator that reads a value of the program.

    Parameters
    ----------
    named
        Names the call in an error.
    node
        Its node in the graph.
    values
        What is known so far: a `Node` where it depends on the input, a tensor where it does not.
    """

    named: str
    node: Any
    values: Mapping[Any, Any]

    def argument(self, name: str) -> Any:
        """Give an argument by name, or the one that stands for it where it is left out."""
        for place, part in enumerate(self.node.target._schema.arguments):
            if part.name == name:
                usual = part.default_value if part.has_default_value() else None
                return self.node.args[place] if place < len(self.node.args) else self.node.kwargs.get(name, usual)
        return None

    def array(self, name: str) -> Array | None:
        """Give an argument that has to be constant as doubles; ``None`` where it is none."""
        given = self.argument(name)
        value = self.values.get(given) if hasattr(given, "all_input_nodes") else given
        if isinstance(value, Node):
            raise InvalidInput(self.named, f"a constant {name}", "a value that depends on the input")
        return None if value is None else doubles(f"{self.named}, {name}", value)

    def needed(self, name: str) -> Array:
        """Give a constant argument that has to be there."""
        found = self.array(name)
        if found is None:
            raise InvalidInput(self.named, f"a constant {name}", "none")
        return found

    def read(self, place: int = 0) -> Node:
        """Give a positional argument that depends on the input."""
        given = self.node.args[place] if place < len(self.node.args) else None
        found = self.values.get(given) if hasattr(given, "all_input_nodes") else None
        if not isinstance(found, Node):
            raise InvalidInput(self.named, f"a value that depends on the input as argument {place + 1}", "another")
        return found

    def sizes(self, place: int = 0) -> tuple[Any, ...]:
        """Give the shape of a positional argument, with symbols for sizes that are free."""
        return tuple(self.node.args[place].meta["val"].shape)

    def opened(self, thing: Any) -> tuple[Any, ...] | None:
        """Give the name of an operator and its operands, constants of one entry as numbers."""
        target: Any = getattr(thing, "target", None)
        if getattr(target, "namespace", None) != "aten" or thing.kwargs:
            return None
        name = target._opname.removesuffix("_")
        operands = [self._operand(part) for part in thing.args]
        if name in ("clamp_min", "clamp_max"):
            name, operands = "clamp", [*operands, None] if name == "clamp_min" else [operands[0], None, operands[1]]
        elif name in ("clamp", "hardtanh"):
            name, operands = "clamp", [*operands, None][:3]
        elif name == "relu6":
            name, operands = "clamp", [*operands, 0, 6]
        elif name == "relu":
            name, operands = "clamp", [*operands, 0, None]
        return (name, *operands)

    def _operand(self, part: Any) -> Any:
        value: Any = self.values.get(part) if hasattr(part, "all_input_nodes") else None
        return value.item() if hasattr(value, "item") and value.numel() == 1 else part

    def then(self, append: Callable[[Chain], None] | None, place: int = 0) -> Node:
        """Make the node, which reads one value."""
        return Node(self.named, (self.read(place),), append)

    def each(self, name: str, axes: int) -> tuple[Any, ...]:
        """Give one number per axis; operators take one for all, too."""
        given = self.argument(name)
        listed = tuple(given) if isinstance(given, list | tuple) else (given,)
        return listed * axes if len(listed) == 1 else listed


def _linear(call: Call) -> Node:
    return _matrix(call, call.needed("weight"), call.array("bias"))


def _addmm(call: Call) -> Node:
    if (call.argument("beta"), call.argument("alpha")) != (1, 1):
        raise InvalidInput(call.named, "beta and alpha 1", (call.argument("beta"), call.argument("alpha")))
    weight, bias = call.needed("mat2").T, call.needed("self")
    if bias.shape != weight.shape[:1]:
        raise InvalidInput(call.named, f"a constant of {len(weight)} numbers", bias.shape)
    return _matrix(call, weight, bias, place=1)


def _matmul(call: Call) -> Node:
    other = call.array("mat2") if call.argument("mat2") is not None else call.needed("other")
    if other is None or other.ndim != 2:
        raise InvalidInput(call.named, "values times a constant matrix", None if other is None else other.shape)
    return _matrix(call, other.T, None)


def _matrix(call: Call, weight: Array, bias: Array | None, place: int = 0) -> Node:
    if len(call.sizes(place)) != 2:
        allowed = "an input with the axes of points and of neurons"
        raise InvalidInput(call.named, allowed, f"{len(call.sizes(place))} axes")
    return call.then(lambda chain: chain.layer(call.named, weight, bias), place)


def _convolution(call: Call) -> Node:
    weight, bias = call.needed("weight"), call.array("bias")
    if call.argument("transposed"):
        raise InvalidInput(call.named, "a convolution that is not transposed", True)
    axes = weight.ndim - 2
    padding = call.argument("padding")
    layer = SimpleNamespace(
        stride=call.each("stride", axes),
        dilation=call.each("dilation", axes),
        padding=padding if isinstance(padding, str) else call.each("padding", axes),
        groups=call.argument("groups"),
        kernel_size=weight.shape[2:],
        padding_mode="zeros",
    )
    options = geometry(call.named, layer)
    return call.then(lambda chain: chain.layer(call.named, weight, bias, **options))


def _norm(call: Call) -> Node:
    if call.argument("training"):
        raise InvalidInput(call.named, "training=False; export model.eval()", True)
    mean, variance = call.array("running_mean"), call.array("running_var")
    if mean is None or variance is None:
        raise InvalidInput(call.named, "running statistics", "none")
    weight, bias = call.array("weight"), call.array("bias")
    norm = ChannelMap.of_statistics(call.named, mean, variance, float(call.argument("eps")), weight, bias)
    axes = len(call.sizes()) - 2
    return call.then(lambda chain: chain.norm(call.named, norm, axes))


def _activation(kind: str, **names: str) -> Callable[[Call], Node]:
    """Read an activation by the class of torch.nn that computes the same, and what its parameters are called there."""

    def apply(call: Call) -> Node:
        options = {ours: call.argument(theirs) for ours, theirs in names.items()}
        if kind == "PReLU":
            options = {"weight": call.needed("weight")}
        scaled = (call.argument("alpha"), call.argument("scale")) if kind == "ELU" else None
        if scaled is not None and call.argument("input_scale") != 1:
            raise InvalidInput(call.named, "input_scale 1", call.argument("input_scale"))
        if scaled not in (None, SELU) and scaled[1] != 1:
            raise InvalidInput(call.named, "scale 1, or the alpha and the scale of SELU", scaled)
        named = "SELU" if scaled == SELU else kind
        name = activation_name(call.named, named, SimpleNamespace(**options))
        return call.then(lambda chain: chain.activation(name))

    return apply


def _clamp(call: Call) -> Node:
    low, high = call.argument("min"), call.argument("max")
    if low == 0 and high is None:
        return call.then(lambda chain: chain.activation("relu"))

    def append(chain: Chain) -> None:
        # A hard sigmoid is written with one bound after the other, and is not read by its parts.
        if low is None or high is None:
            raise InvalidInput(call.named, "bounds -1 and 1, 0 and 6, or 0 alone", (low, high))
        chain.activation(activation_name(call.named, "Hardtanh", SimpleNamespace(min_val=low, max_val=high)))

    return call.then(append)


def _pool(kind: str, axes: int) -> Callable[[Call], Node]:
    def apply(call: Call) -> Node:
        module = SimpleNamespace(divisor_override=call.argument("divisor_override"))
        if kind.startswith("Adaptive"):
            module.output_size = call.each("output_size", axes)
        else:
            module.kernel_size, module.padding = call.each("kernel_size", axes), call.each("padding", axes)
            # No stride at all stands for the size.
            module.stride = call.each("stride", axes) if call.argument("stride") else module.kernel_size
            module.ceil_mode = call.argument("ceil_mode")
            module.dilation = call.each("dilation", axes) if "Max" in kind else 1
            module.count_include_pad = call.argument("count_include_pad") if "Avg" in kind else True
        step = pool(call.named, f"{kind}{axes}d", module)
        return call.then(lambda chain: chain.pool(call.named, step))

    return apply


def _reshape(call: Call) -> Node:
    """Read what changes the shape of a value: nothing, or its flattening.

    Where axes of one position are dropped one after the other, the last one that goes flattens.
    """
    before, after = list(map(str, call.sizes())), list(map(str, call.node.meta["val"].shape))
    if before == after:
        return call.then(None)
    some = call.node.target._opname == "squeeze" and len(after) > 2 and before[:2] == after[:2]
    if some and [size for size in before if size != "1"] == [size for size in after if size != "1"]:
        return call.then(None)
    if len(after) != 2 or before[0] != after[0]:
        raise InvalidInput(call.named, f"a shape that flattens ({', '.join(before)})", f"({', '.join(after)})")
    neurons = int(after[1]) if after[1].isdigit() else None
    return call.then(lambda chain: chain.flatten(neurons))


def _mean(call: Call) -> Node:
    rank, axes = len(call.sizes()), call.argument("dim")
    if call.argument("dtype") is not None or not axes or _places(axes, rank) != list(range(2, rank)):
        raise InvalidInput(call.named, "an average over all positions", axes)
    keeps = bool(call.argument("keepdim"))
    return call.then(lambda chain: chain.average(call.named, rank - 2, keeps=keeps))


def _pad(call: Call) -> Node:
    mode, value = call.argument("mode") or "constant", call.argument("value")
    if mode != "constant" or value not in (None, 0):
        raise InvalidInput(call.named, "mode constant and value 0", (mode, value))
    sizes = zeros(call.named, call.argument("pad"))
    return call.then(lambda chain: chain.pad(call.named, sizes))


def _places(axes: Sequence[int], rank: int) -> list[int]:
    return sorted(axis % rank for axis in axes)


def _silent(call: Call) -> Node:
    return call.then(None)


def _dropout(call: Call) -> Node:
    if call.argument("train"):
        raise InvalidInput(call.named, "train=False; export model.eval()", True)
    return call.then(None)


def _sum(call: Call) -> Node:
    if call.argument("alpha") != 1 or not all(isinstance(call.values.get(part), Node) for part in call.node.args[:2]):
        return call.then(lambda _: refuse(call.named), int(not isinstance(call.values.get(call.node.args[0]), Node)))
    return Node(call.named, (call.read(0), call.read(1)))


def _formula(call: Call) -> Node:
    """Read an activation that a decomposition has written out, such as z * sigmoid(z)."""
    found = formula_of(call.node, call.opened)
    if found is not None:
        value, name = found
        return Node(call.named, (call.values[value],), lambda chain: chain.activation(name))
    place = next(at for at, part in enumerate(call.node.args) if isinstance(call.values.get(part), Node))
    return call.then(lambda _: refuse(call.named), place)


def _named(name: str) -> Callable[[Call], Node]:
    return lambda call: call.then(lambda chain: chain.activation(name))


# How an operator is read, by its name without overload and without the mark of one that works in place.
ATEN: Mapping[str, Callable[[Call], Node]] = {
    **{name: _convolution for name in ("conv1d", "conv2d", "conv3d", "convolution")},
    **{name: _norm for name in ("batch_norm", "_native_batch_norm_legit_no_training")},
    **{
        name: _reshape
        for name in ("flatten", "view", "reshape", "_unsafe_view", "squeeze", "unsqueeze", "contiguous", "clone")
    },
    **{name: _dropout for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")},
    **{f"max_pool{axes}d": _pool("MaxPool", axes) for axes in (1, 2, 3)},
    **{f"max_pool{axes}d_with_indices": _pool("MaxPool", axes) for axes in (2, 3)},
    **{f"avg_pool{axes}d": _pool("AvgPool", axes) for axes in (1, 2, 3)},
    **{f"adaptive_avg_pool{axes}d": _pool("AdaptiveAvgPool", axes) for axes in (1, 2, 3)},
    **{f"_adaptive_avg_pool{axes}d": _pool("AdaptiveAvgPool", axes) for axes in (2, 3)},
    **{f"adaptive_max_pool{axes}d": _pool("AdaptiveMaxPool", axes) for axes in (1, 2, 3)},
    "add": _sum,
    "addmm": _addmm,
    "alias": _silent,
    "celu": _activation("CELU", alpha="alpha"),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "constant_pad_nd": _pad,
    "detach": _silent,
    "div": _formula,
    "elu": _activation("ELU", alpha="alpha"),
    "gelu": _activation("GELU", approximate="approximate"),
    "hardsigmoid": _activation("Hardsigmoid"),
    "hardswish": _activation("Hardswish"),
    "hardtanh": _activation("Hardtanh", min_val="min_val", max_val="max_val"),
    "leaky_relu": _activation("LeakyReLU", negative_slope="negative_slope"),
    "linear": _linear,
    "matmul": _matmul,
    "mean": _mean,
    "mish": _activation("Mish"),
    "mm": _matmul,
    "mul": _formula,
    "pad": _pad,
    "prelu": _activation("PReLU"),
    "relu": _activation("ReLU"),
    "relu6": _named("relu6"),
    "selu": _activation("SELU"),
    "sigmoid": _activation("Sigmoid"),
    "silu": _activation("SiLU"),
    "softplus": _activation("Softplus", beta="beta", threshold="threshold"),
    "softshrink": _activation("Softshrink", lambd="lambd"),
    "tanh": _activation("Tanh"),
    "where": _formula,
}
