"""Three factors of a map inside masks that are drawn: on the masks, as exact as they say, and found where proved."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ertheory.bounds.factored import MapShape
from ertheory.bounds.factored.triple import THEOREMS, triple_map
from ertheory.builders.factored.triple import factor_triple, triple_locally_generic
from ertheory.errors import ConstructionFailed, InvalidInput
from ertheory.masks import DrawnMask
from tests import oracles_factored as oracles

DELTA = Fraction(1, 10**6)


def drawn(found, inputs, outputs, seed):
    shapes = ((found.inner[0], inputs), found.inner[::-1], (outputs, found.inner[1]))
    layers = enumerate(zip(shapes, found.densities, strict=True))
    return [DrawnMask(size, density, seed, layer) for layer, (size, density) in layers]


def product_of(found):
    """A C B in rational numbers."""
    matrices = [
        [[Fraction(value) for value in row] for row in matrix.toarray().tolist()]
        for matrix in (found.last, found.middle, found.first)
    ]
    result = matrices[0]
    for right in matrices[1:]:
        columns = list(zip(*right, strict=True))
        result = [[sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in result]
    return result


# Widths for delta = 1e-6: twelve draws fail once in 1e5 runs, and seeds are fixed.
@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize(("inputs", "outputs"), [(7, 4), (3, 6)])
def test_drawn_masks_hold_every_map(theorem, inputs, outputs):
    shape = MapShape("", inputs, outputs, 1, (inputs, outputs), inputs * outputs)
    found = triple_map(shape, densities=("0.5",) * 3, failure_probability=DELTA, theorems=(theorem,))
    for seed in range(2):
        weight = np.random.default_rng(seed).normal(size=(outputs, inputs))
        weight[0, 0] = 0.0
        masks = drawn(found, inputs, outputs, seed)
        built = factor_triple(weight, masks, theorem=theorem, classes=found.classes, seed=seed)
        for factor, mask in zip((built.first, built.middle, built.last), masks, strict=True):
            assert not (factor.toarray() * ~mask.to_csr().toarray()).any()
        off = max(
            abs(entry - Fraction(wanted))
            for row, line in zip(product_of(built), weight.tolist(), strict=True)
            for entry, wanted in zip(row, line, strict=True)
        )
        assert off <= built.bound <= (0.0 if theorem == "colouring" else 1e-10)
        assert {"linking": "first", "linking-transposed": "last", "colouring": "middle"}[theorem] == built.solved


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_it_succeeds_just_where_the_paths_are(seed, inputs, outputs, lower, upper):
    rng = np.random.default_rng(seed)
    masks = [rng.random(size) < 0.7 for size in ((lower, inputs), (upper, lower), (outputs, upper))]
    weight = rng.normal(size=(outputs, inputs))
    linked = oracles.linked(*masks)
    try:
        assert factor_triple(weight, masks, theorem="linking").bound < 1e-6
        assert linked
    except ConstructionFailed:
        assert not linked
    generic = oracles.generic_triple_rank(*masks, rng) == inputs * outputs
    assert triple_locally_generic(masks) == generic
    assert generic or not linked


def test_what_fails_is_named():
    everything = [np.ones(size, dtype=bool) for size in ((4, 2), (4, 4), (2, 4))]
    lonely = [everything[0].copy(), *everything[1:]]
    lonely[0][:, 1] = False
    with pytest.raises(ConstructionFailed, match="layer 3: input 1 has no class of 2 neurons"):
        factor_triple(np.ones((2, 2)), lonely, theorem="colouring", classes=(2, 2), name="layer 3")
    with pytest.raises(ConstructionFailed, match="layer 3: input or output 1 is not linked"):
        factor_triple(np.ones((2, 2)), lonely, theorem="linking", name="layer 3")
    apart = [everything[0], np.zeros((4, 4), dtype=bool), everything[2]]
    with pytest.raises(ConstructionFailed, match="no entry between the classes of input 0 and output 0"):
        factor_triple(np.ones((2, 2)), apart, theorem="colouring")
    with pytest.raises(InvalidInput, match="masks: expected three"):
        factor_triple(np.ones((2, 2)), everything[:2])
    with pytest.raises(InvalidInput, match=r"masks: expected shapes \(N_1, 2\)"):
        factor_triple(np.ones((2, 2)), everything[::-1])
    with pytest.raises(InvalidInput, match="theorem"):
        factor_triple(np.ones((2, 2)), everything, theorem="dual")


def test_an_input_that_is_not_linked_is_named_however_small_its_weights_are():
    """Beside others they are less than what roundings may leave, and still they are not met."""
    first = np.ones((9, 3))
    first[:, 1] = 0
    with pytest.raises(ConstructionFailed, match="input or output 1 is not linked"):
        factor_triple([[1.0, 1e-30, 2.0], [0.5, 1e-30, -1.0]], (first, np.ones((9, 9)), np.ones((2, 9))))
