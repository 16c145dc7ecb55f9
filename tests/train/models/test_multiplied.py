"""Two dense factors at once: outputs and gradients of one after the other, inside the masks, and when it is done."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain import attach_masks  # noqa: E402
from ertrain.masks.flops import layer_positions  # noqa: E402
from ertrain.models import FactoredLayer  # noqa: E402
from ertrain.models.multiplied import multiplied  # noqa: E402

SLIDES = {"stride": 2, "padding": 1, "dilation": 2}
CASES = {
    "linear": ((6, 90), (90, 5), {}, {}, (700, 6)),
    "first slides": ((3, 60, 3), (60, 4, 1), SLIDES, {}, (5, 3, 17, 16)),
    "last slides": ((3, 60, 1), (60, 4, 3), {}, SLIDES, (5, 3, 17, 16)),
    "points": ((3, 60, 1), (60, 4, 1), {}, {}, (5, 3, 17, 16)),
}


def pair(case: str, *, masked: bool = True) -> tuple[FactoredLayer, torch.Tensor]:
    """Make two masked layers in a row, and inputs."""
    torch.manual_seed(0)
    first, last, how, then, shape = CASES[case]
    kind = nn.Linear if case == "linear" else nn.Conv2d
    layers = FactoredLayer([kind(*first, bias=False, **how), kind(*last, **then)]).double()
    if masked:
        masks = {name: torch.rand(layers.get_submodule(name).weight.shape) < 0.5 for name in ("inner", "outer")}
        attach_masks(layers, masks)
    return layers, torch.randn(shape, dtype=torch.float64)


def passed(apply, layers: FactoredLayer, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    layers.zero_grad()
    outputs = apply(x)
    outputs.square().sum().backward()
    return [outputs.detach(), x.grad, *(parameter.grad.clone() for parameter in layers.parameters())]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_one_after_the_other(case, masked):
    """Gradients of masked weights too, by which methods choose what to grow."""
    layers, x = pair(case, masked=masked)
    assert multiplied(list(layers.children()), x) is not None
    for one, other in zip(passed(layers, layers, x), passed(nn.Sequential(*layers.children()), layers, x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_weights_that_were_written_outside_of_a_mask_are_not_used(case):
    layers, x = pair(case)
    before = layers(x)
    for name in ("inner", "outer"):
        layer = layers.get_submodule(name)
        with torch.no_grad():
            layer.weight[~layer.weight_mask] = 7.0
    torch.testing.assert_close(layers(x), before)
    assert not layers.inner.weight[~layers.inner.weight_mask].any()


def test_where_little_is_gained_or_something_listens_they_are_applied_one_after_the_other():
    layers, x = pair("linear")
    factors = list(layers.children())
    # With 4 places 4 * 990 products against 2700 + 4 * 30, less than 1.5 times as many; with 5 more.
    assert multiplied(factors, x[:4]) is None
    assert multiplied(factors, x[:5]) is not None
    # Of convolutions by the sides of the image: 1860 or 2340 products at every place against 6480 + 108, over all of
    # which a kernel of 3 x 3 slides by 2 x 2, or 420 at every place against 720 + 12.
    for case, few, enough in (
        ("first slides", (5, 4), (6, 4)),
        ("last slides", (4, 4), (5, 4)),
        ("points", (2, 1), (3, 1)),
    ):
        some, _ = pair(case)
        found = [multiplied(list(some.children()), torch.ones(1, 3, *sides, dtype=x.dtype)) for sides in (few, enough)]
        assert [one is None for one in found] == [True, False], case
    seen = []
    handle = layers.inner.register_forward_hook(lambda *_: seen.append(1))
    layers(x)
    assert seen == [1]
    handle.remove()
    assert multiplied([*factors, factors[1]], x) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert multiplied(factors, x) is None
    wrapped, images = pair("first slides")
    wrapped.inner.padding_mode = "circular"
    assert multiplied(list(wrapped.children()), images) is None
    padded, images = pair("points")
    padded.outer.padding = (1, 1)
    assert multiplied(list(padded.children()), images) is None
    counted = FactoredLayer([nn.Linear(3, 90, bias=False, device="meta"), nn.Linear(90, 2, device="meta")])
    assert counted(torch.ones(900, 3, device="meta")).is_meta


def test_places_of_both_factors_are_counted():
    """17 x 16 inputs, of which a 3 x 3 kernel with these steps leaves 8 x 7."""
    layers, x = pair("first slides")
    assert layer_positions(layers, (3, 17, 16)) == {"inner": 56, "outer": 56}
    assert multiplied(list(layers.children()), x) is not None
