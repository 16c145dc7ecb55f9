"""RiGL and SET where the pattern is kept: what dense masks would become, in the memory of a block."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import attach_masks, densify, masks_of, sparsify  # noqa: E402
from ertrain.masks.sparse import SparseConv2d, SparseLinear, rewire  # noqa: E402
from ertrain.masks.sparse.chain import SparseSequential  # noqa: E402
from ertrain.methods.rigl import rewired  # noqa: E402


def network() -> nn.Module:
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Conv2d(6, 5, 1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(20, 30), nn.ReLU())
    dense.append(nn.Linear(30, 10)).double()
    places = ("0", "3", "5")
    attach_masks(dense, {name: torch.rand(dense[int(name)].weight.shape) < 0.4 for name in places})
    return sparsify(dense)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("block", [1, 45, 2**22])
def test_it_gives_the_masks_that_rigl_gives(share, block):
    sparse = network()
    optimiser = torch.optim.SGD(sparse.parameters(), lr=0.1, momentum=0.9)
    x, t = torch.randn(8, 6, 4, 4).double(), torch.arange(8)
    nn.functional.cross_entropy(sparse(x), t).backward()
    optimiser.step()
    before = densify(sparse)
    momentum = {
        name: layer.spread(optimiser.state[layer.weight]["momentum_buffer"])
        for name, layer in sparse.named_modules()
        if isinstance(layer, SparseLinear)
    }
    rewire(sparse, share, lambda: nn.functional.cross_entropy(sparse(x), t), optimiser, block=block)
    nn.functional.cross_entropy(before(x), t).backward()
    after = masks_of(densify(sparse))
    for name, mask in masks_of(before).items():
        layer, now = before.get_submodule(name), sparse.get_submodule(name)
        right = rewired(layer.weight, mask, torch.ones_like(mask), layer.weight.grad.abs(), share)
        assert torch.equal(after[name], right), name
        assert torch.equal(now.to_dense(), (layer.weight * right).detach().flatten(1))
        moved = now.spread(optimiser.state[now.weight]["momentum_buffer"])
        assert torch.equal(moved, momentum[name] * right.flatten(1))
        assert math.floor(share * int(mask.sum())) >= int((mask & ~right).sum())
    assert isinstance(sparse[0], SparseConv2d)
    # What is known by columns follows: gradients of inputs are those of the new pattern.
    y, again = (x.clone().requires_grad_() for _ in range(2))
    sparse(y).square().sum().backward()
    densify(sparse)(again).square().sum().backward()
    torch.testing.assert_close(y.grad, again.grad)


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that is made."""

    entries = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, torch.Tensor):
                self.entries = max(self.entries, one.numel())
        return made


@pytest.mark.parametrize("by_gradient", [True, False])
def test_nothing_is_as_large_as_the_dense_gradient(by_gradient):
    torch.manual_seed(0)
    model = SparseSequential(SparseLinear(700, 900, torch.rand(900, 700) < 0.01), nn.ReLU())
    model.append(SparseLinear(900, 800, torch.rand(800, 900) < 0.01))
    x, sizes = torch.randn(16, 700), [len(layer.weight) for layer in (model[0], model[2])]
    patterns = [model[0].columns.clone(), model[2].columns.clone()]
    with Largest() as seen:
        rewire(model, 0.3, (lambda: model(x).square().mean()) if by_gradient else None, block=10_000)
    assert [len(layer.weight) for layer in (model[0], model[2])] == sizes
    assert not any(torch.equal(model[at].columns, old) for at, old in zip((0, 2), patterns, strict=True))
    assert max(sizes) <= seen.entries <= max(16 * 900, 3 * max(sizes))  # 630,000 and 720,000 if it were dense


def test_random_places_are_free_and_equally_likely():
    """4,000 draws of one place out of four: each is off by 150 with probability below 4 * 2 exp(-11) < 1e-4."""
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(6)
    for _ in range(4000):
        layer = SparseLinear(3, 2, [[1, 0, 1], [0, 1, 0]], bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([1.0, 0.1, 2.0]))
        rewire(layer, 0.34, generator=generator)
        assert layer.to_dense()[0, 0] == 1
        assert layer.to_dense()[1, 1] == 2
        counts += layer.to_mask().flatten()
    assert counts[[0, 4]].tolist() == [4000, 4000]
    assert (counts[[1, 2, 3, 5]] - 1000).abs().max() < 150
    many = SparseLinear(100, 100, torch.rand(100, 100) < 0.02)
    kept = len(many.weight)
    rewire(many, 1.0, generator=generator)
    assert int(many.to_mask().sum()) == kept


def test_bad_input_is_named():
    layer = SparseLinear(2, 2, [[1, 0], [0, 1]])
    x = torch.ones(1, 2)
    for call, words in (
        (lambda: rewire(nn.Linear(2, 2), 0.1), "at least one SparseLinear"),
        (lambda: rewire(layer, 1.1), r"share: expected a number in \[0, 1\], got 1.1"),
        (lambda: rewire(layer, 0.5, lambda: layer(layer(x)).sum()), "used once in a pass"),
        (lambda: rewire(layer, 0.5, lambda: torch.ones(())), "takes part in the loss"),
    ):
        with pytest.raises(InvalidInput, match=words):
            call()
