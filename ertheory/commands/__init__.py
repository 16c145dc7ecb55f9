"""Every question of the command line as a function of the same name, with the same arguments.

>>> width("784-128-10", method="exact", sparsity=0.9, delta=0.001).widths
(177184, 18432, 10)
"""

from __future__ import annotations

from ertheory.commands.building import Built, embed
from ertheory.commands.figures import figure
from ertheory.commands.inverse import confidence, sparsity
from ertheory.commands.layers import densities
from ertheory.commands.measuring import calibrate, verify
from ertheory.commands.results import Results
from ertheory.commands.sampling import sample
from ertheory.commands.subset_sums import subset_sum
from ertheory.commands.tickets import PrunedTicket, ticket
from ertheory.commands.widths import lower, width

__all__ = [
    "Built",
    "PrunedTicket",
    "Results",
    "calibrate",
    "confidence",
    "densities",
    "embed",
    "figure",
    "lower",
    "sample",
    "sparsity",
    "subset_sum",
    "ticket",
    "verify",
    "width",
]
