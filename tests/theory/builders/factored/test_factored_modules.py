"""Modules with pairs of masked maps compute what they computed, and remain modules in every other way."""

from __future__ import annotations

import copy
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ertheory.builders.factored.modules import parts
from ertheory.builders.factored.modules.embed import embed_module
from ertheory.builders.factored.modules.pair import MapPair
from ertheory.errors import ConstructionFailed, InfeasibleWidth, InvalidInput

DELTA = "1e-6"


def embedded(model, density="0.5", **options):
    return embed_module(model, density=density, failure_probability=DELTA, workers=1, **options)


def off(found, model, *inputs, **options) -> float:
    """The largest difference over the largest output."""
    with torch.no_grad():
        wanted, got = model(*inputs, **options), found.module(*inputs, **options)
    pairs = zip(wanted, got, strict=True) if isinstance(wanted, tuple) else [(wanted, got)]
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs if a is not None)


def check_masks(found):
    """Every weight lies on the mask that was drawn, and the mask is held whole."""
    for name, (first, second) in found.masks.items():
        pair = found.module.get_submodule(name) if name else found.module
        for part, mask in ((pair.first, first), (pair.second, second)):
            drawn = torch.from_numpy(mask.to_csr().toarray()).reshape(part.shape)
            assert torch.equal(part.mask, drawn)
            assert not part.weight[~drawn].any()


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2]))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    same = draw(st.booleans())
    stride = 1 if same else tuple(draw(st.integers(1, 2)) for _ in range(axes))
    padding = "same" if same else tuple(draw(st.integers(0, 2)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    sizes = [groups * draw(st.integers(2, 3)) for _ in range(2)]
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    return kind(
        *sizes,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
        padding_mode=mode,
        dtype=torch.float64,
    )


@settings(max_examples=40)
@given(layer=convolutions(), seed=st.integers(0, 99), density=st.sampled_from(["0.4", "0.7", "1"]), data=st.data())
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_convolutions_of_every_geometry(layer, seed, density, data):
    torch.manual_seed(seed)
    nn.init.normal_(layer.weight)
    zeros = data.draw(st.sampled_from([0.0, 0.5]))
    with torch.no_grad():
        layer.weight *= torch.rand_like(layer.weight) >= zeros
    found = embedded(layer, density, seed=seed)
    x = torch.randn(2, layer.in_channels, *(7,) * (layer.weight.dim() - 2), dtype=torch.float64)
    assert off(found, layer, x) < 1e-9
    check_masks(found)
    assert torch.allclose(found.module.weight, layer.weight, rtol=0, atol=1e-9)


@st.composite
def transposed(draw):
    axes = draw(st.integers(1, 3))
    per_axis = [(draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 1))) for _ in range(axes)]
    kernel, stride, padding = zip(*per_axis, strict=True)
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]
    return kind(
        draw(st.integers(2, 6)),
        draw(st.integers(2, 6)),
        kernel,
        stride=stride,
        padding=padding,
        output_padding=tuple(draw(st.integers(0, step - 1)) for step in stride),
        dilation=tuple(draw(st.integers(1, 2)) for _ in range(axes)) if min(stride) > 1 else 1,
        bias=draw(st.booleans()),
        dtype=torch.float64,
    )


@settings(max_examples=30)
@given(layer=transposed(), seed=st.integers(0, 99), density=st.sampled_from(["0.4", "0.7", "1"]))
def test_transposed_convolutions_of_every_geometry(layer, seed, density):
    torch.manual_seed(seed)
    nn.init.normal_(layer.weight)
    found = embedded(layer, density, seed=seed)
    x = torch.randn(2, layer.in_channels, *(4,) * (layer.weight.dim() - 2), dtype=torch.float64)
    assert off(found, layer, x) < 1e-9
    check_masks(found)
    assert torch.allclose(found.module.weight, layer.weight, rtol=0, atol=1e-9)
    assert found.module.output_padding == layer.output_padding


@pytest.mark.parametrize(("inputs", "outputs", "form"), [(2, 9, "spatial-first"), (9, 2, "spatial-last")])
def test_transposed_convolutions_are_told_a_size(inputs, outputs, form):
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1).double()
    found = embedded(layer, "0.5")
    assert found.maps[""].form == form
    x = torch.randn(1, inputs, 4, 5, dtype=torch.float64)
    for size in ([7, 9], [8, 9], [8, 10], (1, outputs, 8, 10)):
        assert found.module(x, output_size=size).shape == layer(x, output_size=size).shape
        assert off(found, layer, x, output_size=size) < 1e-12
    with pytest.raises(InvalidInput, match=r"output_size: expected \[7, 9\] .* got \[9, 9\]"):
        found.module(x, output_size=[9, 9])


