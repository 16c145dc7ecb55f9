"""Sparse layers against masked ones: the same products, the same training, bit for bit there and back."""

from __future__ import annotations

import copy
import functools
import io
import pickle
import tracemalloc
import warnings
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.masks import DrawnMask  # noqa: E402
from ertrain import attach_masks, densify, guard, masks_of, sparsify  # noqa: E402
from ertrain.masks.sparse import SparseLinear  # noqa: E402
from ertrain.masks.sparse.chain import SparseSequential  # noqa: E402
from ertrain.masks.sparse.engines import ENGINES, engine_for  # noqa: E402

engines = pytest.mark.parametrize("engine", list(ENGINES))


def masked(
    sizes: tuple[int, ...], density: float = 0.2, seed: int = 0, dtype: torch.dtype = torch.float32
) -> nn.Module:
    """Make an MLP whose layers have random masks."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs, dtype=dtype)
        mask = torch.rand(outputs, inputs) < density
        mask[0, 0] = True
        attach_masks(layer, {"": mask})
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@engines
@given(
    outputs=st.integers(1, 9),
    inputs=st.integers(1, 9),
    batch=st.sampled_from([0, 1, 2, 7, 300]),
    density=st.floats(0, 1),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_products_and_gradients_are_those_of_the_dense_matrix(engine, outputs, inputs, batch, density, bias, seed):
    rng = torch.Generator().manual_seed(seed)
    mask = torch.rand(outputs, inputs, generator=rng) < density  # with empty rows and columns
    mask[seed % outputs, seed % inputs] = True
    layer = SparseLinear(inputs, outputs, mask, bias, engine=engine, dtype=torch.float64)
    x = torch.randn(batch, inputs, generator=rng, dtype=torch.float64, requires_grad=True)
    g = torch.randn(batch, outputs, generator=rng, dtype=torch.float64)
    dense = layer.to_dense()
    y = layer(x)
    y.backward(g)
    right = x.detach() @ dense.t() + (layer.bias.detach() if bias else 0)
    torch.testing.assert_close(y.detach(), right, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(x.grad, g @ dense, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(layer.weight.grad, (g.t() @ x.detach())[mask], rtol=1e-12, atol=1e-12)
    if bias:
        torch.testing.assert_close(layer.bias.grad, g.sum(0), rtol=1e-13, atol=1e-13)


@engines
def test_frozen_weights_hand_their_gradients_on(engine):
    layer = SparseLinear(7, 5, torch.rand(5, 7) < 0.5, engine=engine, dtype=torch.float64)
    layer.weight.requires_grad_(False)
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.ones(3, 5, dtype=torch.float64) @ layer.to_dense())
    assert layer.weight.grad is None
    assert layer.bias.grad is not None


@pytest.mark.parametrize(
    "optimiser",
    [
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4),
        lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2),
    ],
    ids=["sgd", "adamw"],
)
def test_twenty_steps_are_those_of_the_masked_network(optimiser):
    dense = masked((30, 50, 40, 10), dtype=torch.float32)
    sparse = sparsify(dense)
    x, t = torch.randn(64, 30), torch.randint(10, (64,))
    for model in (dense, sparse):
        steps = optimiser(model.parameters())
        if model is dense:
            guard(steps, model)
        for _ in range(20):
            steps.zero_grad()
            nn.functional.cross_entropy(model(x), t).backward()
            steps.step()
    for trained, other in zip(densify(sparse).parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(trained, other, rtol=0, atol=1e-5 * other.abs().max().item())


@engines
@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    batch=st.sampled_from([0, 1, 5, 130]),
    relu_last=st.booleans(),
    frozen=st.lists(st.booleans(), min_size=7, max_size=7),
    seed=st.integers(0, 99),
)
def test_runs_of_layers_are_what_the_layers_are_one_by_one(engine, sizes, batch, relu_last, frozen, seed):
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        mask = torch.rand(outputs, inputs) < 0.6
        mask[0, 0] = True
        layer = SparseLinear(inputs, outputs, mask, bias=place != 1, engine=engine, dtype=torch.float64)
        layer.weight.requires_grad_(not frozen[2 * place])
        if layer.bias is not None:
            layer.bias.requires_grad_(not frozen[2 * place + 1])
        layers += [layer, nn.ReLU()]
    whole = SparseSequential(*(layers if relu_last else layers[:-1]))
    x = torch.randn(batch, sizes[0], dtype=torch.float64, requires_grad=not frozen[6])
    found = []
    for forward in (whole, lambda inputs: functools.reduce(lambda hidden, layer: layer(hidden), whole, inputs)):
        y = forward(x)
        moved = [part for part in (x, *whole.parameters()) if part.requires_grad]
        found.append([y.detach(), *(torch.autograd.grad(y.square().sum(), moved) if moved else ())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@engines
def test_what_is_not_a_number_goes_through_runs_as_through_layers(engine):
    model = SparseSequential(
        SparseLinear(2, 2, [[1, 0], [0, 1]], engine=engine), nn.ReLU(), SparseLinear(2, 1, [[1, 1]], engine=engine)
    )
    x = torch.tensor([[float("nan"), 1.0], [float("inf"), -1.0]], requires_grad=True)
    model(x).sum().backward()
    together = x.grad.clone()
    x.grad = None
    model[2](model[0](x).relu()).sum().backward()
    assert torch.equal(together.nan_to_num(7.0), x.grad.nan_to_num(7.0))
    assert model(x)[0].isnan().all()


def test_a_sequence_of_sparse_layers_is_one_node_of_the_graph():
    """What lies between the products is what takes time at low density, so it must not be there."""
    sparse = sparsify(masked((6, 5, 4, 3)))
    y = sparse(torch.randn(2, 6))
    names, node = [], y.grad_fn
    while node is not None:
        names.append(type(node).__name__)
        node = next((further for further, _ in node.next_functions if further is not None), None)
    assert names.count("_ProductBackward") == 1
    assert not any("Relu" in name or "Threshold" in name for name in names)
    assert type(sparse) is SparseSequential
    assert type(densify(sparse)) is nn.Sequential


def test_hooks_of_layers_in_a_sequence_run():
    sparse, seen = sparsify(masked((6, 5, 4))), []
    for place in (0, 1):
        sparse[place].register_forward_hook(lambda module, *_: seen.append(type(module)))
    x = torch.randn(2, 6)
    y = sparse(x)
    assert seen == [SparseLinear, nn.ReLU]
    torch.testing.assert_close(y, sparse[2](sparse[0](x).relu()))


def test_layers_that_do_not_fit_are_named_as_if_they_were_alone():
    pair = SparseSequential(SparseLinear(2, 3, [[1, 0]] * 3), SparseLinear(2, 2, [[1, 0]] * 2))
    with pytest.raises(InvalidInput, match=r"inputs: expected shape \(\.\.\., 2\), got \(1, 3\)"):
        pair(torch.ones(1, 2))


def test_there_and_back_bit_for_bit():
    dense = masked((30, 50, 40, 10))
    dense[2].weight.data[0, 0] = -0.0  # a kept zero stays, with its sign
    dense[2].bias.requires_grad_(False)
    sparse = sparsify(dense)
    back = densify(sparse)
    assert back.state_dict().keys() == dense.state_dict().keys()
    for name, tensor in dense.state_dict().items():
        other = back.state_dict()[name]
        assert torch.equal(tensor, other)
        if tensor.is_floating_point():
            assert torch.equal(tensor.signbit(), other.signbit())
    assert not back[2].bias.requires_grad
    again = sparsify(back).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in sparse.state_dict().items())


def test_what_has_no_mask_is_copied():
    model = nn.Sequential(nn.Linear(4, 4), nn.Conv2d(2, 2, 3, groups=2), masked((4, 3)))
    attach_masks(model, {"1": torch.ones(2, 1, 3, 3, dtype=torch.bool)})
    sparse = sparsify(model)
    assert [type(layer) for layer in sparse] == [nn.Linear, nn.Conv2d, SparseSequential]
    assert isinstance(sparse[2][0], SparseLinear)
    assert list(masks_of(sparse)) == ["1"]
    assert not isinstance(model[2][0], SparseLinear)
    assert sparse[0].weight is not model[0].weight


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("relu_last", [False, True])
def test_derivatives_forwards_are_those_of_the_masked_network(engine, relu_last):
    """Along inputs, weights and biases at once, and along inputs alone."""
    model = masked((20, 30, 10), 0.3).double()
    if relu_last:
        model.append(nn.ReLU())
    sparse = sparsify(model, engine=engine)
    x, along = torch.randn(7, 20).double(), torch.randn(7, 20).double()
    assert torch.equal(sparse(x.requires_grad_()), sparse(x.detach()))
    kept = {name: torch.randn_like(parameter) for name, parameter in sparse.named_parameters()}
    whole = {}
    for name, tangent in kept.items():
        layer = sparse.get_submodule(name.rpartition(".")[0])
        whole[name] = layer.spread(tangent) if name.endswith("weight") else tangent
    found = []
    for network, tangents in ((model, whole), (sparse, kept), (model, {}), (sparse, {})):
        given = {name: parameter.detach() for name, parameter in network.named_parameters()}
        with warnings.catch_warnings(), forward_ad.dual_level():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch warns of what it calls itself here
            dual = {name: forward_ad.make_dual(given[name], tangent) for name, tangent in tangents.items()}
            y = torch.func.functional_call(network, {**given, **dual}, (forward_ad.make_dual(x.detach(), along),))
            found.append(forward_ad.unpack_dual(y))
    for one, other in ((found[0], found[1]), (found[2], found[3])):
        torch.testing.assert_close(other.primal, one.primal, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(other.tangent, one.tangent, rtol=1e-12, atol=1e-12)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    monkeypatch.setattr("ertrain.masks.sparse.engines._WORTH_IT", 1)
    sparse, x = sparsify(masked((200, 300, 100), 0.1)), torch.randn(130, 200)
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            sparse.zero_grad()
            y = sparse(x)
            y.square().sum().backward()
            found.append([y.detach(), *(parameter.grad.clone() for parameter in sparse.parameters())])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


def test_a_drawn_mask_is_never_dense():
    mask = DrawnMask((20_000, 20_000), Fraction(1, 10_000), seed=1)
    tracemalloc.start()
    layer = SparseLinear(20_000, 20_000, mask, bias=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # of booleans, the mask would take 400 MB
    some = mask.to_csr(5000, 5100)
    np.testing.assert_array_equal(layer.to_csr()[5000:5100].indices, some.sorted_indices().indices)
    assert len(layer.weight) == len(layer.columns)


def test_copies_and_files_are_whole(tmp_path):
    sparse, x = sparsify(masked((6, 5, 4))), torch.randn(3, 6)
    state = sparse.state_dict()
    assert list(state) == [f"{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias", "starts", "columns")]
    save_file(state, tmp_path / "net.safetensors")
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    others = [copy.deepcopy(sparse), pickle.loads(pickle.dumps(sparse))]
    for loaded in (load_file(tmp_path / "net.safetensors"), torch.load(file, weights_only=True)):
        other = sparsify(masked((6, 5, 4)))
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.zero_()
        other.load_state_dict(loaded)
        others.append(other)
    for other in others:
        assert torch.equal(other(x), sparse(x))


def test_a_mask_that_is_loaded_is_used_backwards_too():
    here, there = (SparseLinear(2, 2, mask, bias=False) for mask in ([[1, 1], [0, 0]], [[0, 1], [1, 0]]))
    here.load_state_dict(there.state_dict())
    x = torch.ones(1, 2, requires_grad=True)
    here(x).sum().backward()
    torch.testing.assert_close(x.grad[0], there.to_dense().sum(0))


@pytest.mark.parametrize("place", [-1, 2, 2**30])
def test_places_outside_of_the_matrix_are_refused(place):
    layer = SparseLinear(2, 2, [[1, 1], [0, 1]])
    state = layer.state_dict()
    state["columns"] = torch.tensor([0, 1, place], dtype=torch.int32)
    with pytest.raises(InvalidInput, match="places in a matrix of shape"):
        layer.load_state_dict(state)


def test_a_mask_of_another_size_is_not_loaded():
    layer, x = SparseLinear(2, 2, [[1, 1], [0, 1]]), torch.ones(1, 2)
    before = layer(x)
    with pytest.raises(InvalidInput, match="expected 3 kept weights, got 4"):
        layer.load_state_dict(SparseLinear(2, 2, [[1, 1], [1, 1]]).state_dict())
    assert torch.equal(layer(x), before)


def test_under_autocast_the_weights_keep_their_type():
    layer = SparseLinear(4, 3, torch.ones(3, 4, dtype=torch.bool))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = nn.Linear(4, 4)(torch.ones(2, 4))
        y = layer(x)
    assert (x.dtype, y.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(y, x.float() @ layer.to_dense().t() + layer.bias)


@engines
def test_inputs_may_have_any_number_of_axes(engine):
    layer = SparseLinear(4, 3, torch.rand(3, 4) < 0.7, engine=engine)
    x = torch.randn(2, 5, 4)
    y = layer(x)
    assert y.shape == (2, 5, 3)
    torch.testing.assert_close(y, x @ layer.to_dense().t() + layer.bias)
    torch.testing.assert_close(layer(x[0, 0]), y[0, 0])


class ReadsWeights(nn.Module):
    """A module of somebody else's, whose code goes past its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return nn.functional.linear(x, self.inner.weight)


