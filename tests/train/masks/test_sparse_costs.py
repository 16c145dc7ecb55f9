"""What sparse layers hold: bytes by weights and activations, counted, not measured; and what they are exported to."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numba
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.masks import GapMask  # noqa: E402
from ertrain import attach_masks, sparsify  # noqa: E402
from ertrain.masks.sparse import SparseLinear, engines  # noqa: E402
from ertrain.masks.sparse.chain import SparseSequential  # noqa: E402
from ertrain.masks.sparse.engines import ENGINES  # noqa: E402

SIZES = (100, 3000, 2000, 10)


def network(density: str = "1/20") -> SparseSequential:
    torch.manual_seed(0)
    layers = [
        part
        for place, (inputs, outputs) in enumerate(pairwise(SIZES))
        for part in (SparseLinear(inputs, outputs, GapMask((outputs, inputs), Fraction(density), 0, place)), nn.ReLU())
    ]
    return SparseSequential(*layers[:-1])


@pytest.mark.parametrize(
    ("optimiser", "most"),
    [
        (lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True), 24),
        (lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True), 28),
    ],
    ids=["sgd", "adamw"],
)
def test_a_kept_weight_takes_so_many_bytes_and_a_neuron_a_hundred(optimiser, most):
    """Weight, gradient, what the optimiser remembers, and its place by rows and by columns; starts and biases apart."""
    model = network()
    moved = optimiser(model.parameters())
    model(torch.rand(8, SIZES[0])).sum().backward()
    moved.step()
    tensors = [*model.parameters(), *model.buffers(), *(parameter.grad for parameter in model.parameters())]
    tensors += [kept for state in moved.state.values() for kept in state.values()]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    kept = sum(len(layer.weight) for layer in model if isinstance(layer, SparseLinear))
    assert kept > 300_000
    assert most * kept <= sum(storages.values()) <= most * kept + 100 * sum(SIZES)


@pytest.mark.parametrize("relu_last", [False, True])
def test_a_neuron_takes_four_bytes_for_each_input_until_it_is_passed_backwards(relu_last):
    """What the graph keeps: every activation once. Between layers of a run, gradients take their places."""
    model, batch, kept = network(), 64, {}
    if relu_last:
        model.append(nn.ReLU())
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(torch.rand(batch, SIZES[0]))
    assert sum(kept.values()) == 4 * batch * (sum(SIZES) if relu_last else sum(SIZES[:-1]))


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("batch", [5, 150])
def test_gradients_take_the_places_of_activations_unless_the_graph_is_kept(engine, batch):
    """So a step holds 4 bytes for each neuron and input, not 8; who goes backwards twice finds the same gradients."""
    model, hidden = network(), []
    for layer in model:
        if isinstance(layer, SparseLinear):
            layer.engine = engine

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tuple(tensor.shape) in {(size, batch) for size in SIZES[1:-1]}:
            hidden.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(torch.rand(batch, SIZES[0])).square().sum()
    assert len(hidden) == 2
    before, found = [tensor.clone() for tensor in hidden], []
    for kept in (True, True, False):
        model.zero_grad()
        loss.backward(retain_graph=kept)
        found.append([parameter.grad for parameter in model.parameters()])
        same = [torch.equal(one, other) for one, other in zip(hidden, before, strict=True)]
        assert same == [kept or engine == "torch"] * 2
    assert all(torch.equal(one, other) for others in found[1:] for one, other in zip(found[0], others, strict=True))


@pytest.mark.parametrize("uneven", [False, True])
def test_every_number_of_threads_gives_the_same_bits(uneven, monkeypatch):
    """Each takes lines with as many entries as the others, whatever lines have."""
    monkeypatch.setattr(engines, "_WORTH_IT", 1)
    model, found, before = network(), [], torch.get_num_threads()
    if uneven:  # some rows have no entry, the last has all
        mask = torch.rand(70, SIZES[0]) < torch.linspace(0, 1, 70)[:, None] ** 4
        model = SparseSequential(SparseLinear(SIZES[0], 70, mask), nn.ReLU(), SparseLinear(70, 3, torch.ones(3, 70)))
    x = torch.randn(150, SIZES[0], requires_grad=True)  # a wide stretch, a narrow one and single numbers
    try:
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            torch.set_num_threads(threads)
            model.zero_grad()
            x.grad = None
            y = model(x)
            y.square().sum().backward()
            found.append([y.detach(), x.grad, *(parameter.grad for parameter in model.parameters())])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for others in found[1:] for one, other in zip(found[0], others, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(0, 5), (1, 40), (16, 16), (17, 33), (40, 8), (7, 3), (64, 100)])
def test_inputs_are_turned_around_in_blocks_of_any_number(shape, dtype):
    x = torch.randn(shape, dtype=dtype)
    for given in (x, x[:, ::2], x.t().contiguous().t()):
        turned = ENGINES["numba"].by_features(given)
        assert turned.is_contiguous()
        assert torch.equal(turned, given.t())
    wanted = x.clone().requires_grad_()
    ENGINES["numba"].by_features(wanted).sum().backward()
    assert torch.equal(wanted.grad, torch.ones_like(x))


def test_a_layer_is_exported_to_scipy_and_to_torch():
    layer = SparseLinear(7, 5, torch.rand(5, 7) < 0.5)
    dense = layer.to_dense().numpy()
    scipy_csr, torch_csr = layer.to_csr(), layer.to_torch()
    np.testing.assert_array_equal(scipy_csr.toarray(), dense)
    np.testing.assert_array_equal(torch_csr.to_dense().numpy(), dense)
    assert torch_csr.layout == torch.sparse_csr
    assert torch_csr.values().numel() == scipy_csr.nnz == len(layer.weight)
    x = torch.randn(7, 3)
    torch.testing.assert_close(torch_csr @ x, (layer(x.t()) - layer.bias).t().detach())
    with torch.no_grad():
        layer.weight.zero_()
    np.testing.assert_array_equal(scipy_csr.toarray(), dense)  # no memory is shared
    np.testing.assert_array_equal(torch_csr.to_dense().numpy(), dense)


def masked(**how: object) -> nn.Linear:
    layer = nn.Linear(3, 3, **how)
    attach_masks(layer, {"": torch.eye(3, dtype=torch.bool)})
    return layer


def quantised() -> nn.Module:
    layer = nn.Linear(3, 3)
    layer.weight = nn.Parameter(torch.ones(3, 3, dtype=torch.int8), requires_grad=False)
    attach_masks(layer, {"": torch.eye(3, dtype=torch.bool)})
    return layer


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sparsify(nn.Linear(3, 3)), "at least one torch.nn.Linear or torch.nn.Conv2d with a mask"),
        (lambda: SparseLinear(3, 3, torch.zeros(3, 3, dtype=torch.bool)), "mask: expected at least one kept weight"),
        (lambda: sparsify(masked(dtype=torch.complex64)), "weights in float32 or float64, got torch.complex64"),
        (lambda: sparsify(quantised()), "weights in float32 or float64, got torch.int8"),
        (lambda: SparseLinear(3, 3, torch.eye(3), dtype=torch.bfloat16), "torch.float32 or torch.float64"),
        (lambda: SparseLinear(3, 3, torch.eye(3), device="meta"), "cpu or cuda"),
    ],
)
def test_what_cannot_be_sparse_is_refused_in_one_line(call, words):
    with pytest.raises(InvalidInput, match=words) as error:
        call()
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="needs a PyTorch with an optimiser of matrices")
@pytest.mark.parametrize("engine", list(ENGINES))
def test_an_optimiser_that_needs_matrices_says_so_itself(engine):
    """Muon orthogonalises matrices, and kept weights are a vector."""
    layer = SparseLinear(3, 3, torch.eye(3), engine=engine)
    with pytest.raises(ValueError, match="Muon only supports 2D parameters") as error:
        torch.optim.Muon(layer.parameters())
    assert "\n" not in str(error.value)
