"""Strong tickets: a target approximated by pruning one fixed random network, nothing trained and nothing redrawn."""

from __future__ import annotations

from ertheory.embed.ticket.build import build_ticket
from ertheory.embed.ticket.files import write_ticket
from ertheory.embed.ticket.result import Measured, Ticket

__all__ = ["Measured", "Ticket", "build_ticket", "write_ticket"]
