"""Networks from ONNX files: a graph of operators becomes the nodes of `ertheory.networks.readers.graph`.

The package ``onnx`` is an optional extra, imported only when a file is read. Numbers are read as arrays, and nothing in
a file is executed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.files import undamaged
from ertheory.networks.network import Network
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.graph import Node, network_from_graph
from ertheory.networks.readers.onnx_constants import FOLDED, computed
from ertheory.networks.readers.onnx_operators import OPERATORS, Operator, refuse

__all__ = ["load_onnx", "network_from_onnx"]

_STANDARD = ("", "ai.onnx")
_OLDEST = 7  # broadcasting and dropout meant something else before
_LONGEST_NAME = 60


def load_onnx(path: Path) -> Network:
    """Load a network from an ONNX file.

    Parameters
    ----------
    path
        A regular file, with its numbers inside.

    Raises
    ------
    InvalidInput
        If the package ``onnx`` is not installed, the file is damaged, or as `network_from_onnx` says.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        allowed = 'the package onnx for .onnx files: pip install "ertheory[onnx]"'
        raise InvalidInput("target", allowed, str(path)) from None
    with undamaged(path, "target", "ONNX model"):
        model = onnx.load(path, load_external_data=False)
        _check_inside(model)
        onnx.checker.check_model(model)
    return network_from_onnx(model)


def network_from_onnx(model: Any) -> Network:
    """Read a network from an ONNX model.

    Parameters
    ----------
    model
        An ``onnx.ModelProto`` with one input, whose first axis is that of the points, and one output. Known are Gemm,
        MatMul, Conv, activations, BatchNormalization, pooling, flattening, zeros that a convolution or an average takes
        up (Pad), sums of values, which become residual blocks, and sums and products with constants, which act channel
        by channel as BatchNormalization does. What is computed of constants and shapes alone is computed.

    Returns
    -------
    Network
        Its weights in float64.

    Raises
    ------
    InvalidInput
        If an operator is not known, or known with other options; it is named. If numbers stand in other files.

    Notes
    -----
    Selu and HardSigmoid are read as the functions whose constants are rounded to single precision in the file, and
    BatchNormalization is folded as in `ertheory.networks.readers.torch_read.network_from_torch`.

    Examples
    --------
    >>> import onnx
    >>> from onnx import TensorProto, helper
    >>> weight = helper.make_tensor("w", TensorProto.FLOAT, (2, 3), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    >>> graph = helper.make_graph(
    ...     [helper.make_node("Gemm", ["x", "w"], ["y"])],
    ...     "example",
    ...     [helper.make_tensor_value_info("x", TensorProto.FLOAT, (None, 2))],
    ...     [helper.make_tensor_value_info("y", TensorProto.FLOAT, (None, 3))],
    ...     [weight],
    ... )
    >>> network_from_onnx(helper.make_model(graph)).affine[0].weight.toarray()
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])
    """
    import onnx

    if not isinstance(model, onnx.ModelProto):
        raise InvalidInput("model", "an onnx.ModelProto", model)
    _check_inside(model)
    versions = [used.version for used in model.opset_import if used.domain in _STANDARD]
    if min(versions, default=0) < _OLDEST:
        raise InvalidInput("model", f"operators of version {_OLDEST} or newer", versions)
    graph = model.graph
    values: dict[str, Any] = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in values]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise InvalidInput("model", "one input and one output", f"{len(inputs)} and {len(graph.output)}")
    own = {(function.domain, function.name) for function in model.functions}
    shapes = _shapes(onnx.shape_inference.infer_shapes(model).graph)
    values[inputs[0]] = Node("input of the model")
    producers = {name: operator for operator in graph.node for name in operator.output}
    for operator in graph.node:
        named = _named(operator)
        if operator.domain not in _STANDARD or (operator.domain, operator.op_type) in own:
            found: Any = _refusing(named, operator, values)
        elif operator.op_type == "Constant":
            found = _constant(named, operator, onnx)
        else:
            attributes = {part.name: onnx.helper.get_attribute_value(part) for part in operator.attribute}
            read = Operator(named, tuple(operator.input), attributes, values, shapes, producers, inputs[0])
            make = OPERATORS.get(operator.op_type)
            given = [values[name] for name in operator.input if name]
            if operator.op_type in FOLDED and given and not any(isinstance(value, Node) for value in given):
                found = computed(named, operator, values, max(versions))
            else:
                found = _refusing(named, operator, values) if make is None else make(read)
        # Further outputs, such as the mask of a dropout, are not known.
        values[operator.output[0]] = found
        for name in operator.output[1:]:
            values[name] = Node(f"{named}, output {name}", (), _refusal(named))
    output = values.get(graph.output[0].name)
    if not isinstance(output, Node):
        raise InvalidInput("model", "an output that depends on the input", graph.output[0].name)
    return network_from_graph(output)


def _check_inside(model: Any) -> None:
    """Refuse numbers that stand in other files, or in a form that is not read."""
    constants = [
        part.t for operator in model.graph.node if operator.op_type == "Constant" for part in operator.attribute
    ]
    for tensor in (*model.graph.initializer, *constants):
        if tensor.data_location == tensor.EXTERNAL:
            raise InvalidInput(_short(tensor.name or "model"), "numbers inside the file", "external data")
    if model.graph.sparse_initializer:
        raise InvalidInput("model", "dense initializers", "sparse ones")


def _shapes(graph: Any) -> dict[str, tuple[int | None, ...]]:
    """Give the shapes that are known, ``None`` for a size that is not."""
    return {
        value.name: tuple(
            size.dim_value if size.HasField("dim_value") else None for size in value.type.tensor_type.shape.dim
        )
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def _constant(named: str, operator: Any, onnx: Any) -> Any:
    import numpy as np

    part = operator.attribute[0]
    if part.name == "value":
        return onnx.numpy_helper.to_array(part.t)
    if part.name in ("value_float", "value_floats", "value_int", "value_ints"):
        return np.asarray(onnx.helper.get_attribute_value(part))
    raise InvalidInput(named, "a dense tensor or numbers", part.name)


def _refusing(named: str, operator: Any, values: dict[str, Any]) -> Node:
    reads = tuple(values[name] for name in operator.input if isinstance(values.get(name), Node))
    return Node(named, reads, _refusal(named))


def _refusal(named: str) -> Callable[[Chain], None]:
    return lambda _: refuse(named)


def _named(operator: Any) -> str:
    kind = operator.op_type if operator.domain in _STANDARD else f"{operator.domain}.{operator.op_type}"
    return f"{_short(operator.name or operator.output[0])} ({kind})"


def _short(name: str) -> str:
    return " ".join(name.split())[:_LONGEST_NAME]
