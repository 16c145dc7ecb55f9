"""The sparse backend trains what the masked one trains, for every method that can be packed; files are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain import attach_masks, fit, guard, layer_shapes, masks_of  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.sparse import SparseConv2d, SparseLinear  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.methods.base import set_masks  # noqa: E402
from ertrain.models import factor_model  # noqa: E402
from ertrain.training import epoch  # noqa: E402
from ertrain.training.backend import PackedLayers, ShownLayers, choose_backend  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.process_group import ProcessGroup, join_process_group  # noqa: E402

BASE = Configuration(
    recipe="test", model="mlp-20-15", ratio="erk", density="0.4", epochs=2, batch=100, learning_rate=0.02
)
CASES = {
    "fixed": BASE,
    "snip": replace(BASE, method="snip", final_density="0.2"),
    "rigl": replace(BASE, method="rigl", final_density="0.2", update_every=4),
    "set": replace(BASE, method="set", final_density="0.2", update_every=4),
    "gradual": replace(BASE, method="gradual", final_density="0.2", update_every=4),
    "granet": replace(BASE, method="granet", final_density="0.2", update_every=4),
    "imp": replace(BASE, method="imp", final_density="0.2", epochs=1, round_keep=0.7),
    "str": replace(BASE, method="str", final_density="0.2", update_every=4, update_until=0.7),
    "edge-popup": replace(BASE, method="edge-popup", final_density="0.2"),
    "dropout": replace(
        BASE,
        model="transformer",
        data="modular-addition-31",
        ratio="uniform",
        epochs=1,
    ),
}
CPU = ProcessGroup(torch.device("cpu"))


class Killed(BaseException):
    pass


def run(configuration: Configuration, out: Path, backend: str, *, stop_after: int | None = None) -> dict:
    def progress(line):
        if line["epoch"] == stop_after:
            raise Killed

    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out / "data", progress=progress, backend=backend)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {**load_file(folder / "checkpoint.safetensors"), **load_file(folder / "state.safetensors")}


def assert_near(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Hold two checkpoints against one another: the same names, types, shapes and masks, numbers but for roundings."""
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        there = other[name]
        assert (tensor.dtype, tensor.shape) == (there.dtype, there.shape), name
        if tensor.is_floating_point():
            # float32 after 30 steps; masks that differed in one place would change whole weights.
            torch.testing.assert_close(tensor, there, rtol=0, atol=2e-5 * max(1.0, there.abs().max().item()))
        else:
            assert torch.equal(tensor, there), name


@pytest.mark.parametrize("name", CASES)
def test_both_backends_train_the_same_network(name, tmp_path, monkeypatch):
    configuration, seen = CASES[name], set()
    operand = SparseLinear.operand

    def watched(layer, **how):
        seen.add(layer.in_features)
        return operand(layer, **how)

    monkeypatch.setattr(SparseLinear, "operand", watched)
    results = {backend: run(configuration, tmp_path / backend, backend) for backend in ("masked", "sparse")}
    assert {64, 20, 15} <= seen if configuration.model == BASE.model else seen
    assert {backend: result["backend"] for backend, result in results.items()} == {
        "masked": "masked",
        "sparse": "sparse",
    }
    one, other = ({**result, "backend": ""} for result in results.values())
    for measured in ("seconds", "memory_peak"):
        assert one.pop(measured) > 0
        other.pop(measured)
    # Weights, gradients, momentum and masks of all entries; or of the kept ones, and where they are.
    memory = one.pop("memory_train"), other.pop("memory_train")
    assert memory[0] > memory[1] if name == "fixed" else min(memory) > 0
    for key in [key for key in one if key.startswith("accuracy")]:
        assert one.pop(key) == pytest.approx(other.pop(key), abs=0.01), key  # of at least 100 images
    assert one == other
    folders = [tmp_path / backend / configuration.folder for backend in results]
    assert_near(*map(tensors, folders))
    starts = [json.loads((folder / "start.json").read_text()) for folder in folders]
    assert starts[0] == starts[1]


