"""Weights at the start: the variance that each rule promises, and the same numbers whatever the mask."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.masks.masking import attach_masks, draw_masks, masks_of  # noqa: E402
from ertrain.models.initialisation import INITIALISATIONS, initialise  # noqa: E402
from ertrain.streams import generator, stream_seed  # noqa: E402


def network(density: str | None = None) -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(16, 128, 3), nn.BatchNorm2d(128), nn.Linear(500, 400), nn.LayerNorm(400), nn.Linear(400, 300)
    )
    if density is not None:
        attach_masks(model, draw_masks(layer_densities(layer_shapes(model), density, "uniform"), 0))
    return model


@pytest.mark.parametrize(
    ("name", "variances"),
    [
        ("kaiming", {"0": 2 / 144, "2": 2 / 500, "4": 2 / 400}),
        ("paper", {"0": 2 / 1152, "2": 2 / 500, "4": 1e-4}),
        ("sparse", {"0": 2 / 14.4, "2": 2 / 50, "4": 2 / 40}),
        ("sparse-neuron", {"0": 2 / 14.4, "2": 2 / 50, "4": 2 / 40}),
    ],
)
def test_variances_of_the_weights_that_are_kept(name, variances):
    model = network("0.1")
    initialise(model, name, generator(0, "weights"))
    for layer, variance in variances.items():
        kept = model.get_submodule(layer).weight.detach()[masks_of(model)[layer]]
        # A variance from n normal numbers spreads by sqrt(2 / n), here at most 0.035. Five of those, a fixed seed. The
        # numbers of inputs of single neurons add to it, in 1 / k by about one part in ten.
        slack = 0.2 if name == "sparse-neuron" else 5 * (2 / kept.numel()) ** 0.5
        assert float(kept.var()) == pytest.approx(variance, rel=slack)


def test_single_neurons_count_their_own_inputs():
    model = nn.Linear(4, 3)
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=torch.bool)
    dense = nn.Linear(4, 3)
    attach_masks(model, {"": mask})
    initialise(model, "sparse-neuron", generator(0, "weights"))
    initialise(dense, "kaiming", generator(0, "weights"))
    expected = dense.weight * mask * torch.tensor([[2.0], [1.0], [0.0]])
    torch.testing.assert_close(model.weight, expected)


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_without_masks_a_sparse_start_is_the_dense_one_and_masked_weights_are_zero(name):
    dense, sparse = network(), network("0.3")
    initialise(dense, name, generator(4, "weights"))
    initialise(sparse, name, generator(4, "weights"))
    for layer, mask in masks_of(sparse).items():
        weight = sparse.get_submodule(layer).weight
        assert torch.count_nonzero(weight[~mask]) == 0
        # The same numbers up to a factor per neuron.
        ratio = (weight / dense.get_submodule(layer).weight).detach()[mask]
        assert float(ratio.min()) > 0
        if name in ("kaiming", "paper"):
            torch.testing.assert_close(ratio, torch.ones_like(ratio))
    twin = network()
    initialise(twin, "kaiming", generator(4, "weights"))
    if name.startswith("sparse"):
        assert twin[2].weight.equal(dense[2].weight)


def test_biases_and_normalisations_start_at_zero_and_one():
    model = network()
    nn.init.uniform_(model[1].weight), nn.init.uniform_(model[4].bias), nn.init.uniform_(model[3].weight)
    initialise(model, "paper", generator(0, "weights"))
    assert (model[1].weight == 1).all()
    assert (model[3].weight == 1).all()
    assert (model[4].bias == 0).all()


def test_unknown_names_and_layers_are_refused():
    with pytest.raises(InvalidInput, match=r"^initialisation: expected one of kaiming"):
        initialise(network(), "xavier", generator(0, "weights"))
    with pytest.raises(InvalidInput, match=r"^module: "):
        initialise(nn.Sequential(nn.Linear(2, 2), nn.Embedding(3, 2)), "kaiming", generator(0, "weights"))


def test_every_normalisation_starts_at_one():
    parts = [nn.InstanceNorm2d(4, affine=True), nn.RMSNorm(4), nn.GroupNorm(2, 4), nn.LayerNorm(4), nn.BatchNorm1d(4)]
    for part in parts:
        nn.init.uniform_(part.weight)
        initialise(nn.Sequential(nn.Linear(3, 4), part), "sparse", generator(0, "weights"))
        assert (part.weight == 1).all(), part


@pytest.mark.parametrize(
    "other", [nn.Embedding(3, 2), nn.PReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))]
)
def test_what_has_no_start_is_refused_before_anything_is_changed(other):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), other)
    nn.init.uniform_(model[1].weight)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(InvalidInput, match=r"^module: expected .* got '2"):
        initialise(model, "kaiming", generator(0, "weights"))
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())


def test_streams_do_not_meet():
    seeds = [stream_seed(seed, stream, epoch) for seed in (0, 1) for stream in ("mask", "order") for epoch in (0, 1)]
    assert len(set(seeds)) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InvalidInput, match=r"^seed: "):
        stream_seed(seed, "mask")


def test_unknown_streams_are_refused():
    with pytest.raises(InvalidInput, match=r"^stream: "):
        stream_seed(0, "masks")
