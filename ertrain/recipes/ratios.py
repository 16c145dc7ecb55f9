"""Every layer-wise ratio, from half of the weights to one in a hundred, beside the dense network."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.ratios import RATIOS
from ertrain.recipes.base import Recipe

__all__ = ["RATIOS_RECIPE", "ratios"]

_NAME = "ratios"
_DENSITIES = ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01")
_DENSE = Configuration(
    recipe=_NAME,
    model="lenet-300-100",
    data="fashion-mnist",
    ratio="uniform",
    density="1",
    learning_rate=0.1,
    warmup=1,
    epochs=30,
    batch=256,
    ratio_epochs=3,
    ratio_keep=0.5,
)
_DIGITS = replace(_DENSE, data="digits", learning_rate=0.05, epochs=20, batch=64, ratio_epochs=5)


def ratios(scale: str) -> tuple[Configuration, ...]:
    """List the runs: LeNet-300-100 on Fashion-MNIST, dense and with every ratio at six densities, all with seed 0.

    Parameters
    ----------
    scale
        ``"quick"``: four epochs, and twenty on digits. ``"small"``: thirty.

    Examples
    --------
    >>> runs = ratios("quick")
    >>> runs[0].density, len({run.ratio for run in runs}), len({run.density for run in runs})
    ('1', 10, 7)
    >>> sorted({run.data for run in runs})
    ['digits', 'fashion-mnist']
    """
    if scale == "quick":
        return (*_grid(replace(_DENSE, epochs=4, ratio_epochs=1)), *_grid(_DIGITS))
    return _grid(_DENSE)


def _grid(dense: Configuration) -> tuple[Configuration, ...]:
    return (dense, *(replace(dense, density=density, ratio=ratio) for density in _DENSITIES for ratio in RATIOS))


RATIOS_RECIPE = Recipe(
    name=_NAME,
    tests="Which layer-wise ratio keeps most of the dense accuracy of LeNet-300-100 on Fashion-MNIST.",
    make=ratios,
    scales=("quick", "small"),
)