@pytest.mark.parametrize("name", [name for name in CASES if name != "dropout"])
def test_a_run_is_resumed_with_the_other_backend_or_to_the_same_bits_with_its_own(name, tmp_path):
    configuration = CASES[name]
    whole = run(configuration, tmp_path / "whole", "sparse")
    for then in ("sparse", "masked"):
        out = tmp_path / then
        with pytest.raises(Killed):
            run(configuration, out, "sparse", stop_after=1)
        assert run(configuration, out, then)["backend"] == then
        folders = [one / configuration.folder for one in (tmp_path / "whole", out)]
        if then == "sparse":
            bits, again = map(tensors, folders)
            assert all(torch.equal(tensor, again[key]) for key, tensor in bits.items())
        else:
            assert_near(*map(tensors, folders))
    assert whole["density_final"] == json.loads((folders[1] / "result.json").read_text())["density_final"]


@pytest.mark.parametrize("name", ["rigl", "set", "gradual", "granet"])
def test_masks_change_only_at_the_steps_that_say_so(name, tmp_path, monkeypatch):
    """A method that changed its masks at another step would do so while the layers are packed."""
    configuration, changed = CASES[name], []

    class Watched(METHODS[configuration.method]):
        def step(self, optimiser, at):
            before = {layer: mask.clone() for layer, mask in masks_of(self.model).items()}
            super().step(optimiser, at)
            after = masks_of(self.model)
            same = all(torch.equal(mask, after[layer]) for layer, mask in before.items())
            assert same or self.changes_masks(at)
            changed.append(not same)

    monkeypatch.setitem(METHODS, configuration.method, Watched)
    run(configuration, tmp_path, "masked")
    assert any(changed)


def masked_mlp(density: float, neurons: int = 400) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(300, neurons), nn.ReLU(), nn.Linear(neurons, 10))
    attach_masks(model, {name: torch.rand(model[int(name)].weight.shape) < density for name in ("1", "3")})
    return model


@pytest.mark.parametrize(
    ("density", "backend", "names"),
    [
        (0.1, "auto", ("1",)),
        (0.1, "sparse", ("1", "3")),
        (0.1, "masked", ()),
        (0.5, "auto", ()),
        (0.5, "sparse", ("1", "3")),
    ],
)
def test_auto_takes_large_layers_of_low_density(density, backend, names):
    assert choose_backend(backend, BASE, masked_mlp(density), CPU) == names


@pytest.mark.parametrize(("density", "channels", "names"), [(0.2, 64, ("0", "2")), (0.3, 64, ()), (0.05, 16, ("2",))])
def test_auto_takes_convolutions_where_they_are_sooner(density, channels, names):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3))
    attach_masks(model, {name: torch.rand(model[int(name)].weight.shape) < density for name in ("0", "2")})
    assert choose_backend("auto", BASE, model, CPU) == names
    assert choose_backend("sparse", BASE, model, CPU) == ("0", "2")


@pytest.mark.parametrize(("factors", "density"), [(2, 0.05), (2, 0.2), (3, 0.2)])
def test_auto_takes_two_convolutions_that_are_multiplied_first_both_or_neither(factors, density):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 64, 3), nn.ReLU(), nn.Conv2d(64, 4, 1))
    factor_model(model, density=str(density), factors=factors)
    attach_masks(model, {layer.name: torch.rand(layer.shape) < density for layer in layer_shapes(model)})
    every = {layer.name for layer in layer_shapes(model)}
    assert set(choose_backend("sparse", BASE, model, CPU)) == every
    chosen = set(choose_backend("auto", BASE, model, CPU))
    if factors == 2:
        assert chosen == (every if density == 0.05 else set())
    else:  # three are applied one after the other, and some have too few weights
        assert "0.inner" in chosen
        assert "2.outer" not in chosen


