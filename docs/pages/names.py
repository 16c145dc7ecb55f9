"""The public names of both packages, by the room in which they live."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

__all__ = ["grouped", "pages"]

HEADINGS = {
    "ertheory.commands": "Questions",
    "ertheory.bounds": "Statements and their answers",
    "ertheory.builders": "Building",
    "ertheory.check": "Checking",
    "ertheory.networks": "Targets and networks",
    "ertheory.masks": "Masks",
    "ertheory.layerwise": "Densities of layers",
    "ertheory.montecarlo": "Simulation",
    "ertheory.errors": "Errors",
    "ertrain.own": "Your own networks and data",
    "ertrain.configuration": "Configurations",
    "ertrain.masks": "Masks and sparse layers",
    "ertrain.ratios": "Densities of layers",
    "ertrain.models": "Networks",
    "ertrain.recipes": "Recipes",
    "ertrain.training": "Training",
    "ertrain.reports": "Reports",
    "ertrain.errors": "Errors",
}


def grouped(package: str) -> dict[str, list[str]]:
    """Give the public names of a package below the headings of its page."""
    module = importlib.import_module(package)
    groups: dict[str, list[str]] = {}
    for name in module.__all__:
        room = _room(package, name, getattr(module, name))
        groups.setdefault(HEADINGS.get(room, room.partition(".")[2].capitalize()), []).append(name)
    order = list(HEADINGS.values())
    return dict(sorted(groups.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def pages() -> Iterator[tuple[str, str]]:
    """Yield a page for each package, and one for each of its names."""
    for package in ("ertheory", "ertrain"):
        module = importlib.import_module(package)
        lines = [package, "=" * len(package), "", inspect.getdoc(module).partition("\n")[0], ""]
        for heading, names in grouped(package).items():
            lines += [heading, "-" * len(heading), "", ".. autosummary::", "   :nosignatures:", ""]
            lines += [f"   ~{package}.{name}" for name in names if not _is_value(getattr(module, name))]
            lines.append("")
            for name in filter(lambda name: _is_value(getattr(module, name)), names):
                lines += [f"* :doc:`{package}.{name}`: {_words(getattr(module, name))}"]
            lines.append("")
        lines += [".. toctree::", "   :hidden:", ""]
        lines += [f"   {package}.{name}" for name in module.__all__]
        yield f"reference/{package}.rst", "\n".join([*lines, ""])
        for name in module.__all__:
            yield f"reference/{package}.{name}.rst", _page(package, name, getattr(module, name))


def _page(package: str, name: str, value: object) -> str:
    title = f"{package}.{name}"
    head = [title, "=" * len(title), ""]
    if inspect.isclass(value):
        body = [f".. autoclass:: {title}", "   :members:", "   :inherited-members: Exception, Module, tuple"]
    elif callable(value):
        body = [f".. autofunction:: {title}"]
    else:
        body = [f".. data:: {title}", "   :no-index-entry:", "", f"   {_words(value)}"]
    return "\n".join([*head, *body, ""])


def _room(package: str, name: str, value: object) -> str:
    module = getattr(importlib.import_module(package), "__module__", None) or getattr(value, "__module__", "")
    where = getattr(importlib.import_module(package), "_WHERE", {})
    found = next((place for place, names in where.items() if name in names.split()), module)
    return ".".join(found.split(".")[:2])


def _is_value(value: object) -> bool:
    return not callable(value)


def _words(value: object) -> str:
    """Say which values a constant lists."""
    if isinstance(value, tuple | frozenset | set | dict):
        return "One of " + ", ".join(f"``{one}``" for one in value) + "."
    return f"``{value}``"
