"""Flow: dead neurons as a search of paths finds them, and repairs that leave none, within the budget."""

from __future__ import annotations

import itertools
from fractions import Fraction

import networkx
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from ertheory.errors import ConstructionFailed, InvalidInput  # noqa: E402
from ertheory.layerwise import LayerDensities, layer_densities  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.masks.flops import forward_flops, layer_positions  # noqa: E402
from ertrain.masks.flow import dead_neurons, expected_without_weights  # noqa: E402
from ertrain.masks.flow_repair import repair_masks  # noqa: E402
from ertrain.masks.masking import attach_masks, draw_masks, masks_of  # noqa: E402
from ertrain.models import MODELS, build_model  # noqa: E402


def masked(model: nn.Module, density: str, seed: int, ratio: str = "uniform") -> nn.Module:
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), density, ratio), seed))
    return model


def chain() -> nn.Module:
    # Around the edges there is more of the image, so that the place of a filter's tap does not matter.
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, padding_mode="circular"), nn.BatchNorm2d(5), nn.ReLU(),
        nn.Conv2d(5, 4, 3, padding=1, padding_mode="circular"), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 3),
    )  # fmt: skip


def dead_by_search(model: nn.Module) -> list[int]:
    """Count dead outputs of the chain by reachability, channel by channel, each flattened pixel apart."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(["in", "out"])
    masks = [mask.flatten(2).any(2) if mask.dim() == 4 else mask for mask in masks_of(model).values()]
    for channel in range(2):
        graph.add_edge("in", (0, channel))
    for depth, mask in enumerate(masks):
        for row, column in mask.nonzero().tolist():
            graph.add_edge((depth, column if depth != 2 else column // 4), (depth + 1, row))
    for output in range(3):
        graph.add_edge((4, output), "out")
    graph.add_nodes_from((depth + 1, row) for depth, mask in enumerate(masks) for row in range(len(mask)))
    alive = networkx.descendants(graph, "in") & networkx.ancestors(graph, "out")
    return [sum((depth + 1, row) not in alive for row in range(len(mask))) for depth, mask in enumerate(masks)]


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), density=st.sampled_from(["0.03", "0.1", "0.2", "0.5"]))
def test_dead_neurons_are_those_off_every_path(seed, density):
    model = masked(chain(), density, seed)
    assert [layer.dead for layer in dead_neurons(model, (2, 4, 4))] == dead_by_search(model)


@pytest.mark.parametrize("exact", [False, True])
def test_outputs_without_weights_are_as_many_as_expected(exact):
    # Over 400 draws, within 5 standard errors: a false alarm in 10^6, if the seeds were not fixed.
    model = chain()
    densities = layer_densities(layer_shapes(model), "0.1", "uniform")
    counts = []
    for seed in range(400):
        masks = draw_masks(densities, seed, exact=exact)
        attach_masks(model, masks)
        counted = [layer.without_weights for layer in dead_neurons(model, (2, 4, 4))]
        assert counted == [int((mask.flatten(1).sum(1) == 0).sum()) for mask in masks.values()]
        counts.append(sum(counted))
    expected = expected_without_weights(densities, drawing="exact" if exact else "independent")
    assert abs(np.mean(counts) - expected) < 5 * np.std(counts) / 20
    assert expected_without_weights(densities, repair="swap") == 0


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (1, 5), (4, 1)])
def test_outputs_without_weights_are_those_of_all_masks(shape):
    """The mean over every mask with so many weights, and over all masks with the chance of each, as fractions."""
    (layer,) = layer_shapes(nn.Linear(*shape))  # inputs, outputs
    places = [(output, place) for output in range(layer.outputs) for place in range(layer.fan_in)]
    for kept in range(1, layer.weights + 1):
        lonely = [
            layer.outputs - len({output for output, _ in chosen}) for chosen in itertools.combinations(places, kept)
        ]
        density = Fraction(kept, layer.weights)
        densities = LayerDensities((layer,), "uniform", density, (float(density),))
        assert densities.nonzero_counts() == (kept,)
        found = expected_without_weights(densities, drawing="exact")
        assert found == pytest.approx(sum(lonely) / len(lonely), abs=1e-12)
        expected = layer.outputs * (1 - kept / layer.weights) ** layer.fan_in
        assert expected_without_weights(densities) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("place", [1, 2])
def test_a_softmax_in_the_middle_connects_all(place):
    """Behind a softmax every output depends on every kept input: one neuron without weights, and no other, is dead."""
    layers = [nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 5), nn.Linear(5, 2)]
    layers.insert(place, nn.Softmax(1))
    model = nn.Sequential(*layers).double()
    names = [layer.name for layer in layer_shapes(model)]
    shapes = {layer.name: layer.shape for layer in layer_shapes(model)}
    assert not any(layer.dead for layer in dead_neurons(model, (4,)))
    masks = {name: torch.ones(shapes[name], dtype=torch.bool) for name in names}
    masks[names[0]][1] = False
    attach_masks(model, masks)
    assert [layer.without_weights for layer in dead_neurons(model, (4,))] == [1, 0, 0]
    assert [layer.without_output for layer in dead_neurons(model, (4,))] == [0, 0, 0]


@pytest.mark.parametrize("name", MODELS)
def test_dense_networks_have_no_dead_neurons(name):
    model = build_model(name, inputs=(1, 32, 32), classes=5, width="1/8").train()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    layers = dead_neurons(model, (1, 32, 32))
    assert [layer.name for layer in layers] == [layer.name for layer in layer_shapes(model)]
    assert not any(layer.dead for layer in layers)
    assert model.training
    assert all(tensor.equal(before[key]) for key, tensor in model.state_dict().items())


def assert_connected(masks):
    for mask in masks.values():
        pairs = mask.flatten(2).any(2) if mask.dim() > 2 else mask
        assert pairs.any(0).all()
        assert pairs.any(1).all()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    density=st.sampled_from(["0.15", "0.3", "0.6"]),
    hold=st.booleans(),
    draw=st.integers(0, 9),
)
def test_repaired_masks_have_whole_paths_through_every_neuron(seed, density, hold, draw):
    model = masked(chain(), density, seed)
    before = {name: mask.clone() for name, mask in masks_of(model).items()}
    try:
        after = repair_masks(before, np.random.default_rng(draw), hold_budget=hold)
    except ConstructionFailed:
        assert hold
        assert sum(int(mask.sum()) for mask in before.values()) < 16 + 6 + 6 + 5 + 5
        return
    assert_connected(after)
    attach_masks(model, after)
    assert not any(layer.dead for layer in dead_neurons(model, (2, 4, 4)))
    spent, kept = (sum(int(mask.sum()) for mask in masks.values()) for masks in (before, after))
    assert kept == spent if hold else kept >= spent
    if not hold:  # only adds, and no more than one weight per neuron that lacked one
        for name, mask in before.items():
            assert not (mask & ~after[name]).any()
            pairs = mask.flatten(2).any(2) if mask.dim() > 2 else mask
            lacking = int((~pairs.any(0)).sum()), int((~pairs.any(1)).sum())
            assert int((after[name] & ~mask).sum()) == max(lacking)
    again = repair_masks(after, np.random.default_rng(draw + 1), hold_budget=hold)
    assert all(again[name].equal(after[name]) for name in after)


def test_a_convolution_with_many_dead_channels_is_repaired():
    mask = torch.rand(16, 16, 3, 3, generator=torch.Generator().manual_seed(0)) < 0.3
    mask[:3] = False
    mask[:, :3] = False
    after = repair_masks({"conv": mask}, np.random.default_rng(0), hold_budget=True)
    assert_connected(after)
    assert int(after["conv"].sum()) == int(mask.sum())


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_groups_of_convolutions_are_repaired_one_by_one(groups):
    layer = nn.Conv2d(8, 16, 3, groups=groups)
    mask = torch.zeros_like(layer.weight, dtype=torch.bool)
    after = repair_masks({"": mask}, np.random.default_rng(0), hold_budget=False, groups={"": groups})[""]
    for part in after.reshape(groups, 16 // groups, 8 // groups, 9):
        assert_connected({"": part})


@pytest.mark.parametrize("name", ["resnet18", "resnet20", "wrn-22-2"])
def test_residual_networks_are_whole_after_repair(name):
    model = masked(build_model(name, inputs=(3, 16, 16), classes=10, width="1/4"), "0.03", 1)
    assert any(layer.dead for layer in dead_neurons(model, (3, 16, 16)))
    attach_masks(model, repair_masks(masks_of(model), np.random.default_rng(0), hold_budget=False))
    assert not any(layer.dead for layer in dead_neurons(model, (3, 16, 16)))


def test_a_layer_that_can_not_spare_weights_is_paid_for_by_another():
    poor, rich = torch.zeros(5, 5, dtype=torch.bool), torch.ones(5, 5, dtype=torch.bool)
    after = repair_masks({"poor": poor, "rich": rich}, np.random.default_rng(0), hold_budget=True)
    assert (int(after["poor"].sum()), int(after["rich"].sum())) == (5, 20)
    with pytest.raises(ConstructionFailed, match="3 weights cannot connect every neuron; 5 could"):
        repair_masks({"a": torch.eye(5).bool() & (torch.arange(5) < 3)}, np.random.default_rng(0), hold_budget=True)


def test_what_is_no_mask_is_refused():
    with pytest.raises(InvalidInput, match=r"^mask of 'a': "):
        repair_masks({"a": torch.ones(3, 3)}, np.random.default_rng(0), hold_budget=False)


def test_flops_are_those_of_the_shapes():
    model = chain()
    assert layer_positions(model, (2, 4, 4)) == {"0": 16, "3": 16, "7": 1, "9": 1}
    assert forward_flops(model, (2, 4, 4)) == 2 * (16 * 90 + 16 * 180 + 96 + 18)
    masked(model, "0.5", 0)
    kept = {name: int(mask.sum()) for name, mask in masks_of(model).items()}
    expected = 2 * (16 * kept["0"] + 16 * kept["3"] + kept["7"] + kept["9"])
    assert forward_flops(model, (2, 4, 4)) == expected
    assert forward_flops(model, (2, 4, 4), dense=True) == 2 * (16 * 90 + 16 * 180 + 96 + 18)


def test_the_flops_of_resnet50_are_the_known_ones():
    with torch.device("meta"):
        model = build_model("resnet50-imagenet", inputs=(3, 224, 224), classes=1000)
    # 4.089 billion multiplications for an image of 224 x 224.
    assert forward_flops(model.to_empty(device="cpu"), (3, 224, 224)) / 2 == pytest.approx(4.089e9, rel=1e-3)
