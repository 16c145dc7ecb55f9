"""The width that a random sparse network needs to contain a target network.

Theory and verification for Erdős–Rényi networks, after *Why Random Pruning Is All We Need to Start Sparse* (Gadhikar,
Mukherjee, Burkholz, ICML 2023). Every number says which statement it rests on, in which variant (printed, exact,
repaired), and whether it is sufficient or necessary.

>>> target = Target.from_text("784-128-10")
>>> width(target, method="printed", density="1,0.1,0.1", failure_probability="0.001").widths
(179536, 18048, 10)
"""

from ertheory.bounds import (
    LAYER0,
    METHODS,
    Answer,
    Layer0,
    SubsetSumCount,
    TicketWidth,
    UnivariateWidth,
    degree,
    exact,
    failure_lower,
    failure_upper,
    joint,
    largest_sparsity,
    n_necessary,
    n_required,
    path_ceiling,
    printed,
    sharp_exponent,
    success_probability,
    ticket_sensitivity,
    ticket_widths,
    univariate_width,
    width,
    widths,
)
from ertheory.bounds.blocks.grids import exact_factor, printed_copies, printed_factor
from ertheory.bounds.drop.widths import drop
from ertheory.bounds.necessary.error_floor import ErrorFloor, error_floor
from ertheory.bounds.result import Width
from ertheory.builders import (
    Embedding,
    MissingEdge,
    Plan,
    Ticket,
    build_ticket,
    embed_target,
    plan,
    write_embedding,
    write_ticket,
)
from ertheory.check import Check, TicketCheck, check_embedding, check_file, check_ticket
from ertheory.errors import ConstructionFailed, ErError, InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.layerwise import RATIOS, LayerDensities, layer_densities, nonzero_counts
from ertheory.layerwise.architectures import ARCHITECTURES, LayerShape, architecture
from ertheory.masks import DrawnMask, GivenMask, draw_masks, read_masks
from ertheory.masks.drawn_source import DrawnSource
from ertheory.montecarlo import Calibration, calibrate
from ertheory.networks.network import Network
from ertheory.networks.readers.targets import (
    load_network,
    load_target,
    read_target,
    target_from_sklearn,
    target_from_torch,
    write_target,
)
from ertheory.networks.readers.torch_read import network_from_torch
from ertheory.networks.reduction import Reduction, reduce
from ertheory.networks.source import Source, read_densities
from ertheory.networks.target import Layer, Target, network_of
from ertheory.networks.writers.torch_module import network_to_torch

__version__ = "0.1.0"

__all__ = [
    "ARCHITECTURES",
    "LAYER0",
    "METHODS",
    "RATIOS",
    "Answer",
    "Calibration",
    "Check",
    "ConstructionFailed",
    "DrawnMask",
    "DrawnSource",
    "Embedding",
    "ErError",
    "ErrorFloor",
    "GivenMask",
    "InfeasibleWidth",
    "InvalidInput",
    "Layer",
    "Layer0",
    "LayerDensities",
    "LayerShape",
    "MissingEdge",
    "Network",
    "Plan",
    "Reduction",
    "Source",
    "SubsetSumCount",
    "Target",
    "TheoremNotApplicable",
    "Ticket",
    "TicketCheck",
    "TicketWidth",
    "UnivariateWidth",
    "Width",
    "architecture",
    "build_ticket",
    "calibrate",
    "check_embedding",
    "check_file",
    "check_ticket",
    "degree",
    "draw_masks",
    "drop",
    "embed_target",
    "error_floor",
    "exact",
    "exact_factor",
    "failure_lower",
    "failure_upper",
    "joint",
    "largest_sparsity",
    "layer_densities",
    "load_network",
    "load_target",
    "n_necessary",
    "n_required",
    "network_from_torch",
    "network_of",
    "network_to_torch",
    "nonzero_counts",
    "path_ceiling",
    "plan",
    "printed",
    "printed_copies",
    "printed_factor",
    "read_densities",
    "read_masks",
    "read_target",
    "reduce",
    "sharp_exponent",
    "success_probability",
    "target_from_sklearn",
    "target_from_torch",
    "ticket_sensitivity",
    "ticket_widths",
    "univariate_width",
    "width",
    "widths",
    "write_embedding",
    "write_target",
    "write_ticket",
]
