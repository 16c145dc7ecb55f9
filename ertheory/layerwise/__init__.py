"""Layer-wise densities: how a network's budget of weights is shared out among its layers.

A ratio turns the weight shapes of a network and one overall density p into densities p_1..p_L. With m_l weights in
layer l and M = sum m_l, the budget is p M expected non-zeros. Every ratio but `balanced_printed` spends it exactly.

>>> layer_densities(((300, 784), (100, 300), (10, 100)), "0.1", "balanced").densities
(0.054464285714285715, 0.427, 1.0)
"""

from __future__ import annotations

from collections.abc import Callable

from ertheory._typed import name_wrong_types
from ertheory.errors import one_of
from ertheory.layerwise.inputs import Shapes, as_layers, overall_density
from ertheory.layerwise.ratios import ERK_KERNELS, balanced, balanced_printed, erk, pyramidal, uniform
from ertheory.layerwise.result import LayerDensities, nonzero_counts
from ertheory.numbers import Rational

__all__ = [
    "ERK_KERNELS",
    "RATIOS",
    "LayerDensities",
    "Shapes",
    "balanced",
    "balanced_printed",
    "erk",
    "layer_densities",
    "nonzero_counts",
    "pyramidal",
    "uniform",
]

_RATIOS: dict[str, Callable[[Shapes, Rational], tuple[float, ...]]] = {
    "balanced": balanced,
    "balanced-printed": balanced_printed,
    "erk": erk,
    "pyramidal": pyramidal,
    "uniform": uniform,
}

# The names that `layer_densities` knows.
RATIOS = tuple(_RATIOS)


def layer_densities(shapes: Shapes, density: Rational, ratio: str, *, erk_kernel: str = "size") -> LayerDensities:
    """Share out an overall density among layers by a named ratio.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first, for instance those of an `architecture`.
    density
        p, the fraction of all weights that is kept, in (0, 1] and at least the smallest normal double.
    ratio
        One of `RATIOS`.
    erk_kernel
        ``"size"`` or ``"area"``, see `erk`; the other ratios do not read it.

    Returns
    -------
    LayerDensities
        The densities with the inputs, the realised density and the expected number of dead outputs.

    Raises
    ------
    InvalidInput
        If a name is unknown, or a shape or the density lies outside its domain.

    Examples
    --------
    >>> from ertheory.layerwise.architectures import architecture
    >>> result = layer_densities(architecture("resnet18"), "0.3", "balanced-printed")
    >>> round(result.density_realised, 3)
    0.19
    """
    one_of("ratio", ratio, RATIOS)
    one_of("erk_kernel", erk_kernel, ERK_KERNELS)
    layers, overall = as_layers(shapes), overall_density(density)
    if ratio == "erk":
        return LayerDensities(layers, ratio, overall, erk(layers, overall, kernel=erk_kernel), erk_kernel)
    return LayerDensities(layers, ratio, overall, _RATIOS[ratio](layers, overall))


name_wrong_types(__name__)
