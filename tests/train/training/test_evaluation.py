"""What a network gets right is counted in evaluation mode, however inputs are divided and whatever mode it was in."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain.data import load_data  # noqa: E402
from ertrain.training.epoch import accuracies  # noqa: E402
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
