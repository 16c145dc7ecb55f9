"""Operations against PyTorch's own counter: every listed layer at every use, in modules and in functions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.masks import forward_flops, layer_positions, layer_shapes  # noqa: E402
from ertrain.models import build_model  # noqa: E402


def vit():
    return torchvision.models.VisionTransformer(32, 8, 2, 4, 16, 24, num_classes=5)


def swin():
    return torchvision.models.SwinTransformer([4, 4], 8, [2, 2], [2, 4], [4, 4], num_classes=5)


def tied():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    model[3].weight = model[2].weight
    return model


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(32, 7)

    def forward(self, inputs):
        return {"out": [self.again(self.first(self.first(inputs)))], "other": inputs.sum()}


COUNTED = ("aten.mm", "aten.addmm", "aten.convolution")  # attention itself is no layer
MODELS = {
    "vit": vit,
    "swin": swin,
    "tied": tied,
    "twice": Twice,
    "mobilenet": lambda: torchvision.models.mobilenet_v2(width_mult=0.25, num_classes=5),
    "convnext": lambda: torchvision.models.ConvNeXt([torchvision.models.convnext.CNBlockConfig(8, None, 2)]),
    "resnet20": lambda: build_model("resnet20", inputs=(3, 32, 32), classes=10, width="1/4"),
}


@pytest.mark.parametrize("name", MODELS)
def test_operations_are_those_of_the_counter_of_pytorch(name):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    inputs = torch.zeros(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:  # without gradients attention goes a way that it does not see
        model(inputs)
    counts = counter.get_flop_counts()["Global"]
    total = sum(number for operation, number in counts.items() if str(operation) in COUNTED)
    for part in model.modules():  # projections into attention, which are no layers
        if isinstance(part, nn.MultiheadAttention):
            total -= 2 * 17 * 3 * part.embed_dim**2
    assert forward_flops(model, (3, 32, 32), dense=True) == total
    assert set(layer_positions(model, (3, 32, 32))) == {layer.name for layer in layer_shapes(model)}


def test_a_layer_that_is_not_used_takes_nothing_and_one_that_is_used_otherwise_is_refused():
    class Odd(nn.Module):
        def __init__(self, *, used: bool):
            super().__init__()
            self.kept, self.odd, self.used = nn.Linear(4, 3), nn.Linear(4, 3), used

        def forward(self, inputs):
            return self.kept(inputs) + (inputs @ self.odd.weight.T if self.used else 0)

    assert layer_positions(Odd(used=False), (4,)) == {"kept": 1, "odd": 0}
    with pytest.raises(InvalidInput, match=r"^module: .*got 'odd'"):
        layer_positions(Odd(used=True), (4,))


def test_counting_leaves_the_modes_of_the_parts_as_they_are():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    model[1].eval()
    layer_positions(model, (4,))
    assert model.training
    assert not model[1].training
    assert model[1].num_batches_tracked == 0
