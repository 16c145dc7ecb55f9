"""The rooms of the package: imports go down the floors, each room has a sorted page, old names still work."""

from __future__ import annotations

import ast
import graphlib
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import _deprecated  # noqa: E402

ROOT = Path(ertrain.__file__).parent
# From the ground up: a room imports from those before it.
FLOORS = (
    "errors", "arguments", "streams", "storage", "masks", "models", "data", "ratios", "configuration", "methods",
    "training", "own", "recipes", "reports", "students", "cli",
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
    with pytest.warns(DeprecationWarning, match=rf"ertrain\.{old} is now ertrain\.{OLD[old]};") as caught:
        assert callable(getattr(ertrain, old))
    assert [warning.filename for warning in caught] == [__file__]


def test_every_old_name_is_listed():
    assert OLD == _deprecated.RENAMED


def test_the_old_place_has_its_old_attributes():
    with pytest.warns(DeprecationWarning, match="Place"):
        place = ertrain.Place(torch.device("cpu"), rank=1, processes=3)
    assert place == ertrain._deprecated.Place(torch.device("cpu"), 1, 3)
    assert isinstance(place, ertrain.ProcessGroup)
    assert (place.rank, place.world_size, place.is_main) == (1, 3, False)
    for old, new, value in (("first", "is_main", False), ("processes", "world_size", 3)):
        with pytest.warns(DeprecationWarning, match=rf"Place\.{old} is now ertrain\.ProcessGroup\.{new};"):
            assert getattr(place, old) == value


def test_what_was_joined_the_old_way_has_the_old_methods():
    with pytest.warns(DeprecationWarning, match="join_process_group"):
        join = ertrain.join
    with join("cpu") as place:
        with pytest.warns(DeprecationWarning, match="is_main"):
            assert place.first
        with pytest.warns(DeprecationWarning, match="all_reduce"):
            assert place.summed(torch.ones(2)).tolist() == [1, 1]
        with pytest.warns(DeprecationWarning, match="main_first"):
            turn = place.in_turn()
        with turn:
            pass


def test_the_old_share_out_takes_its_evidence():
    network = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    pixels = SimpleNamespace(mean=torch.zeros(1), train=SimpleNamespace(shape=(20,)))
    with pytest.warns(DeprecationWarning, match="ertrain"):
        evidence = ertrain.Evidence(data=pixels, seed=0, fit=lambda _: None)
    with pytest.warns(DeprecationWarning, match="ertrain"):
        found = ertrain.share_out(network, "1/2", "synflow", skip=(), evidence=evidence)
    assert found == ertrain.allocate_sparsity(network, "1/2", "synflow", context=evidence)
    with pytest.warns(DeprecationWarning, match="ertrain"), pytest.raises(InvalidInput, match="context"):
        ertrain.share_out(network, "1/2", "synflow")


def test_names_that_never_were_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'never'"):
        ertrain.never  # noqa: B018
