"""Every question of the command line as a function of the same name, with the same arguments.

>>> from ertheory.commands import width
>>> width("784-128-10", method="exact", sparsity=0.9, delta=0.001).widths
(177184, 18432, 10)
"""

from typing import TYPE_CHECKING

from ertheory._pages import page

if TYPE_CHECKING:
    from ertheory.commands.building import embed
    from ertheory.commands.built_chains import Built
    from ertheory.commands.built_networks import BuiltNetwork
    from ertheory.commands.contained import capacity
    from ertheory.commands.exploring import explore
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
    "BuiltNetwork",
    "PrunedTicket",
    "Results",
    "calibrate",
    "capacity",
    "confidence",
    "densities",
    "embed",
    "explore",
    "figure",
    "lower",
    "sample",
    "sparsity",
    "subset_sum",
    "ticket",
    "verify",
    "width",
]

_WHERE = {
    "ertheory.commands.building": "embed",
    "ertheory.commands.built_chains": "Built",
    "ertheory.commands.built_networks": "BuiltNetwork",
    "ertheory.commands.contained": "capacity",
    "ertheory.commands.exploring": "explore",
    "ertheory.commands.figures": "figure",
    "ertheory.commands.inverse": "confidence sparsity",
    "ertheory.commands.layers": "densities",
    "ertheory.commands.measuring": "calibrate verify",
    "ertheory.commands.results": "Results",
    "ertheory.commands.sampling": "sample",
    "ertheory.commands.subset_sums": "subset_sum",
    "ertheory.commands.tickets": "PrunedTicket ticket",
    "ertheory.commands.widths": "lower width",
}

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__, __dir__ = page(__name__, _WHERE)
