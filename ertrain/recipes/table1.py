"""Table 1: which layer-wise ratio of a random mask trains best, from moderate to extreme sparsity."""

from __future__ import annotations

from dataclasses import replace

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.starts import PAPER_VGG16

__all__ = ["TABLE1", "table1"]

_NAME = "table1"
_COMPARED = ("uniform", "erk", "balanced", "pyramidal", "snip", "synflow", "imp")
_DENSITIES = ("0.1", "0.05", "0.02", "0.01", "0.005", "0.001")

_PAPER = replace(PAPER_VGG16, recipe=_NAME)

# The same in fewer epochs, with larger batches in half precision.
_SMALL = replace(
    _PAPER,
    schedule="cosine",
    milestones=(),
    warmup=1,
    epochs=16,
    batch=512,
    precision="bfloat16",
    compile=True,
    deterministic=False,
)

_DIGITS = Configuration(
    recipe=_NAME,
    model="lenet-300-100",
    data="digits",
    learning_rate=0.05,
    warmup=1,
    epochs=20,
    batch=64,
    ratio_epochs=5,
    ratio_keep=0.5,
)
_FASHION = replace(_DIGITS, data="fashion-mnist", epochs=3, batch=128, ratio_epochs=1, ratio_keep=0.3)
# Half as wide as printed; an epoch of Fashion-MNIST would take it minutes.
_RESNET = replace(_DIGITS, model="resnet20", width="1/2", learning_rate=0.1, epochs=10, ratio_epochs=3)


def table1(scale: str) -> tuple[Configuration, ...]:
    """List the runs of Table 1, with seed 0.

    Parameters
    ----------
    scale
        ``"paper"``: VGG16 on CIFAR-10 with the paper's settings, and ResNet18 and ResNet50 after it. ``"small"``: VGG16
        on CIFAR-10 in a tenth of the epochs. ``"quick"``: LeNet-300-100 on digits and Fashion-MNIST, and a narrow
        ResNet-20 on digits.

    Examples
    --------
    >>> runs = table1("quick")
    >>> sorted({(run.data, run.model) for run in runs})
    [('digits', 'lenet-300-100'), ('digits', 'resnet20'), ('fashion-mnist', 'lenet-300-100')]
    """
    if scale == "quick":
        resnets = _grid(_RESNET, ("0.1", "0.02"))
        return (*_grid(_DIGITS, ("0.1", "0.05", "0.02", "0.01")), *_grid(_FASHION, ("0.1", "0.01")), *resnets)
    if scale == "small":
        return _grid(_SMALL, ("0.1", "0.01", "0.001"))
    networks = ("vgg16", "resnet18", "resnet50")
    return tuple(run for network in networks for run in _grid(replace(_PAPER, model=network), _DENSITIES))


def _grid(base: Configuration, densities: tuple[str, ...]) -> tuple[Configuration, ...]:
    return tuple(replace(base, ratio=ratio, density=density) for density in densities for ratio in _COMPARED)


TABLE1 = Recipe(
    name=_NAME,
    tests="Balanced and pyramidal ratios beat or match ERK up to sparsity 0.99; beyond that everything degrades.",
    make=table1,
)
