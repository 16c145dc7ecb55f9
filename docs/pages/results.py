"""What was measured, as `benchmarks/RESULTS.md` says it: a page for each script, and the list of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pages.copied import relinked

__all__ = ["pages", "parts"]

SOURCE = "benchmarks/RESULTS.md"
ROOT = Path(__file__).resolve().parents[2]


def parts() -> Iterator[tuple[str, str, str, str]]:
    """Yield name of the page, heading, circumstances (day and machine) and text of every part."""
    text = (ROOT / SOURCE).read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        first, _, body = part.partition("\n")
        heading, _, circumstances = first.partition(" (")
        yield re.sub(r"[^\w]+", "-", heading.removesuffix(".py")), heading, circumstances.removesuffix(")"), body


def pages() -> Iterator[tuple[str, str]]:
    """Yield the pages."""
    before = (ROOT / SOURCE).read_text(encoding="utf-8").partition("\n## ")[0]
    index = [relinked(before, SOURCE, "results/index.md"), "", "| measured by | when, and on which machine |"]
    index.append("| --- | --- |")
    found = list(parts())
    for name, heading, circumstances, body in found:
        index.append(f"| [{heading}]({name}.md) | {circumstances} |")
        text = relinked(body, SOURCE, f"results/{name}.md")
        yield f"results/{name}.md", f"# {heading}\n\nMeasured: {circumstances}.\n{text}"
    index += ["", "```{toctree}", ":hidden:", "", *(name for name, *_ in found), "```", ""]
    yield "results/index.md", "\n".join(index)
