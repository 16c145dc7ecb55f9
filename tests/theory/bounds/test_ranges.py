"""Numbers are read up to the end that is stated for them, and the next one is refused by its name."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ertheory.bounds import (
    Law,
    best_factors,
    coverage,
    degree,
    drop_success,
    hall_sum,
    path_ceiling,
    printed_univariate,
    ticket_widths,
    union_factor,
)
from ertheory.bounds.factored.one_map import factored_map
from ertheory.bounds.necessary.error_floor import unseen_inputs
from ertheory.bounds.subset_sum.explicit import checked_variables
from ertheory.bounds.subset_sum.limited import checked_kept
from ertheory.bounds.subset_sum.problem import read_problem
from ertheory.bounds.subset_sum.quantised import checked_bits
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target

BILLION, HALF, CHAIN = 10**9, Fraction(1, 2), Target.from_text("1-1")
ASKED = {"density": "1/2", "epsilon": "1/2", "failure_probability": "1/2"}


def problem(z):
    return read_problem(density=1, epsilon="1/2", z=z)


def printed(gamma):
    return ticket_widths(Target.from_text("1-1-1"), **ASKED, mode="printed", constant=1, gamma=gamma)


def weighty(size):
    return ticket_widths(Target.from_arrays([[[size]], [[1.0]]], domain=[(0, 1)]), **ASKED, mode="printed", constant=1)


def mapped(inputs):
    return factored_map(inputs, 1, densities=(1, 1), failure_probability="1/2")


def among(count):
    return unseen_inputs([np.ones((1, 20), bool), np.ones((1, 1), bool)], range(count))


@pytest.mark.parametrize(
    ("read", "name", "end", "beyond"),
    [
        (problem, "z", BILLION, BILLION + 1),
        (problem, "z", -BILLION, -BILLION - Fraction(1, 2)),
        (checked_kept, "kept", 1, 0),
        (checked_kept, "kept", BILLION, BILLION + 1),
        (checked_bits, "bits", 0, -1),
        (checked_bits, "bits", 64, 65),
        (checked_variables, "n", 0, -1),
        (checked_variables, "n", 2**60, 2**60 + 1),
        (printed, "gamma", 0, Fraction(-1, 10**9)),
        (printed, "gamma", 100, 100 + Fraction(1, 10**9)),
        (weighty, "W1", 1e9, 1.0000001e9),
        (mapped, "inputs", BILLION, BILLION + 1),
        (among, "among", 16, 17),
        (lambda density: union_factor(density, 1, HALF), "density", 1, 1 + Fraction(1, 10**9)),
        (lambda inputs: hall_sum(5, inputs, 1, HALF), "inputs", 1, 0),
        (lambda inputs: printed_univariate(inputs, HALF, HALF), "inputs", 1, 0),
        (lambda wide: path_ceiling(1, (wide,), (HALF, HALF)), "hidden", 1, 0),
        (lambda copies: drop_success(CHAIN, (HALF,) * 2, (copies, 1)), "factors", 1, 0),
        (lambda copies: best_factors(Law(CHAIN, (HALF,) * 2, "dense"), (copies, 1), 1), "most", 1, 0),
        (lambda first: coverage(CHAIN, (first, HALF), HALF), "density", 1, 0),
        (lambda first: degree(Target.from_text("2-2-1"), (first, HALF, HALF), HALF, first_width=9), "density", 1, -1),
    ],
)
def test_a_number_is_read_up_to_its_end(read, name, end, beyond):
    read(end)
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        read(beyond)
