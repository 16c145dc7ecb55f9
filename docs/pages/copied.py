"""Texts and notebooks of the repository as pages, with links that lead to pages of the site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ertheory import __version__
from pages import house

__all__ = ["pages", "relinked"]

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "proofs/README.md": "project/proofs.md",
}
PLACES = TEXTS | {
    "README.md": "index.md",
    "benchmarks/RESULTS.md": "results/index.md",
    "CITATION.cff": "project/citing.md",
}
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)")


def pages() -> Iterator[tuple[str, str]]:
    """Yield the pages that are copies."""
    for source, page in TEXTS.items():
        text = relinked((ROOT / source).read_text(encoding="utf-8"), source, page)
        if source == "CONTRIBUTING.md":
            text = text.replace("## The house\n", f"## The house\n\n{house.figure()}\n")
        yield page, text
    yield "project/citing.md", _citing(yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8")))
    for source in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        page = f"notebooks/{source.name}"
        notebook = json.loads(source.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = relinked("".join(cell["source"]), page, page)
        yield page, json.dumps(notebook, indent=1, ensure_ascii=False)


def relinked(text: str, source: str, page: str) -> str:
    """Let the links of a file lead to pages; those to a file that has none stay words.

    Parameters
    ----------
    text
        Markdown.
    source
        The file that it comes from, below the root of the repository.
    page
        The page that it becomes, below `docs`.
    """
    here = PurePosixPath(page).parent

    def place(found: re.Match[str]) -> str:
        file = _joined(PurePosixPath(source).parent, found[1])
        if (ROOT / file).suffix in (".csv", ".png", ".svg"):
            return _relative(f"../{file}", here)
        if file in PLACES or re.fullmatch(r"notebooks/\w+\.ipynb", file):
            return _relative(PLACES.get(file, file), here)
        msg = f"{source} links to {file}, which is no page of the site"
        raise ValueError(msg)

    return LINK.sub(place, text)


def _joined(folder: PurePosixPath, link: str) -> str:
    parts: list[str] = []
    for part in (folder / link).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _relative(file: str, folder: PurePosixPath) -> str:
    return "/".join([*(".." for _ in folder.parts), file]) if folder.parts else file


def _citing(known: dict[str, Any]) -> str:
    """Write the page about citing from CITATION.cff."""
    (paper,) = known["references"]
    names = " and ".join(f"{one['family-names']}, {one['given-names']}" for one in paper["authors"])
    fields = {
        "author": names,
        "title": paper["title"],
        "booktitle": paper["collection-title"],
        "publisher": paper["publisher"]["name"],
        "volume": paper["volume"],
        "pages": f"{paper['start']}--{paper['end']}",
        "year": paper["year"],
        "url": paper["url"],
    }
    bibtex = [f"  {key} = {{{value}}}," for key, value in fields.items()]
    lines = ["# Citing", "", known["message"], "", f"The software: *{known['title']}*, version {__version__}, with"]
    lines += ["the name of the statement that you used, since one number may come from several.", "", "The paper:", ""]
    return "\n".join([*lines, "```bibtex", f"@inproceedings{{gadhikar{paper['year']}random,", *bibtex, "}", "```", ""])
