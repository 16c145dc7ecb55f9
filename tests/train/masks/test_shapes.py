"""Shapes read from PyTorch modules."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise.architectures import LayerShape, architecture  # noqa: E402
from ertrain.masks import layer_shapes, unlisted  # noqa: E402


@pytest.mark.parametrize(
    ("model", "table"),
    [("resnet18", "resnet18-imagenet"), ("resnet50", "resnet50-imagenet"), ("vgg16_bn", "vgg16-imagenet")],
)
def test_torchvision_models_agree_with_the_tables(model, table):
    models = pytest.importorskip("torchvision.models", reason="needs the extra 'train'")
    with torch.device("meta"):  # shapes without memory
        network = models.get_model(model, weights=None)
    assert layer_shapes(network) == architecture(table)


def test_every_maskable_kind_is_listed_and_nothing_else():
    network = nn.Sequential(
        nn.Conv1d(2, 3, 4),
        nn.Conv2d(4, 6, (3, 5), groups=2),
        nn.BatchNorm2d(6),
        nn.Conv3d(1, 2, 3),
        nn.ConvTranspose2d(3, 4, 2),
        nn.Embedding(7, 5),
        nn.LayerNorm(5),
        nn.Linear(5, 1),
    )
    assert layer_shapes(network) == (
        LayerShape("0", (3, 2, 4)),
        LayerShape("1", (6, 2, 3, 5), groups=2),
        LayerShape("3", (2, 1, 3, 3, 3)),
        LayerShape("7", (1, 5)),
    )


def test_a_single_layer_has_the_empty_name():
    assert layer_shapes(nn.Linear(3, 2)) == (LayerShape("", (2, 3)),)


def test_a_module_without_weights_gives_an_empty_tuple():
    assert layer_shapes(nn.ReLU()) == ()


def test_order_is_that_of_registration():
    network = nn.Module()
    network.second, network.first = nn.Linear(1, 2), nn.Linear(3, 4)
    assert [layer.name for layer in layer_shapes(network)] == ["second", "first"]


def test_skip_takes_a_container_with_all_it_holds_but_not_its_namesakes():
    network = nn.Module()
    network.head = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4)))
    network.head2 = nn.Linear(4, 5)
    assert layer_shapes(network, skip=["head"]) == (LayerShape("head2", (5, 4)),)
    assert [layer.name for layer in layer_shapes(network, skip={"head.1", "head2"})] == ["head.0"]


@pytest.fixture(params=["module", "parameter"])
def tied(request):
    """Two names for one weight: the same layer twice, or two layers with the same parameter."""
    network = nn.Module()
    network.encoder = nn.Linear(4, 4)
    if request.param == "module":
        network.decoder = network.encoder
    else:
        network.decoder = nn.Linear(4, 4)
        network.decoder.weight = network.encoder.weight
    network.head = nn.Linear(4, 1)
    return network


def test_a_shared_weight_is_listed_once(tied):
    assert [layer.name for layer in layer_shapes(tied)] == ["encoder", "head"]


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_shared_weight_is_skipped_under_any_of_its_names(tied, name):
    assert [layer.name for layer in layer_shapes(tied, skip=[name])] == ["head"]


def test_parametrised_layers_are_told_apart_though_their_weights_are_computed_anew():
    first, second = (nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)) for _ in range(2))
    assert [layer.name for layer in layer_shapes(nn.Sequential(first, second, first))] == ["0", "1"]


def test_a_lazy_layer_is_refused_until_it_knows_its_shape():
    network = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(InvalidInput, match="lazy layer '0'"):
        layer_shapes(network)
    network(torch.zeros(1, 5))
    assert layer_shapes(network) == (LayerShape("0", (3, 5)),)


@pytest.mark.parametrize("skip", [["missing"], ["1"], ["0", ""], ["0."], "0"])
def test_skipping_nothing_is_refused(skip):
    network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with pytest.raises(InvalidInput, match=r"^skip: "):
        layer_shapes(network, skip=skip)


@pytest.mark.parametrize("module", [None, {"weight": 1}, nn.Linear])
def test_what_is_no_module_is_refused(module):
    with pytest.raises(InvalidInput, match=r"^module: "):
        layer_shapes(module)


def test_to_read_shapes_computes_no_weight():
    module = nn.Sequential(spectral_norm(nn.Linear(6, 4)), spectral_norm(nn.Conv2d(6, 4, (3, 2), groups=2)))
    before = copy.deepcopy(module.state_dict())
    assert [layer.shape for layer in layer_shapes(module)] == [(4, 6), (4, 3, 3, 2)]
    assert len(unlisted(module)) == 2
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
