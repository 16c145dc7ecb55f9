"""SGD that moves kept weights while it goes backwards: the steps of PyTorch's, in less memory."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import numba
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.masks import GapMask  # noqa: E402
from ertrain.masks.sparse import SparseLinear, SparseSGD, engines, products  # noqa: E402
from ertrain.masks.sparse.chain import SparseSequential  # noqa: E402

SIZES = (60, 300, 200, 10)


def network(dtype: torch.dtype = torch.float32, engine: str = "auto") -> SparseSequential:
    torch.manual_seed(0)
    how = {"dtype": dtype, "engine": engine}
    layers = [
        part
        for place, (inputs, outputs) in enumerate(pairwise(SIZES))
        for part in (
            SparseLinear(inputs, outputs, GapMask((outputs, inputs), Fraction(1, 10), 0, place), **how),
            nn.ReLU(),
        )
    ]
    return SparseSequential(*layers[:-1])


def off(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("batch", [1, 32, 128, 150, 290])
@pytest.mark.parametrize("decay", [0.0, 5e-4])
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("large", [True, False])
def test_twenty_steps_are_those_of_pytorch(batch, decay, dtype, most, engine, large, monkeypatch):
    """Where layers are large, weights are moved one by one, and otherwise a layer at a time."""
    if large:
        monkeypatch.setattr(products, "HELD_BELOW", 1)
    ours = network(dtype, engine)
    theirs = copy.deepcopy(ours)
    x, t = torch.randn(batch, SIZES[0], dtype=dtype), torch.randint(10, (batch,))
    one = SparseSGD(ours.parameters(), lr=0.1, momentum=0.9, weight_decay=decay)
    other = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=decay)
    for _ in range(20):
        one.step_through(cross_entropy(ours(x), t))
        other.zero_grad()
        cross_entropy(theirs(x), t).backward()
        other.step()
    assert off(ours, theirs) <= most
    assert [parameter.grad is None for parameter in ours.parameters()] == [engine == "numba"] * 6
    for parameter, right in zip(ours.parameters(), theirs.parameters(), strict=True):
        momentum = other.state[right]["momentum_buffer"]
        off_by = (one.state[parameter]["momentum_buffer"] - momentum).abs().max()
        assert off_by <= most * momentum.abs().max()


def twice_used() -> tuple[nn.Module, object]:
    layer = SparseLinear(20, 20, torch.rand(20, 20, generator=torch.Generator().manual_seed(1)) < 0.3)
    return SparseSequential(layer, nn.ReLU(), layer), layer


def watched() -> tuple[nn.Module, object]:
    model = SparseSequential(SparseLinear(20, 20, torch.eye(20)), nn.ReLU(), SparseLinear(20, 20, torch.eye(20)))
    model[0].weight.register_hook(lambda gradient: 2 * gradient)
    return model, model[0]


@pytest.mark.parametrize("make", [twice_used, watched])
def test_weights_that_are_used_twice_or_watched_are_moved_by_their_gradients(make):
    torch.manual_seed(0)
    ours, layer = make()
    theirs = copy.deepcopy(ours)
    if make is watched:
        theirs[0].weight.register_hook(lambda gradient: 2 * gradient)
    x = torch.randn(30, 20)
    one = SparseSGD(ours.parameters(), lr=0.1, momentum=0.9)
    other = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        one.step_through(ours(x).square().mean())
        other.zero_grad()
        theirs(x).square().mean().backward()
        other.step()
    assert layer.weight.grad is not None
    assert off(ours, theirs) <= 1e-5


def test_groups_frozen_weights_and_what_is_not_plain_move_as_pytorch_moves_them():
    ours = network()
    ours.append(nn.Linear(10, 10))
    ours[2].weight.requires_grad_(False)
    theirs = copy.deepcopy(ours)
    before = ours[2].weight.detach().clone()
    made = []
    for kind, model in ((SparseSGD, ours), (torch.optim.SGD, theirs)):
        groups = [
            {"params": list(model[0].parameters()), "lr": 0.02},
            {"params": list(model[2].parameters()), "weight_decay": 1e-3},
            {"params": list(model[4].parameters()), "nesterov": True},
            {"params": list(model[5].parameters())},
        ]
        made.append(kind(groups, lr=0.1, momentum=0.9, fused=True))
    x, t = torch.randn(40, SIZES[0]), torch.randint(10, (40,))
    for step in range(6):
        made[0].step_through(cross_entropy(ours(x), t))
        made[1].zero_grad()
        cross_entropy(theirs(x), t).backward()
        made[1].step()
        for optimiser in made:
            optimiser.param_groups[0]["lr"] = 0.02 / (step + 2)
    assert off(ours, theirs) <= 1e-5
    assert torch.equal(ours[2].weight, before)


def test_gradients_may_be_used_between_and_steps_go_on_from_a_state():
    """`backward` and `step` are PyTorch's bit for bit; a state goes from one optimiser to the other."""
    ours = network()
    theirs = copy.deepcopy(ours)
    x, t = torch.randn(40, SIZES[0]), torch.randint(10, (40,))
    one = SparseSGD(ours.parameters(), lr=0.1)
    other = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, fused=True)
    for _ in range(3):
        for model, optimiser in ((ours, one), (theirs, other)):
            optimiser.zero_grad()
            cross_entropy(model(x), t).backward()
            optimiser.step()
    assert all(torch.equal(*pair) for pair in zip(ours.parameters(), theirs.parameters(), strict=True))
    again = copy.deepcopy(ours)
    resumed = SparseSGD(again.parameters(), lr=0.3)
    resumed.load_state_dict(other.state_dict())
    for model, optimiser in ((ours, one), (again, resumed)):
        for _ in range(3):
            optimiser.step_through(cross_entropy(model(x), t))
    assert all(torch.equal(*pair) for pair in zip(ours.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("large", [True, False])
def test_every_number_of_threads_gives_the_same_bits(large, monkeypatch):
    monkeypatch.setattr(engines, "_WORTH_IT", 1)
    if large:
        monkeypatch.setattr(products, "HELD_BELOW", 1)
    before, found = torch.get_num_threads(), []
    x, t = torch.randn(150, SIZES[0]), torch.randint(10, (150,))
    try:
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            torch.set_num_threads(threads)
            model = network()
            optimiser = SparseSGD(model.parameters(), lr=0.1)
            for _ in range(3):
                optimiser.step_through(cross_entropy(model(x), t))
            found.append(list(model.parameters()))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for others in found[1:] for one, other in zip(found[0], others, strict=True))


def test_hooks_and_schedules_are_told_of_steps_in_which_everything_has_been_moved():
    model, told = network(), []
    optimiser = SparseSGD(model.parameters(), lr=0.1)
    x = torch.randn(8, SIZES[0])
    optimiser.step_through(model(x).sum())
    handle = optimiser.register_step_post_hook(lambda *_: told.append(1))
    optimiser.step_through(model(x).sum())
    handle.remove()
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.5)
    optimiser.step_through(model(x).sum())
    schedule.step()  # it would warn if there had been no step
    assert told == [1]
    assert optimiser.param_groups[0]["lr"] == 0.05


