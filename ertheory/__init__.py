"""The width that a random sparse network needs to contain a target network.

Theory and verification for Erdős–Rényi networks, after *Why Random Pruning Is All We Need to Start Sparse* (Gadhikar,
Mukherjee, Burkholz, ICML 2023). Every number says which statement it rests on, in which variant (printed, exact,
repaired), and whether it is sufficient or necessary.

Every question of the command line is a function of the same name with the same arguments: `width`, `sparsity`,
`confidence`, `capacity`, `lower`, `embed`, `calibrate`, `subset_sum`, `ticket`, `densities`, `verify`, `figure`,
`explore`, `sample`.

>>> import ertheory
>>> ertheory.width("784-128-10", method="printed", density="1,0.1,0.1", delta=0.001).widths
(179536, 18048, 10)
>>> ertheory.width("784-128-10", sparsity=0.9, confidence=0.999)["sharp"].widths
(8551, 1850, 10)
"""

from typing import TYPE_CHECKING

from ertheory._deprecated import renamed
from ertheory._pages import page

if TYPE_CHECKING:
    from ertheory.bounds import (
        LAYER0,
        METHODS,
        MODES,
        Answer,
        Layer0,
        SubsetSumCount,
        TicketSensitivity,
        TicketWidth,
        UniformPart,
        UnivariateWidth,
        failure_lower,
        failure_upper,
        n_necessary,
        path_ceiling,
        sharp_exponent,
    )
    from ertheory.bounds.blocks.grids import exact_factor, printed_copies, printed_factor
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
    from ertheory.builders.factored.modules.embed import embed_module
    from ertheory.builders.factored.modules.result import FactoredModule
    from ertheory.check import Check, TicketCheck, check_embedding, check_file, check_ticket
    from ertheory.commands import (
        Built,
        BuiltNetwork,
        PrunedTicket,
        Results,
        calibrate,
        capacity,
        confidence,
        densities,
        embed,
        explore,
        figure,
        lower,
        sample,
        sparsity,
        subset_sum,
        ticket,
        verify,
        width,
    )
    from ertheory.errors import ConstructionFailed, ErError, InfeasibleWidth, InvalidInput, TheoremNotApplicable
    from ertheory.layerwise import RATIOS, LayerDensities, nonzero_counts
    from ertheory.layerwise.architectures import ARCHITECTURES, LayerShape, architecture
    from ertheory.masks import DrawnMask, GivenMask, draw_masks, read_masks
    from ertheory.masks.drawn_source import DrawnSource
    from ertheory.montecarlo import CALIBRATED, CHECKS, Calibration, SimulatedSubsetSum, Verification
    from ertheory.networks.network import Network
    from ertheory.networks.readers.targets import (
        load_network,
        load_target,
        read_network,
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
    "CALIBRATED",
    "CHECKS",
    "LAYER0",
    "METHODS",
    "MODES",
    "RATIOS",
    "Answer",
    "Built",
    "BuiltNetwork",
    "Calibration",
    "Check",
    "ConstructionFailed",
    "DrawnMask",
    "DrawnSource",
    "Embedding",
    "ErError",
    "ErrorFloor",
    "FactoredModule",
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
    "PrunedTicket",
    "Reduction",
    "Results",
    "SimulatedSubsetSum",
    "Source",
    "SubsetSumCount",
    "Target",
    "TheoremNotApplicable",
    "Ticket",
    "TicketCheck",
    "TicketSensitivity",
    "TicketWidth",
    "UniformPart",
    "UnivariateWidth",
    "Verification",
    "Width",
    "architecture",
    "build_ticket",
    "calibrate",
    "capacity",
    "check_embedding",
    "check_file",
    "check_ticket",
    "confidence",
    "densities",
    "draw_masks",
    "embed",
    "embed_module",
    "embed_target",
    "error_floor",
    "exact_factor",
    "explore",
    "failure_lower",
    "failure_upper",
    "figure",
    "load_network",
    "load_target",
    "lower",
    "n_necessary",
    "network_from_torch",
    "network_of",
    "network_to_torch",
    "nonzero_counts",
    "path_ceiling",
    "plan",
    "printed_copies",
    "printed_factor",
    "read_densities",
    "read_masks",
    "read_network",
    "read_target",
    "reduce",
    "sample",
    "sharp_exponent",
    "sparsity",
    "subset_sum",
    "target_from_sklearn",
    "target_from_torch",
    "ticket",
    "verify",
    "width",
    "write_embedding",
    "write_target",
    "write_ticket",
]

_WHERE = {
    "ertheory.bounds": (
        "LAYER0 METHODS MODES Answer Layer0 SubsetSumCount TicketSensitivity TicketWidth UniformPart "
        "UnivariateWidth failure_lower failure_upper n_necessary path_ceiling sharp_exponent"
    ),
    "ertheory.bounds.blocks.grids": "exact_factor printed_copies printed_factor",
    "ertheory.bounds.necessary.error_floor": "ErrorFloor error_floor",
    "ertheory.bounds.result": "Width",
    "ertheory.builders": (
        "Embedding MissingEdge Plan Ticket build_ticket embed_target plan write_embedding write_ticket"
    ),
    "ertheory.builders.factored.modules.embed": "embed_module",
    "ertheory.builders.factored.modules.result": "FactoredModule",
    "ertheory.check": "Check TicketCheck check_embedding check_file check_ticket",
    "ertheory.commands": (
        "Built BuiltNetwork PrunedTicket Results calibrate capacity confidence densities embed explore figure lower "
        "sample sparsity subset_sum ticket verify width"
    ),
    "ertheory.errors": "ConstructionFailed ErError InfeasibleWidth InvalidInput TheoremNotApplicable",
    "ertheory.layerwise": "RATIOS LayerDensities nonzero_counts",
    "ertheory.layerwise.architectures": "ARCHITECTURES LayerShape architecture",
    "ertheory.masks": "DrawnMask GivenMask draw_masks read_masks",
    "ertheory.masks.drawn_source": "DrawnSource",
    "ertheory.montecarlo": "CALIBRATED CHECKS Calibration SimulatedSubsetSum Verification",
    "ertheory.networks.network": "Network",
    "ertheory.networks.readers.targets": (
        "load_network load_target read_network read_target target_from_sklearn target_from_torch write_target"
    ),
    "ertheory.networks.readers.torch_read": "network_from_torch",
    "ertheory.networks.reduction": "Reduction reduce",
    "ertheory.networks.source": "Source read_densities",
    "ertheory.networks.target": "Layer Target network_of",
    "ertheory.networks.writers.torch_module": "network_to_torch",
}

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__, __dir__ = page(__name__, _WHERE, renamed)
