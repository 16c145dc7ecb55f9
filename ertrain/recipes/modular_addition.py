"""Addition modulo a number in random masks: does what is left still find the rule, and not only the table."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.tasks import in_fixed_masks

__all__ = ["MODULAR_ADDITION", "modular_addition"]

_NAME = "modular-addition"
_MODELS = ("encoder-decoder", "transformer")

# The rule is found long after the table is known by heart, and hardly without weight decay.
_PAPER = Configuration(
    recipe=_NAME,
    data="modular-addition-97",
    ratio="balanced",
    optimiser="adamw",
    learning_rate=0.001,
    weight_decay=1.0,
    schedule="constant",
    warmup=1,
    epochs=8_000,
    batch=256,
)
_SMALL = replace(_PAPER, epochs=1_000)
_QUICK = replace(_PAPER, learning_rate=0.003, epochs=150)
_QUICK_WIDTHS = {"encoder-decoder": "2", "transformer": "1/2"}


def modular_addition(scale: str) -> tuple[Configuration, ...]:
    """List the runs, with seed 0: dense networks and fixed masks.

    Parameters
    ----------
    scale
        Sums modulo 97, in all of them. ``"paper"``: for about 100,000 steps. ``"small"``: for an eighth of them.
        ``"quick"``: for 1,800 larger ones, by networks of other widths.

    Examples
    --------
    >>> sorted({(run.data, run.model) for run in modular_addition("quick")})
    [('modular-addition-97', 'encoder-decoder'), ('modular-addition-97', 'transformer')]
    """
    if scale == "quick":
        return in_fixed_masks(*(replace(_QUICK, model=model, width=_QUICK_WIDTHS[model]) for model in _MODELS))
    base = _SMALL if scale == "small" else _PAPER
    return in_fixed_masks(*(replace(base, model=model) for model in _MODELS))


MODULAR_ADDITION = Recipe(
    name=_NAME,
    tests="A network in a random mask learns to add modulo a number from a part of the table as the dense one does.",
    make=modular_addition,
)
