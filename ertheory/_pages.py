"""Public names that are loaded when they are first used, so that nobody waits for what he does not ask for.

A package with such a page imports its names for checkers of types alone, and lists in a table where they are. A test
compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec

from ertheory._typed import public

__all__ = ["page"]


def page(
    package: str, table: Mapping[str, str], otherwise: Callable[[str], object] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make the functions ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        The full name of the package.
    table
        The names that each module has, separated by blanks, by the full name of the module.
    otherwise
        Finds or refuses what is neither in the table nor a module of the package. If left out, it is refused.

    Examples
    --------
    >>> find, names = page("ertheory", {"ertheory.errors": "InvalidInput"})
    >>> find("InvalidInput")
    <class 'ertheory.errors.InvalidInput'>
    >>> find("files").__name__, "InvalidInput" in names()
    ('ertheory.files', True)
    >>> find("unknown")
    Traceback (most recent call last):
        ...
    AttributeError: module 'ertheory' has no attribute 'unknown'
    """
    where = {name: module for module, names in table.items() for name in names.split()}

    def find(name: str) -> object:
        if name in where:
            module = import_module(where[name])
            found: object = public(getattr(module, name))
            for here in (module, sys.modules[package]):  # where the next look finds it at once
                setattr(here, name, found)
            return found
        if not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
            return import_module(f"{package}.{name}")
        if otherwise is not None:
            return otherwise(name)
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg)

    return find, lambda: sorted({*vars(sys.modules[package]), *where})
