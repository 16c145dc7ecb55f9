"""Other forms of the Erdos-Renyi ratio: without the size of the kernel, and with a power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from ertheory.errors import InvalidInput
from ertheory.layerwise.architectures import LayerShape

__all__ = ["erdos_renyi", "is_erdos_renyi"]

_PLAIN, _POWER = "er", "erk-power:"
_LARGEST_POWER = 10


def is_erdos_renyi(ratio: str) -> bool:
    """Whether a ratio is ``"er"`` or ``"erk-power:E"`` with a number E from 0 to 10.

    Raises
    ------
    InvalidInput
        If E lies outside.

    Examples
    --------
    >>> [is_erdos_renyi(ratio) for ratio in ("er", "erk-power:0.5", "erk")]
    [True, True, False]
    """
    return ratio == _PLAIN or (ratio.startswith(_POWER) and _power(ratio) >= 0)


def erdos_renyi(layers: Sequence[LayerShape], density: Fraction, ratio: str) -> tuple[float, ...]:
    """Give densities in proportion to a score of each layer; full layers hand their surplus on.

    Parameters
    ----------
    layers
        Their shapes.
    density
        p, the fraction of all weights that is kept.
    ratio
        ``"er"``: the score is (c_l + c_{l-1}) / (c_l c_{l-1}), whatever the kernel (Mocanu et al. 2018). In fully
        connected networks that is ``"erk"``. ``"erk-power:E"``: that of ``"erk"``, (c_l + c_{l-1} + k_h + k_w) / m_l,
        to the power E: 1 is ``"erk"``, 0 is ``"uniform"``.

    Returns
    -------
    tuple of float
        p_l = min(1, c s_l), with c such that sum p_l m_l = p M.

    Examples
    --------
    >>> layers = [LayerShape("a", (8, 4, 3, 3)), LayerShape("b", (16, 8, 1, 1))]
    >>> [round(density, 4) for density in erdos_renyi(layers, Fraction(1, 4), "er")]
    [0.2955, 0.1477]
    >>> erdos_renyi(layers, Fraction(1, 4), "erk-power:0")
    (0.25, 0.25)
    """
    if ratio == _PLAIN:
        scores = [1 / layer.outputs + 1 / layer.inputs for layer in layers]
    else:
        around = [layer.outputs + layer.inputs + sum(layer.kernel) for layer in layers]
        power = _power(ratio)
        scores = [(size / layer.weights) ** power for size, layer in zip(around, layers, strict=True)]
    budget = float(density) * sum(layer.weights for layer in layers)
    spread = math.fsum(score * layer.weights for score, layer in zip(scores, layers, strict=True))
    densities = [0.0] * len(layers)
    for place in sorted(range(len(layers)), key=scores.__getitem__, reverse=True):  # the first are the first to be full
        densities[place] = min(1.0, budget / spread * scores[place])
        if densities[place] == 1:
            budget -= layers[place].weights
            spread -= scores[place] * layers[place].weights
    return tuple(densities)


def _power(ratio: str) -> float:
    text = ratio.removeprefix(_POWER)
    try:
        power = float(text)
    except ValueError:
        power = math.nan
    if not 0 <= power <= _LARGEST_POWER:
        raise InvalidInput("ratio", f"{_POWER}E with a number E from 0 to {_LARGEST_POWER}", ratio)
    return power
