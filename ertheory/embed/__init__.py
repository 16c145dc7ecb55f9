"""Build it: the target inside a random masked source, with a certificate, or the edges that are missing."""

from __future__ import annotations

from ertheory.embed.blocks.build import Construction, embed_target
from ertheory.embed.blocks.links import MissingEdge
from ertheory.embed.files import write_embedding
from ertheory.embed.planning import BUILT, Plan, plan
from ertheory.embed.result import Embedding, LinkEdge
from ertheory.embed.sharp.coding import FORMS, Coding, Form
from ertheory.embed.sharp.rational import RationalRow, rational_rows
from ertheory.embed.ticket import Measured, Ticket, build_ticket, write_ticket

__all__ = [
    "BUILT",
    "FORMS",
    "Coding",
    "Construction",
    "Embedding",
    "Form",
    "LinkEdge",
    "Measured",
    "MissingEdge",
    "Plan",
    "RationalRow",
    "Ticket",
    "build_ticket",
    "embed_target",
    "plan",
    "rational_rows",
    "write_embedding",
    "write_ticket",
]
