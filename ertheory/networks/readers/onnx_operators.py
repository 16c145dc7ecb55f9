"""Operators of ONNX as nodes: what each of them appends to a chain, or the constant that it gives.

An operator with options that change the function, and that are not known here, is refused and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ertheory.errors import InvalidInput
from ertheory.networks.arrays import Array, doubles
from ertheory.networks.network import Pool
from ertheory.networks.readers.batch_norm import ChannelMap
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.graph import Node
from ertheory.networks.readers.onnx_activations import ACTIVATION_OPERATORS, activation_of
from ertheory.networks.readers.onnx_constants import Sizes
from ertheory.networks.readers.padding import Pads, even

__all__ = ["OPERATORS", "Operator", "refuse"]


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator of a graph.

    Parameters
    ----------
    named
        Names the operator in an error.
    inputs
        Names of what it reads, empty for an optional input that is left out.
    attributes
        Its options.
    values
        What is known by name so far: an array where it is constant, a `Node` otherwise.
    shapes
        Shapes of values, as far as they are known.
    producers
        The operator that gives a value.
    source
        Name of the input of the model.
    """

    named: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    values: Mapping[str, Any]
    shapes: Mapping[str, tuple[int | None, ...]]
    producers: Mapping[str, Any]
    source: str

    def __post_init__(self) -> None:
        for name in self.inputs:
            if name and name not in self.values:
                raise InvalidInput(self.named, "operators in an order in which each reads what came before", name)

    def value(self, place: int) -> Any:
        """Give an input; ``None`` where it is left out."""
        name = self.inputs[place] if place < len(self.inputs) else ""
        return self.values[name] if name else None

    def array(self, place: int, name: str) -> Array | None:
        """Give a constant input as doubles; ``None`` where it is left out."""
        value = self.value(place)
        if isinstance(value, Node | Sizes):
            raise InvalidInput(self.named, f"a constant {name}", "a value that depends on the input")
        return None if value is None else doubles(f"{self.named}, {name}", value)

    def needed(self, place: int, name: str) -> Array:
        """Give a constant input that has to be there."""
        found = self.array(place, name)
        if found is None:
            raise InvalidInput(self.named, f"a constant {name}", "none")
        return found

    def integers(self, place: int, attribute: str) -> list[int] | None:
        """Give whole numbers that newer versions read as an input, and older ones as an attribute."""
        if attribute in self.attributes:
            return [int(value) for value in np.atleast_1d(self.attributes[attribute])]
        found = self.array(place, attribute)
        return None if found is None else [int(value) for value in found.ravel()]

    def shape(self, place: int = 0) -> tuple[int | None, ...]:
        """Give the shape of an input.

        Raises
        ------
        InvalidInput
            If not even the number of its axes is known.
        """
        if self.inputs[place] not in self.shapes:
            raise InvalidInput(self.named, "an input whose number of axes the file tells", "none told")
        return self.shapes[self.inputs[place]]

    def axes(self, place: int = 0) -> int | None:
        """Give how many axes of positions an input has, where it is known."""
        shape = self.shapes.get(self.inputs[place])
        return None if shape is None else max(len(shape) - 2, 0)

    def node(self, append: Callable[[Chain], None] | None) -> Node:
        """Make the node, which reads every input that is not constant."""
        read = tuple(self.values[name] for name in self.inputs if isinstance(self.values.get(name), Node))
        return Node(self.named, read, append)

    def text(self, name: str, usual: str) -> str:
        """Give an attribute that is text."""
        value = self.attributes.get(name, usual)
        return value.decode() if isinstance(value, bytes) else str(value)


def refuse(named: str) -> None:
    """Refuse an operator.

    Raises
    ------
    InvalidInput
        Always.
    """
    allowed = "Gemm, MatMul, Conv, activations, flattening, BatchNormalization, pooling, or the sum of values"
    raise InvalidInput(named, allowed, "another operator")


