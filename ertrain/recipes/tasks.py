"""Fixed masks of several densities beside the dense network: what the recipes of other tasks have in common."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.starts import STARTS

__all__ = ["in_fixed_masks"]

_SPARSEST = "0.05"


def in_fixed_masks(*bases: Configuration) -> tuple[Configuration, ...]:
    """List the runs: every training in the dense network and in random masks down to a density of 0.05.

    Examples
    --------
    >>> [run.density for run in in_fixed_masks(Configuration(recipe="example"))]
    ['1', '0.5', '0.3', '0.2', '0.1', '0.05']
    """
    return tuple(replace(base, density=density) for base in bases for density in (*STARTS, _SPARSEST))
