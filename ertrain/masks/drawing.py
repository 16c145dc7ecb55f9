"""The mask of one layer as it is drawn: nothing of its size is held until somebody asks for its entries."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ertheory.layerwise import LayerDensities
from ertheory.masks import DrawnMask, GapMask, pattern_csr
from ertrain.masks.structured import is_structured, structured_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Drawn: TypeAlias = DrawnMask | GapMask | csr_array | NDArray[np.bool_]

__all__ = ["as_array", "draw_mask"]


def draw_mask(densities: LayerDensities, place: int, seed: int, drawing: str, *, by_gaps: bool = False) -> Drawn:
    """Draw the mask of one of some layers, as `ertrain.draw_masks` does.

    Parameters
    ----------
    densities
        All layers and their densities.
    place
        Number of the layer among them, from 0.
    seed, drawing
        They are as in `ertrain.draw_masks`.
    by_gaps
        Whether independent masks are drawn by the gaps between their entries: other masks of the same law, in a time
        that goes with what is kept.

    Returns
    -------
    DrawnMask, GapMask, csr_array or ndarray
        A matrix (outputs, fan-in) of booleans: one that is drawn where it is looked at for independent masks, its
        places for an exact number of weights, and an array for masks with a structure, or of density 0.

    Examples
    --------
    >>> from ertheory.layerwise import layer_densities
    >>> draw_mask(layer_densities(((30, 20), (10, 30)), "0.1", "uniform"), 1, 0, "exact").nnz
    30
    """
    layer, density = densities.layers[place], densities.densities[place]
    shape = layer.outputs, layer.fan_in
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
    if is_structured(drawing):
        return structured_mask(layer.shape, density, drawing, rng).reshape(shape)
    if drawing == "exact":
        count = densities.nonzero_counts()[place]
        return _places(np.sort(rng.choice(layer.weights, count, replace=False, shuffle=False)), shape)
    if density == 0:  # a ratio may leave nothing of a layer
        return np.zeros(shape, dtype=np.bool_)
    kind: Any = GapMask if by_gaps else DrawnMask
    drawn: DrawnMask | GapMask = kind(shape, Fraction(density), seed, place)
    return drawn


def as_array(drawn: Any) -> NDArray[np.bool_]:
    """Give what `draw_mask` returned as an array of booleans, (outputs, fan-in)."""
    if isinstance(drawn, np.ndarray):
        return drawn
    whole: NDArray[np.bool_] = (drawn.to_csr() if isinstance(drawn, DrawnMask | GapMask) else drawn).toarray()
    return whole


def _places(flat: NDArray[np.int64], shape: tuple[int, int]) -> csr_array:
    """Make a matrix of the numbers of its entries, which rise."""
    rows, columns = shape
    starts = np.searchsorted(flat, np.arange(rows + 1, dtype=np.int64) * columns)
    return pattern_csr(starts, (flat % columns).astype(np.int32), columns)
