"""Masks with a structure have it, keep what they should, and are refused where it would be lost."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.structured import structured_mask  # noqa: E402

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 20)) | st.tuples(*[st.integers(1, 5)] * 4)
DENSITIES = st.floats(0, 1)
SEEDS = st.integers(0, 2**32)


def drawn(shape, density, drawing, seed=0):
    mask = structured_mask(shape, density, drawing, np.random.default_rng(seed))
    assert mask.shape == tuple(shape)
    assert mask.dtype == np.bool_
    return mask.reshape(shape[0], -1)


def kept(count: int, density: float) -> int:
    return max(round(density * count), 1) if density > 0 else 0


@given(shape=SHAPES, density=DENSITIES, seed=SEEDS)
def test_every_neuron_has_as_many_inputs(shape, density, seed):
    mask = drawn(shape, density, "constant-fan-in", seed)
    assert set(mask.sum(1).tolist()) == {kept(mask.shape[1], density)}


@given(shape=SHAPES, density=DENSITIES, group=st.integers(1, 8), seed=SEEDS)
def test_some_of_every_few_neighbours_are_kept(shape, density, group, seed):
    mask = drawn(shape, density, f"n:{group}", seed)
    for start in range(0, mask.shape[1], group):
        part = mask[:, start : start + group]
        assert set(part.sum(1).tolist()) == {kept(part.shape[1], density)}


@given(shape=SHAPES, density=DENSITIES, sides=st.tuples(st.integers(1, 5), st.integers(1, 5)), seed=SEEDS)
def test_blocks_are_kept_whole(shape, density, sides, seed):
    mask, (rows, columns) = drawn(shape, density, f"block-{sides[0]}x{sides[1]}", seed), sides
    blocks = [
        mask[top : top + rows, left : left + columns]
        for top in range(0, mask.shape[0], rows)
        for left in range(0, mask.shape[1], columns)
    ]
    assert all(block.all() or not block.any() for block in blocks)
    assert sum(bool(block.all()) for block in blocks) == kept(len(blocks), density)


@pytest.mark.parametrize("drawing", ["constant-fan-in", "n:6", "block-1x1"])
def test_all_choices_are_equally_likely(drawing):
    """2 of 6, 15 choices, 6,000 draws: chi-squared with 14 degrees of freedom above 48.7 has probability 1e-5."""
    rng = np.random.default_rng(5)
    counts: dict[bytes, int] = {}
    for _ in range(6000):
        mask = structured_mask((1, 6), 1 / 3, drawing, rng)
        counts[mask.tobytes()] = counts.get(mask.tobytes(), 0) + 1
    assert len(counts) == 15
    assert sum((count - 400) ** 2 / 400 for count in counts.values()) < 48.7


@pytest.mark.parametrize("drawing", ["constant-fan-in", "n:4", "block-2x3"])
@pytest.mark.parametrize("method", ["fixed", "gradual"])
def test_networks_are_trained_inside_them(drawing, method):
    inputs = torch.randn(60, 12, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 2))
    options = {"density": "0.5", "ratio": "uniform", "drawing": drawing, "epochs": 1, "batch": 20, "method": method}
    if method == "gradual":
        options["final_density"] = "0.2"
    result = ertrain.fit(model, (inputs, (inputs[:, 0] > 0).long()), **options)
    total = sum(int(mask.sum()) for mask in result.masks.values())
    if method == "gradual":
        assert total == round(0.2 * 224)
    else:
        blocks = 6 * round(0.5 * 32), 6 * round(0.5 * 6)  # the last block of the second layer has one column
        assert total == 112 if drawing != "block-2x3" else sum(blocks) - 8 <= total <= sum(blocks)


@pytest.mark.parametrize("drawing", ["n:", "n:0", "n:4:2", "block-4", "block-0x2", "2:4", "Exact", ""])
def test_unknown_drawings_are_refused(drawing):
    with pytest.raises(InvalidInput, match=r"^drawing: expected exact, independent, constant-fan-in, n:M"):
        Configuration(recipe="x", drawing=drawing)
    with pytest.raises(InvalidInput, match=r"^drawing: "):
        structured_mask((2, 2), 0.5, drawing, np.random.default_rng(0))


def test_what_would_lose_the_structure_is_refused():
    with pytest.raises(InvalidInput, match=r"^drawing: .* rigl, which rewires"):
        Configuration(recipe="x", drawing="n:4", method="rigl", density="1", final_density="0.5")
    with pytest.raises(InvalidInput, match=r"^repair: "):
        Configuration(recipe="x", drawing="n:4", repair="add")
