"""A transformer of one block, for tasks whose terms may be exchanged."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

from ertrain.arguments import check_sizes

__all__ = ["Transformer"]

_HEADS, _PER_HEAD, _WIDER = 4, 32, 4


class Transformer(nn.Module):
    """One block of attention and a network of two layers, each added to what goes into it.

    Parameters
    ----------
    values
        Numbers of each of the terms. A linear layer of a one at a term's place is what an embedding is.
    classes
        Number of outputs.
    scaled
        Applied to the width, 32, of each of four heads. All together are as wide as a term's code, and the hidden layer
        of the network is four times as wide.

    Notes
    -----
    Without positions, as the terms of a sum have none, and without normalisation, as Nanda, Chan, Lieberum, Smith and
    Steinhardt (ICLR 2023) have it for the same task: then all that there is to learn is in linear layers and can be
    masked. The last layer reads the mean over the terms.

    Examples
    --------
    >>> Transformer(values=97, classes=97, scaled=lambda width: width).unembedding
    Linear(in_features=128, out_features=97, bias=True)
    """

    def __init__(self, *, values: int, classes: int, scaled: Callable[[int], int]) -> None:
        super().__init__()
        check_sizes(values=values, classes=classes)
        self.per_head = scaled(_PER_HEAD)
        width = _HEADS * self.per_head
        self.embedding = nn.Linear(values, width)
        self.query, self.key, self.value, self.joined = (nn.Linear(width, width) for _ in range(4))
        self.softmax = nn.Softmax(-1)  # a module, so that a search for paths can tell that all terms are connected
        self.up, self.down = nn.Linear(width, _WIDER * width), nn.Linear(_WIDER * width, width)
        self.unembedding = nn.Linear(width, classes)

    def forward(self, terms: Tensor) -> Tensor:
        """Map terms (batch, terms, values) to logits (batch, classes)."""
        hidden: Tensor = self.embedding(terms)
        query, key, value = (  # (batch, heads, terms, per head)
            layer(hidden).unflatten(2, (_HEADS, self.per_head)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        attention = self.softmax(query @ key.transpose(2, 3) / math.sqrt(self.per_head))
        hidden = hidden + self.joined((attention @ value).transpose(1, 2).flatten(2))
        hidden = hidden + self.down(self.up(hidden).relu())
        logits: Tensor = self.unembedding(hidden.mean(1))
        return logits
