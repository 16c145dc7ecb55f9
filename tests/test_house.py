"""The floors that CONTRIBUTING.md shows are those of the imports."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages.house import BEHIND, floors, imported, imports, room

LATE = ("ertheory", "ertheory.bounds", "ertheory.commands", "ertheory.networks", "ertrain")


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


def test_one_module_makes_worker_processes():
    """Made elsewhere, they would wait without end where a warning of joblib's is an error."""
    root = Path(__file__).resolve().parent.parent
    makers = {
        path.relative_to(root).as_posix()
        for package in ("ertheory", "ertrain")
        for path in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Parallel"
    }
    assert makers == {"ertheory/processes.py"}


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
    found = {room(name) for name in imported(ast.parse(code))}
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
    if name == "ertrain":
        pytest.importorskip("torch", reason="needs the extra 'train'")
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
