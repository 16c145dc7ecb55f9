"""Runs of one method from masks of several densities, the dense start among them, to several final densities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ertrain.configuration import Configuration

__all__ = ["DIGITS", "FASHION", "STARTS", "from_starts", "in_fewer_epochs"]

STARTS = ("1", "0.5", "0.3", "0.2", "0.1")

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
