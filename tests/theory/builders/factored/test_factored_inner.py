"""Pairs with ReLU between their maps: positive first maps where nothing negative is read, else lifted ones on a box."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ertheory.builders.factored.boxes import map_boxes
from ertheory.builders.factored.modules.embed import embed_module
from ertheory.builders.factored.modules.pair import MapPair
from ertheory.check import evaluate
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.network import Network
from ertheory.networks.readers.torch_read import network_from_torch
from ertrain.models.resnet import ResNet


def embedded(model, **options):
    return embed_module(model, **{"density": "0.5", "failure_probability": "1e-6", "workers": 1, **options})


def small(seed=0, bias=True):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=bias),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=bias),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 3, bias=bias),
    ).double()
    nn.init.normal_(model[1].running_mean)
    return model.eval()


def off(found, model, x) -> float:
    with torch.no_grad():
        wanted = model(x)
        return float((found.module(x) - wanted).abs().max() / wanted.abs().max())


def rectifies(module, x) -> list[bool]:
    """For every pair, whether one of its inner neurons is negative before its ReLU."""
    seen = {}

    def look(pair, inputs):
        seen[pair] = bool((pair.first(inputs[0], pair.shift) < -1e-12).any())

    hooks = [pair.register_forward_pre_hook(look) for pair in module.modules() if isinstance(pair, MapPair)]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    return list(seen.values())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_relu_hands_everything_on(low, bias):
    model = small(bias=bias)
    found = embedded(model, inner="relu", domain=(low, 1.0))
    x = torch.rand(6, 2, 4, 4, dtype=torch.float64) * (1 - low) + low
    assert off(found, model, x) < 1e-9
    assert rectifies(found.module, x) == [False] * 3
    assert all(pair.rectified for pair in found.module.modules() if isinstance(pair, MapPair))
    lifted = [answer.shift > 0 for answer in found.maps.values()]
    assert lifted == [low < 0, False, False]
    if low < 0:
        assert found.maps["0"].form == "spatial-first"
        assert rectifies(found.module, 20 * x)[0]  # the box is needed


def test_positive_first_maps_need_no_box():
    model = small()
    found = embedded(model, inner="relu-positive", domain=(0.0, 1.0))
    x = torch.rand(6, 2, 4, 4, dtype=torch.float64)
    for scale in (1.0, 1e6):
        assert off(found, model, scale * x) < 1e-9
    for pair in found.module.modules():
        if isinstance(pair, MapPair):
            assert (pair.first.values >= 0).all()
            assert pair.shift is None
    with pytest.raises(TheoremNotApplicable, match="0: no positive first factor"):
        embedded(model, inner="relu-positive", domain=(-1.0, 1.0))
    with pytest.raises(TheoremNotApplicable, match="0: no positive first factor"):
        embedded(model, inner="relu-positive")


def test_residual_networks_and_their_copies():
    torch.manual_seed(1)
    model = ResNet((1, 1), channels=1, narrowest=4).double().eval()
    found = embedded(model, inner="relu", domain=(0.0, 1.0))
    x = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    assert off(found, model, x) < 1e-9
    assert not any(rectifies(found.module, x))
    twin = copy.deepcopy(found.module)
    with torch.no_grad():
        assert torch.equal(twin(x), found.module(x))
    twin.load_state_dict(found.module.state_dict())


def test_bounds_that_grow_too_large_are_refused_with_two_ways_out():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.LeakyReLU(), nn.Linear(4, 2)).double()
    nn.init.constant_(model[2].weight, 1e11)
    message = r"2: inner relu needs shifts up to \S+, above .* use inner identity, or relu-positive where"
    with pytest.raises(TheoremNotApplicable, match=message) as caught:
        embedded(model, inner="relu", domain=(-1, 1))
    assert len(str(caught.value)) <= 400
    with pytest.raises(TheoremNotApplicable, match="0: inner relu needs a box of the inputs; state one"):
        embedded(model, inner="relu")


def test_what_cannot_be_bounded_is_one_line():
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).double()
    with pytest.raises(InvalidInput, match="inner: expected identity, since bounds of what layers read") as caught:
        embedded(attention, inner="relu", domain=(-1, 1))
    assert len(str(caught.value)) <= 400
    with pytest.raises(InvalidInput, match="inner: expected one of"):
        embedded(small(), inner="tanh")
    with pytest.raises(InvalidInput, match="outer: expected solved"):
        embedded(small(), inner="relu", outer="random", domain=(0, 1))


@settings(max_examples=20)
@given(seed=st.integers(0, 999), low=st.sampled_from([-2.0, 0.0]), bias=st.booleans())
def test_boxes_hold_what_is_read(seed, low, bias):
    model = small(seed, bias)
    network = network_from_torch(model)
    network = Network(network.steps, np.tile([low, 1.0], (2, 1)))
    boxes = map_boxes(network)
    x = np.random.default_rng(seed).uniform(low, 1.0, (50, 2, 4, 4))
    for step, box in zip(network.affine[1:], boxes[1:], strict=True):
        place = next(number for number, one in enumerate(network.steps) if one is step)
        values = evaluate(Network(network.steps[:place]), x).reshape(len(x), len(box), -1)
        assert (values >= box[:, :1] - 1e-12).all()
        assert (values <= box[:, 1:] + 1e-12).all()
