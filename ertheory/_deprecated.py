"""Public names that have another name now; they keep working for one release, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["OTHERWISE", "RENAMED", "other_names", "renamed"]

# Where a name has two meanings no more: by the package, the old name and the new one.
OTHERWISE = {
    "ertheory": {"STATEMENTS": "CHECKS"},
    "ertheory.bounds": {"QUESTIONS": "INVERTED"},
    "ertheory.montecarlo": {"STATEMENTS": "CHECKS", "SequentialTest": "AnytimeTest"},
    "ertheory.symbolic": {"STATEMENTS": "FORMULAS", "Statement": "Formula", "statement": "formula_of"},
}


# The old name: where it is, and what to write instead.
RENAMED = {
    "degree": ("ertheory.bounds", 'width(target, method="degree", ...)'),
    "drop": ("ertheory.bounds.drop.widths", 'width(target, method="drop", ...)'),
    "exact": ("ertheory.bounds", 'width(target, method="exact", ...)'),
    "joint": ("ertheory.bounds", 'width(target, method="joint", ...)'),
    "largest_sparsity": ("ertheory.bounds", "sparsity(target, widths, ...)"),
    "layer_densities": ("ertheory.layerwise", "densities(shapes, ratio=..., ...)"),
    "n_required": ("ertheory.bounds", "subset_sum(...)"),
    "printed": ("ertheory.bounds", 'width(target, method="printed", ...)'),
    "success_probability": ("ertheory.bounds", "confidence(target, widths, ...)"),
    "ticket_sensitivity": ("ertheory.bounds", "ticket(target, sensitivity=True, ...)"),
    "ticket_widths": ("ertheory.bounds", "ticket(target, ...)"),
    "univariate_width": ("ertheory.bounds", "lower(inputs, ...)"),
    "widths": ("ertheory.bounds", "width(target, ...) without a method"),
}


def renamed(name: str) -> Any:
    """Give what an old public name stands for, and warn.

    Parameters
    ----------
    name
        The name as it was asked for.

    Raises
    ------
    AttributeError
        If there never was such a name.
    """
    if name in OTHERWISE["ertheory"]:
        return other_names("ertheory")(name)
    if name not in RENAMED:
        msg = f"module 'ertheory' has no attribute {name!r}"
        raise AttributeError(msg)
    module, instead = RENAMED[name]
    warnings.warn(f"ertheory.{name} goes after this release: use ertheory.{instead}", DeprecationWarning, stacklevel=3)
    return getattr(import_module(module), name)


def other_names(package: str, *, calls: int = 1) -> Callable[[str], Any]:
    """Make the function ``__getattr__`` of a package some of whose names are called otherwise now.

    Parameters
    ----------
    package
        The full name of the package, a key of `OTHERWISE`.
    calls
        How many calls lie between this function and the one that asks for a name, which the warning points at.
    """

    def find(name: str) -> Any:
        if name not in OTHERWISE[package]:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        new = OTHERWISE[package][name]
        msg = f"{package}.{name} goes after this release: use {package}.{new}"
        warnings.warn(msg, DeprecationWarning, stacklevel=1 + calls)
        return getattr(import_module(package), new)

    return find
