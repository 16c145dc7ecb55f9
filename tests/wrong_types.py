"""Public functions that are given what is no argument of theirs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ertheory._typed import _MARK
from ertheory.errors import ErError

__all__ = ["Odd", "not_named", "public_functions", "silent_methods"]


class Odd:
    """It is nothing that anybody asks for, and cannot be compared, counted or called."""

    def __repr__(self) -> str:
        return "something odd"


def public_functions(package: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the functions of all pages of a package that need an argument, each once, with a name."""
    top, seen = importlib.import_module(package), set()
    inside = [found.name for found in pkgutil.walk_packages(top.__path__, f"{package}.") if found.ispkg]
    for name in (package, *inside):
        page = importlib.import_module(name)
        for one in getattr(page, "__all__", ()):
            found = getattr(page, one)
            if inspect.isfunction(found) and found not in seen and _needed(found):
                seen.add(found)
                yield f"{name}.{one}", found


def silent_methods(package: str) -> Iterator[str]:
    """Name what stands on pages of a package, functions and methods of classes, and does not name wrong types.

    Inner pages come first: names are exchanged wherever they stand when they are looked up on the page of the package.
    """
    top = importlib.import_module(package)
    inside = [found.name for found in pkgutil.walk_packages(top.__path__, f"{package}.") if found.ispkg]
    for name in (*reversed(inside), package):
        page = importlib.import_module(name)
        for one in getattr(page, "__all__", ()):
            found = getattr(page, one)
            if not getattr(found, "__module__", "").startswith(("ertheory.", "ertrain.")):
                continue
            methods = {one: found} if inspect.isfunction(found) else {}
            if inspect.isclass(found):
                public = {key: how for key, how in vars(found).items() if key[0] != "_" or key == "__init__"}
                methods = {f"{one}.{key}": getattr(how, "__func__", how) for key, how in public.items()}
            for key, method in methods.items():
                if inspect.isfunction(method) and not key.endswith(".forward") and not hasattr(method, _MARK):
                    yield f"{name}.{key}"


def not_named(function: Callable[..., Any]) -> str | None:
    """Call a function with something odd for all that it needs, and say what happens unless it is an error of ours."""
    needed = _needed(function)
    first = [Odd() for one in needed if one.kind is not one.KEYWORD_ONLY]
    named = {one.name: Odd() for one in needed if one.kind is one.KEYWORD_ONLY}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of names that take it for another's argument
            found = function(*first, **named)
            if inspect.isgenerator(found):
                next(found)
    except ErError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__}"
    return "returns"


def _needed(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in parameters if one.default is one.empty and one.kind not in several]
