"""Networks from PyTorch modules: whatever ``torch.fx`` can trace to operations that are known here.

PyTorch is imported only when a module is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.networks.network import Network
from ertheory.networks.readers.chain import Chain
from ertheory.networks.readers.graph import Node, network_from_graph
from ertheory.networks.readers.torch_export import is_exported, network_from_exported
from ertheory.networks.readers.torch_functions import (
    called_layer,
    called_module,
    flattened,
    is_size,
    padded,
    squeezed,
    summed,
    written_out,
)
from ertheory.networks.readers.torch_modules import (
    LAYERS,
    NORMS,
    POOLS,
    SILENT,
    check_unhooked,
    class_name,
    evaluating,
    parameter,
    statistics,
)
from ertheory.networks.readers.torch_steps import ACTIVATION_MODULES, activation_name, geometry, pool, zeros
from ertheory.networks.readers.torch_trace import named_operation, trace

__all__ = ["network_from_torch", "read_named", "unwrapped"]

_PADS = frozenset({"ZeroPad1d", "ZeroPad2d", "ZeroPad3d"})
_KNOWN = LAYERS | NORMS | POOLS | SILENT | ACTIVATION_MODULES | _PADS | {"Flatten"}
_CONTAINERS = {"Module", "ModuleDict", "ModuleList", "Sequential"}
_WRAPPERS = {"_orig_mod": "torch._dynamo.", "module": "torch.nn.parallel."}


def network_from_torch(model: object) -> Network:
    """Read a network from a PyTorch module.

    Parameters
    ----------
    model
        A ``torch.nn.Module`` with one input and one output that ``torch.fx`` can trace: a Sequential, a ResNet, VGG or
        MobileNetV2 of torchvision, a class of one's own; or a program of ``torch.export``. Known are Linear,
        Conv1d/2d/3d, BatchNorm, activations, pooling, dropout, flattening (also by ``view`` and ``reshape``), the
        functions of ``torch.nn.functional`` for these, and sums of two values, which become residual blocks. The last
        operation is a layer, or such a sum.

    Returns
    -------
    Network
        The network in evaluation mode, its weights in float64. Its values agree with those of
        ``model.double().eval()`` up to rounding.

    Raises
    ------
    InvalidInput
        If an operation is not known or does not fit to the one before it, or a call of the module would compute
        something else than its forward functions say, as with a hook; what is at fault is named.

    Notes
    -----
    BatchNorm is folded by its formula for evaluation, y = (x - mean) * weight / sqrt(var + eps) + bias, into the layer
    in front of it, also through a pooling that commutes with it, and otherwise into the layer behind it. Where neither
    is possible (in front of an activation, a skip, or a convolution that pads what was shifted) it is an affine step of
    its own, with a diagonal matrix; such a network has two affine steps without an activation between them, for which
    builders exist and no widths from counts alone. Parameters are those that the next forward pass would use: pruned
    weights are multiplied out, and weight norm, spectral norm and parametrizations are computed.

    Softplus is read as log(1 + exp(z)), though PyTorch gives z above a threshold: 2.1e-9 less, at the usual 20. A
    flatten at the very beginning is left out, and the network reads vectors. Identity counts as an activation where a
    network has no other, and is left out where it has.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    >>> network_from_torch(model).outputs
    10
    """
    return network_from_exported(model) if is_exported(model) else read_named(model)[0]


def read_named(model: object) -> tuple[Network, tuple[str, ...]]:
    """Read a module, and say of every affine step of the network which operation it was read from.

    Raises
    ------
    InvalidInput
        It is raised as `network_from_torch` does.
    """
    if not hasattr(model, "named_modules") or not any(
        base.__module__.startswith("torch.") for base in type(model).__mro__
    ):
        raise InvalidInput("model", "a torch.nn.Module or a torch.export.ExportedProgram", type(model).__name__)
    module, chain = unwrapped(model), Chain()
    check_unhooked(module)
    with evaluating(module):
        graph = trace(module, _is_leaf)
        network = network_from_graph(_nodes(graph, module), chain)
    return network, tuple(chain.names[id(step)] for step in network.affine)


def unwrapped(model: Any) -> Any:
    """Give the module inside of a compiled one, or of one that is spread over devices."""
    for attribute, package in _WRAPPERS.items():
        if type(model).__module__.startswith(package):
            model = getattr(model, attribute)
    return model


def _is_leaf(module: Any) -> bool:
    """Say whether a module is one operation: a known one, or one of PyTorch's own, which is then refused by name."""
    if class_name(module, _KNOWN) is not None:
        return True
    kind = type(module)
    own = kind.__module__.startswith(("torch.nn.modules.", "torch.ao.")) and kind.__name__ not in _CONTAINERS
    return own and "forward" not in module.__dict__


