"""The house: rooms and floors of `ertheory` as CONTRIBUTING.md tells them, and from the imports which loads which."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

__all__ = ["BEHIND", "PACKAGES", "ROOT", "figure", "floors", "imported", "imports", "room"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ertheory", "ertrain")
BEHIND = {"ertheory._deprecated", "ertheory._pages", "ertheory._typed", "ertheory._unusable"}  # part of the root
WIDTH, HEIGHT, LEFT = 760, 66, 40


def room(name: str) -> str:
    """Name the room of a module: the package or loose module below the root, or the root itself."""
    return ".".join(name.split(".")[:2])


def imports(package: str) -> dict[str, set[str]]:
    """Rooms that each room of a package loads."""
    graph: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        here = room(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        graph[here] |= {room(name) for name in imported(ast.parse(path.read_text(encoding="utf-8")))} - {here}
    return dict(graph)


def imported(tree: ast.Module) -> Iterator[str]:
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


def figure() -> str:
    """Draw the rooms on their floors and a line for each room that loads another, as SVG inside a page."""
    found = floors()
    highest = max(found.values())
    places: dict[str, tuple[float, float]] = {}
    for floor in range(highest + 1):
        rooms = sorted(name for name, number in found.items() if number == floor)
        step = (WIDTH - LEFT) / len(rooms)
        for number, name in enumerate(rooms):
            places[name] = LEFT + step * (number + 0.5), HEIGHT * (highest - floor) + HEIGHT / 2
    lines = [
        f'<path d="M{x:.0f} {y + 13:.0f} C{x:.0f} {y + 40:.0f} {u:.0f} {v - 40:.0f} {u:.0f} {v - 13:.0f}"/>'
        for here, used in sorted(imports("ertheory").items())
        for other in sorted(used)
        if here in places and other in places and found[here] > found[other]
        for (x, y), (u, v) in [(places[here], places[other])]
    ]
    boxes = []
    for name, (x, y) in places.items():
        short = name.partition(".")[2]
        half = 5 + 4 * len(short)
        boxes.append(f'<rect x="{x - half:.0f}" y="{y - 13:.0f}" width="{2 * half}" height="26" rx="4"/>')
        boxes.append(f'<text x="{x:.0f}" y="{y + 5:.0f}">{short}</text>')
    numbers = [f'<text x="14" y="{HEIGHT * (highest - n) + HEIGHT / 2 + 5:.0f}">{n}</text>' for n in range(highest + 1)]
    return "\n".join(
        [
            "```{raw} html",
            f'<svg class="house" viewBox="0 0 {WIDTH} {HEIGHT * (highest + 1)}" role="img"',
            'aria-label="Rooms of ertheory on their floors; a line leads from each room down to one that it loads">',
            f'<g class="loads">{"".join(lines)}</g><g class="rooms">{"".join(boxes)}{"".join(numbers)}</g></svg>',
            "```",
        ]
    )
