"""An independent check of an embedding: that a source, as it is written, computes its target, on its mask.

Nothing is taken over from the construction. A proof in rational arithmetic shows that both are the same function, both
are evaluated in double precision, and a bound says how far rounding may take the two apart.

>>> from ertheory.networks.network import Activation, Affine, Network
>>> target = Network((Affine.from_dense([[5.0]], [1.0]),))
>>> pair = Affine.from_dense([[1.0], [-1.0]]), Activation("silu"), Affine.from_dense([[5.0, -5.0]], [1.0])
>>> check_embedding(target, Network(pair)).exact
True
"""

from __future__ import annotations

from ertheory._typed import name_wrong_types
from ertheory.check.evaluation import evaluate
from ertheory.check.files import EmbeddingFile, read_embedding
from ertheory.check.masks import off_mask
from ertheory.check.proof import Proof, prove
from ertheory.check.rational import evaluate_exact
from ertheory.check.result import Check, check_embedding, check_file
from ertheory.check.rounding import float_bound
from ertheory.check.ticket import TicketCheck, check_ticket

__all__ = [
    "Check",
    "EmbeddingFile",
    "Proof",
    "TicketCheck",
    "check_embedding",
    "check_file",
    "check_ticket",
    "evaluate",
    "evaluate_exact",
    "float_bound",
    "off_mask",
    "prove",
    "read_embedding",
]

name_wrong_types(__name__)
