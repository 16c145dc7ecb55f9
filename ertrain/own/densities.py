"""What densities mean for a method: of the mask that training stays in, of the network at the end, of which layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import nn

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput, one_of, shortened, warn
from ertheory.numbers import Rational, probability
from ertrain.configuration import METHOD_SETTINGS
from ertrain.masks.shapes import layer_shapes, turn_into_layers, unlisted
from ertrain.ratios import allocate_sparsity

__all__ = ["COUNTING", "REWIRE", "AskedDensities", "left_dense"]

COUNTING = ("masked", "all")
REWIRE = ("rigl", "set")
_LONGEST_NAMES = 200


@dataclass(frozen=True, kw_only=True)
class AskedDensities:
    """Which densities are asked for, by which method, of which layers.

    Parameters
    ----------
    density, sparsity, densities, ratio, method, final_density, dense_layers, counting
        They are as in `ertrain.fit`.
    """

    density: Rational | None = None
    sparsity: Rational | None = None
    densities: Mapping[str, Rational] | None = None
    ratio: str = "erk"
    method: str = "fixed"
    final_density: Rational | None = None
    dense_layers: Sequence[str] = ()
    counting: str = "masked"

    def shared_out(self, model: nn.Module) -> dict[str, Any]:
        """Give the fields of a configuration: ratio, density, final density and layers without masks.

        Raises
        ------
        InvalidInput
            If not exactly one of the three is given, a name is unknown, the weight of a layer is computed from others,
            or layers without masks alone have more weights than the density allows.

        Examples
        --------
        >>> network = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
        >>> AskedDensities(density="0.5", method="rigl").shared_out(network)
        {'ratio': 'erk', 'dense_layers': (), 'density': '1', 'final_density': '0.5'}
        >>> AskedDensities(density="0.5", dense_layers=("last",), counting="all").shared_out(network)
        {'ratio': 'erk', 'dense_layers': ('last',), 'density': '0.25'}
        """
        given = {"density": self.density, "sparsity": self.sparsity, "densities": self.densities}
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise InvalidInput("density", "exactly one of density, sparsity and densities", ", ".join(named) or None)
        one_of("method", self.method, tuple(METHOD_SETTINGS))
        one_of("counting", self.counting, COUNTING)
        if not layer_shapes(model):
            allowed = f"a module with linear or convolutional layers{turn_into_layers(model)}"
            raise InvalidInput("model", allowed, type(model).__name__)
        for layer in layer_shapes(model, skip=left_dense(model, self.dense_layers)):
            if "weight" not in model.get_submodule(layer.name)._parameters:
                allowed = "layers whose weight is a plain parameter, or their names among dense_layers"
                raise InvalidInput("model", allowed, layer.name)
        ratio, overall = self._by_layers(model) if self.densities is not None else (self.ratio, self._overall())
        _tell_of_unlisted(model)
        convert = _counted(model, self.dense_layers, self.counting)
        overall = overall if self.densities is not None else convert("density", overall)
        fields: dict[str, Any] = {"ratio": ratio, "dense_layers": tuple(self.dense_layers)}
        if "final_density" not in METHOD_SETTINGS[self.method]:
            if self.final_density is not None:
                raise InvalidInput("final_density", f"nothing with the method {self.method}", self.final_density)
            return {**fields, "density": rational_text(overall)}
        if self.final_density is None:
            return {**fields, "density": "1", "final_density": rational_text(overall)}
        final = convert("final_density", probability("final_density", self.final_density, one=True))
        return {**fields, "density": rational_text(overall), "final_density": rational_text(final)}

    def _overall(self) -> Fraction:
        if self.density is None:
            return 1 - probability("sparsity", self.sparsity, zero=True)
        return probability("density", self.density, one=True)

    def _by_layers(self, model: nn.Module) -> tuple[str, Fraction]:
        """Write the densities of single layers as a ratio, and give the overall density that they make."""
        if not self.densities:
            raise InvalidInput("densities", "a density for one layer at least", self.densities)
        ratio = "layers:" + ",".join(f"{name}={_text(name, value)}" for name, value in (self.densities or {}).items())
        overall = allocate_sparsity(model, Fraction(1, 2), ratio, skip=left_dense(model, self.dense_layers)).density
        rewires, final = self.method in REWIRE, self.final_density
        if self.method != "fixed" and not rewires and final is None:
            allowed = f"a density, where {self.method} prunes a mask with given densities"
            raise InvalidInput("final_density", allowed, None)
        if rewires and final is not None:
            raise InvalidInput("final_density", f"nothing, where {self.method} rewires at given densities", final)
        return ratio, overall


def _tell_of_unlisted(model: nn.Module) -> None:
    """Say which weights have no masks, whatever the density: those of embeddings, recurrent layers and attention."""
    others = unlisted(model)
    if others:
        listed = sum(layer.weights for layer in layer_shapes(model))
        share = sum(others.values()) / (listed + sum(others.values()))
        named = shortened(", ".join(others), _LONGEST_NAMES)
        said = f"{named} stay dense: densities are those of linear and convolutional layers"
        warn(f"{said}, and {share:.0%} of the weights are in others{turn_into_layers(model)}")


def _counted(model: nn.Module, dense_layers: Sequence[str], counting: str) -> Any:
    """Make the function from a density, counted over all layers where that is asked for, to that of the masked ones."""
    everything = sum(layer.weights for layer in layer_shapes(model))
    masked = sum(layer.weights for layer in layer_shapes(model, skip=left_dense(model, dense_layers)))

    def convert(name: str, density: Fraction) -> Fraction:
        if counting == "masked" or density == 1:
            return density
        left = density * everything - (everything - masked)
        if left <= 0:
            least = (everything - masked) / everything
            raise InvalidInput(name, f"a number above {least:.4g}, the share of the layers without masks", density)
        return left / masked

    return convert


def left_dense(model: nn.Module, dense_layers: Sequence[str]) -> tuple[str, ...]:
    """Give the names of layers without masks, for which ``"first"`` and ``"last"`` may stand.

    Raises
    ------
    InvalidInput
        If they are no collection of names, or no layer would have a mask.
    """
    if isinstance(dense_layers, str):
        raise InvalidInput("dense_layers", "names of layers in a list", dense_layers)
    layers = [layer.name for layer in layer_shapes(model)]
    words = {"first": layers[0], "last": layers[-1]}
    names = tuple(words.get(name, name) for name in dense_layers)
    if set(layers) <= set(names):
        raise InvalidInput("dense_layers", "at least one layer with a mask", tuple(dense_layers))
    return names


def _text(name: str, density: Rational) -> str:
    if not isinstance(name, str) or any(sign in name for sign in ",="):
        raise InvalidInput("densities", "names of layers or patterns of them", name)
    try:
        return rational_text(probability("densities", density, one=True))
    except InvalidInput as error:
        raise InvalidInput("densities", f"{error.allowed} for {name!r}", density) from None