class Block(nn.Module):
    """Residual, with its own forward, a layer that is used twice and one whose weight is read."""

    def __init__(self, width, kernel, shared):
        super().__init__()
        self.conv = nn.Conv2d(3, width, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(width)
        self.back = nn.Conv2d(width, 3, 1, bias=False)
        self.head = nn.Linear(3, width)
        self.again = self.head if shared else nn.Linear(3, width)
        self.read = nn.Linear(width, 2)

    def forward(self, x):
        x = x + self.back(torch.tanh(self.norm(self.conv(x))))
        pooled = x.mean((-1, -2))
        return nn.functional.linear(self.head(pooled) * self.again(pooled), self.read.weight, self.read.bias)


@settings(max_examples=10)
@given(width=st.integers(1, 6), kernel=st.sampled_from([1, 3]), shared=st.booleans(), seed=st.integers(0, 99))
def test_residual_blocks_of_their_own_class(width, kernel, shared, seed):
    torch.manual_seed(seed)
    model = Block(width, kernel, shared).double().eval()
    before = copy.deepcopy(model.state_dict())
    found = embedded(model, "0.6", seed=seed)
    assert off(found, model, torch.randn(3, 3, 5, 5, dtype=torch.float64)) < 1e-9
    assert (found.module.head is found.module.again) == shared
    check_masks(found)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert found.edges == sum(p.values.numel() for p in found.module.modules() if hasattr(p, "values"))


@pytest.mark.parametrize(
    ("layer", "blocks"),
    [
        (nn.Linear(9, 7), 3),
        (nn.Linear(7, 20), 3),
        (nn.Conv2d(4, 7, 3), 3),
        (nn.Conv2d(4, 8, 2, groups=2), 2),
        (nn.Conv1d(3, 17, 2), 2),
    ],
    ids=str,
)
def test_large_layers_are_solved_in_blocks(layer, blocks, monkeypatch):
    monkeypatch.setattr(parts, "_WORK", 400)
    monkeypatch.setattr(parts, "_ROWS", 3)
    torch.manual_seed(0)
    layer = layer.double()
    found = embedded(layer, "0.6")
    (answer,) = found.maps.values()
    assert answer.blocks == blocks
    x = torch.randn(2, *((layer.in_features,) if isinstance(layer, nn.Linear) else (layer.in_channels, 5, 5)))
    x = x.double() if layer.weight.dim() != 3 else x[..., 0].double()
    assert off(found, layer, x) < 1e-9
    check_masks(found)
    whole = found.module.second.weight if layer.weight.dim() < 4 else found.module.second.weight.flatten(2).sum(2)
    assert found.edges == sum(mask.to_csr().nnz for mask in answer.masks)
    assert 1 - found.success_probability_lower <= Fraction(DELTA)
    assert getattr(layer, "groups", 1) * whole.shape[1] == answer.inner[0]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"bias": False}, {"kdim": 6, "vdim": 5}, {"add_bias_kv": True, "add_zero_attn": True}]
)
def test_attention_with_masks(batch_first, options):
    torch.manual_seed(0)
    model = nn.MultiheadAttention(8, 2, batch_first=batch_first, dtype=torch.float64, **options).eval()
    found = embedded(model)
    assert set(found.maps) == {"q_proj", "k_proj", "v_proj", "out_proj"}
    kdim, vdim = options.get("kdim", 8), options.get("vdim", 8)
    shapes = [(4, 3, 8), (5, 3, kdim), (5, 3, vdim)]
    query, key, value = (
        torch.randn(*((b, a, c) if batch_first else (a, b, c)), dtype=torch.float64) for a, b, c in shapes
    )
    causal = torch.triu(torch.ones(4, 5, dtype=torch.bool), 1)
    padded = torch.zeros(3, 5, dtype=torch.bool)
    padded[0, 3:] = True
    assert off(found, model, query, key, value) < 1e-9
    assert off(found, model, query, key, value, attn_mask=causal, key_padding_mask=padded) < 1e-9
    assert off(found, model, query, key, value, attn_mask=causal, need_weights=False) < 1e-9
    assert off(found, model, query, key, value, average_attn_weights=False) < 1e-9
    each = torch.randn(6, 4, 5, dtype=torch.float64)
    assert off(found, model, query, key, value, attn_mask=each, key_padding_mask=padded.double() * -1e9) < 1e-9
    assert off(found, model, query[0], key[0], value[0]) < 1e-9


