"""Sparse convolutions against those of PyTorch: results, gradients, derivatives forwards, and there and back."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings, strategies  # noqa: E402
from torch import nn  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import attach_masks, densify, guard, masks_of, sparsify  # noqa: E402
from ertrain.masks.sparse import SparseConv2d, image_kernels, rewire  # noqa: E402
from ertrain.masks.sparse import sliding as module  # noqa: E402
from ertrain.masks.sparse.engines import ENGINES  # noqa: E402

HOW = [
    {},
    {"kernel_size": 1},
    {"kernel_size": 1, "stride": (1, 3)},
    {"padding": 1},
    {"padding": "same", "dilation": 2},
    {"padding": "valid", "bias": False},
    {"kernel_size": (2, 3), "stride": (3, 2), "padding": (2, 1)},
    {"kernel_size": (5, 1), "stride": 2, "padding": (4, 3), "dilation": (1, 2)},
]


def masked(kernel_size=3, kind=torch.float64, density=0.5, **how) -> nn.Conv2d:
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 5, kernel_size, dtype=kind, **how)
    attach_masks(layer, {"": torch.rand(layer.weight.shape) < density})
    return layer


def passed(layer: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Give outputs, and gradients of the sum of their squares; of a masked weight those of the kept ones."""
    y = layer(x)
    found = [y.detach(), *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])]
    if isinstance(layer, nn.Conv2d):
        found[2] = found[2][masks_of(layer)[""]]
    return found


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("shape", [(2, 6, 7, 8), (17, 6, 9, 6), (6, 5, 5), (0, 6, 6, 6)], ids=str)
def test_it_computes_what_the_convolution_does(engine, how, shape):
    dense = masked(**how)
    sparse = sparsify(dense, engine=engine)
    assert isinstance(sparse, SparseConv2d)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    for one, other in zip(passed(sparse, x), passed(dense, x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


pairs = strategies.tuples(strategies.integers(1, 3), strategies.integers(1, 3))


@settings(max_examples=60)
@given(
    size=pairs,
    stride=pairs,
    dilation=pairs,
    padding=strategies.tuples(strategies.integers(0, 3), strategies.integers(0, 3)),
    image=strategies.tuples(strategies.integers(1, 9), strategies.integers(1, 9)),
    images=strategies.sampled_from([1, 3, 16, 35]),
    seed=strategies.integers(0, 2**32),
)
def test_it_does_so_whatever_way_a_kernel_goes(size, stride, dilation, padding, image, images, seed):
    torch.manual_seed(seed)
    dense = nn.Conv2d(3, 4, size, stride, padding, dilation)
    mask = torch.rand(dense.weight.shape) < 0.4
    mask[0, 0, 0, 0] = True
    attach_masks(dense, {"": mask})
    sparse, x = sparsify(dense), torch.randn(images, 3, *image, requires_grad=True)
    if any(i + 2 * p < d * (k - 1) + 1 for i, p, d, k in zip(image, padding, dilation, size, strict=True)):
        with pytest.raises(InvalidInput, match="inputs: expected images of at least"):
            sparse(x)
        return
    for one, other in zip(passed(sparse, x), passed(dense, x), strict=True):
        torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-4)


def test_threads_change_no_bit(monkeypatch):
    sparse, x = sparsify(masked(stride=2, padding=1, kind=torch.float32)), torch.randn(40, 6, 9, 9, requires_grad=True)
    alone, used = passed(sparse, x), []
    for name in ("share_forward", "share_back", "share_scatter", "share_gather"):
        whole = getattr(image_kernels, name)
        monkeypatch.setattr(
            image_kernels, name, lambda *given, name=name, whole=whole: used.append(name) or whole(*given)
        )
    monkeypatch.setattr(module, "threads_for", lambda _: 3)
    together = passed(sparse, x)
    assert set(used) == {"share_forward", "share_back", "share_scatter", "share_gather"}
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("how", HOW, ids=str)
def test_many_images_are_gone_over_a_few_at_a_time(monkeypatch, how):
    sparse, x = sparsify(masked(kind=torch.float32, **how)), torch.randn(50, 6, 9, 9, requires_grad=True)
    whole, sizes, forward = passed(sparse, x), [], module._Convolution.forward
    monkeypatch.setattr(module, "_IN_CACHE", 17 * 6 * 9 * 9)  # of the images alone
    monkeypatch.setattr(
        module._Convolution,
        "forward",
        lambda ctx, images, *given: sizes.append(len(images)) or forward(ctx, images, *given),
    )
    parts = passed(sparse, x)
    assert sizes == [16, 16, 16, 2]
    assert torch.equal(whole[0], parts[0])  # what is found for an image does not depend on the others
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_derivatives_forwards_are_those_of_the_convolution():
    dense = masked(padding=1, stride=2)
    sparse, x, along = sparsify(dense), *torch.randn(2, 3, 6, 5, 5, dtype=torch.float64)
    mask, weight = masks_of(dense)[""], torch.randn_like(dense.weight)
    found = []
    for layer, way in ((dense, weight * mask), (sparse, weight[mask])):
        names = dict(layer.named_parameters())
        with warnings.catch_warnings(), forward_ad.dual_level():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch warns of what it calls itself here
            ways = {"weight": way, "bias": torch.ones_like(layer.bias)}
            duals = {name: forward_ad.make_dual(names[name].detach(), ways[name]) for name in names}
            y = torch.func.functional_call(layer, duals, (forward_ad.make_dual(x, along),))
            found.append(forward_ad.unpack_dual(y).tangent)
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_there_and_back_bit_for_bit():
    body = (
        masked(stride=2, padding=(1, 0), dilation=(1, 2)),
        nn.ReLU(),
        nn.Conv2d(5, 4, 3, groups=1, dtype=torch.float64),
    )
    model = nn.Sequential(*body, nn.Conv2d(4, 4, 3, groups=2, dtype=torch.float64))
    attach_masks(model, {"2": torch.rand(4, 5, 3, 3) < 0.5, "3": torch.rand(4, 2, 3, 3) < 0.5})
    sparse = sparsify(model)
    kinds = [SparseConv2d, nn.ReLU, SparseConv2d, nn.Conv2d]  # groups stay masked
    assert [type(layer) for layer in sparse] == kinds
    back = densify(sparse)
    assert (back[0].stride, back[0].padding, back[0].dilation) == ((2, 2), (1, 0), (1, 2))
    assert type(back) is nn.Sequential
    assert back.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_ten_steps_are_those_of_the_masked_convolution():
    dense = masked(padding=1)
    sparse, x = sparsify(dense), torch.randn(3, 6, 4, 4, dtype=torch.float64)
    for layer in (dense, sparse):
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.002, momentum=0.9)
        if layer is dense:
            guard(optimiser, layer)
        for _ in range(10):
            optimiser.zero_grad()
            layer(x).square().mean().backward()
            optimiser.step()
    for trained, other in zip(densify(sparse).parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(trained, other, rtol=1e-10, atol=1e-12)


def test_images_of_another_size_and_other_masks_are_met_anew():
    dense, other = masked(padding=1), masked(padding=1)
    attach_masks(other, {"": masks_of(dense)[""].flip(0)})
    sparse = sparsify(dense)
    for side in (6, 4, 6):
        x = torch.randn(2, 6, side, side, dtype=torch.float64)
        torch.testing.assert_close(sparse(x), dense(x))
    sparse.load_state_dict(sparsify(other).state_dict())
    torch.testing.assert_close(sparse(x), other(x))
    for twin in (copy.deepcopy(sparse), pickle.loads(pickle.dumps(sparse))):
        assert torch.equal(twin(x), sparse(x))


def test_rewiring_finds_the_steepest_weights_of_the_dense_convolution():
    dense = masked(padding=1, stride=2, density=0.3)
    sparse, x = sparsify(dense), torch.randn(4, 6, 7, 7, dtype=torch.float64)
    whole = nn.Conv2d(6, 5, 3, 2, 1, dtype=torch.float64)
    whole.load_state_dict({"weight": dense.weight * masks_of(dense)[""], "bias": dense.bias})
    gradient = torch.autograd.grad(whole(x).square().sum(), whole.weight)[0].abs()
    before = densify(sparse).weight_mask
    rewire(sparse, 0.4, loss=lambda: sparse(x).square().sum())
    after = densify(sparse).weight_mask
    grown = after & ~before
    assert grown.any()
    assert gradient[grown].min() > gradient[~after & ~before].max()


def test_bad_input_is_named():
    layer = SparseConv2d(6, 5, 3, torch.ones(5, 6, 3, 3))
    for shape in ((2, 5, 3, 3), (6, 4)):
        with pytest.raises(InvalidInput, match=r"inputs: expected shape \(\.\.\., 6, rows, columns\)"):
            layer(torch.ones(shape))
    with pytest.raises(InvalidInput, match="inputs: expected images of at least 3 x 3, got '2 x 9'"):
        layer(torch.ones(1, 6, 2, 9))
    with pytest.raises(InvalidInput, match="inputs: expected a tensor on the device of the weights, cpu, got device"):
        layer(torch.ones(1, 6, 3, 3, device="meta"))
    for name in ("kernel_size", "stride", "padding", "dilation"):
        for wrong in (-1, (1, 2, 3), (1, "2"), 1.5):
            with pytest.raises(InvalidInput, match=f"{name}: expected"):
                SparseConv2d(6, 5, **{"kernel_size": 3, "mask": torch.ones(5, 6, 3, 3), name: wrong})
    grouped = nn.Conv2d(6, 6, 1, groups=2)
    attach_masks(grouped, {"": torch.ones(6, 3, 1, 1, dtype=torch.bool)})
    with pytest.raises(InvalidInput, match=r"at least one torch\.nn\.Linear"):
        sparsify(grouped)


def test_more_numbers_than_32_bits_count_are_refused():
    layer = SparseConv2d(2, 1, 1, torch.ones(1, 2, 1, 1))
    with pytest.raises(InvalidInput, match="inputs: expected images with at most 2147483647 framed numbers"):
        layer(torch.ones(1, 1, 1, 1).expand(1, 2, 2**15, 2**15))
