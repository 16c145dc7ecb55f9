"""What the commands print: aligned tables for people, one JSON document for programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

from ertheory.errors import InvalidInput

__all__ = ["Format", "document", "render", "show", "wrap"]

Format = Literal["table", "markdown", "latex", "csv"]
_FORMATS = ("table", "markdown", "latex", "csv")

SCHEMA = 1


def document(command: str, inputs: dict[str, Any], **fields: Any) -> str:
    """Write the one JSON document of a command, with the fields that all commands share."""
    from ertheory import __version__

    content = {"schema": SCHEMA, "command": command, "version": __version__, "inputs": inputs, **fields}
    return json.dumps(content, allow_nan=False)


def render(rows: Sequence[Sequence[str]], headers: Sequence[str], style: str) -> str:
    """Lay out rows under their headers.

    A table that is wider than the terminal becomes one block per row.
    """
    if style not in _FORMATS:
        raise InvalidInput("--format", f"one of {', '.join(_FORMATS)}", style)
    if style == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([headers, *rows])
        return text.getvalue().rstrip("\n")
    if style == "markdown":
        lines = [headers, ["---"] * len(headers), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    if style == "latex":
        body = "\n".join(" & ".join(map(_latex, line)) + r" \\" for line in [headers, *rows])
        return f"\\begin{{tabular}}{{{'l' * len(headers)}}}\n{body}\n\\end{{tabular}}"
    return _table(rows, headers)


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > shutil.get_terminal_size((120, 24)).columns:
        longest = max(map(len, headers))
        blocks = (
            "\n".join(f"{name:<{longest}}  {cell}" for name, cell in zip(headers, row, strict=True)) for row in rows
        )
        return "\n\n".join(blocks)
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(_align, line, widths)).rstrip() for line in lines)


def _align(cell: str, width: int) -> str:
    number = cell.replace(",", "").replace(".", "").replace("%", "").replace("x", "").lstrip("-")
    return cell.rjust(width) if number.isdigit() else cell.ljust(width)


def wrap(text: str) -> str:
    """Break a long sentence at the width of the terminal, keeping its indent."""
    indent = text[: len(text) - len(text.lstrip())]
    columns = max(40, shutil.get_terminal_size((120, 24)).columns)
    return textwrap.fill(text, columns, subsequent_indent=indent + "  ", break_on_hyphens=False)


def _latex(cell: str) -> str:
    return "".join(f"\\{letter}" if letter in "%_&#" else letter for letter in cell)


def show(text: str) -> None:
    """Print to standard output, also where its encoding knows less than ours."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, errors="replace").decode(encoding))