@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_encoder_and_decoder(norm_first):
    torch.manual_seed(1)
    options = {"dim_feedforward": 12, "batch_first": True, "norm_first": norm_first, "dtype": torch.float64}
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, **options), 2, enable_nested_tensor=not norm_first)
    model = encoder.eval()
    found = embedded(model)
    assert len(found.maps) == 12
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    assert off(found, model, x) < 1e-9
    assert off(found, model, x, mask=mask, is_causal=True) < 1e-9
    padded = torch.zeros(3, 5, dtype=torch.bool)
    padded[1, 3:] = True
    assert off(found, model.train(False).requires_grad_(True), x, mask=mask.bool()) < 1e-9
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted, got = model(x, src_key_padding_mask=padded), found.module(x, src_key_padding_mask=padded)
    assert (wanted - got)[~padded].abs().max() < 1e-9 * wanted[~padded].abs().max()
    decoder = nn.TransformerDecoderLayer(8, 2, **options).eval()
    assert off(embedded(decoder), decoder, x, x) < 1e-9
    some = embedded(model, layers=["layers.1.linear1", "layers.1.linear2"])
    assert set(some.maps) == {"layers.1.linear1", "layers.1.linear2"}
    assert off(some, model, x) < 1e-9


class Tied(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6)
        self.two.weight = self.one.weight
        self.head = nn.Linear(6, 11, bias=False)
        if not linear:
            self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.two(torch.relu(self.one(self.embed(x)))))


def test_tied_weights_stay_tied():
    torch.manual_seed(0)
    model = Tied(linear=False).double()
    found = embedded(model)
    assert found.module.one.first is found.module.two.first
    assert found.module.one.second is found.module.two.second
    assert found.module.head.weight is found.module.embed.weight
    assert found.left_dense == {"head": "its weight is tied to embed.weight"}
    assert off(found, model, torch.arange(11)) < 1e-9
    with pytest.raises(InvalidInput, match=r"head: its weight is tied to embed\.weight"):
        embedded(model, layers=["head"])
    untied = Tied(linear=True).double()
    assert embedded(untied, leave_out=["two"]).left_dense["one"] == "its weight is tied to two.weight"
    assert "head" in embedded(untied).maps


def test_language_models():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"vocab_size": 13, "attn_pdrop": 0.0, "use_cache": False}
    gpt = transformers.GPT2Config(n_embd=8, n_layer=2, n_head=2, n_positions=12, **sizes)
    llama = transformers.LlamaConfig(
        hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, **sizes
    )
    tokens = torch.randint(13, (2, 6))
    for model in (transformers.GPT2LMHeadModel(gpt), transformers.LlamaForCausalLM(llama)):
        model = model.double().eval()
        found = embedded(model)
        with torch.no_grad():
            wanted, got = model(tokens).logits, found.module(tokens).logits
        assert (wanted - got).abs().max() < 1e-9 * wanted.abs().max()
        assert len(found.maps) == 8


def small():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)).double()


def test_module_remains_a_module():
    model = small()
    found = embedded(model)
    x = torch.randn(2, 2, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        wanted = found.module(x)
        assert torch.equal(copy.deepcopy(found.module)(x), wanted)
        assert torch.equal(pickle.loads(pickle.dumps(found.module))(x), wanted)
        other = embedded(small().apply(lambda m: nn.init.normal_(m.weight) if hasattr(m, "weight") else None))
        other.module.load_state_dict(found.module.state_dict())
        assert torch.equal(other.module(x), wanted)
        assert (found.module.float()(x.float()) - wanted).abs().max() < 1e-4
        found.module.double()
        program = torch.export.export(embedded(model).module, (x,))
        assert torch.allclose(program.module()(x), wanted)
        compiled = torch.compile(embedded(model).module, backend="aot_eager", fullgraph=True)
        assert torch.allclose(compiled(x), wanted)
    fresh = embedded(model).module
    fresh(x).sum().backward()
    assert all(parameter.grad is not None for parameter in fresh.parameters())


def test_same_seed_same_masks_whatever_the_weights():
    first, second = (
        embedded(small(), seed=5),
        embedded(small().apply(lambda m: nn.init.normal_(m.weight) if hasattr(m, "weight") else None), seed=5),
    )
    assert first.masks == second.masks
    assert first.masks != embedded(small(), seed=6).masks


def test_answer_says_what_it_rests_on():
    found = embedded(small(), "0.25")
    assert 1 - 1e-6 <= found.success_probability_lower < 1
    assert found.edges_ratio == found.edges / (4 * 18 + 5 * 36)
    content = found.to_dict()
    assert set(content["maps"]) == {"0", "3"}
    assert content["maps"]["0"]["form"] in ("spatial-first", "spatial-last")
    for name, layer in (("0", small()[0]), ("3", small()[3])):
        error = (found.module.get_submodule(name).weight - layer.weight).abs().max().item()
        assert error <= found.error_bound[name] + 1e-15
        assert found.error_bound[name] < 1e-11


def test_frozen_outer_maps():
    found = embedded(small(), outer="random")
    for answer in found.maps.values():
        assert answer.scheme == "dual"
    assert not found.module[0].second.values.requires_grad
    assert found.module[0].first.values.requires_grad
    x = torch.randn(2, 2, 5, 5, dtype=torch.float64)
    assert off(found, small(), x) < 1e-9


def test_single_precision_and_training_state_are_kept():
    model = small().float().train()
    model[3].weight.requires_grad_(False)
    found = embedded(model)
    assert {parameter.dtype for parameter in found.module.parameters()} == {torch.float32}
    assert found.module[3].training
    assert not found.module[3].first.values.requires_grad
    assert off(found, model, torch.randn(2, 2, 5, 5)) < 1e-4


def test_depthwise_stays_and_says_so():
    grouped = nn.ConvTranspose2d(4, 2, 2, groups=2)
    model = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 1), grouped).double()
    found = embedded(model)
    assert set(found.left_dense) == {"0", "2"}
    assert "transposed" in found.left_dense["2"]
    assert isinstance(found.module[1], MapPair)
    assert off(found, model, torch.randn(1, 4, 6, 6, dtype=torch.float64)) < 1e-9


