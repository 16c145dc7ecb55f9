"""Defaults of what packages and rooms hand on are those of `defaults.txt`, so that answers stay what they are.

Where one shall change, `python tests/reference/test_defaults.py` writes them down anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITTEN = Path(__file__).parent / "defaults.txt"


def defaults() -> Iterator[str]:
    """Write what may be left out of all that a package or a room hands on, and of the commands, and its value then."""
    for path in sorted(path for package in ("ertheory", "ertrain") for path in (ROOT / package).rglob("*.py")):
        module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        package, room, *_ = [*module.split("."), ""]
        shown = _handed_on(ROOT / package) | _handed_on(ROOT / package / room)
        for line in _within(ast.parse(path.read_text(encoding="utf-8")), module):
            if room == "cli" or re.split(r"\W", line.removeprefix(f"{module}."))[0] in shown:
                yield line


@cache
def _handed_on(folder: Path) -> frozenset[str]:
    """Give the names in `__all__` of a package."""
    page = folder / "__init__.py"
    for node in ast.parse(page.read_text(encoding="utf-8")).body if page.exists() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value)) if isinstance(node.value, ast.List) else frozenset()
    return frozenset()


def _within(node: ast.AST, name: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            place = f"{name}.{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from _within(child, place)
            else:
                yield from _parameters(child.args, place)
        elif isinstance(node, ast.ClassDef) and isinstance(child, ast.AnnAssign) and child.value is not None:
            yield f"{name}.{ast.unparse(child.target)} = {ast.unparse(child.value)}"


def _parameters(given: ast.arguments, name: str) -> Iterator[str]:
    placed = [*given.posonlyargs, *given.args]
    pairs = [*zip(placed[len(placed) - len(given.defaults) :], given.defaults, strict=True)]
    pairs += [(one, value) for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
    for one, value in pairs:
        yield f"{name}({one.arg} = {ast.unparse(value)})"


def test_no_default_changes_unnoticed():
    gone = set(WRITTEN.read_text(encoding="utf-8").splitlines()).difference(defaults())
    assert not sorted(gone), "defaults are others now: write them down if they shall be"


if __name__ == "__main__":
    WRITTEN.write_text("".join(f"{line}\n" for line in defaults()), encoding="utf-8")
