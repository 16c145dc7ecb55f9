"""Runs of one method from masks of several densities, the dense start among them, to several final densities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ertrain.configuration import Configuration

__all__ = ["DIGITS", "FASHION", "PAPER_VGG16", "STARTS", "beside_fixed", "from_starts", "in_fewer_epochs"]

STARTS = ("1", "0.5", "0.3", "0.2", "0.1")

# As printed: SGD with Nesterov momentum, 160 epochs with drops at 80 and 120, a batch of 100, the dense start.
PAPER_VGG16 = Configuration(
    recipe="paper",
    model="vgg16",
    data="cifar10",
    augmentation="crop-flip",
    initialisation="paper",
    optimiser="nesterov",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="steps",
    milestones=(80, 120),
    epochs=160,
    batch=100,
)

# For two cores: what the quick scales of all methods have in common.
DIGITS = Configuration(
    recipe="quick",
    model="lenet-300-100",
    data="digits",
    ratio="balanced",
    optimiser="sgd",
    learning_rate=0.05,
    warmup=1,
    epochs=20,
    batch=64,
)
FASHION = replace(DIGITS, data="fashion-mnist", epochs=6, batch=128)


def from_starts(
    base: Configuration, finals: Sequence[str], starts: Sequence[str] = STARTS
) -> tuple[Configuration, ...]:
    """List the runs: every start that is denser than the end, for every end.

    Examples
    --------
    >>> base = Configuration(recipe="example", method="imp")
    >>> [(run.density, run.final_density) for run in from_starts(base, ("0.2", "0.02"), ("1", "0.2"))]
    [('1', '0.2'), ('1', '0.02'), ('0.2', '0.02')]
    """
    return tuple(
        replace(base, density=start, final_density=final)
        for final in finals
        for start in starts
        if Fraction(start) > Fraction(final)
    )


def beside_fixed(base: Configuration, finals: Sequence[str]) -> tuple[Configuration, ...]:
    """List the runs from all starts, and before them the fixed masks that are as dense as the ends.

    Examples
    --------
    >>> base = Configuration(recipe="example", method="rigl")
    >>> [(run.method, run.density) for run in beside_fixed(base, ("0.2",))]
    [('fixed', '0.2'), ('rigl', '1'), ('rigl', '0.5'), ('rigl', '0.3')]
    """
    fixed = tuple(replace(base, method="fixed", density=final) for final in finals)
    return (*fixed, *from_starts(base, finals))


def in_fewer_epochs(base: Configuration, epochs: int) -> Configuration:
    """Return the same training for one GPU and an hour: fewer epochs, larger batches, half precision."""
    return replace(
        base,
        schedule="cosine",
        milestones=(),
        warmup=1,
        epochs=epochs,
        batch=512,
        precision="bfloat16",
        deterministic=False,
    )
