"""Random numbers come from the streams that are written down: each against a derivation of its own, for seed, epoch and
step, so that another seed, a constant one or a shared one is seen."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.masks import DrawnMask  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.data import load_data  # noqa: E402
from ertrain.data.augmentation import augment  # noqa: E402
from ertrain.masks.masking import masks_of  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.models import build_model  # noqa: E402
from ertrain.models.initialisation import initialise  # noqa: E402
from ertrain.streams import STREAMS, stream_seed  # noqa: E402
from ertrain.training.epoch import train_epoch  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402

# The place of a name is its key: were one moved, every run that is kept would be another one.
PLACES = {
    "mask": 0, "weights": 1, "order": 2, "augmentation": 3, "noise": 4, "ratio": 5, "repair": 6, "points": 7, "test": 8,
    "growth": 9, "scores": 10,
}  # fmt: skip
SMALL = Configuration(recipe="test", model="mlp-20-15", density="0.3", epochs=3, batch=100, seed=7)


def seed_of(seed: int, name: str, *place: int) -> int:
    words = np.random.SeedSequence(seed, spawn_key=(PLACES[name], *place)).generate_state(2, np.uint32)
    return (int(words[1]) << 32 | int(words[0])) >> 1


def numbers(seed: int, name: str, *place: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(seed, name, *place))


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("place", [(), (3,), (3, 0), (0, 5)])
def test_seeds_of_streams(name, place):
    assert STREAMS[: len(PLACES)] == tuple(PLACES)  # new ones are added at the end
    for seed in (0, 7, 2**63 - 1):
        assert stream_seed(seed, name, *place) == seed_of(seed, name, *place)


@pytest.mark.parametrize("epoch", [0, 2])
def test_order_and_augmentation(epoch):
    data = load_data("digits", Path()).train
    order = torch.randperm(len(data), generator=numbers(7, "order", epoch))
    for step, (images, labels) in enumerate(data.shuffled(300, seed=7, epoch=epoch, augmentation="crop-zero")):
        places = order[300 * step : 300 * (step + 1)]
        assert labels.equal(data.labels[places])
        assert images.equal(augment(data.inputs[places], "crop-zero", numbers(7, "augmentation", epoch, step)))
    assert step == len(data) // 300 - 1


def test_masks_and_weights():
    data = load_data("digits", Path())
    model, densities = start_model(SMALL, data)
    for place, mask in enumerate(masks_of(model).values()):
        drawn = DrawnMask(mask.shape, Fraction(densities.densities[place]), seed_of(7, "mask"), place)
        assert np.array_equal(drawn.to_csr().toarray(), mask.numpy())
    plain = build_model("mlp-20-15", inputs=data.train.shape, classes=10, width="1")
    initialise(plain, "kaiming", numbers(7, "weights"))
    kaiming, _ = start_model(replace(SMALL, initialisation="kaiming"), data)
    for name, mask in masks_of(kaiming).items():
        assert kaiming.get_submodule(name).weight.equal(plain.get_submodule(name).weight * mask)


def test_scores_of_edge_popup():
    configuration = replace(SMALL, method="edge-popup", final_density="0.1")
    data = load_data("digits", Path())
    model, _ = start_model(configuration, data)
    method = METHODS["edge-popup"](configuration, model, data.train.shape, 12)
    stream = numbers(7, "scores")
    for name, inside in method.drawn.items():
        uniform = 2 * torch.rand(inside.shape, generator=stream) - 1  # in (-1, 1), over the root of the fan-in
        torch.testing.assert_close(method._scores[name].detach(), inside * uniform * inside.shape[1] ** -0.5)


def test_growth_of_set():
    configuration = replace(SMALL, method="set", final_density="0.1")
    data = load_data("digits", Path())
    model, _ = start_model(configuration, data)
    method = METHODS["set"](configuration, model, data.train.shape, 12)
    for place, at in ((0, 3), (2, 9)):
        layer = [part for part in model.modules() if isinstance(part, nn.Linear)][place]
        wanted = torch.rand(layer.weight.shape, generator=numbers(7, "growth", place, at))
        assert method.wanted(layer, place, at).equal(wanted)


def test_noise_of_dropout():
    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.seeds = nn.Linear(64, 10), []

        def forward(self, inputs):
            self.seeds.append(torch.initial_seed())
            return self.layer(inputs.flatten(1))

    model = Watched()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.random.fork_rng(devices=[]), join_process_group("cpu") as processes:
        for epoch in (0, 2):
            train_epoch(SMALL, model, optimiser, load_data("digits", Path()), epoch, processes)
            assert set(model.seeds) == {seed_of(7, "noise", epoch, 0)}
            model.seeds.clear()
