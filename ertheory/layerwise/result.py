"""What a ratio gives for one network: densities, the budget really spent, integer counts, dead outputs."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape
from ertheory.layerwise.explained import ratio_steps
from ertheory.layerwise.inputs import Shapes, as_layers, overall_density, total_weights
from ertheory.numbers import probability, whole_number
from ertheory.results import Explained, Step
from ertheory.tables import Table

if TYPE_CHECKING:
    from ertheory.plots.picture import Picture

__all__ = ["LayerDensities", "nonzero_counts"]


def nonzero_counts(shapes: Shapes, densities: Sequence[float], total: int | None = None) -> tuple[int, ...]:
    """Round expected non-zeros p_l m_l to integers with a given sum, by largest remainders.

    Parameters
    ----------
    shapes
        Weight shapes (outputs, inputs, *kernel), first layer first.
    densities
        p_1..p_L, each in [0, 1].
    total
        The sum wanted; by default the integer nearest to sum p_l m_l, halves to even.

    Returns
    -------
    tuple of int
        For each layer it is p_l m_l rounded down or up, never more than m_l; of equal remainders the earlier layer is
        rounded up.

    Raises
    ------
    InvalidInput
        If the lengths differ, a density lies outside [0, 1], or rounding cannot reach the total.

    Examples
    --------
    >>> nonzero_counts(((2, 3), (4, 3), (1, 4)), (0.25, 0.25, 0.4))
    (1, 3, 2)
    >>> nonzero_counts(((2, 3), (4, 3), (1, 4)), (0.25, 0.25, 0.4), total=7)
    (2, 3, 2)
    """
    layers = as_layers(shapes)
    quotas = _expected(layers, _checked_densities(densities, len(layers)))
    counts = [math.floor(quota) for quota in quotas]
    ups = [index for index, quota in enumerate(quotas) if quota.denominator > 1]
    wanted = round(sum(quotas)) if total is None else total
    wanted = whole_number("total", wanted, least=sum(counts), most=sum(counts) + len(ups))
    ups.sort(key=lambda index: counts[index] - quotas[index])
    for index in ups[: wanted - sum(counts)]:
        counts[index] += 1
    return tuple(counts)


@dataclass(frozen=True)
class LayerDensities(Explained):
    """Densities of the layers of one network, with what was asked for and what comes out.

    Parameters
    ----------
    layers
        The weight layers, first layer first.
    ratio
        Name of the rule that made the densities.
    density
        p, the overall density that was asked for, in (0, 1].
    densities
        p_1..p_L, each in [0, 1].
    erk_kernel
        Form of the ERK score, ``None`` for the other ratios.

    Raises
    ------
    InvalidInput
        If the lengths differ or a density lies outside its domain.

    Examples
    --------
    >>> from ertheory.layerwise import layer_densities
    >>> result = layer_densities(((4, 5), (10, 10), (2, 5)), 0.5, "balanced-printed")
    >>> result.spends_budget, round(result.density_realised, 3)
    (False, 0.397)
    """

    layers: tuple[LayerShape, ...]
    ratio: str
    density: Fraction
    densities: tuple[float, ...]
    erk_kernel: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_layers(self.layers))
        object.__setattr__(self, "density", overall_density(self.density))
        object.__setattr__(self, "densities", _checked_densities(self.densities, len(self.layers)))

    @property
    def weights(self) -> int:
        """M, the number of weights."""
        return total_weights(self.layers)

    @property
    def nonzeros_expected(self) -> tuple[float, ...]:
        """p_l m_l per layer, the expected number of non-zeros."""
        return tuple(float(quota) for quota in _expected(self.layers, self.densities))

    @property
    def density_realised(self) -> float:
        """Expected density of the whole network, sum p_l m_l / M."""
        return float(self._spent / self.weights)

    @property
    def spends_budget(self) -> bool:
        """Whether sum p_l m_l = p M, up to the rounding of the densities to doubles."""
        budget = self.density * self.weights
        return abs(self._spent - budget) <= budget * Fraction(sys.float_info.epsilon)

    @property
    def dead_outputs_expected(self) -> float:
        """Expected number of outputs without an incoming weight, sum of outputs * (1 - p_l)^fan_in."""
        pairs = zip(self.layers, self.densities, strict=True)
        return math.fsum(
            layer.outputs * math.exp(layer.fan_in * math.log1p(-density)) for layer, density in pairs if density < 1
        )

    @property
    def _spent(self) -> Fraction:
        return sum(_expected(self.layers, self.densities), Fraction(0))

    def nonzero_counts(self) -> tuple[int, ...]:
        """Round to integers with the sum round(p M), or round(sum p_l m_l) for a ratio that drops part of the budget.

        Examples
        --------
        >>> from ertheory.layerwise import layer_densities
        >>> layer_densities(((4, 5), (10, 10), (2, 5)), 0.5, "pyramidal").nonzero_counts()
        (14, 48, 3)
        """
        total = round(self.density * self.weights) if self.spends_budget else None
        return nonzero_counts(self.layers, self.densities, total)

    @property
    def heading(self) -> str:
        """The name of the ratio."""
        return f"ratio {self.ratio}" if self.erk_kernel is None else f"ratio {self.ratio}, kernel {self.erk_kernel}"

    def steps(self) -> tuple[Step, ...]:
        """Give the rule, what the densities come from, and what they spend."""
        return ratio_steps(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what is known as numbers, texts and lists, ready for JSON."""
        rows = zip(self.layers, self.densities, self.nonzeros_expected, strict=True)
        return {
            "ratio": self.ratio,
            "erk_kernel": self.erk_kernel,
            "density": float(self.density),
            "layers": [
                {
                    "name": layer.name,
                    "shape": list(layer.shape),
                    "weights": layer.weights,
                    "density": density,
                    "nonzeros_expected": nonzeros,
                }
                for layer, density, nonzeros in rows
            ],
            "weights": self.weights,
            "density_realised": self.density_realised,
            "dead_outputs_expected": self.dead_outputs_expected,
        }

    def to_pandas(self) -> Any:
        """Make a frame with a row for each layer.

        Returns
        -------
        pandas.DataFrame
            Name, shape, weights, density and expected non-zeros of each layer.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return self._layers().to_pandas()

    def plot(self) -> Picture:
        """Draw the density of every layer, and what it keeps of its weights.

        Returns
        -------
        Picture
            A notebook shows it; its `save` writes files.
        """
        from ertheory.plots.densities import picture_of_densities

        return picture_of_densities(self)

    def _repr_html_(self) -> str:
        return self._layers().to_html()

    def _layers(self) -> Table:
        rows = zip(self.layers, self.densities, self.nonzeros_expected, strict=True)
        cells = [
            (layer.name, "x".join(map(str, layer.shape)), layer.weights, density, count)
            for layer, density, count in rows
        ]
        return Table.of(("layer", "shape", "weights", "density", "non-zeros expected"), cells)

    def to_markdown(self) -> str:
        """Return a table with a row per layer and a last row for the network."""
        lines = ["| layer | shape | weights | density | non-zeros expected |", "| --- | --- | ---: | ---: | ---: |"]
        for layer, density, nonzeros in zip(self.layers, self.densities, self.nonzeros_expected, strict=True):
            shape = " x ".join(str(size) for size in layer.shape)
            lines.append(f"| {layer.name} | {shape} | {layer.weights:,} | {density:.6g} | {nonzeros:,.1f} |")
        spent = float(self._spent)
        lines.append(f"| all | | {self.weights:,} | {self.density_realised:.6g} | {spent:,.1f} |")
        ratio = self.ratio if self.erk_kernel is None else f"{self.ratio} (kernel {self.erk_kernel})"
        lines.append("")
        lines.append(
            f"Ratio {ratio}: density asked {float(self.density):.6g}, realised {self.density_realised:.6g}; "
            f"outputs without an incoming weight, expected: {self.dead_outputs_expected:.3g}."
        )
        return "\n".join(lines)


def _checked_densities(densities: Sequence[float], length: int) -> tuple[float, ...]:
    if not isinstance(densities, Sequence) or len(densities) != length:
        raise InvalidInput("densities", f"{length} numbers, one per layer", densities)
    return tuple(float(probability("densities", density, zero=True, one=True)) for density in densities)


def _expected(layers: Sequence[LayerShape], densities: Sequence[float]) -> list[Fraction]:
    return [Fraction(density) * layer.weights for layer, density in zip(layers, densities, strict=True)]
