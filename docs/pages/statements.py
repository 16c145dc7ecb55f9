"""One page a statement: what the catalogue knows of it, its proof from the docstrings, and a note written by hand.

Notes lie in `docs/notes`, one file a page. Each begins with lines ``key: value``: the modules whose docstrings are the
proof, and for what is no method of ``width`` also the title, the kind and the source that the catalogue would say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ertheory.bounds.catalogue import METHODS, STATEMENTS
from ertheory.bounds.statement import Statement
from ertheory.montecarlo.statements.catalogue import case_of
from pages import plots
from pages.prose import from_docstring

__all__ = ["Note", "note_of", "notes", "pages"]

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "docs" / "notes"
KINDS = {
    "printed": "as printed in the paper",
    "sufficient": "sufficient: so wide is enough, with probability 1 - δ",
    "necessary": "necessary: narrower is not enough, whatever is done with the weights",
}
SCOPES = {
    "source": "every masked source of this depth",
    "narrow": "sources whose layer 1 is narrow: each answer says up to which width it holds",
    "colouring": "sources in whose last hidden layer a neuron copies one target neuron at most",
    "factored": "sources that are twice as deep as the target, two masked maps for each of its own",
}
QUESTION = "ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was written by hand of one statement.

    Parameters
    ----------
    name
        Name of the page.
    head
        The lines ``key: value`` at its top.
    sections
        Texts by heading.
    """

    name: str
    head: dict[str, str]
    sections: dict[str, str] = field(default_factory=dict)

    @property
    def proof(self) -> list[str]:
        """Modules whose docstrings hold the proof."""
        return self.head["proof"].split()


def note_of(name: str) -> Note:
    """Read one note."""
    head, _, body = (NOTES / f"{name}.md").read_text(encoding="utf-8").partition("\n---\n")
    parts = re.split(r"^## (.*)\n", body, flags=re.M)
    keys = dict(line.split(": ", 1) for line in head.splitlines())
    return Note(
        name=name, head=keys, sections={one: text.strip() for one, text in zip(parts[1::2], parts[2::2], strict=True)}
    )


def notes() -> list[Note]:
    """Read all notes: methods of ``width`` in the order of the catalogue, then the others by name."""
    methods = [statement.name for statement in STATEMENTS]
    others = sorted(path.stem for path in NOTES.glob("*.md") if path.stem not in {*methods, "errata"})
    return [note_of(name) for name in (*methods, *others)]


def pages() -> Iterator[tuple[str, str]]:
    """Yield the pages."""
    known = {statement.name: statement for statement in STATEMENTS}
    rows = ["| page | kind | what it says |", "| --- | --- | --- |"]
    for note in notes():
        statement = known.get(note.name)
        kind = note.head["kind"] if statement is None else statement.kind
        title = note.head["title"] if statement is None else statement.title
        rows.append(f"| [`{note.name}`]({note.name}.md) | {kind} | {title} |")
        yield f"statements/{note.name}.md", _page(note, statement, kind, title)
        picture = plots.plot_of(note.name)
        if picture is not None:
            yield f"statements/{note.name}.svg", picture
    tree = ["```{toctree}", ":hidden:", "", "errata", *(note.name for note in notes()), "```", ""]
    before = [
        "# Statements",
        "",
        "Each has a page: what is printed, what holds and on which conditions, the proof, and what checks it.",
        "*Sufficient* ones say how wide is enough, *necessary* ones below which width nothing can be done. What the",
        "paper prints and what is true of it stands in [one table](errata.md).",
        "",
    ]
    yield "statements/index.md", "\n".join([*before, *rows, "", *tree])
    yield "statements/errata.md", (NOTES / "errata.md").read_text(encoding="utf-8")


def _page(note: Note, statement: Statement | None, kind: str, title: str) -> str:
    source = note.head["source"] if statement is None else statement.source
    command = note.head.get("command", f"{QUESTION} --method {note.name}")
    lines = [f"# {note.name}", "", f"**{title[0].upper()}{title[1:]}.**", "", "Kind", f": {KINDS.get(kind, kind)}", ""]
    lines += ["Source", f": {source}", "", "Ask it", f": `{command}`", ""]
    for heading in ("As printed", "What holds"):
        lines += [f"## {heading}", "", note.sections[heading], ""]
    lines += ["## Conditions", "", *_conditions(note, statement), ""]
    picture = plots.caption_of(note.name)
    if picture is not None:
        lines += ["## Plot", "", f"![{picture}]({note.name}.svg)", "", picture, ""]
    lines += ["## Proof", "", *_proof(note), ""]
    lines += ["## What checks it", "", *_checks(note, statement), ""]
    for heading in ("Limits", "References"):
        lines += [f"## {heading}", "", note.sections[heading], ""]
    return "\n".join(lines)


def _conditions(note: Note, statement: Statement | None) -> list[str]:
    lines = [f"* {note.sections['Conditions']}"] if "Conditions" in note.sections else []
    if statement is None:
        return lines
    if statement.conditions:
        lines.append(f"* {statement.conditions[0].upper()}{statement.conditions[1:]}.")
    if statement.readings:
        lines.append(f"* Layer 0 is read as {', '.join(f'`{one}`' for one in statement.readings)} (`--layer0`).")
    if statement.kind == "necessary":
        lines.append(f"* It speaks of {SCOPES[statement.scope]}.")
    lines.append(
        "* Targets are chains of layers: no shortcuts." if statement.chains_only else "* Targets may have shortcuts."
    )
    if statement.slow_below:
        lines.append(f"* Below density {float(statement.slow_below):g} it has to be asked for by name, for it is slow.")
    more = [("given widths (`ertheory sparsity`, `confidence`)", statement.inverse is not None)]
    more += [("building a source (`ertheory embed`)", bool(statement.constructions))]
    more += [("a certificate for Coq (`--certificate`)", statement.certificate is not None)]
    able = [words for words, is_there in more if is_there]
    if able:
        lines.append(f"* It is also there for {', '.join(able)}.")
    return lines


def _proof(note: Note) -> Iterator[str]:
    if "Proof" in note.sections:
        yield from (note.sections["Proof"], "")
    for module in note.proof:
        path = ROOT / f"{module.replace('.', '/')}.py"
        yield f"### {module}"
        yield ""
        yield from_docstring(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        yield ""


def machine_rows(name: str) -> list[str]:
    """Find what a machine has checked of a statement, in the table of `proofs/README.md`."""
    table = (ROOT / "proofs" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    wanted = f"`{name}`" if name in METHODS else name
    return [row for row in rows if wanted in row.split("|")[1]]


def _checks(note: Note, statement: Statement | None) -> Iterator[str]:
    rows = [row for key in note.head.get("proofs", note.name).split(", ") for row in machine_rows(key)]
    if rows:
        yield from ("| statement | what is proved | file: theorem | checked |", "| --- | --- | --- | --- |", *rows, "")
        yield "Files and what they rest on: [proofs that a machine has checked](../project/proofs.md)."
        yield ""
    names = note.head.get("checks", "").split() if statement is None else statement.checks
    for name in names:
        case = case_of(name)
        yield f"* Monte Carlo: `ertheory verify {name}` ({case.target}, {_widths(case.widths)}): {case.says}."
    if "What checks it" in note.sections:
        yield from ("", note.sections["What checks it"])


def _widths(widths: tuple[int | None, ...]) -> str:
    return f"source widths {', '.join('any' if width is None else str(width) for width in widths)}"
