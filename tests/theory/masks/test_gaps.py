"""Masks drawn by the gaps between their entries: the law, the same bits however they are looked at, in little time."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, chi2, chisquare

from ertheory.errors import InvalidInput
from ertheory.masks import GapMask, count_edges, read_mask

# Levels of the tests below; seeds are fixed, so each either passes always or never.
LEVEL = 1e-6


def bits(mask: GapMask) -> np.ndarray:
    return mask.to_csr().toarray()


@pytest.mark.parametrize("density", ["1/50", "1/3", "9/10"])
def test_entries_are_independent_and_of_the_density(density):
    """Every pattern of five neighbours has its probability: entries, pairs and triples at once."""
    p = float(Fraction(density))
    kept = bits(GapMask((20_000, 65), Fraction(density), seed=4))
    codes = kept.reshape(-1, 13, 5) @ (1 << np.arange(5))
    found = np.bincount(codes.ravel(), minlength=32)
    ones = np.array([code.bit_count() for code in range(32)])
    expected = kept.size / 5 * p**ones * (1 - p) ** (5 - ones)
    rare = expected < 10  # taken together
    classes = [(counts[~rare], counts[rare].sum()) for counts in (found, expected)]
    statistic = sum(
        (one - other) ** 2 / other for one, other in zip(*map(np.hstack, classes), strict=True) if other > 0
    )
    assert chi2.sf(statistic, np.sum(~rare) + rare.any() - 1) > LEVEL
    columns = kept.sum(0)  # the last ones too, where a row ends
    statistic = ((columns - 20_000 * p) ** 2 / (20_000 * p * (1 - p))).sum()
    assert chi2.sf(statistic, 65) > LEVEL


def test_long_gaps_follow_the_law_too():
    mask = GapMask((200_000, 1000), Fraction(1, 2000), seed=1)
    starts, _ = mask.rows(0, 200_000)
    found = np.bincount(np.diff(starts), minlength=6)[:6]
    expected = binom.pmf(np.arange(6), 1000, 1 / 2000) * 200_000
    assert (
        chisquare([*found[:5], 200_000 - found[:5].sum()], [*expected[:5], 200_000 - expected[:5].sum()]).pvalue > LEVEL
    )


def test_rows_do_not_depend_on_what_else_is_drawn():
    mask = GapMask((50, 300), Fraction(1, 20), seed=9, layer=2)
    whole = mask.to_csr()
    for start, stop in ((0, 1), (7, 31), (49, 50), (13, 13)):
        assert (mask.to_csr(start, stop) != whole[start:stop]).nnz == 0
    assert whole.has_canonical_format
    others = GapMask((50, 300), Fraction(1, 20), 10, 2), GapMask((50, 300), Fraction(1, 20), 9, 1)
    assert all((other.to_csr() != whole).nnz > 0 for other in others)


def test_everything_is_kept_at_density_one_and_hardly_anything_near_zero():
    assert bits(GapMask((3, 7), Fraction(1))).all()
    assert GapMask((1000, 2**31 - 1), Fraction(1, 2**59), seed=3).to_csr().nnz == 0


def test_time_and_memory_go_with_what_is_kept():
    mask = GapMask((100_000, 2_000_000_000), Fraction(1, 10**9), seed=0)  # 2e14 entries
    tracemalloc.start()
    _, columns = mask.rows(0, 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(len(columns) - 200_000) < 6 * 200_000**0.5
    assert peak < 5e6


def test_it_is_read_and_counted_like_other_masks():
    mask = GapMask((200, 300), Fraction(1, 10), seed=2)
    assert read_mask(mask) is mask
    assert count_edges(mask) == mask.to_csr().nnz
    rows, columns = (places.ravel() for places in np.indices(mask.shape))
    np.testing.assert_array_equal(mask.contains(rows, columns), bits(mask).ravel())


def test_bad_input_is_named():
    for call, words in (
        (lambda: GapMask((2, 2), Fraction(0)), "density"),
        (lambda: GapMask((2, 2), Fraction(3, 2)), "density"),
        (lambda: GapMask((2, 2), Fraction(1, 2**61)), "at least 2\\^-60"),
        (lambda: GapMask((2, 2**31), Fraction(1, 2)), "columns"),
        (lambda: GapMask((2, 2), Fraction(1, 2), seed=-1), "seed"),
    ):
        with pytest.raises(InvalidInput, match=words):
            call()
