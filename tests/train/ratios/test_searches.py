"""Operations of a search for a ratio, against PyTorch's own counter and by hand, and in the result of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from ertrain.data import load_data  # noqa: E402
from ertrain.masks import attach_masks, forward_flops, layer_shapes  # noqa: E402
from ertrain.ratios import PruningContext, allocate_sparsity, scored  # noqa: E402

IMAGES = 1000  # 100 of each class
SMALL = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))


@pytest.fixture(scope="module")
def data():
    return load_data("digits", Path())


def counting(data, **options):
    spent: list[int] = []
    context = PruningContext(data, 0, lambda _: None, **options)
    return replace(context, spend=spent.append), spent


# Nobody asks for the gradient of images: of a look, the product of the first layer that would give it is left out;
# where products are differentiated again, so are those that come from it or lead to it.
@pytest.mark.parametrize(("by", "left_out"), [("snip", 1), ("grasp", 6)])
def test_operations_of_scores_are_those_that_pytorch_counts(by, left_out, data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10))
    context, spent = counting(data)
    with FlopCounterMode(display=False) as counter:
        scored(by, model, [layer.name for layer in layer_shapes(model)], context)
    once = forward_flops(model, data.train.shape)  # to see where layers are used
    assert sum(spent) == counter.get_total_flops() - once + left_out * 2 * 64 * 30 * IMAGES


def test_what_is_masked_takes_no_operations(data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    attach_masks(model, {"1": torch.arange(640).reshape(10, 64) < 100})
    context, spent = counting(data)
    scored("snip", model, ["1"], context)
    assert sum(spent) == 3 * 2 * 100 * IMAGES


def test_rounds_count_with_the_masks_that_they_are_trained_in(data, tmp_path):
    (tmp_path / "rounds").mkdir()
    for _ in range(2):  # the second time nothing is trained
        context, spent = counting(data, keep=0.5, images=7, rounds=tmp_path / "rounds")
        allocate_sparsity(SMALL, "1/8", "imp", context=context)
        assert spent == [3 * 2 * weights * 7 for weights in (384, 192, 96)]
    context, spent = counting(data)
    allocate_sparsity(SMALL, "1/4", "synflow", context=context)
    assert len(spent) == 100
    assert spent == [3 * 2 * max(96, round(384 * 0.25 ** (number / 100))) for number in range(100)]


def test_formulas_and_magnitudes_take_none(data):
    context, spent = counting(data)
    for ratio in ("erk", "balanced", "magnitude"):
        allocate_sparsity(SMALL, "1/8", ratio, context=context)
    assert not spent
    assert forward_flops(SMALL, (1, 8, 8)) == 2 * 384
