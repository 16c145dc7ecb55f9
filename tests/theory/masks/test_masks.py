"""Masks: the bits are those of Philox, any part can be drawn alone, and every entry is kept with probability p.

Statistical tests fix their seeds. With a seed of its own, each would fail once in 10^9 runs if the code were right.
"""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import binom

import ertheory.masks
from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask, GivenMask, count_edges, draw_masks, read_mask, read_masks, scan
from ertheory.masks.drawing import mask_svg
from ertheory.masks.philox import philox_block, round_keys
from ertheory.networks.drawing import spy_svg
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from tests.strategies import HALF

FALSE_ALARM = 1e-9
DENSITIES = [
    HALF,
    Fraction(3, 4),
    Fraction(1, 3),
    Fraction(1, 10**12),
    1 - Fraction(1, 2**60),
    Fraction(0.1),
    Fraction(1, 256) + Fraction(1, 2**20),
    Fraction(1),
]

words = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**32, 2**63, 2**64 - 1])
densities = st.sampled_from(DENSITIES) | st.fractions(0, 1).filter(bool)
seeds = st.integers(0, 2**128 - 1) | st.sampled_from([0, 1, 2**64 - 1, 2**64, 2**128 - 1])
columns = st.integers(0, 200) | st.sampled_from([0, 1, 63, 64, 65, 127, 128, 129, 192])


def plausible(count: int, trials: int, probability: float | Fraction) -> bool:
    """Whether a count lies where a binomial one does but for one time in 10^9."""
    law = binom(trials, float(probability))
    return 2 * min(law.cdf(count), law.sf(count - 1)) >= FALSE_ALARM


def dense(mask) -> np.ndarray:
    return mask.to_csr().toarray()


def raw(key, counter: int) -> list[int]:
    """Give the block of a counter as NumPy does, which counts up before it draws."""
    generator = np.random.Philox(key=key, counter=(counter - 1) % 2**256)
    return [int(word) for word in generator.random_raw(4)]


def written_out(shape, density: Fraction, seed: int, layer: int) -> np.ndarray:
    """Draw a mask entry by entry: whether the number with these 256 binary digits is below p."""
    key = np.random.SeedSequence(seed, spawn_key=(layer,)).generate_state(2, np.uint64)
    most = density * 2**256 // 1
    kept = np.zeros(shape, dtype=bool)
    for row in range(shape[0]):
        for word in range(-(-shape[1] // 64)):
            drawn = [digit for block in range(64) for digit in raw(key, word + (row << 64) + (block << 128))]
            for column in range(64 * word, min(shape[1], 64 * word + 64)):
                number = 0
                for digits in drawn:
                    number = 2 * number + (digits >> column % 64 & 1)
                kept[row, column] = number < most
    return kept


@given(st.lists(words, min_size=4, max_size=4), st.lists(words, min_size=2, max_size=2))
@example([1, 0, 0, 0], [0, 0])
@example([0, 0, 0, 0], [1, 2])
def test_blocks_are_those_of_numpy(counter, key):
    found = philox_block(np.array(counter, dtype=np.uint64), np.array(key, dtype=np.uint64))
    number = sum(word << 64 * place for place, word in enumerate(counter))
    assert found.tolist() == raw(np.array(key, dtype=np.uint64), number)


@given(st.lists(words, min_size=2, max_size=2))
def test_every_round_has_two_keys_of_its_own_and_the_row_of_them_ends_there(key):
    # By the interpreter, which sees what lies outside an array; the compiled loop would write there.
    with np.errstate(over="ignore"):
        found = round_keys.py_func(np.array(key, dtype=np.uint64))
    steps = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B  # of Philox4x64, as Salmon et al. have them
    wanted = [(word + turn * step) % 2**64 for turn in range(10) for word, step in zip(key, steps, strict=True)]
    assert found.tolist() == wanted


@pytest.mark.parametrize("density", DENSITIES, ids=str)
def test_a_mask_is_what_its_description_says(density):
    for shape, seed, layer in (((2, 70), 3, 1), ((1, 64), 2**100 + 7, 0)):
        mask = DrawnMask(shape, density, seed, layer)
        np.testing.assert_array_equal(dense(mask), written_out(shape, density, seed, layer))


@given(st.integers(0, 6), columns, densities, seeds, st.data())
@settings(max_examples=60)
def test_any_rows_drawn_alone_and_any_entries_are_those_of_the_whole(rows, width, density, seed, data):
    mask = DrawnMask((rows, width), density, seed, 2)
    whole = dense(mask)
    assert whole.shape == (rows, width)
    assert whole.dtype == np.bool_
    first, last = sorted(data.draw(st.tuples(st.integers(0, rows), st.integers(0, rows))))
    np.testing.assert_array_equal(mask.to_csr(first, last).toarray(), whole[first:last])
    starts, kept = mask.rows(first, last)
    assert starts[0] == 0
    assert starts[-1] == len(kept) == whole[first:last].sum()
    assert all((np.diff(kept[a:b]) > 0).all() for a, b in pairwise(starts))
    given_mask = read_mask(whole)
    np.testing.assert_array_equal(given_mask.rows(first, last)[0], starts)
    np.testing.assert_array_equal(given_mask.rows(first, last)[1], kept)
    if rows and width:
        asked = [
            np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=5, max_size=5)), dtype=np.int64)
            for n in (rows, width)
        ]
        np.testing.assert_array_equal(mask.contains(*asked), whole[tuple(asked)])
        np.testing.assert_array_equal(given_mask.contains(*asked), whole[tuple(asked)])
    assert count_edges(mask) == count_edges(given_mask) == whole.sum()


