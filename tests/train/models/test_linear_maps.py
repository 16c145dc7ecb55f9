"""Recurrent layers and attention as linear layers: the same outputs and gradients, and every map can be masked."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.masks import forward_flops, layer_shapes, masks_of, unlisted  # noqa: E402
from ertrain.models import maskable  # noqa: E402

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def compared(one, other) -> None:
    """Compare what modules return, tensors in tuples."""
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            compared(first, second)
    elif one is not None or other is not None:
        torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 2, "bidirectional": True, "batch_first": True},
        {"num_layers": 3, "bias": False},
        {"proj_size": 2, "bidirectional": True, "num_layers": 2},
        {"nonlinearity": "relu"},
    ],
)
def test_recurrent_networks_are_those_of_pytorch(kind, options):
    if ("proj_size" in options and kind is not nn.LSTM) or ("nonlinearity" in options and kind is not nn.RNN):
        pytest.skip("none of its options")
    torch.manual_seed(0)
    model = kind(3, 5, **options).double()
    twin = maskable(model)
    assert unlisted(twin) == {}
    assert sum(one.numel() for one in twin.parameters()) == sum(one.numel() for one in model.parameters())
    states = (1 + model.bidirectional) * model.num_layers
    parts = [torch.randn(states, 4, size).double() for size in (options.get("proj_size", 5), 5)]
    state = tuple(parts) if kind is nn.LSTM else parts[1]
    inputs = torch.randn(4, 4, 3).double()
    for given in ((inputs,), (inputs, state), (inputs[0],)):
        compared(twin(*given), model(*given))
    for module in (model, twin):
        module(inputs)[0].square().sum().backward()
    spread = sum(float(one.grad.square().sum()) for one in model.parameters())
    assert sum(float(one.grad.square().sum()) for one in twin.parameters()) == pytest.approx(spread, rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}, {"kdim": 3, "vdim": 7}])
@pytest.mark.parametrize("weights", [True, False])
def test_attention_is_that_of_pytorch(options, weights):
    torch.manual_seed(0)
    model = nn.MultiheadAttention(8, 2, **options).double().eval()
    twin = maskable(model)
    assert unlisted(twin) == {}
    first = options.get("batch_first", False)
    query, key, value = (
        torch.randn(*((3, count) if first else (count, 3)), width).double()
        for count, width in ((4, 8), (5, options.get("kdim", 8)), (5, options.get("vdim", 8)))
    )
    padding = torch.zeros(3, 5, dtype=torch.bool)
    padding[1, 3:] = True
    pairs = torch.randn(4, 5).double()
    causal = torch.ones(4, 5).triu(2).bool()
    each = torch.randn(6, 4, 5).double()
    for masks in (
        {},
        {"key_padding_mask": padding},
        {"attn_mask": pairs},
        {"attn_mask": causal},
        {"attn_mask": each, "key_padding_mask": padding.double().masked_fill(padding, -torch.inf)},
        {"average_attn_weights": False},
    ):
        compared(
            twin(query, key, value, need_weights=weights, **masks),
            model(query, key, value, need_weights=weights, **masks),
        )
    alone = [one[0] if first else one[:, 0] for one in (query, key, value)]
    compared(twin(*alone, need_weights=weights), model(*alone, need_weights=weights))


def test_attention_with_keys_of_its_own_is_refused_by_name():
    for options in ({"add_bias_kv": True}, {"add_zero_attn": True}):
        with pytest.raises(InvalidInput, match=r"^model: expected attention without keys .* got '1'$"):
            maskable(nn.Sequential(nn.Linear(8, 8), nn.MultiheadAttention(8, 2, **options)))


@pytest.mark.parametrize("training", [True, False])
def test_transformers_are_those_of_pytorch_and_torchvision(training):
    torch.manual_seed(0)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2)
    vision = torchvision.models.VisionTransformer(8, 4, 2, 2, 8, 16, num_classes=3)
    nn.init.normal_(vision.heads.head.weight)
    for model, inputs in ((encoder, torch.randn(3, 5, 8)), (vision, torch.randn(2, 3, 8, 8))):
        twin = maskable(model.double().train(training))
        assert {part.training for part in twin.modules()} == {training}
        compared(twin(inputs.double()), model(inputs.double()))
        assert not any("in_proj" in name for name in unlisted(twin))
        with torch.no_grad():
            weights = [twin.get_submodule(layer.name).weight for layer in layer_shapes(twin)]
            masks = {layer.name: torch.rand(layer.shape) < 0.5 for layer in layer_shapes(twin)}
        ertrain.attach_masks(twin, masks)
        weights[0].data += 1.0
        twin(inputs.double())
        assert all(torch.count_nonzero(w[~masks_of(twin)[n]]) == 0 for w, n in zip(weights, masks, strict=True))


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch says that what it does with padding is a prototype
def test_a_transformer_takes_padded_sequences_when_it_is_not_trained():
    torch.manual_seed(0)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).double().eval()
    inputs, padding = torch.randn(2, 5, 8).double(), torch.zeros(2, 5, dtype=torch.bool)
    padding[:, 4:], padding[1, 3] = True, True
    with torch.no_grad():
        wanted, found = (one(inputs, src_key_padding_mask=padding) for one in (model, maskable(model)))
    compared(found[:, : wanted.shape[1]][~padding[:, : wanted.shape[1]]], wanted[~padding[:, : wanted.shape[1]]])


class Words(nn.Module):
    """Classes of sequences, by the last output."""

    def __init__(self):
        super().__init__()
        self.memory, self.out = nn.LSTM(6, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, inputs):
        return self.out(self.memory(inputs)[0][:, -1])


@pytest.mark.parametrize("method", ["fixed", "rigl", "imp", "str", "snip"])
def test_recurrent_networks_are_trained_by_every_kind_of_method(method):
    torch.manual_seed(0)
    inputs = torch.randn(60, 4, 6)
    labels = (inputs[:, :, 0].sum(1) > 0).long()
    model = maskable(Words())
    options = {"epochs": 2, "batch": 20, "update_every": 1, "optimiser": "adam", "learning_rate": 0.01}
    if method in ("fixed", "imp", "snip"):
        options.pop("update_every")
    found = ertrain.fit(model, (inputs, labels), density="1/4", method=method, **options)
    assert {*found.masks} == {"memory.parts.0.inward", "memory.parts.0.onward", "out"}
    assert found.density_final == pytest.approx(0.25, abs=0.002)
    # Inputs of all four steps, states of all four, and the output of one.
    assert forward_flops(model, (4, 6)) == 2 * (4 * 32 * 6 + 4 * 32 * 8 + 16)
