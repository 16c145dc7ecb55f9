"""The width that a random sparse network needs to contain a target network.

Theory and verification for Erdős–Rényi networks, after *Why Random Pruning Is All We Need to Start Sparse* (Gadhikar,
Mukherjee, Burkholz, ICML 2023). Every number says which statement it rests on, in which variant (printed, exact,
repaired), and whether it is sufficient or necessary.

>>> target = Target.from_text("784-128-10")
>>> width(target, method="printed", density="1,0.1,0.1", failure_probability="0.001").widths
(179536, 18048, 10)
"""

from ertheory.architectures import ARCHITECTURES, LayerShape, architecture
from ertheory.bounds import (
    LAYER0,
    METHODS,
    Answer,
    Layer0,
    UnivariateWidth,
    degree,
    exact,
    joint,
    largest_sparsity,
    path_ceiling,
    printed,
    success_probability,
    univariate_width,
    width,
    widths,
)
from ertheory.densities import RATIOS, LayerDensities, layer_densities, nonzero_counts
from ertheory.errors import ConstructionFailed, ErError, InfeasibleWidth, InvalidInput, TheoremNotApplicable
from ertheory.grids import exact_factor, printed_copies, printed_factor
from ertheory.readers import load_target, read_target, target_from_sklearn, target_from_torch, write_target
from ertheory.reduction import Reduction, reduce
from ertheory.results import Width
from ertheory.source import Source, read_densities
from ertheory.target import Layer, Target

__version__ = "0.1.0"

__all__ = [
    "ARCHITECTURES",
    "LAYER0",
    "METHODS",
    "RATIOS",
    "Answer",
    "ConstructionFailed",
    "ErError",
    "InfeasibleWidth",
    "InvalidInput",
    "Layer",
    "Layer0",
    "LayerDensities",
    "LayerShape",
    "Reduction",
    "Source",
    "Target",
    "TheoremNotApplicable",
    "UnivariateWidth",
    "Width",
    "architecture",
    "degree",
    "exact",
    "exact_factor",
    "joint",
    "largest_sparsity",
    "layer_densities",
    "load_target",
    "nonzero_counts",
    "path_ceiling",
    "printed",
    "printed_copies",
    "printed_factor",
    "read_densities",
    "read_target",
    "reduce",
    "success_probability",
    "target_from_sklearn",
    "target_from_torch",
    "univariate_width",
    "width",
    "widths",
    "write_target",
]
