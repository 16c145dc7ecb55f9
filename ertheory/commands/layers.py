"""How the density of a network is shared out among its layers."""

from __future__ import annotations

from ertheory.commands.arguments import read_one_density
from ertheory.commands.written import Whole, read_whole
from ertheory.errors import InvalidInput
from ertheory.layerwise import ERK_KERNELS, LayerDensities, Shapes, layer_densities
from ertheory.layerwise.architectures import architecture
from ertheory.numbers import Rational, exact_rational

__all__ = ["densities"]

_WIDEST = 1000


def densities(
    model: object,
    *,
    ratio: str,
    density: Rational | None = None,
    sparsity: Rational | None = None,
    classes: Whole | None = None,
    width: Rational = 1,
    erk_kernel: str = ERK_KERNELS[0],
) -> LayerDensities:
    """Share out an overall density among the layers of a network, as ``ertheory densities`` does.

    Parameters
    ----------
    model
        The name of an architecture, one of `ertheory.ARCHITECTURES`; widths such as ``784-300-10``; the shapes
        (outputs, inputs, *kernel) of the weights, first layer first; or a ``torch.nn.Module``, of which the weights of
        two and more dimensions are read in its own order.
    ratio
        The rule, one of `ertheory.RATIOS`.
    density, sparsity
        Exactly one of them is given: the fraction of all weights that is kept, in (0, 1], or 1 minus it.
    classes
        The number of outputs, instead of the usual one; for a named architecture.
    width
        A factor on all hidden widths, in (0, 1000]; for a named architecture.
    erk_kernel
        The form of the ERK score, one of `ertheory.layerwise.ERK_KERNELS`.

    Returns
    -------
    LayerDensities
        The densities of the layers, what they spend of the budget, and the expected number of dead outputs.

    Raises
    ------
    InvalidInput
        If a name is unknown, or a number lies outside its domain.

    Examples
    --------
    >>> round(densities("resnet18", ratio="balanced-printed", density=0.3).density_realised, 3)
    0.19
    >>> densities([(300, 784), (100, 300), (10, 100)], ratio="balanced", sparsity="0.9").densities
    (0.054464285714285715, 0.427, 1.0)
    """
    overall = read_one_density(density, sparsity)
    factor = exact_rational("width", width)
    if not 0 < factor <= _WIDEST:
        raise InvalidInput("width", f"a number in (0, {_WIDEST}]", width)
    shapes: Shapes
    if isinstance(model, str):
        shapes = architecture(model, classes=read_whole("classes", classes), width=float(factor))
    elif classes is not None or factor != 1:
        raise InvalidInput("model", "the name of an architecture with `classes` or `width`", type(model).__name__)
    elif hasattr(model, "named_parameters"):
        weights = [tuple(weight.shape) for _, weight in model.named_parameters() if weight.ndim > 1]
        shapes = tuple(weights)
    else:
        shapes = model  # type: ignore[assignment]
    return layer_densities(shapes, overall, ratio, erk_kernel=erk_kernel)
