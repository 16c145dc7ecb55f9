"""Networks from programs that ``torch.export`` has made: graphs of ATen operators, with the shape of every value.

What is computed of parameters alone, such as a pruned or a normalised weight, is computed when the program is read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.network import Network
from ertheory.networks.readers.aten import ATEN, Call, refuse
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.graph import Node, network_from_graph
from ertheory.networks.readers.torch_modules import label_of
from ertheory.networks.readers.torch_trace import check_in_place

__all__ = ["is_exported", "network_from_exported"]


def is_exported(thing: object) -> bool:
    """Say whether something is a program of ``torch.export``."""
    return any(
        base.__name__ == "ExportedProgram" and base.__module__.startswith("torch.export")
        for base in type(thing).__mro__
    )


def network_from_exported(program: Any) -> Network:
    """Read a network from a ``torch.export.ExportedProgram``.

    Parameters
    ----------
    program
        A program with one input, whose first axis is that of the points, and one output, in evaluation mode; also
        after ``run_decompositions()``.

    Returns
    -------
    Network
        Its weights in float64.

    Raises
    ------
    InvalidInput
        If an operator is not known, or the program writes to a buffer or to its input; what is at fault is named.

    Examples
    --------
    >>> import torch
    >>> program = torch.export.export(torch.nn.Linear(3, 2), (torch.zeros(5, 3),))
    >>> network_from_exported(program).affine[0].weight.shape
    (2, 3)
    """
    signature = program.graph_signature
    written = [*signature.buffers_to_mutate.values(), *signature.user_inputs_to_mutate.values()]
    if written:
        raise InvalidInput("program", "none that writes to buffers or inputs; export model.eval()", ", ".join(written))
    if len(signature.user_inputs) != 1 or len(signature.user_outputs) != 1:
        counts = f"{len(signature.user_inputs)} and {len(signature.user_outputs)}"
        raise InvalidInput("program", "one input and one output", counts)
    nodes = list(program.graph.nodes)
    check_in_place(nodes, _named, _shares)
    values: dict[Any, Any] = {}
    held = _held(program)
    for node in nodes:
        if node.op == "placeholder":
            values[node] = held[node.name] if node.name in held else Node("input of the program")
        elif node.op == "output":
            (result,) = node.args[0]
            if not isinstance(values.get(result), Node):
                raise InvalidInput("program", "an output that depends on the input", str(result))
            start = next(other for other in nodes if other.name == signature.user_inputs[0])
            return network_from_graph(values[result], _beginning(start))
        elif node.op == "call_function" and _is_tensor(node):
            values[node] = _value(node, values)
    raise InvalidInput("program", "an output", "none")


def _beginning(start: Any) -> Chain:
    """Begin with the channels and the axes that the input has."""
    _, channels, *positions = start.meta["val"].shape
    known = channels if isinstance(channels, int) else None
    return Chain("maps" if positions else "neurons", known, len(positions) or None)


def _held(program: Any) -> Mapping[str, Any]:
    """Give parameters, buffers and constants by the names of their placeholders, numbers as doubles."""
    signature = program.graph_signature
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    found = {}
    for place, name in names.items():
        tensor = program.state_dict[name] if name in program.state_dict else program.constants[name]
        tensor = tensor.detach().clone()
        found[place] = tensor.double() if tensor.is_floating_point() else tensor
    return found


def _is_tensor(node: Any) -> bool:
    """Say whether an operation gives tensors; others give sizes, or check them."""
    value = node.meta.get("val")
    return hasattr(value, "shape") or (
        isinstance(value, tuple | list) and any(hasattr(part, "shape") for part in value)
    )


def _value(node: Any, values: Mapping[Any, Any]) -> Any:
    """Give the node of an operation, or the tensor that it gives where it reads parameters alone."""
    named = _named(node)
    reads = tuple(values[read] for read in node.all_input_nodes if isinstance(values.get(read), Node))
    if not reads:
        return _constant(named, node, values)
    if node.target is operator.getitem:
        # The indices of a maximum, or the statistics of a BatchNorm.
        return Node(named, reads, _refusal(named) if node.args[1] != 0 else None)
    if getattr(node.target, "namespace", None) != "aten":
        return Node(named, reads, _refusal(named))
    make = ATEN.get(node.target._opname.removesuffix("_"))
    call = Call(named, node, values)
    return Node(named, reads, _refusal(named)) if make is None else make(call)


def _constant(named: str, node: Any, values: Mapping[Any, Any]) -> Any:
    import torch

    target = node.target
    allowed = target is operator.getitem or getattr(target, "namespace", None) == "aten"
    known = all(read in values for read in node.all_input_nodes)
    if not allowed or not known or torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
        return Node(named, (), _refusal(named))
    args = torch.fx.node.map_arg(node.args, lambda read: values[read])
    options = torch.fx.node.map_arg(node.kwargs, lambda read: values[read])
    if any(isinstance(values[read], Node) for read in node.all_input_nodes):
        return Node(named, (), _refusal(named))
    with torch.no_grad():
        return target(*args, **options)


def _refusal(named: str) -> Callable[[Chain], None]:
    return lambda _: refuse(named)


def _named(node: Any) -> str:
    """Name an operation: the module in which it stands, and what it is."""
    path, kind = (list((node.meta.get("nn_module_stack") or {}).values()) or [("", "program")])[-1]
    what = getattr(node.target, "_opname", None) or getattr(node.target, "__name__", str(node.target))
    return f"{label_of(path)} ({str(kind).rpartition('.')[2]}, {what})"


def _shares(node: Any) -> tuple[Any, bool]:
    """Give the operation with which one shares its numbers, and whether it writes over them."""
    read = node.all_input_nodes[0] if node.all_input_nodes else None
    schema = getattr(node.target, "_schema", None)
    if schema is None or read is None:
        return (read if node.target is operator.getitem else None), False
    for place, part in enumerate(schema.arguments):
        given = node.kwargs.get(part.name, node.args[place] if place < len(node.args) else None)
        if part.alias_info is not None and part.alias_info.is_write:
            return given, True
    views = any(part.alias_info is not None for part in schema.returns) or "dropout" in node.target._opname
    return (read if views else None), False
