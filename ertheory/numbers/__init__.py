"""Numbers that are surely right: rationals, whole numbers, balls, decided comparisons, binomial tails, directed sums.

Densities and failure probabilities are read as exact rationals. Formulas are evaluated in balls, and every comparison
that decides a width is certain. Long sums of probabilities are taken in double precision with every rounding counted.
"""

from ertheory.numbers.balls import (
    Ball,
    at_precision,
    ball,
    below,
    enclose,
    ends,
    exp_complement,
    hull,
    log_choose,
    log_complement,
    log_some,
    log_sparsity,
    midpoint,
    working_precision,
)
from ertheory.numbers.binomial import expectation, log_mass, lower_tail
from ertheory.numbers.decisions import Decision, decide, near_zero, smallest
from ertheory.numbers.directed import (
    TINY,
    Bounds,
    Floats,
    Masses,
    binomial_masses,
    bounds,
    convolve,
    decided,
    tail_bounds,
)
from ertheory.numbers.rationals import Rational, exact_rational, log_fraction, probability
from ertheory.numbers.text import decimal_text, named_numbers, number_for_json, number_of, rational_text, success_text
from ertheory.numbers.whole import whole_number, whole_numbers

__all__ = [
    "TINY",
    "Ball",
    "Bounds",
    "Decision",
    "Floats",
    "Masses",
    "Rational",
    "at_precision",
    "ball",
    "below",
    "binomial_masses",
    "bounds",
    "convolve",
    "decide",
    "decided",
    "decimal_text",
    "enclose",
    "ends",
    "exact_rational",
    "exp_complement",
    "expectation",
    "hull",
    "log_choose",
    "log_complement",
    "log_fraction",
    "log_mass",
    "log_some",
    "log_sparsity",
    "lower_tail",
    "midpoint",
    "named_numbers",
    "near_zero",
    "number_for_json",
    "number_of",
    "probability",
    "rational_text",
    "smallest",
    "success_text",
    "tail_bounds",
    "whole_number",
    "whole_numbers",
    "working_precision",
]
