"""What a network gets right is counted in evaluation mode, however inputs are divided and whatever mode it was in."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertrain.data import load_data  # noqa: E402
from ertrain.training.epoch import accuracies, inputs_at_once  # noqa: E402
from ertrain.training.process_group import ProcessGroup  # noqa: E402


@pytest.mark.parametrize("at_once", [1, 7, 2000])
@pytest.mark.parametrize("training", [True, False])
def test_shares_are_those_of_evaluation_mode_and_leave_no_trace(at_once, training):
    torch.manual_seed(0)
    data = load_data("digits", Path())
    held = data.train.part(torch.arange(60))
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10)
    )
    inputs, labels = next(iter(held.in_order(60)))
    for _ in range(20):  # so that running means are those of no single batch
        model(data.normalised(inputs + torch.randint(0, 3, inputs.shape)))
    model.train(training)
    before = copy.deepcopy(model.state_dict())
    (found,) = accuracies(model, held, data, ProcessGroup(torch.device("cpu")), at_once=at_once)
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    with torch.no_grad():
        right = copy.deepcopy(model).eval()(data.normalised(inputs)).argmax(1) == labels
    assert found == int(right.sum()) / 60


@pytest.mark.parametrize(
    ("network", "shape", "expected"),
    [
        (nn.Linear(784, 300), (784,), 2000),
        (nn.Linear(4, 2**16), (4,), 512),
        (nn.Conv2d(1, 16, 3, padding=1), (1, 32, 32), 2000),  # images of ResNet-20
        (nn.Conv2d(1, 256, 3, padding=1), (1, 28, 28), 2**25 // (256 * 28 * 28)),
        (nn.Sequential(nn.Conv2d(1, 2**16, 1, stride=28), nn.Flatten(), nn.Linear(2**16, 10)), (1, 28, 28), 512),
        (nn.Conv2d(1, 2**14, 1), (1, 64, 64), 1),
        (nn.Flatten(), (1, 64, 64), 2000),
    ],
)
def test_a_pass_tests_as_many_inputs_as_its_widest_activations_allow(network, shape, expected):
    before = copy.deepcopy(network.state_dict())
    assert inputs_at_once(network, shape) == expected
    assert all(before[name].equal(tensor) for name, tensor in network.state_dict().items())
    assert network.training


def test_a_run_is_tested_in_passes_that_its_activations_allow(monkeypatch, tmp_path):
    sizes = []
    monkeypatch.setattr("ertrain.training.epoch._ACTIVATIONS", 50 * 64 * 16)

    def seen(network, inputs):
        if not network.training:
            sizes.append(len(inputs[0]))

    network = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10))
    network.register_forward_pre_hook(seen)
    images, labels = torch.rand(400, 1, 8, 8), torch.arange(400) % 10
    ertrain.fit(network, (images, labels), test=(images, labels), out=tmp_path, epochs=1, batch=20, density="0.5")
    assert max(sizes) == 50