def _gemm(read: Operator) -> Node:
    if read.attributes.get("transA", 0):
        raise InvalidInput(read.named, "transA = 0", 1)
    weight, bias = read.needed(1, "B"), read.array(2, "C")
    _check_two(read, weight)
    weight = float(read.attributes.get("alpha", 1.0)) * (weight if read.attributes.get("transB", 0) else weight.T)
    if bias is not None:
        if bias.size not in (1, len(weight)) or bias.shape[-1:] not in ((), (bias.size,)):
            raise InvalidInput(read.named, f"a C of {len(weight)} numbers", bias.shape)
        bias = float(read.attributes.get("beta", 1.0)) * np.broadcast_to(bias.ravel(), len(weight))
    return read.node(lambda chain: chain.layer(read.named, weight, bias))


def _matmul(read: Operator) -> Node:
    weight = read.needed(1, "B")
    _check_two(read, weight)
    if len(read.shape()) != 2:
        raise InvalidInput(read.named, "an input with the axes of points and of neurons", f"{len(read.shape())} axes")
    return read.node(lambda chain: chain.layer(read.named, weight.T))


def _check_two(read: Operator, weight: Array) -> None:
    if weight.ndim != 2 or not isinstance(read.value(0), Node):
        raise InvalidInput(read.named, "values times a constant matrix", weight.shape)


def _conv(read: Operator) -> Node:
    weight, bias = read.needed(1, "W"), read.array(2, "B")
    kernel = weight.shape[2:]
    if not kernel or not isinstance(read.value(0), Node):
        raise InvalidInput(read.named, "values and constant filters", weight.shape)
    stride, dilation = _each(read, "strides", kernel), _each(read, "dilations", kernel)
    padding = _padding(read, kernel, stride, dilation)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": read.attributes.get("group", 1)}
    return read.node(lambda chain: chain.layer(read.named, weight, bias, **geometry))


