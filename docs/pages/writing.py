"""All generated pages, written where the site is made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ertheory
from pages import commands, copied, names, results, statements

__all__ = ["GENERATED", "explorer", "pages", "write_all"]

ROOT = Path(__file__).resolve().parents[2]
# Folders of which every file is generated. None of them is committed.
GENERATED = ("commands", "notebooks", "project", "reference", "results", "statements")


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path below `docs` and the text of every generated page."""
    for part in (statements, commands, names, results, copied):
        yield from part.pages()


def write_all(docs: Path) -> None:
    """Write what has changed, and take away what is no longer made, so that a second build is short."""
    made = dict(pages())
    for folder in GENERATED:
        for path in (docs / folder).rglob("*"):
            if path.is_file() and path.relative_to(docs).as_posix() not in made:
                path.unlink()
    for name, text in made.items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def explorer(built: Path) -> None:
    """Put the explorer beside the pages: one file, which answers its address without a server."""
    ertheory.explore(out=built / "explorer.html", force=True)
