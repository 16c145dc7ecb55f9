"""Graph convolutional networks, for the classes of a graph's nodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ertheory.errors import InvalidInput
from ertrain.arguments import check_sizes, check_widths

__all__ = ["GCN", "GraphConvolution", "neighbour_weights"]

_DROPOUT = 0.6


def neighbour_weights(edges: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """Give every node to itself as a neighbour, and every edge from u to v the weight 1 / sqrt(d_u d_v).

    Parameters
    ----------
    edges
        int64 (2, m), both directions of every edge.
    nodes
        Number of nodes.

    Returns
    -------
    torch.Tensor
        int64 (2, m + nodes), with the loops.
    torch.Tensor
        (m + nodes,), where d_v counts the neighbours of v with itself.

    Examples
    --------
    >>> neighbour_weights(torch.tensor([[0, 1], [1, 0]]), 3)[1]
    tensor([0.5000, 0.5000, 0.5000, 0.5000, 1.0000])
    """
    with_loops = torch.cat((edges, torch.arange(nodes).expand(2, -1)), dim=1)
    roots = torch.bincount(with_loops[1], minlength=nodes).float().rsqrt()
    return with_loops, roots[with_loops].prod(0)


class GraphConvolution(nn.Linear):
    """A linear layer after which every node takes the weighted sum of its neighbours.

    Notes
    -----
    Kipf and Welling (ICLR 2017): D^(-1/2) (A + I) D^(-1/2) H W^T + b, with the adjacency A and the degrees D of A + I.
    What is masked is W, (outputs, inputs); the graph stays as it is.
    """

    def forward(self, hidden: Tensor, edges: Tensor, weights: Tensor) -> Tensor:  # type: ignore[override]
        """Map features (batch, nodes, inputs) to (batch, nodes, outputs)."""
        sent = linear(hidden, self.weight).index_select(1, edges[0]) * weights[:, None]
        # Sums at given places, and not a sparse matrix: these come out the same every time, on GPUs too.
        received = sent.new_zeros(len(hidden), hidden.shape[1], self.out_features).index_add(1, edges[1], sent)
        return received + self.bias


class GCN(nn.Module):
    """Graph convolutions ``gc1``, ``gc2``, ... with ReLU between them and dropout before each.

    Parameters
    ----------
    widths
        Features, hidden widths, classes.
    edges
        int64 (2, m), both directions of every edge of the graph.
    nodes
        Number of its nodes.

    Examples
    --------
    >>> model = GCN((4, 8, 2), torch.tensor([[0, 1], [1, 0]]), nodes=3)
    >>> model(torch.ones(1, 4, 3)).shape
    torch.Size([1, 2, 3])
    """

    edges: Tensor
    weights: Tensor

    def __init__(self, widths: Sequence[int], edges: Tensor, nodes: int) -> None:
        super().__init__()
        check_widths(widths)
        check_sizes(nodes=nodes)
        ends = edges.flatten()
        plain = edges.dtype == torch.int64 and edges.dim() == 2 and len(edges) == 2 and not edges.is_sparse
        if not plain or edges.is_meta or not bool(((ends >= 0) & (ends < nodes)).all()):
            raise InvalidInput("edges", f"numbers of nodes below {nodes}, int64 of shape (2, m)", tuple(edges.shape))
        for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.add_module(f"gc{number}", GraphConvolution(inputs, outputs))
        self.dropout = nn.Dropout(_DROPOUT)
        with_loops, weights = neighbour_weights(edges, nodes)
        self.register_buffer("edges", with_loops, persistent=False)  # data, and no part of what is learned
        self.register_buffer("weights", weights, persistent=False)
        self.depth = len(widths) - 1

    def forward(self, graph: Tensor) -> Tensor:
        """Map features (batch, features, nodes) to logits (batch, classes, nodes)."""
        hidden = graph.transpose(1, 2)
        for number in range(1, self.depth + 1):
            hidden = self.get_submodule(f"gc{number}")(self.dropout(hidden), self.edges, self.weights)
            hidden = hidden.relu() if number < self.depth else hidden
        return hidden.transpose(1, 2)
