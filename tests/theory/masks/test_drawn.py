"""The source that is drawn once: any part can be drawn alone, and NumPy's own generator gives the same numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from ertheory.check.redraw import biases_again, kept_again, weights_again
from ertheory.errors import InvalidInput
from ertheory.masks.drawn_source import DrawnSource
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from tests.strategies import densities


def source(widths=(70, 9, 2), density="2/5", inputs=3):
    target = Target.from_widths([inputs, 4, widths[-1]])
    return Source.for_target(target, widths=widths, densities=density)


@given(st.integers(0, 2**128 - 1), st.integers(1, 150), densities)
@settings(max_examples=60)
def test_numpy_draws_the_same_source(seed, width, density):
    drawn = DrawnSource(source((width, 3, 2), density), seed)
    for layer, (rows, columns) in enumerate([(width, 3), (3, width), (2, 3)]):
        found = drawn.rows(layer, 0, rows)
        assert found.shape == (rows, columns)
        np.testing.assert_array_equal(drawn.biases(layer), biases_again(seed, layer, rows))
        for row in range(min(rows, 4)):
            kept = kept_again(seed, layer, row, columns, density)
            np.testing.assert_array_equal(found[row], np.where(kept, weights_again(seed, layer, row, columns), 0.0))
            np.testing.assert_array_equal(found[row] != 0, kept)


def test_rows_do_not_depend_on_what_else_is_drawn():
    drawn = DrawnSource(source(), seed=5)
    whole = drawn.rows(1, 0, 9)
    for row in range(9):
        np.testing.assert_array_equal(drawn.rows(1, row, row + 1)[0], whole[row])
    np.testing.assert_array_equal(DrawnSource(source(), seed=5).rows(1, 3, 7), whole[3:7])


def test_streams_differ_and_a_sparser_mask_keeps_the_same_weights():
    sparse, dense = DrawnSource(source(density="1/4"), seed=1), DrawnSource(source(density=1), seed=1)
    kept = sparse.rows(1, 0, 9) != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_array_equal(sparse.rows(1, 0, 9)[kept], dense.rows(1, 0, 9)[kept])
    numbers = [dense.rows(0, 0, 9)[:, 0], dense.rows(1, 0, 9)[:, 0], dense.biases(1), dense.rows(2, 0, 2)[0]]
    assert len(np.unique(np.concatenate(numbers))) == sum(map(len, numbers))
    assert not np.array_equal(dense.rows(0, 0, 9), DrawnSource(source(density=1), seed=2).rows(0, 0, 9))


def test_weights_and_biases_are_uniform():
    """Kolmogorov and Smirnov at level 1e-9, with a fixed seed; and every number is an odd multiple of 2^-53."""
    drawn = DrawnSource(source((1500, 200, 2), density=1), seed=8)
    for numbers in (drawn.rows(1, 0, 200).ravel(), drawn.biases(0)):
        assert kstest(numbers, "uniform", args=(-1, 2)).pvalue > 1e-9
        assert (np.ldexp(numbers, 53) % 2 == 1).all()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InvalidInput, match="seed: expected a whole number"):
        DrawnSource(source(), seed=-1)
    target = Target.from_arrays([np.ones((2, 1, 3)), np.ones((1, 2))])
    convolutional = Source.for_target(target, widths=(5, 5, 1), densities=Fraction(1, 2))
    with pytest.raises(InvalidInput, match="source: expected fully connected layers"):
        DrawnSource(convolutional)
