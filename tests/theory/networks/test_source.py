"""The source: widths, densities as exact rationals, expected edges, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ertheory.errors import InvalidInput
from ertheory.networks.source import Source, read_densities
from ertheory.networks.target import Layer, Target
from tests.strategies import HALF, densities, small_targets

ONE = Fraction(1)
TARGET = Target.from_text("4-8-3")
CONV = Target((Layer(outputs=6, inputs=3, kernel=(3, 3)), Layer(outputs=10, inputs=6, positions=4)))


@given(small_targets, st.data())
def test_expected_edges_are_summed_over_all_layers(widths, data):
    target = Target.from_widths(widths)
    chances = data.draw(st.tuples(*[densities] * (target.depth + 1)))
    sizes = (*data.draw(st.tuples(*[st.integers(1, 10**15)] * target.depth)), target.widths[-1])
    source = Source.for_target(target, widths=sizes, densities=chances)
    reads = (target.inputs, *sizes)
    assert source.entries == tuple(n * m for n, m in zip(sizes, reads, strict=False))
    assert source.edges_expected == sum(p * n * m for p, n, m in zip(chances, sizes, reads, strict=False))
    assert isinstance(source.edges_expected, Fraction)


def test_edges_of_a_source_in_figures():
    source = Source.for_target(TARGET, widths=(56, 80, 3), densities="1,1/2,0.25")
    assert source.densities == (ONE, HALF, Fraction(1, 4))
    assert source.entries == (4 * 56, 56 * 80, 80 * 3)
    assert source.edges_expected == 224 + 2240 + 60


def test_layer_0_is_a_1x1_convolution_and_a_flatten_reads_every_position():
    source = Source.for_target(CONV, widths=(9, 12, 10), densities=HALF)
    assert source.inputs == 3
    assert source.entries_per_pair == (1, 9, 4)
    assert source.entries == (3 * 9, 9 * 12 * 9, 12 * 10 * 4)
    assert source.densities == (HALF,) * 3


# --- reading densities ---------------------------------------------------------------------------------------------


@given(st.lists(densities, min_size=3, max_size=3), st.booleans())
def test_density_and_sparsity_say_the_same(values, text):
    given_densities = ",".join(map(str, values)) if text else values
    given_sparsities = ",".join(str(1 - value) for value in values) if text else tuple(1 - value for value in values)
    assert read_densities(TARGET, density=given_densities) == tuple(values)
    assert read_densities(TARGET, sparsity=given_sparsities) == tuple(values)


@pytest.mark.parametrize("density", ["0.1", "1/10", "1e-1", " 0.1 ", [Fraction(1, 10)], (Fraction(1, 10),)])
def test_one_number_stands_for_all_layers(density):
    assert read_densities(TARGET, density=density) == (Fraction(1, 10),) * 3
    assert read_densities(Target.from_text("4-3"), density=density) == (Fraction(1, 10),) * 2


def test_extremes_are_exact():
    assert read_densities(TARGET, sparsity="1e-300") == (1 - Fraction(1, 10**300),) * 3
    assert read_densities(TARGET, density="1e-12") == (Fraction(1, 10**12),) * 3
    assert read_densities(TARGET, sparsity="0") == (ONE,) * 3
    assert read_densities(TARGET, density=1) == (ONE,) * 3
    assert read_densities(TARGET, density=0.1)[0] == read_densities(TARGET, sparsity=0.9)[0] == Fraction(1, 10)


def test_whole_densities_stay_plain_integers():
    for one in (np.int64(1), 1, 1.0, "1"):
        source = Source.for_target(TARGET, widths=(56, 80, 3), densities=[one, one, one])
        assert type(source.edges_expected.numerator) is int


BAD = [
    ({}, "density: expected exactly one of density and sparsity, got 'none'"),
    ({"density": "0.5", "sparsity": "0.5"}, "density: expected exactly one of density and sparsity, got 'both'"),
    ({"density": "0"}, "density: expected a number in (0, 1], got '0'"),
    ({"density": "1.01"}, "density: expected a number in (0, 1], got '1.01'"),
    ({"density": "0.5,2,0.5"}, "density: expected a number in (0, 1], got '2'"),
    ({"density": "0.5,,0.5"}, "density: expected a number in (0, 1], got ''"),
    ({"density": [0.5, float("nan"), 0.5]}, "density: expected a number in (0, 1], got nan"),
    ({"sparsity": "1"}, "sparsity: expected a number in [0, 1), got '1'"),
    ({"sparsity": "-0.1"}, "sparsity: expected a number in [0, 1), got '-0.1'"),
    ({"sparsity": "many"}, "sparsity: expected a number in [0, 1), got 'many'"),
    ({"density": "0.5,0.5"}, "density: expected one number, or 3 (source layers 0..2 of target 4-8-3), got 2"),
    ({"sparsity": ["0.5"] * 4}, "sparsity: expected one number, or 3 (source layers 0..2 of target 4-8-3), got 4"),
    ({"density": []}, "density: expected one number, or 3 (source layers 0..2 of target 4-8-3), got 0"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=range(len(BAD)))
def test_bad_densities_are_refused_in_one_line(arguments, message):
    with pytest.raises(InvalidInput) as caught:
        read_densities(TARGET, **arguments)
    assert str(caught.value) == message


# --- making a source -----------------------------------------------------------------------------------------------

GOOD = {"inputs": 4, "widths": (8, 3), "densities": (ONE, HALF), "entries_per_pair": (1, 1)}
REFUSED = [
    ({"inputs": 0}, "inputs"),
    ({"widths": (8, 0)}, "widths"),
    ({"widths": (8, 3.0)}, "widths"),
    ({"widths": (8, True)}, "widths"),
    ({"widths": (8, 3, 1)}, "densities"),
    ({"densities": (HALF,)}, "densities"),
    ({"entries_per_pair": (1,)}, "densities"),
    ({"densities": (ONE, Fraction(0))}, "density"),
    ({"densities": (ONE, Fraction(3, 2))}, "density"),
    ({"densities": (ONE, "much")}, "density"),
    ({"entries_per_pair": (1, 0)}, "entries_per_pair"),
]


@pytest.mark.parametrize(("changes", "argument"), REFUSED, ids=range(len(REFUSED)))
def test_bad_sources_are_refused(changes, argument):
    assert Source(**GOOD).edges_expected == 32 + 12
    with pytest.raises(InvalidInput) as caught:
        Source(**{**GOOD, **changes})
    assert caught.value.argument == argument


@pytest.mark.parametrize("half", [0.5, "1/2", HALF])
def test_densities_of_a_source_are_exact_however_they_are_given(half):
    try:
        source = Source(**{**GOOD, "densities": (ONE, half)})
    except InvalidInput:
        assert half != HALF  # refusing what is no fraction is as good as reading it
    else:
        assert source.densities == (ONE, HALF)
        assert isinstance(source.edges_expected, Fraction)


def test_a_source_must_fit_its_target():
    with pytest.raises(InvalidInput, match=r"widths: expected 3 source widths N_0..N_2, got \(56, 80\)"):
        Source.for_target(TARGET, widths=(56, 80), densities=HALF)
    with pytest.raises(InvalidInput, match="widths: expected 3 outputs as last width, got 4"):
        Source.for_target(TARGET, widths=(56, 80, 4), densities=HALF)
    with pytest.raises(InvalidInput, match="density: expected one number, or 3"):
        Source.for_target(TARGET, widths=(56, 80, 3), densities=(HALF, HALF))


def test_sources_are_values():
    one, other = (Source.for_target(TARGET, widths=(56, 80, 3), densities="1/2") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(AttributeError):
        one.inputs = 5
