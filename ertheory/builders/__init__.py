"""Build it: the target inside a random masked source, with a certificate, or the edges that are missing."""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.builders.blocks.build import Construction, embed_target
from ertheory.builders.blocks.links import MissingEdge
from ertheory.builders.files import write_embedding
from ertheory.builders.planning import BUILT, COPIED, Plan, plan
from ertheory.builders.result import Embedding, LinkEdge
from ertheory.builders.sharp.coding import FORMS, Coding, Form
from ertheory.builders.sharp.rational import RationalLayer0, RationalRow, rational_layer0, rational_rows
from ertheory.builders.ticket import Measured, Ticket, build_ticket, write_ticket

__all__ = [
    "BUILT",
    "COPIED",
    "FORMS",
    "Coding",
    "Construction",
    "Embedding",
    "Form",
    "LinkEdge",
    "Measured",
    "MissingEdge",
    "Plan",
    "RationalLayer0",
    "RationalRow",
    "Ticket",
    "build_ticket",
    "embed_target",
    "plan",
    "rational_layer0",
    "rational_rows",
    "write_embedding",
    "write_ticket",
]

name_wrong_types(__name__)