@pytest.mark.parametrize("density", [Fraction(1, 3), Fraction(1)])
def test_contains_agrees_with_the_rows_everywhere(density):
    mask = DrawnMask((5, 131), density, 9, 1)
    places = np.indices(mask.shape).reshape(2, -1)
    np.testing.assert_array_equal(mask.contains(*places).reshape(mask.shape), dense(mask))
    np.testing.assert_array_equal(read_mask(dense(mask)).contains(*places).reshape(mask.shape), dense(mask))


@given(densities, densities, seeds)
@settings(max_examples=40)
def test_of_two_masks_the_sparser_lies_in_the_denser(one, other, seed):
    low, high = sorted((one, other))
    inside, around = (dense(DrawnMask((4, 150), density, seed)) for density in (low, high))
    assert not (inside & ~around).any()


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_number_of_workers_changes_nothing(workers, monkeypatch):
    monkeypatch.setattr(ertheory.masks, "_ENTRIES_AT_ONCE", 500)
    mask = DrawnMask((103, 70), Fraction(1, 5), 4)
    told, threads = [], set()

    def work(start, stop, rows):
        threads.add(threading.get_ident())
        return start, stop, rows

    parts = list(scan(mask, work, workers=workers, progress=told.append))
    assert [part[0] for part in parts] == list(range(0, 103, 7))
    assert [stop for _, stop, _ in parts][-1] == 103
    np.testing.assert_array_equal(np.concatenate([rows[1] for _, _, rows in parts]), mask.rows(0, 103)[1])
    assert sum(told) == 103 * 70
    assert (threading.get_ident() in threads) == (workers == 1)
    assert count_edges(mask, workers=workers) == mask.to_csr().nnz


def test_a_failure_in_a_worker_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(ertheory.masks, "_ENTRIES_AT_ONCE", 1)

    def fail(start, stop, rows):
        raise KeyError(start)

    with pytest.raises(KeyError):
        list(scan(DrawnMask((9, 2), HALF), fail, workers=2))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (1, 1), (1, 64), (1, 65)])
@pytest.mark.parametrize("density", [Fraction(1, 3), Fraction(1)])
def test_shapes_at_the_edge(shape, density):
    mask = DrawnMask(shape, density, 1)
    assert mask.to_csr().shape == shape
    assert count_edges(mask) == mask.to_csr().nnz <= shape[0] * shape[1]
    assert read_mask(dense(mask)).shape == shape
    if density == 1:
        assert mask.to_csr().nnz == shape[0] * shape[1]
        assert mask.to_csr().data.all()


