"""Two sparse layers at once: the products, gradients and bits of one after the other, and when it is done."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from ertrain.masks.sparse import SparseConv2d, SparseLinear  # noqa: E402
from ertrain.masks.sparse import joined as module  # noqa: E402
from ertrain.masks.sparse.joined import _columns, _rows, joined  # noqa: E402
from ertrain.masks.sparse.paths import add_paths, pass_to_paths  # noqa: E402
from ertrain.models import FactoredLayer  # noqa: E402


def pair(sizes: tuple[int, int, int], density: float, seed: int, dtype: torch.dtype = torch.float64) -> FactoredLayer:
    """Make two sparse layers in a row."""
    torch.manual_seed(seed)
    columns, inner, rows = sizes
    masks = torch.rand(inner, columns) < density, torch.rand(rows, inner) < density
    for mask in masks:
        mask[0, 0] = True
    first = SparseLinear(columns, inner, masks[0], bias=False, dtype=dtype)
    return FactoredLayer([first, SparseLinear(inner, rows, masks[1], dtype=dtype)])


def apart(layers: FactoredLayer, x: torch.Tensor) -> torch.Tensor:
    return layers.outer(layers.inner(x))


def passed(apply, layers: FactoredLayer, x: torch.Tensor, g: torch.Tensor) -> list[torch.Tensor]:
    """Give outputs and all gradients."""
    x = x.clone().requires_grad_()
    layers.zero_grad()
    outputs = apply(layers, x)
    outputs.backward(g)
    return [outputs.detach(), x.grad, *(p.grad.clone() for p in layers.parameters() if p.grad is not None)]


@pytest.fixture
def at_once(monkeypatch):
    """Let small layers be joined too."""
    monkeypatch.setattr(module, "_LARGE", 0)
    monkeypatch.setattr(module, "_ENTRY", 1e9)


def test_outputs_and_gradients_are_those_of_one_after_the_other(at_once):
    @given(
        sizes=st.tuples(st.integers(1, 9), st.integers(1, 30), st.integers(1, 9)),
        batch=st.sampled_from([1, 2, 7, 130]),
        density=st.floats(0, 1),  # with inner neurons that read nothing or that nothing reads
        seed=st.integers(0, 99),
    )
    def check(sizes, batch, density, seed):
        layers = pair(sizes, density, seed)
        x = torch.randn(batch, sizes[0], dtype=torch.float64)
        g = torch.randn(batch, sizes[2], dtype=torch.float64)
        assert joined(list(layers.children()), x) is not None
        for one, other in zip(passed(FactoredLayer.__call__, layers, x, g), passed(apart, layers, x, g), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)

    check()


@pytest.mark.parametrize("frozen", ["inner", "outer"])
def test_a_frozen_factor_gets_no_gradient_and_the_other_its_own(frozen, at_once):
    layers = pair((5, 20, 4), 0.4, 1)
    layers.get_submodule(frozen).weight.requires_grad_(False)
    x, g = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    ours, theirs = passed(FactoredLayer.__call__, layers, x, g), passed(apart, layers, x, g)
    assert layers.get_submodule(frozen).weight.grad is None
    assert len(ours) == 4
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_inputs_of_more_axes_keep_them(at_once):
    layers = pair((5, 20, 4), 0.4, 2)
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(layers(x), apart(layers, x), rtol=1e-12, atol=1e-12)


def convolution(
    inputs: int, outputs: int, bias: bool = True, kernel_size: tuple[int, int] = (1, 1), **how
) -> SparseConv2d:
    mask = torch.rand(outputs, inputs, *kernel_size) < 0.3
    return SparseConv2d(inputs, outputs, kernel_size, mask, bias, dtype=torch.float64, **how)


SLIDING = {"kernel_size": (3, 3), "padding": 1}, {"kernel_size": (2, 3), "stride": (2, 1), "dilation": (1, 2)}


@pytest.mark.parametrize("how", SLIDING, ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_two_convolutions_are_one_where_one_of_them_does_not_slide(last, how, at_once):
    torch.manual_seed(4)
    ways = ({}, how) if last else (how, {})
    layers = FactoredLayer([convolution(3, 30, False, **ways[0]), convolution(30, 4, **ways[1])])
    x = torch.randn(5, 3, 8, 7, dtype=torch.float64)
    g = torch.randn_like(apart(layers, x))
    assert joined(list(layers.children()), x) is not None
    for one, other in zip(passed(FactoredLayer.__call__, layers, x, g), passed(apart, layers, x, g), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("inner", "outer", "axes"),
    [
        (SLIDING[0], SLIDING[0], 4),
        ({**SLIDING[0], "bias": True}, {}, 4),
        (SLIDING[0], {}, 3),
    ],
    ids=["both slide", "a bias between", "one image"],
)
def test_other_convolutions_are_applied_one_after_the_other(inner, outer, axes, at_once):
    layers = convolution(3, 30, **{"bias": False, **inner}), convolution(30, 4, **outer)
    assert joined(layers, torch.ones(5, 3, 8, 7, dtype=torch.float64)[(0,) * (4 - axes)]) is None


@pytest.mark.parametrize("how", [{"padding": 1}, {"stride": 2}, {}], ids=str)
def test_a_convolution_that_does_not_slide_may_step_or_have_a_frame(how, at_once):
    torch.manual_seed(6)
    x = torch.randn(5, 3, 8, 7, dtype=torch.float64)
    for ways in ((how, {}), ({}, how)):
        layers = convolution(3, 30, False, **ways[0]), convolution(30, 4, **ways[1])
        torch.testing.assert_close(joined(layers, x), layers[1](layers[0](x)), rtol=1e-12, atol=1e-12)


def test_the_number_of_threads_changes_no_bit():
    layers = pair((40, 900, 30), 0.2, 3, torch.float32)
    a, b = layers.inner.operand(), layers.outer.operand()
    forms = _rows(a.structure, a.values), _rows(b.structure, b.values), _columns(b.structure)
    above, found = torch.randn(30, 40).numpy(), []
    for threads in (1, 2):
        product, results = torch.empty(30, 40), [torch.empty_like(a.values), torch.empty_like(b.values)]
        add_paths(*forms, product.numpy(), threads=threads)
        ends = (one.detach().numpy() for one in results)
        pass_to_paths(forms[0], forms[2], forms[1][2], above, *ends, threads=threads)
        found.append([product, *results])
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_wide_layers_of_few_entries_are_joined_and_no_others():
    """784-300 at density 0.02 with 49,146 inner neurons is; at 0.5, for one input, with hooks or a dense factor not."""
    x = torch.rand(128, 784)
    wide = pair((784, 49146, 300), 0.02, 4, torch.float32)
    found = joined(list(wide.children()), x)
    assert found is not None
    torch.testing.assert_close(found, apart(wide, x), rtol=1e-4, atol=1e-4)
    assert joined(list(wide.children()), x[:1]) is None
    handle = wide.inner.register_forward_hook(lambda *_: None)
    assert joined(list(wide.children()), x) is None
    handle.remove()
    assert joined(list(pair((784, 2000, 300), 0.5, 5, torch.float32).children()), x) is None
    assert joined([wide.inner, nn.Linear(49146, 300)], x) is None
    assert FactoredLayer([nn.Linear(3, 4, device="meta"), nn.Linear(4, 2, device="meta")])(
        torch.ones(5, 3, device="meta")
    ).is_meta  # where networks are counted
    with torch.autocast("cpu", torch.bfloat16):
        assert joined(list(wide.children()), x) is None