def test_auto_leaves_two_factors_dense_where_one_of_them_is_or_keeps_no_weight():
    for kept in (1.0, 0.0):
        model = nn.Sequential(factor_model(nn.Conv2d(8, 64, 3), density="0.05"))
        attach_masks(model, {"0.inner": torch.rand(model[0].inner.weight.shape) < 0.05})
        attach_masks(model, {"0.outer": torch.rand(model[0].outer.weight.shape) < kept})
        assert choose_backend("auto", BASE, model, CPU) == ()


def pointwise() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(6, 9, 1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(9 * 16, 10)).double()
    attach_masks(model, {"0": torch.rand(9, 6, 1, 1) < 0.5, "3": torch.rand(10, 9 * 16) < 0.3})
    return model


def trained_pointwise(*, packs: bool) -> list[torch.Tensor]:
    model = pointwise()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    guard(optimiser, model)
    layers, x, t = PackedLayers(model, optimiser, ("0", "3")), torch.randn(7, 6, 8, 8).double(), torch.arange(7)
    for step in range(9):
        if step == 4:
            layers.unpack()
            set_masks(model, {"0": masks_of(model)["0"].roll(1)}, optimiser)
        if packs:
            layers.pack()
            assert isinstance(model[0], SparseConv2d)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimiser.step()
    layers.unpack()
    state = optimiser.state[model[0].weight]
    return [*masks_of(model).values(), *model.parameters(), state["exp_avg"], state["exp_avg_sq"]]


def test_convolutions_train_as_masked_ones_while_masks_change():
    for one, other in zip(trained_pointwise(packs=False), trained_pointwise(packs=True), strict=True):
        torch.testing.assert_close(one.detach(), other.detach(), rtol=1e-10, atol=1e-12)


def test_convolutions_that_are_shown_have_the_gradients_of_their_mask():
    model = pointwise()
    drawn = {"0": masks_of(model)["0"].clone()}
    layers, x = ShownLayers(model, drawn), torch.randn(7, 6, 8, 8).double()
    layers.pack()
    assert isinstance(model[0], SparseConv2d)
    model(x).square().sum().backward()
    layers.before_step()
    found = model[0].weight.grad.clone()
    model.zero_grad()
    model(x).square().sum().backward()
    torch.testing.assert_close(found, model[0].weight.grad * drawn["0"], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", ["fixed", "rigl", "edge-popup"])
def test_a_network_with_convolutions_is_trained_by_both(method, monkeypatch):
    torch.manual_seed(0)
    x, t, seen = torch.randn(80, 3, 6, 6), torch.arange(80) % 4, []
    body = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.ReLU()
    model = nn.Sequential(*body, nn.Flatten(), nn.Linear(48, 9, bias=False), nn.Linear(9, 4))
    compute = SparseConv2d._compute
    monkeypatch.setattr(SparseConv2d, "_compute", lambda layer, given: seen.append(1) or compute(layer, given))
    more = {"final_density": "0.3", "update_every": 2} if method == "rigl" else {}
    trained = []
    for backend in ("masked", "sparse"):
        how = {
            "density": "0.4",
            "ratio": "uniform",
            "epochs": 2,
            "batch": 20,
            "learning_rate": 0.02,
            "validation": 0.25,
        }
        trained.append(fit(model, (x, t), method=method, backend=backend, **how, **more).model)
        assert bool(seen) == (backend == "sparse")
    for (name, one), (_, other) in zip(*(network.state_dict().items() for network in trained), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5, msg=name)


def test_auto_leaves_what_sparse_refuses():
    model = masked_mlp(0.1)
    grouped = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2))
    attach_masks(grouped, {"0": torch.rand(4, 2, 3, 3) < 0.5})
    alone = nn.Linear(1000, 1000)
    attach_masks(alone, {"": torch.rand(1000, 1000) < 0.1})
    cases = (
        (BASE, alone, CPU, "one layer"),
        (replace(BASE, compile=True), model, CPU, "compile"),
        (BASE, model, ProcessGroup(torch.device("cpu"), 0, 2), "several processes"),
        (BASE, grouped, CPU, "no linear layer"),
    )
    for configuration, network, processes, words in cases:
        assert choose_backend("auto", configuration, network, processes) == ()
        with pytest.raises(InvalidInput, match=words):
            choose_backend("sparse", configuration, network, processes)
    with pytest.raises(InvalidInput, match="one of auto, masked, sparse"):
        choose_backend("dense", BASE, model, CPU)  # type: ignore[arg-type]