# 2^-8 + 2^-13 is 2^-8 when rounded to eight bits; from p >= 1/2 on the complement is counted just as well.
@pytest.mark.parametrize(
    ("density", "wrong", "rows"),
    [
        (HALF, Fraction(501, 1000), 1000),
        (Fraction(1, 3), Fraction(85, 256), 4000),
        (Fraction(9, 10), Fraction(230, 256), 4000),
        (Fraction(1, 256) + Fraction(1, 2**13), Fraction(1, 256), 12000),
    ],
    ids=str,
)
def test_the_share_of_ones_is_p_and_not_p_on_eight_bits(density, wrong, rows):
    mask = DrawnMask((rows, 10_000), density, 5, 1)
    count = count_edges(mask)
    assert plausible(count, rows * 10_000, density)
    assert not plausible(count, rows * 10_000, wrong)


def test_p_is_not_rounded_to_sixteen_bits():
    # The masks of p and p + e with one seed differ where the number lies between, a share e of all entries exactly.
    low, share = Fraction(1, 256), Fraction(1, 2**20)
    shape = (1024, 2**18)
    extra = count_edges(DrawnMask(shape, low + share, 8)) - count_edges(DrawnMask(shape, low, 8))
    assert plausible(extra, shape[0] * shape[1], share)
    assert extra > 100


def test_digits_up_to_the_256th_count():
    # Of one entry the number U is known to 256 digits; the mask keeps it just above U and not at U.
    key = np.random.SeedSequence(6, spawn_key=(0,)).generate_state(2, np.uint64)
    for column in (0, 17, 63):
        number = 0
        for block in range(64):
            for word in raw(key, block << 128):
                number = 2 * number + (word >> column & 1)
        at, above = Fraction(number, 2**256), Fraction(number + 1, 2**256)
        for density, kept in ((at, False), (above, True)):
            mask = DrawnMask((1, 64), density, 6)
            assert dense(mask)[0, column] == kept
            assert mask.contains(np.array([0]), np.array([column])) == [kept]


