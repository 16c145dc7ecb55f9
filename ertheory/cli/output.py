"""What the commands print: aligned tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from ertheory.errors import InvalidInput
from ertheory.tables import Cell, Style, Table

__all__ = ["SCHEMA", "OutputClosed", "check_output", "document", "render", "show", "show_table", "wrap"]

SCHEMA = 1

_USUAL = (120, 24)  # where nobody says how large the terminal is


class OutputClosed(Exception):
    """Nobody reads standard output any more."""


def document(command: str, inputs: dict[str, Any], **fields: Any) -> str:
    """Write the one JSON document of a command, with the fields that all commands share."""
    from ertheory import __version__

    content = {"schema": SCHEMA, "command": command, "version": __version__, "inputs": inputs, **fields}
    return json.dumps(content, allow_nan=False)


def render(rows: Sequence[Sequence[Cell]], headers: Sequence[str], style: Style) -> str:
    """Lay out rows under their headers; a table that is wider than the terminal becomes one block per row."""
    return Table.of(headers, rows).render(style, shutil.get_terminal_size(_USUAL).columns)


def show_table(table: Table, style: Style) -> None:
    """Print a table, in one of its formats, at the width of the terminal."""
    show(table.render(style, shutil.get_terminal_size(_USUAL).columns))


def wrap(text: str) -> str:
    """Break a long sentence at the width of the terminal, keeping its indent."""
    indent = text[: len(text) - len(text.lstrip())]
    columns = shutil.get_terminal_size(_USUAL).columns
    return textwrap.fill(text, columns, subsequent_indent=indent + "  ", break_on_hyphens=False)


def check_output() -> None:
    """Refuse a standard output that is closed: what is computed could not be said.

    Raises
    ------
    InvalidInput
        If it is closed.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise InvalidInput("standard output", "an open one", "a closed one")


def show(text: str) -> None:
    """Print to standard output, also where its encoding knows less than ours.

    Raises
    ------
    OutputClosed
        If a pipe has no reader any more.
    InvalidInput
        If standard output is closed, or its place is full.
    """
    check_output()
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, errors="replace").decode(encoding), flush=True)
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        raise InvalidInput("standard output", "a place that can be written", error.strerror) from error
