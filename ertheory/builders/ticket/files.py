"""The file of a ticket: what is kept of the source, its ER masks, and from what seed all of it was drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ertheory.builders.files import drawn_texts, source_arrays
from ertheory.builders.ticket.result import Ticket
from ertheory.errors import InvalidInput
from ertheory.files import write_arrays

__all__ = ["write_ticket"]


def write_ticket(
    path: str | Path, ticket: Ticket, *, overwrite: bool = False, check: Callable[[Path], None] | None = None
) -> None:
    """Write a ticket to a .npz or .safetensors file.

    Parameters
    ----------
    path
        It says where to write; the file is either complete or not there.
    ticket
        One that is a success.
    overwrite
        Whether to write over an existing file.
    check
        It is called with the complete file before it gets its name; what it raises leaves nothing behind.

    Raises
    ------
    InvalidInput
        If the ticket is none, or the place cannot be written to.

    Notes
    -----
    The layout is that of `write_embedding`. The seed and the densities are enough to draw the whole source again and to
    compare.
    """
    if not ticket.success or ticket.network is None:
        raise InvalidInput("ticket", "a ticket that is a success", "; ".join(ticket.missing))
    texts = {"activation": "relu", **drawn_texts(ticket.masks)}
    if ticket.bits is not None:
        texts["bits"] = str(ticket.bits)
    write_arrays(Path(path), source_arrays(ticket.network, ticket.masks), texts, force=overwrite, check=check)