def _nodes(graph: Any, model: Any) -> Node:
    nodes: dict[Any, Node] = {}
    linear = not any(_is_activation(node, model) for node in graph.nodes)
    for node in graph.nodes:
        named = named_operation(node, model)
        if node.op == "placeholder":
            nodes[node] = Node("input of the model")
        elif node.op == "output":
            result = node.args[0]
            if result not in nodes:
                raise InvalidInput("model", "one tensor as its output", type(result).__name__)
            return nodes[result]
        elif not is_size(node):
            formula = written_out(node, model)
            if formula is not None:
                nodes[node] = Node(named, (nodes[formula[0]],), _activating(formula[1]))
                continue
            # Parameters are no values; whoever knows what to do with one asks for it.
            operands = node.args if summed(node) else node.all_input_nodes  # x + x reads x twice
            reads = tuple(nodes[read] for read in operands if read in nodes and read.op != "get_attr")
            nodes[node] = Node(named, reads, _operation(named, node, model, linear))
    raise InvalidInput("model", "an output", "none")


def _is_activation(node: Any, model: Any) -> bool:
    module = called_module(node, model)
    return module is not None and class_name(module, ACTIVATION_MODULES) not in (None, "Identity")


def _operation(named: str, node: Any, model: Any, linear: bool) -> Callable[[Chain], None] | None:
    """Give what an operation does to a chain; an unknown one refuses when it is reached."""
    module = called_module(node, model)
    if module is not None:
        return _module_operation(named, module, linear)
    if summed(node):
        return None
    layer = called_layer(node, model)
    if layer is not None:
        return lambda chain: _layer(chain, named, layer)
    return flattened(named, node) or squeezed(named, node) or padded(named, node) or (lambda _: _refuse(named))


def _module_operation(named: str, module: Any, linear: bool) -> Callable[[Chain], None] | None:
    kind = class_name(module, _KNOWN)
    if kind is None:
        return lambda _: _refuse(named)
    if kind in LAYERS:
        return lambda chain: _layer(chain, named, module)
    if kind in NORMS:
        # BatchNorm1d reads neurons, or the positions of a line.
        axes = None if kind == "BatchNorm1d" else int(kind[-2])
        return lambda chain: chain.norm(named, statistics(named, module), axes)
    if kind in POOLS:
        return lambda chain: chain.pool(named, pool(named, kind, module))
    if kind in _PADS:
        return lambda chain: chain.pad(named, zeros(named, module.padding))
    if kind == "Flatten":
        return lambda chain: _flatten(chain, named, module)
    if kind in ACTIVATION_MODULES and (kind != "Identity" or linear):
        return lambda chain: chain.activation(activation_name(named, kind, module))
    return None


def _activating(name: str) -> Callable[[Chain], None]:
    return lambda chain: chain.activation(name)


def _layer(chain: Chain, named: str, module: Any) -> None:
    weight, bias = parameter(named, module, "weight"), parameter(named, module, "bias")
    if weight is None:
        raise InvalidInput(named, "a weight", None)
    chain.layer(named, weight, bias, **(geometry(named, module) if weight.ndim > 2 else {}))


def _flatten(chain: Chain, named: str, module: Any) -> None:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise InvalidInput(named, "start_dim=1 and end_dim=-1", (module.start_dim, module.end_dim))
    chain.flatten()


def _refuse(named: str) -> None:
    allowed = "Linear, Conv, activations, flattening, BatchNorm, pooling, dropout, sums; embed_module takes others too"
    raise InvalidInput(named, allowed, "another operation")
