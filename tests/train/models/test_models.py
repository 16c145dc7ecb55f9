"""Networks by name: the layers of the theory's tables, and outputs that can be trained."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise.architectures import ARCHITECTURES, architecture  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.models import MODELS, build_model  # noqa: E402

TABLES = sorted(set(ARCHITECTURES) & set(MODELS))


def size(name: str) -> tuple[int, int, int]:
    return (1, 28, 28) if name.startswith("lenet") else (3, 224, 224) if "imagenet" in name else (3, 32, 32)


@pytest.mark.parametrize("width", [1, 0.5, "3/7", 2])
@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("name", TABLES)
def test_layers_are_those_of_the_tables(name, classes, width):
    with torch.device("meta"):
        model = build_model(name, inputs=size(name), classes=classes, width=width)
    assert layer_shapes(model) == architecture(name, classes=classes, width=width)


def test_every_table_of_the_theory_but_the_large_vgg_has_a_network():
    assert set(TABLES) == set(ARCHITECTURES) - {"vgg16-imagenet"}


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_networks_agree_with_torchvision(name):
    models = pytest.importorskip("torchvision.models", reason="needs the extra 'train'")
    ours = build_model(f"{name}-imagenet", inputs=(3, 64, 64), classes=10).eval()
    theirs = models.get_model(name, weights=None, num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))


def test_wrn_22_2_has_the_layers_of_its_paper():
    with torch.device("meta"):
        shapes = [layer.shape for layer in layer_shapes(build_model("wrn-22-2", inputs=(3, 32, 32), classes=10))]
    # 22 counts the stem, 18 convolutions in blocks and the three shortcuts are beside it, in the depth the classifier.
    convolutions = [shape for shape in shapes if shape[2:] == (3, 3)]
    assert len(convolutions) == 19
    assert len([shape for shape in shapes if shape[2:] == (1, 1)]) == 3
    assert [convolutions[place][0] for place in (0, 1, 7, 13)] == [16, 32, 64, 128]
    assert shapes[-1] == (10, 128)


@pytest.mark.parametrize("name", [*MODELS, "mlp-7", "mlp-20-10-5"])
def test_networks_run_forwards_and_backwards_for_a_batch_of_one(name):
    model = build_model(name, inputs=(1, 32, 32), classes=7, width="1/8").eval()
    model(torch.randn(1, 1, 32, 32)).sum().backward()
    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 7)
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", ["resnet19", "mlp", "mlp-", "mlp-0", "mlp-10-x", "", None, 3])
def test_unknown_networks_are_refused(name):
    with pytest.raises(InvalidInput, match=r"^model: expected one of lenet-300-100, resnet18"):
        build_model(name, inputs=(1, 8, 8), classes=10)


@pytest.mark.parametrize(
    ("name", "value"), [("width", 0), ("width", -1), ("width", "1001"), ("classes", 0), ("classes", 1.5)]
)
def test_widths_and_classes_outside_are_refused(name, value):
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        build_model("vgg16", inputs=(3, 32, 32), **{"classes": 10, name: value})
