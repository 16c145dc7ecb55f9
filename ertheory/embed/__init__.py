"""Build it: the target inside a random masked source, with a certificate, or the edges that are missing."""

from __future__ import annotations

from ertheory.embed.build import Construction, embed_target
from ertheory.embed.coding import FORMS, Coding, Form
from ertheory.embed.files import write_embedding
from ertheory.embed.layer0 import SOURCE_LAYER0, SourceLayer0
from ertheory.embed.links import MissingEdge
from ertheory.embed.plan import BUILT, Plan, plan
from ertheory.embed.rational import RationalRow, rational_rows
from ertheory.embed.result import Embedding, LinkEdge

__all__ = [
    "BUILT",
    "FORMS",
    "SOURCE_LAYER0",
    "Coding",
    "Construction",
    "Embedding",
    "Form",
    "LinkEdge",
    "MissingEdge",
    "Plan",
    "RationalRow",
    "SourceLayer0",
    "embed_target",
    "plan",
    "rational_rows",
    "write_embedding",
]