def test_a_graph_from_before_the_step_is_not_gone_through():
    model = network()
    optimiser = SparseSGD(model.parameters(), lr=0.1)
    x = torch.randn(8, SIZES[0])
    old = model(x).sum()
    optimiser.step_through(model(x).sum())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        old.backward()


def test_an_empty_batch_moves_what_has_momentum():
    ours = network()
    theirs = copy.deepcopy(ours)
    x = torch.randn(8, SIZES[0])
    one, other = SparseSGD(ours.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for inputs in (x, x[:0]):
        one.step_through(ours(inputs).sum())
        other.zero_grad()
        theirs(inputs).sum().backward()
        other.step()
    assert off(ours, theirs) <= 1e-5


def test_steps_that_are_differentiated_are_refused():
    with pytest.raises(InvalidInput, match="differentiable: expected False"):
        SparseSGD(network().parameters(), differentiable=True)


_GROWTH = """
import sys, torch
from fractions import Fraction
from itertools import pairwise
from torch import nn
from torch.nn.functional import cross_entropy
from ertheory.masks import GapMask
from ertrain.masks.sparse import SparseLinear, SparseSGD
from ertrain.masks.sparse.chain import SparseSequential

def peak():
    # ru_maxrss would begin with what the process that started this one had.
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

def train(n, density, batch):
    torch.manual_seed(0)
    pairs = enumerate(pairwise((784, n, n, 10)))
    made = [q for i, (a, b) in pairs for q in (SparseLinear(a, b, GapMask((b, a), Fraction(density), 0, i)), nn.ReLU())]
    model = SparseSequential(*made[:-1])
    how = {"lr": 1e-3, "momentum": 0.9}
    optimiser = (SparseSGD if KIND == "through" else torch.optim.SGD)(model.parameters(), **how)
    x, t = torch.rand(batch, 784), torch.randint(10, (batch,))
    for _ in range(2):
        if KIND == "through":
            optimiser.step_through(cross_entropy(model(x), t))
        else:
            optimiser.zero_grad()
            cross_entropy(model(x), t).backward()
            optimiser.step()
    return sum(len(layer.weight) for layer in model if isinstance(layer, SparseLinear))

KIND = sys.argv[1]
torch.set_num_threads(1)
train(100, "1/2", 256)  # libraries and compiled loops
before = peak()
if sys.argv[2] == "large":
    print(train(60_000, "1/1000", 256), peak() - before, "torch._dynamo" in sys.modules)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are counted in kilobytes on Linux")
@pytest.mark.parametrize(("kind", "of_a_weight"), [("through", 20), ("step", 24)])
def test_the_process_grows_by_bytes_for_weights_and_four_for_neurons_and_inputs(kind, of_a_weight):
    """What a process holds at most, drawing and two steps included: 120,000 neurons and 256 inputs are 123 MB."""
    for size in ("small", "large"):  # what the first one compiles, which takes more memory, is there for the other
        asked = [sys.executable, "-c", _GROWTH, kind, size]
        words = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=300).stdout.split()
    kept, grown = int(words[0]), int(words[1])
    assert kept > 3_600_000
    neurons, batch = 120_794, 256
    # Biases and starts, with their gradients and momentum, are 32 bytes a neuron; 8 MB are pages and what is free.
    assert grown <= of_a_weight * kept + 4 * neurons * batch + 32 * neurons + 8e6
    assert grown >= (of_a_weight - 4) * kept + 4 * neurons * batch
    if re.match(r"2\.", torch.__version__):
        assert (words[2] == "True") == (kind == "step")
