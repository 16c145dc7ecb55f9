"""Docstrings as Markdown: paragraphs stay, formulas that stand apart become blocks, and what opens a proof is bold."""

from __future__ import annotations

import re
import textwrap

__all__ = ["escape_docstring", "from_docstring"]

_OPENERS = re.compile(r"^((?:Theorem|Lemma|Proof|Law|Example|Corollary)(?: \([^)]*\)| [A-Z]'?)?[.:])", flags=re.M)


def from_docstring(text: str) -> str:
    """Turn the docstring of a module into Markdown.

    Parameters
    ----------
    text
        Paragraphs; those that are indented by four spaces are formulas.
    """
    blocks = re.split(r"\n\s*\n", text)
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: str) -> str:
    """Turn one paragraph, which may be a formula, lead to one, or be a list of terms with what they mean."""
    lines = block.splitlines()
    if block.startswith("    "):
        return "\n".join(["```text", *textwrap.dedent(block).splitlines(), "```"])
    first = next((number for number, line in enumerate(lines) if line.startswith("    ")), None)
    if first is None or lines[0].startswith(("-", "*")):
        return _words(block)
    if lines[first - 1].endswith((":", ",")):  # a formula directly below the words that lead to it
        formula, more = _split(lines[first:])
        shown = f"{_words(chr(10).join(lines[:first]))}\n\n{_block(chr(10).join(formula))}"
        return f"{shown}\n\n{_block(chr(10).join(more))}" if more else shown
    return "\n".join(
        f": {_words(line.strip())}"
        if line.startswith("    ") and not before.startswith("    ")
        else f"  {_words(line.strip())}"
        if line.startswith("    ")
        else f"\n{_words(line)}"
        for before, line in zip(["", *lines], lines, strict=False)
    ).lstrip("\n")


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    """Part the lines of a formula from the words that go on below it."""
    end = next((number for number, line in enumerate(lines) if not line.startswith("    ")), len(lines))
    return lines[:end], lines[end:]


def _words(text: str) -> str:
    """Escape what Markdown would take for its own, outside of code."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", text)
    escaped = [
        f"`{piece.strip('`')}`" if number % 2 else re.sub(r"([\\*_\[\]<>|$#])", r"\\\1", piece)
        for number, piece in enumerate(pieces)
    ]
    joined = _OPENERS.sub(r"**\1**", "".join(escaped))
    joined = re.sub(r"^\\\*( )", r"*\1", joined, flags=re.M)
    return re.sub(r"\bQED\b\.?", "∎", joined)


def escape_docstring(app, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Escape the signs of formulas in words, such as ``|z|`` and ``(out, in, *kernel)``: they are read as text too."""
    for number, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            pieces = re.split(r"(`[^`]+`)", line)
            pieces[::2] = [re.sub(r"(?<![\\\w*])(\*(?=\w)(?!\w+\*)|\|(?=\S))", r"\\\1", piece) for piece in pieces[::2]]
            lines[number] = "".join(pieces)
