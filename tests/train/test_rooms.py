"""The rooms of the package: imports go down the floors, each room has a sorted page, old names still work."""

from __future__ import annotations

import ast
import graphlib
import importlib
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import ertrain  # noqa: E402

ROOT = Path(ertrain.__file__).parent
# From the ground up: a room imports from those before it.
FLOORS = (
    "errors", "streams", "storage", "masks", "models", "data", "ratios", "configuration", "methods", "training",
    "recipes", "reports", "students", "cli",
)  # fmt: skip
PAGES = sorted(path.parent for path in ROOT.rglob("__init__.py") if path.parent.name != "cli")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Name the modules of this package that a file imports, those within functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return {name for name in named if name.partition(".")[0] == "ertrain"}


def modules() -> list[Path]:
    return [path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem in FLOORS]


@pytest.mark.parametrize("path", modules(), ids=module_of)
def test_imports_go_down_the_floors(path):
    own = module_of(path).split(".")[1]
    for name in imported(path):
        assert name != "ertrain"
        assert FLOORS.index(name.split(".")[1]) <= FLOORS.index(own), name


def test_modules_import_one_another_without_a_circle():
    graph = {module_of(path): imported(path) for path in modules() if path.stem != "__init__"}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_a_page_says_what_is_public_and_hides_no_module(folder):
    page = importlib.import_module(module_of(folder / "__init__.py"))
    assert page.__doc__
    assert len(set(page.__all__)) == len(page.__all__)
    assert all(hasattr(page, name) for name in page.__all__)
    for path in folder.glob("*.py"):
        if path.stem not in ("__init__", "__main__"):
            importlib.import_module(module_of(path))
            assert getattr(page, path.stem).__name__ == module_of(path)


OLD = {
    "Evidence": "PruningContext",
    "Place": "ProcessGroup",
    "join": "join_process_group",
    "share_out": "allocate_sparsity",
}


@pytest.mark.parametrize("old", OLD)
def test_old_names_work_and_say_what_is_new(old):
    with pytest.warns(DeprecationWarning, match=rf"ertrain\.{OLD[old]}"):
        assert getattr(ertrain, old) is getattr(ertrain, OLD[old])


def test_names_that_never_were_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'never'"):
        ertrain.never  # noqa: B018
