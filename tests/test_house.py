"""The floors that CONTRIBUTING.md shows are those of the imports."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ertheory", "ertrain")
BEHIND = {"ertheory._deprecated", "ertheory._pages"}  # of the root, and part of it
LATE = ("ertheory", "ertheory.bounds", "ertheory.commands", "ertheory.networks")


def room(name: str) -> str:
    """Room of a module by its full name: the package or loose module below the root, or the root itself."""
    return ".".join(name.split(".")[:2])


def imports(package: str) -> dict[str, set[str]]:
    """Rooms that each room of a package loads."""
    graph: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        here = room(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        graph[here] |= {room(name) for name in _imported(ast.parse(path.read_text(encoding="utf-8")))} - {here}
    return dict(graph)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Full names of our modules that loading a module loads: imports in functions and for types alone are left out."""
    for node in _loaded(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if _is_module(full) else node.module


def _loaded(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        ):
            continue
        yield child
        yield from _loaded(child)


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def floors() -> dict[str, int]:
    """Floor of every room of `ertheory`, as the table of CONTRIBUTING.md says."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.*?) \|", text, flags=re.M)
    return {f"ertheory.{name}": int(number) for number, names in rows for name in re.findall(r"`(\w+)`", names)}


def test_every_room_stands_on_one_floor():
    rooms = imports("ertheory").keys() - {"ertheory", "ertheory.__main__", *BEHIND}
    assert rooms == floors().keys()


def test_no_room_loads_one_of_a_floor_above():
    found = floors()
    upwards = [
        f"{here} -> {used}"
        for here, names in imports("ertheory").items()
        for used in names
        if here in found and found.get(used, -1) > found[here]
    ]
    assert upwards == []


def test_walls():
    """What must not be loaded from where, on one floor or another."""
    graph = imports("ertheory")
    assert not any(name.startswith("ertrain") for names in graph.values() for name in names)
    assert "ertheory.builders" not in graph["ertheory.check"] | graph["ertheory.bounds"]
    assert "ertheory.check" not in graph["ertheory.builders"]
    assert [here for here, names in graph.items() if "ertheory.cli" in names] == ["ertheory.__main__"]


def test_imports_are_read():
    """The reading of imports itself: names of modules, members of packages, and what is left out."""
    code = """
import ertheory.masks
from ertheory import numbers
from ertheory.bounds.drop import widths
if TYPE_CHECKING:
    from ertheory.cli import main
def later():
    import ertheory.plots
try:
    from ertheory.networks.target import Target
except ImportError:
    pass
"""
    found = {room(name) for name in _imported(ast.parse(code))}
    assert found == {f"ertheory.{name}" for name in ("masks", "numbers", "bounds", "networks")}


def test_no_module_is_hidden_by_a_name_of_its_package():
    """`import ertheory.bounds.drop` is that module, whatever functions the package exports."""
    package = importlib.import_module("ertheory")
    for found in pkgutil.walk_packages(package.__path__, "ertheory."):
        if not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            parent, _, leaf = found.name.rpartition(".")
            assert getattr(importlib.import_module(parent), leaf) is module, found.name


@pytest.mark.parametrize("name", LATE)
def test_names_that_are_loaded_late_are_where_checkers_of_types_see_them(name):
    package = importlib.import_module(name)
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (seen,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imported = {node.module: {alias.name for alias in node.names} for node in seen.body}
    assert {module: set(names.split()) for module, names in package._WHERE.items()} == imported
    names = sorted(name for names in imported.values() for name in names)
    assert sorted(package.__all__) == names
    assert set(names) <= set(dir(package))
    for module, found in imported.items():
        for one in found:
            assert getattr(package, one) is getattr(importlib.import_module(module), one)


def test_a_question_loads_what_it_needs_and_no_more():
    """`width` neither builds nor checks nor draws, and no library for these is loaded."""
    code = "import sys; from ertheory.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    words = "width --target 8-6-3 --sparsity 0.5 --delta 0.05".split()
    done = subprocess.run([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    others = {f"ertheory.{room}" for room in ("builders", "check", "montecarlo", "plots", "symbolic", "masks")}
    assert loaded & (others | {"numba", "scipy", "sympy", "matplotlib", "torch", "joblib", "typeguard"}) == set()
    assert {"ertheory.bounds.catalogue", "numpy", "flint"} <= loaded
