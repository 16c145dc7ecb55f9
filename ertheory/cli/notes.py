"""What stands below a table: why a starred row does not apply, then on what the others rest, then the formulas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ertheory.cli.output import show, wrap

__all__ = ["Note", "show_explained", "show_notes"]


@dataclass(frozen=True)
class Note:
    """What is to be said of one row.

    Parameters
    ----------
    name
        The row, as it is called in the table.
    applies
        Whether its statement applies; the row is starred if not.
    text
        The conditions on which the answer rests, or why there is none.
    layer0
        How layer 0 is read, where rows of the same name differ in that.
    """

    name: str
    applies: bool
    text: str
    layer0: str = ""


def show_notes(notes: Iterable[Note]) -> None:
    """Print the reasons for stars first and alone, and the conditions of the other rows below."""
    known = tuple(notes)
    for title, applies in (("* does not apply here:", False), ("Conditions:", True)):
        chosen = [note for note in known if note.applies == applies]
        if chosen:
            star = "" if applies else "*"
            places = [f", layer 0 {note.layer0}" if note.layer0 else "" for note in chosen]
            lines = [
                wrap(f"  {note.name}{star}{place}: {note.text}") for note, place in zip(chosen, places, strict=True)
            ]
            show("\n".join(["", title, *lines]))


def show_explained(text: str) -> None:
    """Print formulas below what was said before, with lines that fit the terminal."""
    show("\n".join(["", *(wrap(line) if line.strip() else "" for line in text.splitlines())]))