def both(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    return int((one & other).sum()), one.size


@pytest.mark.parametrize("density", [HALF, Fraction(1, 5)], ids=str)
def test_entries_rows_layers_and_seeds_are_independent(density):
    shape = (800, 1280)
    mask = dense(DrawnMask(shape, density, 11, 1))
    words_of = mask.reshape(800, 20, 64)
    pairs = {
        "columns": (mask[:, ::2], mask[:, 1::2]),
        "columns across words": (words_of[:, :-1:2, 63], words_of[:, 1::2, 0]),
        "words": (words_of[:, ::2], words_of[:, 1::2]),
        "rows": (mask[::2], mask[1::2]),
        "row and word": (words_of[:19, 1, :], words_of[1:20, 0, :]),
        "diagonals": (mask[::2, :-1:2], mask[1::2, 1::2]),
        "layers": (mask, dense(DrawnMask(shape, density, 11, 2))),
        "seeds": (mask, dense(DrawnMask(shape, density, 12, 1))),
        "high seeds": (mask, dense(DrawnMask(shape, density, 11 + 2**64, 1))),
        "seed and layer exchanged": (mask, dense(DrawnMask(shape, density, 1, 11))),
    }
    for name, (one, other) in pairs.items():
        count, trials = both(one, other)
        assert plausible(count, trials, density * density), name
    # The test tells copies apart from independent entries.
    assert not plausible(int(mask.sum()), mask.size, density * density)


def test_every_position_in_a_word_has_the_same_share():
    mask = dense(DrawnMask((3000, 64), Fraction(1, 3), 2))
    assert all(plausible(int(count), 3000, Fraction(1, 3)) for count in mask.sum(axis=0))
    assert len({row.tobytes() for row in mask}) == 3000


def test_layers_and_seeds_of_more_than_64_bits_have_streams_of_their_own():
    streams = [(seed, layer) for seed in (0, 1, 2**32, 2**64, 2**64 + 1, 2**128 - 1) for layer in (0, 1, 2**32)]
    drawn = [dense(DrawnMask((2, 128), HALF, seed, layer)).tobytes() for seed, layer in streams]
    assert len(set(drawn)) == len(streams)


def test_masks_of_a_source_depend_on_seed_widths_and_densities_alone():
    sources = [
        Source.for_target(target, widths=(6, 9, 2), densities=("1", "1/2", "1/3"))
        for target in (
            Target.from_widths([3, 3, 2]),
            Target.from_arrays([np.diag([1.0, 2.0, 0.0]), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]),
        )
    ]
    one, other = (draw_masks(source, seed=5) for source in sources)
    assert one == other
    assert [mask.shape for mask in one] == [(6, 3), (9, 6), (2, 9)]
    assert [mask.layer for mask in one] == [0, 1, 2]
    assert [mask.density for mask in one] == [1, HALF, Fraction(1, 3)]
    # A layer of more rows begins with the same ones.
    np.testing.assert_array_equal(dense(DrawnMask((4, 70), HALF, 1)), dense(DrawnMask((9, 70), HALF, 1))[:4])


def test_a_filter_has_a_column_per_channel_and_tap():
    source = Source.for_target(
        Target.from_arrays([np.ones((2, 3, 2, 2)), np.ones((1, 2 * 5))]), widths=(3, 4, 1), densities="1/2"
    )
    assert [mask.shape for mask in draw_masks(source)] == [(3, 3), (4, 12), (1, 20)]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (((3, 2), Fraction(0)), "density"),
        (((3, 2), Fraction(3, 2)), "density"),
        (((3, 2), Fraction(-1, 2)), "density"),
        (((3, 2), float("nan")), "density"),
        (((3, 2), HALF, -1), "seed"),
        (((3, 2), HALF, 2**128), "seed"),
        (((3, 2), HALF, 1.0), "seed"),
        (((3, 2), HALF, True), "seed"),
        (((3, 2), HALF, 0, -1), "layer"),
        (((3, 2), HALF, 0, 0.5), "layer"),
        (((-1, 2), HALF), "shape"),
        (((3, -2), HALF), "shape"),
        (((3, 2**31), HALF), "shape"),
        (((3.5, 2), HALF), "shape"),
    ],
    ids=str,
)
def test_bad_drawn_masks_are_refused(arguments, name):
    with pytest.raises(InvalidInput, match=f"^{name}: ") as caught:
        DrawnMask(*arguments)
    assert "\n" not in str(caught.value)


KEPT = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.int64, np.uint16, np.float32, np.float64])
def test_arrays_of_zeros_and_ones_are_read(kind):
    np.testing.assert_array_equal(dense(read_mask(KEPT.astype(kind))), KEPT != 0)
    np.testing.assert_array_equal(dense(read_mask(KEPT.astype(kind).tolist())), KEPT != 0)


def test_filters_lie_row_by_row():
    array = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2) % 3 % 2
    mask = read_mask(array)
    assert mask.shape == (2, 12)
    np.testing.assert_array_equal(dense(mask), array.reshape(2, 12) != 0)


@pytest.mark.parametrize(
    "make", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.lil_array]
)
@pytest.mark.parametrize("kind", [np.bool_, np.int64, np.float64])
def test_sparse_arrays_are_read(make, kind):
    thing = make(KEPT.astype(kind))
    mask = read_mask(thing)
    assert isinstance(mask, GivenMask)
    np.testing.assert_array_equal(dense(mask), KEPT != 0)
    assert count_edges(mask) == 4
    places = np.indices(KEPT.shape).reshape(2, -1)
    np.testing.assert_array_equal(mask.contains(*places).reshape(KEPT.shape), KEPT != 0)


