"""How wide must the source be? One statement a file, and one catalogue that puts them side by side.

Sufficient: `printed` (Theorems 2.1, 2.2 and the convolutional statement by their closed form), `exact` (the smallest
integers by the exact law), `joint` (the best split of the failure budget), `drop` (bad copies are left out),
`sequential` and `matching` (the last hidden layer coloured after the mask is seen, layer 0 coded or matched), `sharp`
(the best of these two), `factored` (two masked maps for each map of the target). Necessary: for N_0 ``theorem-2.3``,
``parameter-count``, ``path-count`` and ``coupled``, for the last hidden layer ``degree`` and ``size-lp``, for both
together ``least-total``, for colourings ``first-moment``, for factored sources ``factored-paths`` and
``factored-count``. Each is a value of `ertheory.bounds.catalogue`; `width` and `widths` put the question,
`largest_sparsity` and `success_probability` the inverse ones.
"""

from typing import TYPE_CHECKING

from ertheory._deprecated import other_names
from ertheory._pages import page

if TYPE_CHECKING:
    from ertheory.bounds.blocks.available import best_factors
    from ertheory.bounds.blocks.closed_form import union_factor
    from ertheory.bounds.blocks.hall import hall_sum
    from ertheory.bounds.blocks.joint import joint
    from ertheory.bounds.blocks.laws import LAYER0, Law, Layer0
    from ertheory.bounds.blocks.minimal import exact
    from ertheory.bounds.blocks.printed import printed
    from ertheory.bounds.catalogue import BUILT, INVERTED, METHODS, NECESSARY, READINGS, STATEMENTS, find
    from ertheory.bounds.drop.kept import drop_success
    from ertheory.bounds.inverse import Answer, largest_sparsity, success_probability
    from ertheory.bounds.necessary.coverage import coverage
    from ertheory.bounds.necessary.degree import degree, degree_ceiling
    from ertheory.bounds.necessary.paths import path_ceiling
    from ertheory.bounds.necessary.univariate import (
        UnivariateWidth,
        coverage_ceiling,
        essential_inputs,
        path_failure,
        printed_univariate,
        univariate_width,
    )
    from ertheory.bounds.questions import width, widths
    from ertheory.bounds.result import Width
    from ertheory.bounds.statement import Inverse, Question, Reading, Statement
    from ertheory.bounds.subset_sum import (
        FITS,
        LAWS,
        MODES,
        Fit,
        LawLike,
        LawName,
        Mode,
        SubsetSum,
        SubsetSumCount,
        UniformPart,
        failure_lower,
        failure_upper,
        mixed_failure_upper,
        n_necessary,
        n_required,
        sharp_exponent,
    )
    from ertheory.bounds.tickets import (
        DEPTHS,
        Depth,
        Sensitivity,
        TicketSensitivity,
        TicketWidth,
        ticket_sensitivity,
        ticket_widths,
    )

__all__ = [
    "BUILT",
    "DEPTHS",
    "FITS",
    "INVERTED",
    "LAWS",
    "LAYER0",
    "METHODS",
    "MODES",
    "NECESSARY",
    "READINGS",
    "STATEMENTS",
    "Answer",
    "Depth",
    "Fit",
    "Inverse",
    "Law",
    "LawLike",
    "LawName",
    "Layer0",
    "Mode",
    "Question",
    "Reading",
    "Sensitivity",
    "Statement",
    "SubsetSum",
    "SubsetSumCount",
    "TicketSensitivity",
    "TicketWidth",
    "UniformPart",
    "UnivariateWidth",
    "Width",
    "best_factors",
    "coverage",
    "coverage_ceiling",
    "degree",
    "degree_ceiling",
    "drop_success",
    "essential_inputs",
    "exact",
    "failure_lower",
    "failure_upper",
    "find",
    "hall_sum",
    "joint",
    "largest_sparsity",
    "mixed_failure_upper",
    "n_necessary",
    "n_required",
    "path_ceiling",
    "path_failure",
    "printed",
    "printed_univariate",
    "sharp_exponent",
    "success_probability",
    "ticket_sensitivity",
    "ticket_widths",
    "union_factor",
    "univariate_width",
    "width",
    "widths",
]

_WHERE = {
    "ertheory.bounds.blocks.available": "best_factors",
    "ertheory.bounds.blocks.closed_form": "union_factor",
    "ertheory.bounds.blocks.hall": "hall_sum",
    "ertheory.bounds.blocks.joint": "joint",
    "ertheory.bounds.blocks.laws": "LAYER0 Law Layer0",
    "ertheory.bounds.blocks.minimal": "exact",
    "ertheory.bounds.blocks.printed": "printed",
    "ertheory.bounds.catalogue": "BUILT METHODS NECESSARY INVERTED READINGS STATEMENTS find",
    "ertheory.bounds.drop.kept": "drop_success",
    "ertheory.bounds.inverse": "Answer largest_sparsity success_probability",
    "ertheory.bounds.necessary.coverage": "coverage",
    "ertheory.bounds.necessary.degree": "degree degree_ceiling",
    "ertheory.bounds.necessary.paths": "path_ceiling",
    "ertheory.bounds.necessary.univariate": (
        "UnivariateWidth coverage_ceiling essential_inputs path_failure printed_univariate univariate_width"
    ),
    "ertheory.bounds.questions": "width widths",
    "ertheory.bounds.result": "Width",
    "ertheory.bounds.statement": "Inverse Question Reading Statement",
    "ertheory.bounds.subset_sum": (
        "FITS LAWS MODES Fit LawLike LawName Mode SubsetSum SubsetSumCount UniformPart failure_lower "
        "failure_upper mixed_failure_upper n_necessary n_required sharp_exponent"
    ),
    "ertheory.bounds.tickets": (
        "DEPTHS Depth Sensitivity TicketSensitivity TicketWidth ticket_sensitivity ticket_widths"
    ),
}

if not TYPE_CHECKING:  # or every name would be one that the package has
    __getattr__, __dir__ = page(__name__, _WHERE, other_names(__name__, calls=2))
