"""Sparse convolutions of 1 x 1 against those of PyTorch, and there and back."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import attach_masks, densify, guard, masks_of, sparsify  # noqa: E402
from ertrain.masks.sparse.engines import ENGINES  # noqa: E402
from ertrain.masks.sparse.pointwise import SparsePointwise  # noqa: E402


def masked(**how: object) -> nn.Conv2d:
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 5, 1, dtype=torch.float64, **how)
    attach_masks(layer, {"": torch.rand(5, 6, 1, 1) < 0.5})
    return layer


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("how", [{}, {"stride": 2}, {"stride": (1, 3)}, {"bias": False}, {"padding": "same"}], ids=str)
@pytest.mark.parametrize("shape", [(2, 6, 7, 8), (6, 4, 4), (0, 6, 3, 3)], ids=str)
def test_it_computes_what_the_convolution_does(engine, how, shape):
    dense = masked(**how)
    sparse = sparsify(dense, engine=engine)
    assert isinstance(sparse, SparsePointwise)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    found = []
    for layer in (dense, sparse):
        y = layer(x)
        found.append([y.detach(), *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
    right, ours = found
    right[2] = right[2][masks_of(dense)[""]]
    for one, other in zip(ours, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_there_and_back_bit_for_bit():
    model = nn.Sequential(masked(stride=2), nn.ReLU(), nn.Conv2d(5, 4, 3, dtype=torch.float64))
    attach_masks(model, {"2": torch.rand(4, 5, 3, 3) < 0.5})
    sparse = sparsify(model)
    assert [type(layer) for layer in sparse] == [SparsePointwise, nn.ReLU, nn.Conv2d]  # 3 x 3 stays masked
    back = densify(sparse)
    assert back[0].stride == (2, 2)
    assert type(back) is nn.Sequential
    assert back.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_ten_steps_are_those_of_the_masked_convolution():
    dense = masked()
    sparse, x = sparsify(dense), torch.randn(3, 6, 4, 4, dtype=torch.float64)
    for layer in (dense, sparse):
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.01, momentum=0.9)
        if layer is dense:
            guard(optimiser, layer)
        for _ in range(10):
            optimiser.zero_grad()
            layer(x).square().sum().backward()
            optimiser.step()
    for trained, other in zip(densify(sparse).parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(trained, other, rtol=1e-10, atol=1e-12)


def test_bad_input_is_named():
    layer = SparsePointwise(6, 5, torch.ones(5, 6, 1, 1))
    for shape in ((2, 5, 3, 3), (6, 4)):
        with pytest.raises(InvalidInput, match=r"inputs: expected shape \(\.\.\., 6, height, width\)"):
            layer(torch.ones(shape))
    grouped = nn.Conv2d(6, 6, 1, groups=2)
    attach_masks(grouped, {"": torch.ones(6, 3, 1, 1, dtype=torch.bool)})
    with pytest.raises(InvalidInput, match=r"at least one torch\.nn\.Linear"):
        sparsify(grouped)
