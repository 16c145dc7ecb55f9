"""What is written for GPUs: the largest networks can be built, and every arm takes a step on made-up images."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain import layer_shapes  # noqa: E402
from ertrain.data import Data, InMemory  # noqa: E402
from ertrain.masks.guarding import guard  # noqa: E402
from ertrain.masks.masking import masks_of  # noqa: E402
from ertrain.models import build_model, factor_model  # noqa: E402
from ertrain.recipes.factored import factored  # noqa: E402
from ertrain.training import make_optimiser  # noqa: E402
from ertrain.training.epoch import train_epoch  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402

RUNS = [run for run in factored("paper") if run.data == "cifar10"]
SMALLER = Fraction(1, 16)  # of every width, for a processor


def named(run):
    return f"{run.density}, {run.width} wide, {run.factored} factors, {run.outer}"


def test_the_largest_networks_are_built_and_equal_arms_have_nearly_as_many_weights():
    """Widths go in steps of 1/200, which are up to 1 % of the weights."""
    counts = {}
    for run in (run for run in RUNS if run.density in ("1", "0.1")):
        with torch.device("meta"):
            model = build_model(run.model, inputs=(3, 32, 32), classes=10, width=run.width)
            if run.factored:
                model = factor_model(model, density=run.density, outer=run.outer)
        counts.setdefault(run.density, []).append(sum(layer.weights for layer in layer_shapes(model)))
    same, widened, pairs, frozen, work = counts.pop("0.1")
    assert counts == {"1": [same]}
    assert 0.99 * pairs < widened <= pairs < frozen
    assert widened < work


@pytest.mark.parametrize("run", [run for run in RUNS if run.density != "0.1"], ids=named)
def test_every_arm_takes_a_step(run):
    made = torch.Generator().manual_seed(0)
    images = InMemory(torch.randint(256, (8, 3, 32, 32), generator=made, dtype=torch.uint8), torch.arange(8) % 10)
    mean, deviation = (numbers.reshape(3, 1, 1) for numbers in images.statistics())
    data = Data("cifar10", 10, images, images, lambda: images, images.checksum(), mean, deviation)
    smaller = replace(run, width=str(SMALLER * Fraction(run.width)), batch=8)
    model, _ = start_model(smaller, data)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimiser = make_optimiser(smaller, model)
    guard(optimiser, model)
    with join_process_group("cpu") as processes:
        sums = train_epoch(smaller, model, optimiser, data, 0, processes)
    assert math.isfinite(float(sums.loss))
    for name, mask in masks_of(model).items():
        weight = model.get_parameter(f"{name}.weight")
        drawn = run.outer == "frozen" and name.endswith("outer")
        assert torch.equal(weight, before[f"{name}.weight"]) == drawn
        assert not weight[~mask].any()
