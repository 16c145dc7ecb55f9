"""The operations of a PyTorch module, traced by ``torch.fx``, and a look at those that work in place.

A trace says which value each operation reads. Where an operation writes over a value that another one reads later, the
trace and the module differ, so that is refused.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.readers.torch_modules import label_of

__all__ = ["check_in_place", "named_operation", "trace"]

_VIEWS = frozenset({"flatten", "view", "reshape", "contiguous", "dropout", "identity"})
_VIEWING_MODULES = frozenset({"Flatten", "Identity"})


def trace(model: Any, is_leaf: Callable[[Any], bool]) -> Any:
    """Trace a module.

    Parameters
    ----------
    model
        A ``torch.nn.Module`` in evaluation mode.
    is_leaf
        Says of a module whether it is one operation, or is traced itself.

    Returns
    -------
    torch.fx.Graph
        The operations.

    Raises
    ------
    InvalidInput
        If the module cannot be traced, or writes over a value in place that is read later.
    """
    import torch.fx

    class Value(torch.fx.Proxy):
        """Records ``x += y``, which Python would turn into ``x = x + y`` otherwise."""

        def __iadd__(self, other: Any) -> Any:
            return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})

    class Tracer(torch.fx.Tracer):
        def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:  # noqa: ARG002
            return is_leaf(m)

        def proxy(self, node: Any) -> Any:
            return Value(node, self)

    try:
        if is_leaf(model):
            graph = torch.fx.Graph()
            graph.output(graph.call_module("", (graph.placeholder("x"),)))
        else:
            graph = Tracer().trace(model, _constants(model))
    except Exception as error:  # the forward function is anybody's code
        allowed = "a module that torch.fx can trace, such as a Sequential"
        raise InvalidInput("model", allowed, f"{type(model).__name__}: {type(error).__name__}: {error}") from error
    check_in_place(list(graph.nodes), lambda node: named_operation(node, model), lambda node: _shares(node, model))
    return graph


def named_operation(node: Any, model: Any) -> str:
    """Name an operation: where it stands, and what it is."""
    if node.op == "call_module":
        return f"{label_of(node.target)} ({type(model.get_submodule(node.target)).__name__})"
    around = list((node.meta.get("nn_module_stack") or {"": ("", type(model))}).values())
    path, kind = around[-1]
    return f"{label_of(path)} ({kind.__name__}, {_kind(node)})"


def _kind(node: Any) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _constants(model: Any) -> dict[str, Any] | None:
    """Give the arguments of the forward function beside the first, which have their usual values."""
    arguments = list(inspect.signature(model.forward).parameters.values())[1:]
    return {part.name: part.default for part in arguments if part.default is not inspect.Parameter.empty} or None


def check_in_place(nodes: list[Any], named: Callable[[Any], str], shares: Callable[[Any], tuple[Any, bool]]) -> None:
    """Refuse a graph in which an operation writes over a value that another one reads later.

    Parameters
    ----------
    nodes
        The operations in order.
    named
        Names one in an error.
    shares
        Gives the operation whose numbers one shares, ``None`` where it has its own, and whether it writes over them.

    Raises
    ------
    InvalidInput
        If the graph and what it was traced from would differ.
    """
    order = {node: place for place, node in enumerate(nodes)}
    origin: dict[Any, Any] = {}  # the operation whose numbers a value shares
    sharing: dict[Any, list[Any]] = {}
    for node in nodes:
        read, writes = shares(node)
        origin[node] = node if read is None else origin[read]
        for other in sharing[origin[read]] if writes else ():
            if any(order[user] > order[node] for user in other.users):
                allowed = "inplace=False, for another operation reads the same numbers later"
                raise InvalidInput(named(node), allowed, True)
        sharing.setdefault(origin[node], []).append(node)


def _shares(node: Any, model: Any) -> tuple[Any, bool]:
    read, in_place = node.all_input_nodes[0] if node.all_input_nodes else None, _works_in_place(node, model)
    return (read if in_place or _is_view(node, model) else None), in_place and read is not None


def _works_in_place(node: Any, model: Any) -> bool:
    if node.op == "call_module":
        return bool(getattr(model.get_submodule(node.target), "inplace", False))
    if node.op not in ("call_function", "call_method"):
        return False
    kind = _kind(node)
    inplace = node.kwargs.get("inplace", False)
    if kind in _INPLACE_ARGUMENT and len(node.args) > _INPLACE_ARGUMENT[kind]:
        inplace = node.args[_INPLACE_ARGUMENT[kind]]
    return bool(inplace) or kind == "iadd" or (kind.endswith("_") and not kind.endswith("__")) or "out" in node.kwargs


# Where functions of torch.nn.functional take `inplace` by position.
_INPLACE_ARGUMENT = {
    "celu": 2, "dropout": 3, "elu": 2, "hardsigmoid": 1, "hardswish": 1, "hardtanh": 3, "leaky_relu": 2, "mish": 1,
    "relu": 1, "relu6": 1, "selu": 1, "silu": 1,
}  # fmt: skip


def _is_view(node: Any, model: Any) -> bool:
    if node.op == "call_module":
        kinds = {base.__name__ for base in type(model.get_submodule(node.target)).__mro__}
        return bool(kinds & _VIEWING_MODULES) or any("Dropout" in kind for kind in kinds)
    return node.op in ("call_function", "call_method") and _kind(node) in _VIEWS
