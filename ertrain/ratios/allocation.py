"""How the budget is shared out among layers: by a formula of the shapes, or as a pruning method would.

One interface for all: a name, the network at its start, images, and an overall density give densities layer by layer.
What a pruning method keeps of each layer is all that is taken from it; the mask itself is drawn at random afterwards.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from fractions import Fraction

from torch import Tensor, nn

from ertheory.errors import InvalidInput
from ertheory.layerwise import RATIOS as SHAPE_RATIOS
from ertheory.layerwise import LayerDensities, layer_densities
from ertheory.layerwise.architectures import LayerShape
from ertheory.numbers import Rational, probability
from ertrain.masks.shapes import layer_shapes, turn_into_layers
from ertrain.ratios.formulas import erdos_renyi, is_erdos_renyi
from ertrain.ratios.scores import keep_highest, magnitude
from ertrain.ratios.searches import PruningContext, found_by_imp, found_by_synflow, scored

__all__ = ["OTHER_RATIOS", "RATIOS", "SHAPE_RATIOS", "allocate_sparsity", "by_layers", "looks_at_weights"]

_PRUNING = ("grasp", "imp", "magnitude", "snip", "synflow")

# The names that `allocate_sparsity` knows, sorted.
RATIOS = tuple(sorted((*SHAPE_RATIOS, *_PRUNING)))

_BY_LAYERS = "layers:"

# How messages name those that are more than a name.
OTHER_RATIOS = "er, erk-power:E, or layers:NAME=DENSITY,..."


def allocate_sparsity(
    module: nn.Module,
    density: Rational,
    ratio: str,
    *,
    skip: tuple[str, ...] = (),
    context: PruningContext | None = None,
) -> LayerDensities:
    """Share out an overall density among the layers of a module.

    Parameters
    ----------
    module
        The network at its start, without masks; never changed.
    density
        p, the fraction of all weights in the listed layers that is kept.
    ratio
        One of `RATIOS`; ``"er"`` or ``"erk-power:E"``, as in `ertrain.ratios.formulas.erdos_renyi`; or
        ``"layers:NAME=P,NAME=P"``, densities of single layers by their names, or patterns of them such as
        ``features.*``, of which the first that fits counts. Layers without one are dense, and all are with the overall
        density 1; another one is replaced by what follows from theirs.
    skip
        Layers that stay dense, as in `layer_shapes`; the density is that of the others.
    context
        What pruning methods look at; the ratios that are formulas and ``"magnitude"`` need none.

    Returns
    -------
    LayerDensities
        A pruning method's spend round(p M) weights, for M weights in all.

    Raises
    ------
    InvalidInput
        If a name is unknown, the density lies outside its domain, or the context is missing.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    >>> allocate_sparsity(network, "1/2", "balanced").densities
    (0.375, 0.75)
    """
    patterns = by_layers(ratio)
    if ratio not in RATIOS and not patterns and not is_erdos_renyi(ratio):
        raise InvalidInput("ratio", f"one of {', '.join(RATIOS)}, {OTHER_RATIOS}", ratio)
    layers = layer_shapes(module, skip=skip)
    if not layers:
        allowed = f"a module with linear or convolutional layers that are not skipped{turn_into_layers(module)}"
        raise InvalidInput("skip" if skip else "module", allowed, skip or type(module).__name__)
    if patterns:
        return _of_layers(layers, probability("density", density, one=True), ratio, patterns, turn_into_layers(module))
    if ratio in SHAPE_RATIOS:
        return layer_densities(layers, density, ratio)
    overall = probability("density", density, one=True)
    if is_erdos_renyi(ratio):
        return LayerDensities(layers, ratio, overall, erdos_renyi(layers, overall, ratio))
    count = round(overall * sum(layer.weights for layer in layers))
    kept = _pruned(module, [layer.name for layer in layers], count, ratio, context)
    return LayerDensities(layers, ratio, overall, tuple(float(kept[layer.name].double().mean()) for layer in layers))


def looks_at_weights(ratio: str) -> bool:
    """Whether a ratio looks at more of a network than the shapes of its layers.

    Examples
    --------
    >>> looks_at_weights("magnitude"), looks_at_weights("erk")
    (True, False)
    """
    return ratio in _PRUNING


def by_layers(ratio: str) -> dict[str, Fraction]:
    """Read densities by the names of layers; for a ratio that has none, there are none.

    Raises
    ------
    InvalidInput
        If one of them is no density in (0, 1].

    Examples
    --------
    >>> by_layers("layers:fc1=0.1,fc*=1/2"), by_layers("erk")
    ({'fc1': Fraction(1, 10), 'fc*': Fraction(1, 2)}, {})
    """
    if not ratio.startswith(_BY_LAYERS):
        return {}
    pairs = [word.rpartition("=") for word in ratio.removeprefix(_BY_LAYERS).split(",")]
    twice = [name for name, times in Counter(name for name, _, _ in pairs).items() if times > 1]
    if twice:
        raise InvalidInput("ratio", "every name of a layer once", twice[0])
    return {name: probability(f"density of {name!r}", density, one=True) for name, _, density in pairs}


def _of_layers(
    layers: tuple[LayerShape, ...], overall: Fraction, ratio: str, patterns: Mapping[str, Fraction], hint: str
) -> LayerDensities:
    """Give every layer the density of the first pattern that its name fits."""
    names = [layer.name for layer in layers]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InvalidInput("densities", f"names of layers, or patterns of them: {', '.join(names)}{hint}", pattern)
    dense = Fraction(1)
    found = [next((p for pattern, p in patterns.items() if fnmatchcase(name, pattern)), dense) for name in names]
    if overall == 1:
        return LayerDensities(layers, ratio, overall, (1.0,) * len(layers))
    spent = sum((p * layer.weights for p, layer in zip(found, layers, strict=True)), Fraction(0))
    overall = spent / sum(layer.weights for layer in layers)
    return LayerDensities(layers, ratio, overall, tuple(map(float, found)))


def _pruned(
    module: nn.Module, names: list[str], count: int, ratio: str, context: PruningContext | None
) -> dict[str, Tensor]:
    """Let a pruning method choose so many weights."""
    for name in names:
        if "weight" not in module.get_submodule(name)._parameters:
            allowed = f"layers whose weight is a plain parameter with the ratio {ratio}, not computed from others"
            raise InvalidInput("module", allowed, name)
    if ratio == "magnitude":
        return keep_highest(magnitude(module, names), count)
    if context is None:
        raise InvalidInput("context", f"images for the ratio {ratio}", context)
    model = copy.deepcopy(module).to(context.data.mean.device)
    if ratio == "synflow":
        return found_by_synflow(model, names, count, context)
    if ratio == "imp":
        return found_by_imp(model, names, count, context)
    return keep_highest(scored("snip" if ratio == "snip" else "grasp", model, names, context), count)
