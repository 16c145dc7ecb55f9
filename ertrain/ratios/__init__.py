"""How the budget is shared out among layers: by a formula of the shapes, or as a pruning method would.

One interface for all: a name, the network with its start, data, and an overall density give densities layer by layer.
"""

from __future__ import annotations

from torch import nn

from ertheory.densities import RATIOS as SHAPE_RATIOS
from ertheory.densities import LayerDensities, layer_densities
from ertheory.errors import InvalidInput
from ertheory.exact import Rational
from ertrain.shapes import layer_shapes

__all__ = ["RATIOS", "SHAPE_RATIOS", "share_out"]

# The names that `share_out` knows, sorted.
RATIOS = tuple(sorted(SHAPE_RATIOS))


def share_out(module: nn.Module, density: Rational, ratio: str, *, skip: tuple[str, ...] = ()) -> LayerDensities:
    """Share out an overall density among the layers of a module.

    Parameters
    ----------
    module
        The network, at its start; never changed.
    density
        p, the fraction of all weights in the listed layers that is kept.
    ratio
        One of `RATIOS`.
    skip
        Layers that stay dense, as in `layer_shapes`; the density is that of the others.

    Raises
    ------
    InvalidInput
        If a name is unknown or the density lies outside its domain.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    >>> share_out(network, "1/2", "balanced").densities
    (0.375, 0.75)
    """
    if ratio not in RATIOS:
        raise InvalidInput("ratio", f"one of {', '.join(RATIOS)}", ratio)
    return layer_densities(layer_shapes(module, skip=skip), density, ratio)