def test_sparse_arrays_with_stored_zeros_unsorted_columns_and_duplicates():
    stored = sparse.csr_array(([1, 0, 1, 1], [2, 1, 0, 2], [0, 3, 4]), shape=(2, 3))
    before = stored.copy()
    mask = read_mask(stored)
    np.testing.assert_array_equal(dense(mask), [[1, 0, 1], [0, 0, 1]])
    assert count_edges(mask) == 3
    assert mask.contains(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 2])).tolist() == [True, False, True, True]
    assert mask.rows(0, 2)[1].tolist() == [0, 2, 2]
    # What was given is left alone, and later changes to it do not matter.
    np.testing.assert_array_equal(stored.data, before.data)
    np.testing.assert_array_equal(stored.indices, before.indices)
    stored.data[:] = 0
    assert count_edges(mask) == 3
    for twice in (
        sparse.csr_array(([1, 1], [1, 1], [0, 2]), shape=(1, 2)),
        sparse.coo_array(([1, 1], ([0, 0], [1, 1])), shape=(1, 2)),
    ):
        with pytest.raises(InvalidInput, match=r"^mask: expected (every entry once|zeros and ones)"):
            read_mask(twice)
    harmless = sparse.coo_array(([1, 0], ([0, 0], [1, 1])), shape=(1, 2))
    assert count_edges(read_mask(harmless)) == 1


@pytest.mark.parametrize(
    "thing",
    [
        [[0, 2]],
        [[0.5, 1.0]],
        [[-1, 1]],
        [[float("nan"), 1.0]],
        [[float("inf"), 1.0]],
        sparse.csr_array([[0, 2]]),
        sparse.csr_array([[0.0, float("nan")]]),
        sparse.coo_array([1, 0, 1]),
        [0, 1],
        1,
        None,
        "ones",
        [["a", "b"]],
        [[0, 1], [1]],
        [[None, 1]],
        np.ones((2, 2), dtype=complex),
    ],
    ids=lambda thing: str(thing)[:20].replace("\n", " "),
)
def test_what_is_no_mask_is_refused(thing):
    with pytest.raises(InvalidInput, match=r"^some: expected ") as caught:
        read_mask(thing, name="some")
    assert "\n" not in str(caught.value)


def test_several_masks_are_read_and_named():
    drawn = DrawnMask((2, 2), HALF)
    masks = read_masks([drawn, [[1, 0]], sparse.eye_array(2)])
    assert masks[0] is drawn
    assert read_masks(masks) == masks
    with pytest.raises(InvalidInput, match=r"^mask of layer 1: "):
        read_masks([[[1]], [[3]]])
    with pytest.raises(InvalidInput, match=r"^masks: "):
        read_masks(np.ones((2, 2, 2)))
    with pytest.raises(InvalidInput, match=r"^masks: "):
        read_masks(3)


def test_tensors_are_read():
    torch = pytest.importorskip("torch")
    for kind in (torch.bool, torch.int32, torch.float32, torch.float64):
        np.testing.assert_array_equal(dense(read_mask(torch.tensor(KEPT, dtype=kind))), KEPT != 0)
    np.testing.assert_array_equal(dense(read_mask(torch.tensor(KEPT * 1.0, requires_grad=True))), KEPT != 0)
    assert read_mask(torch.ones(2, 3, 2, 2)).shape == (2, 12)
    for bad in (torch.tensor([[2.0]]), torch.tensor([1.0]), torch.tensor([[float("nan")]])):
        with pytest.raises(InvalidInput, match=r"^mask: "):
            read_mask(bad)


def test_a_given_mask_without_entries():
    mask = read_mask(np.zeros((3, 4)))
    assert count_edges(mask) == 0
    assert not mask.contains(np.array([0, 2]), np.array([3, 0])).any()
    assert mask.rows(1, 3)[0].tolist() == [0, 0, 0]


def test_a_large_mask_is_drawn_by_the_shares_of_its_cells():
    mask = DrawnMask((200, 130), "1/2", 7, 0)
    kept = mask.to_csr().toarray()
    high, wide = ([size * cell // 64 for cell in range(65)] for size in mask.shape)
    shares = np.array([[kept[a:b, c:d].mean() for c, d in pairwise(wide)] for a, b in pairwise(high)])
    assert mask_svg(mask, "half") == spy_svg([("half", (200, 130), shares)])