def test_layers_that_others_look_into_or_that_have_hooks_are_refused():
    reads, hooked = ReadsWeights(), masked((3, 3))
    attach_masks(reads, {"inner": torch.eye(3).bool()})
    hooked[0].register_forward_hook(lambda *given: 2 * given[-1])
    with pytest.raises(InvalidInput, match="got 'one read by ReadsWeights'"):
        sparsify(reads)
    with pytest.raises(InvalidInput, match="layer '0': expected no hooks but that of its mask"):
        sparsify(hooked)


@pytest.mark.parametrize("training", [True, False])
def test_an_encoder_layer_of_pytorch_is_computed_as_it_was(training):
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True).train(training)
    attach_masks(model, {"linear1": torch.rand(32, 16) < 0.5, "linear2": torch.rand(16, 32) < 0.5})
    sparse, x = sparsify(model), torch.randn(2, 5, 16)
    with torch.no_grad():
        torch.testing.assert_close(sparse(x), model(x))
    assert isinstance(sparse.linear1, SparseLinear)


def test_bad_input_is_named():
    shared = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    shared[1].weight = shared[0].weight
    attach_masks(shared, {"0": torch.eye(3).bool()})
    half = masked((3, 3)).half()
    empty = nn.Linear(2, 2)
    attach_masks(empty, {"": torch.zeros(2, 2, dtype=torch.bool)})
    for call, words in (
        (lambda: sparsify(nn.Linear(2, 2)), "at least one torch.nn.Linear or torch.nn.Conv2d with a mask"),
        (lambda: sparsify(shared), "shared with '1'"),
        (lambda: sparsify(half), "float32 or float64"),
        (lambda: sparsify(empty), "at least one kept weight"),
        (lambda: sparsify(masked((3, 3)), engine="cuda"), "auto, numba or torch"),
        (lambda: densify(nn.Linear(2, 2)), "at least one SparseLinear"),
        (lambda: SparseLinear(2, 2, [[1, 0]]), r"shape \(2, 2\)"),
        (lambda: SparseLinear(2, 2, [[0, 0], [0, 0]]), "at least one kept weight"),
        (lambda: SparseLinear(2, 2, [[1, 0], [0, 1]], dtype=torch.complex64), "torch.float32 or torch.float64"),
        (lambda: SparseLinear(2, 2, [[1, 0], [0, 1]]).half()(torch.ones(1, 2).half()), "float32 or torch.float64"),
        (lambda: SparseLinear(2, 2, [[1, 0], [0, 1]])(torch.ones(1, 3)), r"shape \(\.\.\., 2\)"),
        (lambda: engine_for("numba", torch.device("cuda")), "numba computes on the CPU"),
        (lambda: engine_for("auto", torch.device("meta")), "cpu or cuda"),
    ):
        with pytest.raises(InvalidInput, match=words):
            call()


# The compiler asks every tensor that comes back to it for its gradient, and PyTorch warns of that.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_compiled_networks_leave_sparse_layers_alone():
    sparse, x = sparsify(masked((6, 5, 4))), torch.randn(3, 6)
    around = nn.Sequential(nn.Tanh(), sparse, nn.Tanh(), sparsify(masked((4, 3)))[0])
    found = []
    for forward in (around, torch.compile(around, backend="aot_eager")):
        around.zero_grad()
        y = forward(x)
        y.square().sum().backward()
        found.append([y.detach(), *(parameter.grad for parameter in around.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