def test_packing_moves_the_optimiser_there_and_back_bit_for_bit():
    model = masked_mlp(0.2)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    guard(optimiser, model)
    x, t = torch.randn(20, 300), torch.randint(10, (20,))
    for _ in range(2):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimiser.step()
    optimiser.zero_grad()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = {
        (number, key): value.clone()
        for number, parameter in enumerate(model.parameters())
        for key, value in optimiser.state[parameter].items()
    }
    layers, generator = PackedLayers(model, optimiser, ("1", "3")), torch.random.get_rng_state()
    layers.pack()
    layers.pack()
    assert [tuple(parameter.shape) for parameter in optimiser.param_groups[0]["params"]] == [
        tuple(parameter.shape) for parameter in model.parameters()
    ]
    assert all(parameter.dim() == 1 for parameter in model.parameters())
    layers.unpack()
    layers.unpack()
    assert torch.equal(torch.random.get_rng_state(), generator)  # nobody else's random numbers are used up
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    again = {
        (number, key): value
        for number, parameter in enumerate(model.parameters())
        for key, value in optimiser.state[parameter].items()
    }
    assert kept.keys() == again.keys()
    assert all(torch.equal(value, again[place]) for place, value in kept.items())


def test_layers_that_are_shown_have_the_gradients_of_all_of_their_mask():
    """The mask S_ER, not that of the weights in use, and twice where gradients are accumulated."""
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))
    drawn = {name: torch.rand(model[int(name)].weight.shape) < 0.6 for name in ("0", "2")}
    attach_masks(model, drawn)
    with torch.no_grad():
        model[0].weight[0] = 0  # out of use
    layers, x = ShownLayers(model, drawn), torch.randn(4, 7)
    bias, dense = model[0].bias, model[0]
    layers.pack()
    assert isinstance(model[0], SparseLinear)
    for _ in range(2):
        model(x).square().sum().backward()
    layers.before_step()
    assert model[0] is dense
    assert model[0].bias is bias
    found = [model[0].weight.grad, bias.grad.clone(), model[2].weight.grad]
    model.zero_grad()
    for _ in range(2):
        model(x).square().sum().backward()
    right = [model[0].weight.grad * drawn["0"], bias.grad, model[2].weight.grad * drawn["2"]]
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other)
    layers.pack()
    layers.unpack()
    model.zero_grad()
    layers.pack()
    layers.before_step()  # no pass in between
    assert model[0].weight.grad is None


def test_an_epoch_ends_as_it_may_be_looked_at(tmp_path, monkeypatch):
    """Validation may see packed layers; what is written down never does."""
    looked = []
    original = epoch.accuracies
    monkeypatch.setattr(
        "ertrain.training.loop.accuracies",
        lambda model, *rest, **more: (
            looked.append(any(isinstance(layer, SparseLinear) for layer in model.modules()))
            or original(model, *rest, **more)
        ),
    )
    run(BASE, tmp_path, "sparse")
    assert looked[:2] == [True, True]
    stored = load_file(tmp_path / BASE.folder / "checkpoint.safetensors")
    assert all(stored[f"{name}.weight"].dim() == 2 for name in ("fc1", "fc2", "fc3"))
