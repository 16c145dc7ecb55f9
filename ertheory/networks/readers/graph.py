"""What a model computes, as a graph of operations, and the network that it is.

Every front end (PyTorch, ONNX) translates its operations into nodes: a node reads one other node, or adds two up. From
a sum the two paths lead back to the node where they part, and what lies between is a residual block.

>>> from ertheory.networks.arrays import doubles
>>> start = Node("input")
>>> layer = Node("layer", (start,), lambda chain: chain.layer("layer", doubles("layer", [[1.0, 2.0], [0.0, 1.0]])))
>>> network = network_from_graph(Node("sum", (layer, start)))
>>> type(network.steps[0]).__name__, network.inputs
('Residual', 2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ertheory.errors import InvalidInput
from ertheory.networks.network import Network
from ertheory.networks.readers.chain import Chain

__all__ = ["Node", "network_from_graph"]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Parameters
    ----------
    named
        Names the operation in an error.
    reads
        The nodes that it reads: none for the input of the model, two for a sum.
    append
        Appends what it does to a chain; ``None`` for what does nothing, and for a sum.
    """

    named: str
    reads: tuple[Node, ...] = ()
    append: Callable[[Chain], None] | None = None


def network_from_graph(output: Node, chain: Chain | None = None) -> Network:
    """Collect the steps between the input of a model and its output.

    Parameters
    ----------
    output
        The last operation.
    chain
        An empty one that knows what the model reads; left out where that is not known.

    Raises
    ------
    InvalidInput
        If the operations make no network; the one that does not fit is named.
    """
    chain = Chain() if chain is None else chain
    forks: dict[Node, Node] = {}
    _collect(chain, output, None, forks)
    return Network(chain.finish())


def _collect(chain: Chain, node: Node, start: Node | None, forks: dict[Node, Node]) -> None:
    """Append everything behind `start` up to `node`."""
    path = []
    for step in _spine(node, forks):
        if step is start:
            break
        path.append(step)
    for step in reversed(path):
        # A product or a concatenation reads two values too, and refuses in `append`.
        if step.append is not None:
            step.append(chain)
        elif len(step.reads) == 2:
            _residual(chain, step, forks)


def _residual(chain: Chain, node: Node, forks: dict[Node, Node]) -> None:
    first, second = chain.fork(), chain.fork()
    for part, read in zip((first, second), node.reads, strict=True):
        _collect(part, read, forks[node], forks)
    chain.residual(node.named, first, second)


def _spine(node: Node, forks: dict[Node, Node]) -> Iterator[Node]:
    """Go back to the input, from a sum to the node where its two paths part."""
    while True:
        yield node
        if not node.reads:
            return
        if len(node.reads) > 2:
            raise InvalidInput(node.named, "one operand, or the sum of two", len(node.reads))
        node = _fork(node, forks) if len(node.reads) == 2 else node.reads[0]


def _fork(node: Node, forks: dict[Node, Node]) -> Node:
    if node not in forks:
        one, other = node.reads
        before = set(_spine(one, forks))
        found = next((step for step in _spine(other, forks) if step in before), None)
        if found is None and node.append is not None:
            node.append(Chain())  # another operation than a sum: it refuses, and says what it is
        if found is None:
            raise InvalidInput(node.named, "two values that depend on the input of the model", "one that does not")
        forks[node] = found
    return forks[node]
