"""Numbers that belong to the entries of a layer, or to its neurons: for matrices of weights, and where some are kept.

What is drawn for a layer is drawn for its whole matrix, some entries at a time, so that a kept weight gets the number
that it has in a masked layer, whichever form the layer is stored in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from ertheory.layerwise import LayerDensities
from ertheory.masks import DrawnMask, read_mask
from ertrain.masks.drawing import draw_mask
from ertrain.masks.masking import draw_masks
from ertrain.masks.shapes import whole_shape
from ertrain.masks.sparse.kept import KeptLinear

__all__ = ["OUT_OF_REACH", "draw_inside", "kept_by_neurons", "of_neurons", "random_entries", "whole_size"]

_BLOCK = 2**22  # entries that are drawn at once: 16 MB
_LEAST = 16  # PyTorch draws fewer normal numbers in another way
# Entries of a matrix whose dense form, of 64 GB for its weights alone, nobody trains. Beyond, numbers are drawn for
# kept weights alone, and masks by their gaps.
OUT_OF_REACH = 2**34


def whole_size(layer: nn.Module) -> int:
    """Count the entries of a layer's matrix, zeros too.

    Examples
    --------
    >>> whole_size(nn.Linear(3, 2)), whole_size(KeptLinear(3, 2, [[1, 0, 1], [0, 1, 0]]))
    (6, 6)
    """
    return math.prod(whole_shape(layer))


def random_entries(layer: nn.Module, draw: Callable[..., Tensor], generator: torch.Generator) -> Tensor:
    """Draw a number for every entry of a layer's matrix, and give those of its weight, in the weight's shape.

    Parameters
    ----------
    layer
        A linear or convolutional layer, or a `KeptLinear`.
    draw
        ``torch.rand`` or ``torch.randn``.
    generator
        Where the numbers come from, on the CPU.

    Notes
    -----
    The generator is left as if all had been drawn at once. Of matrices that nobody could hold (`OUT_OF_REACH`), those
    of the kept weights are drawn alone.

    Examples
    --------
    >>> layer, rng = KeptLinear(3, 2, [[1, 0, 1], [0, 1, 0]]), torch.Generator()
    >>> kept = random_entries(layer, torch.rand, rng.manual_seed(0))
    >>> torch.equal(kept, torch.rand(2, 3, generator=rng.manual_seed(0))[layer.to_mask()])
    True
    """
    total = whole_size(layer)
    if isinstance(layer, KeptLinear) and total > OUT_OF_REACH:
        return draw(len(layer.weight), generator=generator)
    places = layer.flat_places().cpu() if isinstance(layer, KeptLinear) else None
    found = torch.empty(total if places is None else len(places))
    starts = range(0, max(1, total - _LEAST + 1), _BLOCK)  # what would be too little for a block is drawn with the last
    for first, last in pairwise([*starts, total]):
        numbers = draw(last - first, generator=generator)
        if places is None:
            found[first:last] = numbers
        else:
            low, high = torch.searchsorted(places, torch.tensor([first, last])).tolist()
            found[low:high] = numbers[places[low:high] - first]
    return found.reshape(whole_shape(layer)) if places is None else found


def draw_inside(
    layers: Mapping[str, nn.Module], densities: LayerDensities, seed: int, *, drawing: str
) -> dict[str, Tensor]:
    """Draw masks as `ertrain.draw_masks` does, and give what they say of the entries that layers have.

    Parameters
    ----------
    layers
        Layers are given by the names that the densities have for them.
    densities, seed, drawing
        They are as in `ertrain.draw_masks`.

    Returns
    -------
    dict
        Booleans in the shape of each weight, on the CPU.
    """
    if not any(isinstance(layer, KeptLinear) for layer in layers.values()):
        return draw_masks(densities, seed, drawing=drawing)
    found = {}
    for place, shape in enumerate(densities.layers):
        layer, drawn = layers[shape.name], draw_mask(densities, place, seed, drawing)
        mask = drawn if isinstance(drawn, DrawnMask) else read_mask(drawn)
        if isinstance(layer, KeptLinear):
            flat = layer.flat_places().cpu().numpy()
            kept = torch.from_numpy(mask.contains(*divmod(flat, layer.in_features)))
        else:
            kept = torch.from_numpy(mask.to_csr().toarray())
        found[shape.name] = kept.reshape(layer.get_parameter("weight").shape)
    return found


def kept_by_neurons(layer: nn.Module, mask: Tensor) -> Tensor:
    """Count the entries of a mask that lead to each output of a layer, (outputs,).

    Examples
    --------
    >>> kept_by_neurons(KeptLinear(3, 2, [[1, 0, 1], [0, 1, 0]]), torch.tensor([True, False, True])).tolist()
    [1, 1]
    """
    if not isinstance(layer, KeptLinear):
        return mask.flatten(1).sum(1)
    counted = torch.cat((layer.starts.new_zeros(1), mask.cumsum(0).to(layer.starts.device)))
    return counted[layer.starts].diff()


def of_neurons(layer: nn.Module, numbers: Tensor) -> Tensor:
    """Give each entry of a layer's weight the number of its output, in a shape that can be multiplied.

    Examples
    --------
    >>> of_neurons(KeptLinear(3, 2, [[1, 0, 1], [0, 1, 0]]), torch.tensor([5, 7])).tolist()
    [5, 5, 7]
    """
    if isinstance(layer, KeptLinear):
        return torch.repeat_interleave(numbers, layer.starts.diff().to(numbers.device))
    return numbers.reshape(-1, *[1] * (len(whole_shape(layer)) - 1))
