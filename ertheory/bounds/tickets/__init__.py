"""Theorem 2.5, strong tickets in a random sparse source: its widths in every mode, and what they depend on."""

from ertheory._typed import name_wrong_types
from ertheory.bounds.tickets.result import Depth, TicketWidth
from ertheory.bounds.tickets.sensitivity import Sensitivity, TicketSensitivity, ticket_sensitivity
from ertheory.bounds.tickets.widths import DEPTHS, ticket_densities, ticket_widths

__all__ = [
    "DEPTHS",
    "Depth",
    "Sensitivity",
    "TicketSensitivity",
    "TicketWidth",
    "ticket_densities",
    "ticket_sensitivity",
    "ticket_widths",
]

name_wrong_types(__name__)
