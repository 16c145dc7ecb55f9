"""Strong tickets: a target approximated by pruning one fixed random network, nothing trained and nothing redrawn."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.builders.ticket.build import build_ticket
from ertheory.builders.ticket.files import write_ticket
from ertheory.builders.ticket.result import Measured, Ticket

__all__ = ["Measured", "Ticket", "build_ticket", "write_ticket"]

name_wrong_types(__name__)