def _each(read: Operator, name: str, kernel: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(read.attributes.get(name, (1,) * len(kernel)))


def _padding(read: Operator, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pads:
    """Give the zeros in front of and behind each axis."""
    automatic = read.text("auto_pad", "NOTSET")
    if automatic.startswith("SAME"):
        around = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        if any(step != 1 for step in stride):
            raise InvalidInput(read.named, "pads that are written out where strides are not 1", automatic)
        less, more = [both // 2 for both in around], [both - both // 2 for both in around]
        return tuple(zip(*((less, more) if automatic == "SAME_UPPER" else (more, less)), strict=True))
    pads = read.attributes.get("pads", ()) if automatic == "NOTSET" else ()
    pads = tuple(pads) or (0,) * (2 * len(kernel))
    return tuple(zip(pads[: len(kernel)], pads[len(kernel) :], strict=True))


def _norm(read: Operator) -> Node:
    if read.attributes.get("training_mode", 0) or not read.attributes.get("spatial", 1):
        raise InvalidInput(read.named, "training_mode = 0, and statistics per channel", 1)
    scale, bias, mean, variance = (
        read.needed(place, name) for place, name in enumerate(("scale", "B", "mean", "var"), start=1)
    )
    eps = float(read.attributes.get("epsilon", np.float32(1e-5)))
    norm = ChannelMap.of_statistics(read.named, mean, variance, eps, scale, bias)
    return read.node(lambda chain: chain.norm(read.named, norm, read.axes()))


def _windows(kind: Literal["max", "average"]) -> Callable[[Operator], Node]:
    def pool(read: Operator) -> Node:
        kernel = tuple(read.attributes["kernel_shape"])
        stride, dilation = _each(read, "strides", kernel), _each(read, "dilations", kernel)
        pads = _padding(read, kernel, stride, dilation)
        padding = even(pads)
        if padding is None:
            raise InvalidInput(read.named, "pads that are the same on both sides", pads)
        # With stride 1 there is nothing to round up. Versions disagree on what is counted beyond the border.
        ceil = bool(read.attributes.get("ceil_mode", 0)) and any(step != 1 for step in stride)
        if ceil and kind == "average":
            raise InvalidInput(read.named, "ceil_mode = 0 for averages", 1)
        if any(step != 1 for step in dilation):
            raise InvalidInput(read.named, "dilations of 1", dilation)
        counted = kind == "max" or not any(padding) or bool(read.attributes.get("count_include_pad", 0))
        step = Pool(kind, kernel, stride, padding, ceil=ceil, counted=counted)
        return read.node(lambda chain: chain.pool(read.named, step))

    return pool


def _everywhere(kind: Literal["max", "average"]) -> Callable[[Operator], Node]:
    return lambda read: read.node(lambda chain: chain.pool(read.named, Pool(kind)))


def _mean(read: Operator) -> Node:
    rank, axes = len(read.shape()), read.integers(1, "axes")
    if axes is None or sorted(axis % rank for axis in axes) != list(range(2, rank)):
        raise InvalidInput(read.named, "an average over all positions", axes)
    keeps = bool(read.attributes.get("keepdims", 1))
    return read.node(lambda chain: chain.average(read.named, rank - 2, keeps=keeps))


def _flatten(read: Operator) -> Node:
    axis = read.attributes.get("axis", 1)
    if axis != 1 and (axis >= 0 or axis + len(read.shape()) != 1):
        raise InvalidInput(read.named, "axis = 1", axis)
    return read.node(lambda chain: chain.flatten())


def _squeeze(read: Operator) -> Node:
    rank, axes = len(read.shape()), read.integers(1, "axes")
    if axes is None or rank < 3 or sorted(axis % rank for axis in axes) != list(range(2, rank)):
        raise InvalidInput(read.named, "the axes of all positions", axes)
    return read.node(lambda chain: chain.flatten())


def _shape(read: Operator) -> Sizes:
    if read.attributes.get("start", 0) or "end" in read.attributes:
        raise InvalidInput(read.named, "the whole shape", (read.attributes.get("start", 0), read.attributes.get("end")))
    return Sizes.of_shape(read.shape())


def _reshape(read: Operator) -> Node:
    """Flatten, in one of the ways to write it: (0, -1), (-1, n), and with the number of points where it is known."""
    given = read.value(1)
    if isinstance(given, Sizes):
        known = given.known()
        # Of two numbers of which the first is the number of points, the second follows.
        if len(known) != 2 or not given.is_points(0) or known[1] == 0:
            raise InvalidInput(read.named, "a shape that flattens, such as (0, -1)", known)
        shape = [0, -1 if known[1] is None else known[1]]
    else:
        shape = read.needed(1, "shape").astype(int).tolist()
    fixed = read.shapes.get(read.source, (None,))[:1]
    whole = len(shape) == 2 and (shape[0] in (0, -1) or (shape[0],) == fixed) and (shape[1] > 0 or shape[1] == -1)
    if not whole or shape == [-1, -1] or (shape[0] == 0 and read.attributes.get("allowzero", 0)):
        raise InvalidInput(read.named, "a shape that flattens, such as (0, -1)", tuple(shape))
    neurons = shape[1] if shape[1] > 0 else None
    return read.node(lambda chain: chain.flatten(neurons))


def _pad(read: Operator) -> Node:
    mode, pads, rank = read.text("mode", "constant"), read.integers(1, "pads"), len(read.shape())
    filled = read.array(2, "constant_value")
    if mode != "constant" or (filled is not None and filled.any()) or read.attributes.get("value", 0):
        raise InvalidInput(read.named, "mode = constant, with zeros", mode)
    if read.value(3) is not None:
        raise InvalidInput(read.named, "pads for all axes", "axes")
    if pads is None or len(pads) != 2 * rank or any((*pads[:2], *pads[rank : rank + 2])) or min(pads) < 0:
        raise InvalidInput(read.named, "pads of positions alone, none negative", pads)
    return read.node(lambda chain: chain.pad(read.named, tuple(zip(pads[2:rank], pads[rank + 2 :], strict=True))))


def _silent(read: Operator) -> Node:
    return read.node(None)


def _sum(read: Operator) -> Node:
    """Add any number of values, one after the other."""
    parts = [read.value(place) for place in range(len(read.inputs))]
    total = parts[0]
    if not all(isinstance(part, Node) for part in parts):
        return read.node(lambda _: refuse(read.named))
    for part in parts[1:]:
        total = Node(read.named, (total, part))
    return read.node(None) if len(parts) == 1 else total


def _dropout(read: Operator) -> Node:
    training = read.array(2, "training_mode")
    if (training is not None and training.any()) or read.attributes.get("is_test", 1) == 0:
        raise InvalidInput(read.named, "training_mode = false", True)
    return read.node(None)


def _arithmetic(kind: str) -> Callable[[Operator], Node]:
    """Read a sum of two values, or an operation with a constant per channel."""

    def combine(read: Operator) -> Node:
        first, second = (isinstance(read.value(place), Node) for place in (0, 1))
        if kind == "Add" and first and second:
            return read.node(None)
        if kind == "Mul" and first and second and (gated := _gated(read)) is not None:
            return gated
        if first and not second:
            norm = _per_channel(read, kind, read.needed(1, "operand"), read.shape(0))
        elif second and not first and kind != "Div":
            norm = _per_channel(read, kind, read.needed(0, "operand"), read.shape(1), turned=kind == "Sub")
        else:
            return read.node(lambda _: refuse(read.named))
        return read.node(lambda chain: chain.norm(read.named, norm, read.axes(0 if first else 1)))

    return combine


def _gated(read: Operator) -> Node | None:
    """Read z * sigmoid(z), as SiLU is written in versions that have no operator for it."""
    for value, gate in (read.inputs, read.inputs[::-1]):
        made = read.producers.get(gate)
        if made is not None and made.op_type == "Sigmoid" and not made.domain and made.input[0] == value:
            return Node(read.named, (read.values[value],), lambda chain: chain.activation("silu"))
    return None


def _per_channel(
    read: Operator, kind: str, constant: Array, shape: tuple[int | None, ...], *, turned: bool = False
) -> ChannelMap:
    """Give z + c, z - c, z * c, z / c, or c - z where it is turned, as a map of channels."""
    channels = shape[1] if len(shape) > 1 else None
    aligned = constant.reshape((1,) * (len(shape) - constant.ndim) + constant.shape)
    if channels is None and aligned.ndim > 1:
        channels = aligned.shape[1] if aligned.shape[1] > 1 else None
    if channels is None or aligned.size not in (1, channels) or aligned.size != aligned.shape[1]:
        raise InvalidInput(read.named, "one constant for each channel, or for all", constant.shape)
    each = np.broadcast_to(aligned.ravel(), channels)
    ones, zeros = np.ones(channels), np.zeros(channels)
    if kind in ("Add", "Sub"):
        return ChannelMap(-ones if turned else ones, each if kind == "Add" or turned else -each)
    if kind == "Div" and not each.all():
        raise InvalidInput(read.named, "divisors other than 0", 0.0)
    return ChannelMap(each * ones if kind == "Mul" else 1 / each, zeros)


def _activation(kind: str) -> Callable[[Operator], Node]:
    def apply(read: Operator) -> Node:
        constants = [read.array(place, "parameter") for place in range(1, len(read.inputs))]
        name = activation_of(read.named, kind, read.attributes, constants)
        return read.node(lambda chain: chain.activation(name))

    return apply


# How an operator is read, by its type.
OPERATORS: Mapping[str, Callable[[Operator], Any]] = {
    **{kind: _arithmetic(kind) for kind in ("Add", "Sub", "Mul", "Div")},
    **{kind: _activation(kind) for kind in ACTIVATION_OPERATORS},
    "AveragePool": _windows("average"),
    "BatchNormalization": _norm,
    "Conv": _conv,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _everywhere("average"),
    "GlobalMaxPool": _everywhere("max"),
    "Identity": _silent,
    "MatMul": _matmul,
    "MaxPool": _windows("max"),
    "ReduceMean": _mean,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Sum": _sum,
}
