"""One graph whose nodes are to be classified: a single input with a label for each of its nodes.

It is to the loop what an image is whose pixels have labels: the features of a node are its channels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from ertheory.errors import InvalidInput
from ertrain.data.in_memory import Batch, InMemory

__all__ = ["NO_LABEL", "Nodes"]

NO_LABEL = -100  # what PyTorch's losses leave out

_PASSES = 10


@dataclass(frozen=True, eq=False)
class Nodes(InMemory):
    """A graph. Training, validation and test nodes are the same graph, each with the labels of its own nodes alone.

    Parameters
    ----------
    inputs
        float32 (1, features, nodes).
    labels
        int64 (1, nodes), from 0, and `NO_LABEL` where a node has none here.
    edges
        int64 (2, m): every edge in both directions, and no node with itself.

    Raises
    ------
    InvalidInput
        If the shapes do not fit together, or an edge ends nowhere.

    Examples
    --------
    >>> graph = Nodes(torch.ones(1, 5, 3), torch.tensor([[0, 1, 0]]), torch.tensor([[0, 1], [1, 0]]))
    >>> graph.part(torch.tensor([[True, False, False]])).labels
    tensor([[   0, -100, -100]])
    """

    edges: Tensor

    def _check_labels(self) -> None:
        if self.inputs.dim() != 3 or len(self.inputs) != 1 or self.labels.shape != (1, self.inputs.shape[2]):
            raise InvalidInput("labels", "one for every node of one graph (1, features, nodes)", self.labels.shape)
        nodes, ends = self.inputs.shape[2], self.edges.flatten()
        if self.edges.dim() != 2 or len(self.edges) != 2 or not bool(((ends >= 0) & (ends < nodes)).all()):
            raise InvalidInput("edges", f"numbers of nodes below {nodes}, of shape (2, m)", self.edges.shape)

    def __len__(self) -> int:
        """How often an epoch shows the graph: ten times, or checkpoints would take longer than the steps."""
        return _PASSES

    def to(self, device: torch.device) -> Self:
        """Hold the same graph on another device."""
        return replace(super().to(device), edges=self.edges.to(device))

    def part(self, places: Tensor) -> Self:
        """Keep the labels at some places, booleans (1, nodes), and all of the graph; numbers choose the whole graph."""
        if places.dtype != torch.bool:
            return self
        if places.shape not in (self.labels.shape, self.labels.shape[1:]):
            raise InvalidInput("places", f"booleans of shape {tuple(self.labels.shape)}", tuple(places.shape))
        return replace(self, labels=self.labels.where(places, NO_LABEL))

    def shuffled(
        self,
        batch: int,
        *,
        seed: int,  # noqa: ARG002
        epoch: int,  # noqa: ARG002
        augmentation: str = "none",
        rank: int = 0,  # noqa: ARG002
        world_size: int = 1,
    ) -> Iterator[Batch]:
        """Yield the graph as often as an epoch shows it.

        Raises
        ------
        InvalidInput
            If the batch is not 1, several processes ask, or the graph should be augmented.
        """
        if batch != 1:
            raise InvalidInput("batch", "1 for a graph", batch)
        if world_size != 1:
            raise InvalidInput("world_size", "1 for a graph, which is not shared out", world_size)
        if augmentation != "none":
            raise InvalidInput("augmentation", "none for a graph", augmentation)
        for _ in range(len(self)):
            yield self.inputs, self.labels

    def in_order(self, batch: int) -> Iterator[Batch]:  # noqa: ARG002
        """Yield the graph once."""
        yield self.inputs, self.labels

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Zeros and ones (features,): the features of a graph are scaled when it is read, and stay as they are."""
        return torch.zeros(self.shape[0]), torch.ones(self.shape[0])

    def checksum(self) -> str:
        """sha256 of features, labels and edges."""
        digest = hashlib.sha256(super().checksum().encode())
        digest.update(self.edges.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