class Twisted(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 1


def hooked(*, before: bool):
    layer = nn.Linear(3, 2)
    (layer.register_forward_pre_hook if before else layer.register_forward_hook)(lambda *_: None)
    return layer


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (nn.ReLU(), {}, "module: expected a module with Linear or Conv layers, got 'ReLU'"),
        (nn.Sequential(nn.LazyLinear(3)), {}, "module: expected layers with weights"),
        (nn.Linear(3, 2), {"layers": ["fc"]}, "layers: expected names"),
        (nn.Linear(3, 2), {"layers": "fc"}, "layers: expected a sequence of names"),
        (nn.Sequential(nn.Linear(3, 2)), {"leave_out": ["1"]}, "leave_out: expected names"),
        (nn.Sequential(nn.Linear(3, 2)), {"leave_out": ["0"]}, "layers: expected at least one"),
        (nn.Sequential(Twisted(3, 2)), {}, "leave_out, got '0: Twisted'"),
        (nn.Sequential(hooked(before=False)), {}, "without forward hooks"),
        (nn.Sequential(hooked(before=True)), {}, "without forward hooks"),
        (nn.Linear(3, 2).half(), {}, "float32 or float64"),
        (nn.Linear(3, 2, device="meta"), {}, "meta device"),
        ("model", {}, "torch.nn.Module"),
        (nn.Linear(3, 2), {"outer": "frozen"}, "outer: expected"),
        (nn.Linear(3, 2), {"density": "1.5"}, "density"),
        (nn.Linear(3, 2), {"sparsity": "0.5"}, "exactly one"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_bad_input_is_one_clear_line(module, options, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        embed_module(module, **{"density": "0.5", "failure_probability": "0.1", **options})
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor:UserWarning")
def test_quantised_layers_are_refused_in_one_line():
    quantised = torch.ao.nn.quantized.dynamic.Linear(3, 2)
    with pytest.raises(InvalidInput, match="module: expected weights in floating point, not quantised ones, got '1'"):
        embedded(nn.Sequential(nn.Linear(2, 3), quantised))


def test_a_density_at_which_widths_leave_all_bounds_is_one_line():
    with pytest.raises(InfeasibleWidth, match="needs more than 1000000000000 inner neurons") as caught:
        embed_module(nn.Linear(30, 20), density="1e-9", failure_probability="0.1")
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_named():
    model = small()
    with torch.no_grad():
        model[3].weight[0, 0] = float("nan")
    with pytest.raises(InvalidInput, match="weight of 3"):
        embedded(model)


def test_failed_draw_names_layer_and_place():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).double()
    said = []
    for seed in range(60):
        try:
            embed_module(model, density="0.5", failure_probability="0.9", seed=seed, workers=1)
        except ConstructionFailed as error:
            said.append(str(error))
    assert 0 < len(said) < 60
    assert all(text.startswith(("0: no matching for ", "1: no matching for ")) for text in said)


def test_proved_widths_fail_no_more_often_than_allowed():
    """With delta = 1/10 in 200 draws, 45 failures or more have a probability below 1e-6."""
    model, failures = nn.Linear(6, 4).double(), 0
    for seed in range(200):
        try:
            found = embed_module(model, density="0.4", failure_probability="0.1", seed=seed, workers=1)
        except ConstructionFailed:
            failures += 1
            continue
        assert np.isfinite(found.error_bound[""])
    assert failures < 45
