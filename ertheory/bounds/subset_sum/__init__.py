"""Lemma 2.4, random subset sums under a mask: how many variables, and how likely they fail.

`failure_upper` and `failure_lower` are proved for every n, p, epsilon and z; `n_required` turns the first one (or
measurements, or the printed formula) into a number of variables, `n_necessary` the second one.
"""

from ertheory._typed import name_wrong_types
from ertheory.bounds.subset_sum.explicit import failure_upper, mixed_failure_upper
from ertheory.bounds.subset_sum.exponent import sharp_exponent
from ertheory.bounds.subset_sum.fits import FITS, Fit
from ertheory.bounds.subset_sum.lower import failure_lower, n_necessary
from ertheory.bounds.subset_sum.problem import LAWS, LawLike, LawName, SubsetSum, UniformPart
from ertheory.bounds.subset_sum.required import MODES, Mode, SubsetSumCount, n_required

__all__ = [
    "FITS",
    "LAWS",
    "MODES",
    "Fit",
    "LawLike",
    "LawName",
    "Mode",
    "SubsetSum",
    "SubsetSumCount",
    "UniformPart",
    "failure_lower",
    "failure_upper",
    "mixed_failure_upper",
    "n_necessary",
    "n_required",
    "sharp_exponent",
]

name_wrong_types(__name__)
