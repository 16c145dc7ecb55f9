"""What densities mean for a method: of the mask that training stays in, of the network at the end, of which layers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from torch import nn

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput, one_of, shortened
from ertheory.numbers import Rational, probability
from ertrain.configuration import METHOD_SETTINGS
from ertrain.masks.shapes import layer_shapes, turn_into_layers, unlisted
from ertrain.ratios import allocate_sparsity

__all__ = ["COUNTING", "REWIRE", "left_dense", "shared_out"]

COUNTING = ("masked", "all")
REWIRE = ("rigl", "set")
_LONGEST_NAMES = 200


def shared_out(
    model: nn.Module,
    *,
    density: Rational | None,
    sparsity: Rational | None,
    densities: Mapping[str, Rational] | None,
    ratio: str,
    method: str,
    final_density: Rational | None,
    dense_layers: Sequence[str],
    counting: str,
) -> dict[str, Any]:
    """Give the fields of a configuration: ratio, density, final density and layers without masks.

    Parameters
    ----------
    model
        The network.
    density, sparsity, densities, ratio, method, final_density, dense_layers, counting
        They are as in `ertrain.fit`.

    Raises
    ------
    InvalidInput
        If not exactly one of the three is given, a name is unknown, or layers without masks alone have more weights
        than the density allows.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    >>> options = {"sparsity": None, "densities": None, "ratio": "erk", "final_density": None}
    >>> shared_out(network, density="0.5", method="rigl", dense_layers=(), counting="masked", **options)
    {'ratio': 'erk', 'dense_layers': (), 'density': '1', 'final_density': '0.5'}
    >>> shared_out(network, density="0.5", method="fixed", dense_layers=("last",), counting="all", **options)
    {'ratio': 'erk', 'dense_layers': ('last',), 'density': '0.25'}
    """
    given = {"density": density, "sparsity": sparsity, "densities": densities}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise InvalidInput("density", "exactly one of density, sparsity and densities", ", ".join(named) or None)
    method = one_of("method", method, tuple(METHOD_SETTINGS))
    one_of("counting", counting, COUNTING)
    layers = layer_shapes(model)
    if not layers:
        allowed = f"a module with linear or convolutional layers{turn_into_layers(model)}"
        raise InvalidInput("model", allowed, type(model).__name__)
    if densities is not None:
        ratio = "layers:" + ",".join(f"{name}={_text(name, value)}" for name, value in densities.items())
        overall = allocate_sparsity(model, Fraction(1, 2), ratio, skip=left_dense(model, dense_layers)).density
        if method != "fixed" and method not in REWIRE and final_density is None:
            raise InvalidInput("final_density", f"a density, where {method} prunes a mask with given densities", None)
        if method in REWIRE and final_density is not None:
            raise InvalidInput("final_density", f"nothing, where {method} rewires at given densities", final_density)
    else:
        overall = (
            probability("density", density, one=True)
            if sparsity is None
            else 1 - probability("sparsity", sparsity, zero=True)
        )
    _tell_of_unlisted(model)
    convert = _counted(model, dense_layers, counting)
    overall = overall if densities is not None else convert("density", overall)
    fields: dict[str, Any] = {"ratio": ratio, "dense_layers": tuple(dense_layers)}
    if "final_density" not in METHOD_SETTINGS[method]:
        if final_density is not None:
            raise InvalidInput("final_density", f"nothing with the method {method}", final_density)
        return {**fields, "density": rational_text(overall)}
    if final_density is None:
        return {**fields, "density": "1", "final_density": rational_text(overall)}
    final = convert("final_density", probability("final_density", final_density, one=True))
    return {**fields, "density": rational_text(overall), "final_density": rational_text(final)}


def _tell_of_unlisted(model: nn.Module) -> None:
    """Say which weights have no masks, whatever the density: those of embeddings, recurrent layers and attention."""
    others = unlisted(model)
    if others:
        listed = sum(layer.weights for layer in layer_shapes(model))
        share = sum(others.values()) / (listed + sum(others.values()))
        named = shortened(", ".join(others), _LONGEST_NAMES)
        said = f"{named} stay dense: densities are those of linear and convolutional layers"
        warnings.warn(
            f"{said}, and {share:.0%} of the weights are in others{turn_into_layers(model)}", UserWarning, stacklevel=4
        )


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
    return rational_text(probability(f"density of {name!r}", density, one=True))
