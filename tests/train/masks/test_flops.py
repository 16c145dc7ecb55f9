"""Operations against PyTorch's own counter: every listed layer at every use, in modules and in functions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.masks import attach_masks, forward_flops, layer_positions, layer_shapes, unlisted  # noqa: E402
from ertrain.masks.flops import InputShape  # noqa: E402
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
    assert forward_flops(model, (3, 32, 32), dense=True) == total
    assert set(layer_positions(model, (3, 32, 32))) == {layer.name for layer in layer_shapes(model)}


class Recurrent(nn.Module):
    """Recurrent layers and cells in two directions, with two layers, with a projection, and packed."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(7, 4)
        self.lstm, self.gru = nn.LSTM(4, 3, num_layers=2, bidirectional=True), nn.GRU(6, 3, batch_first=True)
        self.small, self.cells = nn.LSTM(3, 5, proj_size=2), nn.ModuleList([nn.LSTMCell(2, 3), nn.GRUCell(3, 2)])
        self.plain, self.cell, self.out = nn.RNN(2, 3, nonlinearity="relu"), nn.RNNCell(3, 4), nn.Linear(4, 2)

    def forward(self, inputs):
        hidden = self.small(self.gru(self.lstm(self.tokens(inputs))[0])[0])[0]
        for cell in self.cells:
            found = cell(hidden[0])
            hidden = (found[0] if isinstance(found, tuple) else found)[None]
        packed = nn.utils.rnn.pack_sequence([hidden[0], hidden[0, :2]], enforce_sorted=False)
        return self.out(self.cell(self.plain(packed)[0].data))


class Others(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.pair = nn.ConvTranspose2d(3, 4, 3, stride=2, groups=1), nn.Bilinear(4, 4, 2)
        self.across = nn.MultiheadAttention(4, 2, kdim=3, vdim=3, batch_first=True)
        self.joint = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, inputs):
        tokens = self.up(inputs).flatten(2).transpose(1, 2)
        found = self.across(tokens, inputs.flatten(2).mT, inputs.flatten(2).mT, need_weights=False)[0]
        return self.pair(found, self.joint(tokens, found[:, :7], found[:, :7], need_weights=False)[0])


@pytest.fixture
def _step_by_step():
    """Let recurrent layers be computed in steps that the counter sees."""
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(enabled)


@pytest.mark.usefixtures("_step_by_step")
@pytest.mark.parametrize(("make", "inputs"), [(Recurrent, torch.zeros(1, 6).long()), (Others, torch.zeros(1, 3, 4, 5))])
def test_weights_without_masks_count_as_they_are(make, inputs):
    torch.manual_seed(0)
    model = make().eval()
    with FlopCounterMode(display=False) as counter:
        model(inputs)
    counts = counter.get_flop_counts()["Global"]
    total = sum(number for operation, number in counts.items() if str(operation) in COUNTED)
    if make is Others:
        total += 2 * model.pair.weight.numel() * 9 * 11  # which the counter does not know
    shape = InputShape.of(inputs)
    assert forward_flops(model, shape) == total
    beside = layer_positions(model, shape).beside
    assert set(beside) == {name for name in unlisted(model) if name != "tokens.weight"}
    attach_masks(model, {layer.name: torch.zeros(layer.shape, dtype=torch.bool) for layer in layer_shapes(model)})
    assert forward_flops(model, shape) == 2 * sum(beside.values())


class Used(nn.Module):
    """A layer and a matrix without one, each called or not, and a function of inputs, layer and matrix."""

    def __init__(self, use, *, called=True):
        super().__init__()
        self.layer, self.matrix, self.tokens = nn.Linear(4, 4), nn.Parameter(torch.randn(3, 4)), nn.Embedding(5, 4)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
        self.use, self.called = use, called

    def forward(self, inputs):
        found = self.use(inputs, self.layer.weight, self)
        return found, self.layer(inputs) if self.called else None


USES = {
    "operator": lambda x, w, _: x @ w.T,
    "decoder": lambda x, w, _: functional.linear(x, w.T),
    "computed": lambda x, w, _: functional.linear(x, w - w.mean(1, keepdim=True)),
    "two weights": lambda x, w, own: functional.linear(x, w + own.tokens.weight[:4]),
    "without gradient": lambda x, w, _: functional.linear(x, w.detach()),
    "sum": lambda x, w, _: torch.einsum("bsi,oi->bso", x, w),
    "batch by batch": lambda x, w, own: torch.vmap(own.layer)(x),
    "no layer": lambda x, _, own: functional.linear(x, own.matrix),
    "vector": lambda x, _, own: own.matrix @ x[0, 0],
    "added": lambda x, w, own: torch.addmm(own.matrix, x[0, :3], w),
    "embedding": lambda x, w, own: functional.linear(own.tokens(x.long()[:, :, 0]), own.tokens.weight),
    "backwards": lambda x, w, _: functional.conv_transpose1d(x.mT, w[:, :, None], stride=2),
    "weight norm": lambda x, _, own: own.normed(x),
    "of constants": lambda x, w, own: x @ functional.linear(own.tokens.weight, w).T,
    "no product": lambda x, w, own: x + own.matrix[0],
}


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("use", USES)
def test_products_with_weights_count_however_they_are_written(use, called):
    model, inputs = Used(USES[use], called=called), torch.zeros(1, 6, 4)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(inputs)
    total = counter.get_total_flops() + (24 if use == "vector" else 0)  # which the counter does not know
    assert forward_flops(model, (6, 4)) == total


def test_what_functions_multiply_counts_inside_the_mask_of_its_layer():
    model = Used(USES["operator"])
    attach_masks(model, {"layer": torch.eye(4, dtype=torch.bool)})
    assert layer_positions(model, (6, 4)) == {"layer": 12, "normed": 0}
    assert forward_flops(model, (6, 4)) == 2 * 12 * 4


def test_what_a_layer_makes_of_constants_is_no_weight_of_it():
    model = Used(lambda x, w, own: x @ functional.linear(own.places, w).T, called=False)
    model.register_buffer("places", torch.ones(5, 4))
    found = layer_positions(model, (6, 4))
    assert (found, found.beside) == ({"layer": 5, "normed": 0}, {})


def test_sparse_matrices_are_no_obstacle():
    model = Used(lambda x, w, own: torch.sparse.mm(own.links, x[0] @ w.T), called=False)
    model.register_buffer("links", torch.eye(6).to_sparse())
    assert layer_positions(model, (6, 4))["layer"] == 6


def test_a_layer_that_is_not_used_takes_nothing_and_one_that_is_used_in_part_or_in_no_product_is_refused():
    assert set(layer_positions(Used(USES["no layer"], called=False), (6, 4)).values()) == {0}
    uses = lambda x, w, _: x @ w[:2].T, lambda x, w, _: x * w[0], lambda x, w, _: functional.linear(x, w * x[0, :4])
    for use in uses:
        with pytest.raises(InvalidInput, match=r"^module: .*got 'layer'"):
            layer_positions(Used(use, called=False), (6, 4))
    with pytest.raises(InvalidInput, match=r"^module: .*got 'layer'"):
        layer_positions(Used(lambda x, w, own: x @ w[:2].T + own.layer(x)[..., :2], called=False), (6, 4))


def test_counting_leaves_the_modes_of_the_parts_as_they_are():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    model[1].eval()
    layer_positions(model, (4,))
    assert model.training
    assert not model[1].training
    assert model[1].num_batches_tracked == 0
