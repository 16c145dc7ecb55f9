"""A network that encodes every term, adds the codes up, and decodes the sum."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ertrain.arguments import check_sizes
from ertrain.models.mlp import MLP

__all__ = ["EncoderDecoder"]

_WIDTH, _HIDDEN = 50, 2


class EncoderDecoder(nn.Module):
    """Two fully connected networks of three layers, ``encoder`` and ``decoder``.

    Parameters
    ----------
    values
        Numbers of each of the terms, all of which have the same encoder.
    classes
        Number of outputs.
    scaled
        Applied to the width, 50, of all layers but the last.

    Examples
    --------
    >>> EncoderDecoder(values=10, classes=10, scaled=lambda width: width).decoder.fc3
    Linear(in_features=50, out_features=10, bias=True)
    """

    def __init__(self, *, values: int, classes: int, scaled: Callable[[int], int]) -> None:
        super().__init__()
        check_sizes(values=values, classes=classes)
        width = scaled(_WIDTH)
        self.encoder = MLP((values, *[width] * _HIDDEN, width))
        self.decoder = MLP((width, *[width] * _HIDDEN, classes))

    def forward(self, terms: Tensor) -> Tensor:
        """Map terms (batch, terms, values) to logits (batch, classes)."""
        codes: Tensor = self.encoder(terms.flatten(0, 1)).unflatten(0, terms.shape[:2])
        logits: Tensor = self.decoder(codes.sum(1))
        return logits
