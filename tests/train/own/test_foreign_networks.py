"""Networks of torchvision and timm, recurrent ones and attention: masked, or named as what stays dense."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.masks import layer_shapes, unlisted  # noqa: E402


def small_transformer(models) -> nn.Module:
    return models.VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=5)


def small_windows(models) -> nn.Module:
    return models.SwinTransformer([4, 4], embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=[4, 4])


VISION = {
    "squeezenet": lambda models: models.squeezenet1_1(),
    "mobilenet": lambda models: models.mobilenet_v3_small(),
    "vision transformer": small_transformer,
    "swin transformer": small_windows,
}


def check(model: nn.Module) -> None:
    """All that can be masked is, in the number that was asked for, and a step keeps it so."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    sparse = ertrain.start_sparse(model, optimiser, density="0.1", ratio="uniform", steps=2)
    wanted = sum(layer.weights for layer in layer_shapes(model))
    assert sum(int(mask.sum()) for mask in sparse.masks().values()) == round(wanted / 10)
    first = next(iter(sparse.masks()))
    weight = model.get_submodule(first).get_parameter("weight")
    weight.grad = torch.ones_like(weight)
    sparse.step()
    assert (weight[~sparse.masks()[first]] == 0).all()
    assert sparse.masks().keys() == {layer.name for layer in layer_shapes(model)}


@pytest.mark.parametrize("name", VISION)
@pytest.mark.filterwarnings("ignore:.* stay dense:UserWarning")
def test_networks_of_torchvision(name):
    check(VISION[name](pytest.importorskip("torchvision.models")))


@pytest.mark.filterwarnings("ignore:.* stay dense:UserWarning")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vit_tiny_patch16_224", {"depth": 2, "embed_dim": 32, "num_heads": 2}),
        ("mobilenetv3_small_050", {}),
    ],
)
def test_networks_of_timm(name, options):
    timm = pytest.importorskip("timm", reason="timm is optional")
    check(timm.create_model(name, pretrained=False, **options))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.lstm = nn.Embedding(10, 8), nn.LSTM(8, 6, batch_first=True)
        self.attention, self.out = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 2)

    def forward(self, words):
        found, _ = self.lstm(self.words(words))
        return self.out(self.attention(found, found, found)[0][:, -1])


def test_what_stays_dense_is_named():
    names = ["words.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0", "attention.in_proj_weight"]
    assert list(unlisted(Words())) == names
    words = torch.randint(0, 10, (40, 5), generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match=f"{', '.join(names)} stay dense"):
        result = ertrain.fit(Words(), (words, words[:, 0] % 2), density="0.5", epochs=1, batch=10)
    assert set(result.masks) == {"attention.out_proj", "out"}
    model = Words()
    with pytest.warns(UserWarning, match="stay dense"):
        ertrain.start_sparse(model, torch.optim.SGD(model.parameters(), lr=0.1), density="0.5", steps=1)


def test_masks_for_what_has_none_are_refused_by_name():
    with pytest.raises(InvalidInput, match=r"^masks: .*attention.out_proj, out; ertrain.maskable.* got 'lstm'"):
        ertrain.attach_masks(Words(), {"lstm": torch.ones(24, 8, dtype=torch.bool)})
    recurrent = nn.LSTM(3, 4)
    with pytest.raises(InvalidInput, match="a module with linear or convolutional layers"):
        ertrain.start_sparse(recurrent, torch.optim.SGD(recurrent.parameters(), lr=0.1), density="0.5", steps=1)
