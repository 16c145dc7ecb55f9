"""What networks compute, written down once more from their papers: layers by their names, and all else by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from ertrain.models import build_model  # noqa: E402

WIDTH = "1/4"


def started(name: str, inputs: tuple[int, ...], width: str = WIDTH) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """A network in evaluation with numbers in all of its parameters and statistics, and these by their names."""
    torch.manual_seed(1)
    model = build_model(name, inputs=inputs, classes=7, width=width).double().eval()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in key else torch.randn_like(tensor) / 4)
    return model, model.state_dict()


def normed(state: dict[str, torch.Tensor], name: str, hidden: torch.Tensor) -> torch.Tensor:
    shape = (-1, 1, 1)
    mean, variance = state[f"{name}.running_mean"].view(shape), state[f"{name}.running_var"].view(shape)
    scale, shift = state[f"{name}.weight"].view(shape), state[f"{name}.bias"].view(shape)
    return (hidden - mean) / (variance + 1e-5).sqrt() * scale + shift


def convolved(state: dict[str, torch.Tensor], name: str, hidden: torch.Tensor, stride: int = 1) -> torch.Tensor:
    weight = state.pop(f"{name}.weight")
    return functional.conv2d(hidden, weight, state.pop(f"{name}.bias", None), stride, weight.shape[-1] // 2)


def read_out(state: dict[str, torch.Tensor], name: str, hidden: torch.Tensor) -> torch.Tensor:
    return hidden.mean((2, 3)) @ state.pop(f"{name}.weight").T + state.pop(f"{name}.bias")


def assert_all_used(state: dict[str, torch.Tensor]) -> None:
    assert not [key for key, tensor in state.items() if tensor.dim() > 1]


def test_vgg16():
    model, state = started("vgg16", (3, 64, 64))
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    found, hidden, place = model(images), images, 0
    for repeats in (2, 2, 3, 3, 3):
        for _ in range(repeats):  # convolution, normalisation, ReLU
            hidden = normed(state, f"features.{place + 1}", convolved(state, f"features.{place}", hidden)).clamp(min=0)
            place += 3
        hidden = hidden.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))
        place += 1
    assert hidden.shape[1:] == (128, 2, 2)
    torch.testing.assert_close(found, read_out(state, "classifier", hidden))
    assert_all_used(state)


def test_resnet20():
    """Shortcuts without weights: every second pixel, and zeros for the new channels on either side."""
    model, state = started("resnet20", (3, 16, 16))
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = model(images)
    hidden = normed(state, "bn1", convolved(state, "conv1", images)).clamp(min=0)
    for stage, width in enumerate((4, 8, 16), start=1):
        for block in range(3):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            inner = normed(state, f"{name}.bn1", convolved(state, f"{name}.conv1", hidden, stride)).clamp(min=0)
            inner = normed(state, f"{name}.bn2", convolved(state, f"{name}.conv2", inner))
            zeros = torch.zeros(2, (width - hidden.shape[1]) // 2, *inner.shape[2:], dtype=torch.float64)
            hidden = (inner + torch.cat([zeros, hidden[..., ::stride, ::stride], zeros], 1)).clamp(min=0)
    assert hidden.shape[1:] == (16, 4, 4)
    torch.testing.assert_close(found, read_out(state, "fc", hidden))
    assert_all_used(state)


def test_wide_resnet():
    """Normalisation and ReLU come first, and are shared with the shortcut where it has weights."""
    model, state = started("wrn-22-2", (3, 16, 16))
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found, hidden = model(images), convolved(state, "conv1", images)
    for stage in (1, 2, 3):
        for block in range(3):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            before = normed(state, f"{name}.bn1", hidden).clamp(min=0)
            inner = normed(state, f"{name}.bn2", convolved(state, f"{name}.conv1", before, stride)).clamp(min=0)
            around = convolved(state, f"{name}.shortcut", before, stride) if block == 0 else hidden
            hidden = convolved(state, f"{name}.conv2", inner) + around
    assert hidden.shape[1:] == (32, 4, 4)
    torch.testing.assert_close(found, read_out(state, "fc", normed(state, "bn", hidden).clamp(min=0)))
    assert_all_used(state)


@pytest.mark.parametrize(("name", "layers"), [("lenet-300-100", 3), ("mlp-9", 2), ("mlp-7-6-5", 4)])
def test_fully_connected_networks(name, layers):
    model, state = started(name, (2, 3, 3), width="1")
    images = torch.randn(4, 2, 3, 3, dtype=torch.float64)
    found, hidden = model(images), images.reshape(4, 18)
    for number in range(1, layers + 1):
        hidden = hidden @ state.pop(f"fc{number}.weight").T + state.pop(f"fc{number}.bias")
        hidden = hidden.clamp(min=0) if number < layers else hidden
    torch.testing.assert_close(found, hidden)
    assert not state


def test_encoder_and_decoder_of_terms():
    model, state = started("encoder-decoder", (2, 11), width="1/5")
    terms = torch.randn(3, 2, 11, dtype=torch.float64)

    def network(name, hidden):
        for number in (1, 2, 3):
            hidden = hidden @ state[f"{name}.fc{number}.weight"].T + state[f"{name}.fc{number}.bias"]
            hidden = hidden.clamp(min=0) if number < 3 else hidden
        return hidden

    torch.testing.assert_close(
        model(terms), network("decoder", network("encoder", terms[:, 0]) + network("encoder", terms[:, 1]))
    )
    assert state["encoder.fc3.weight"].shape == state["decoder.fc1.weight"].shape == (10, 10)
