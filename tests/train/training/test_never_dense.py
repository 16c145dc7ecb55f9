"""Runs of the sparse backend hold kept weights from the configuration to the result: no matrix of a layer is made."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from ertheory.layerwise.architectures import LayerShape  # noqa: E402
from ertrain import attach_masks, fit, masks_of, sparsify  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.data import load_data  # noqa: E402
from ertrain.masks import entries  # noqa: E402
from ertrain.masks.sparse.kept import KeptLinear  # noqa: E402
from ertrain.methods import METHODS as training_methods  # noqa: E402
from ertrain.models.initialisation import INITIALISATIONS  # noqa: E402
from ertrain.training import kept_files, kept_start, make_optimiser, memory, train_epoch  # noqa: E402
from ertrain.training.backend import PackedLayers, never_dense  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.process_group import ProcessGroup, join_process_group  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402

LARGE = Configuration(
    recipe="test",
    model="mlp-1800-1600",
    density="0.002",
    epochs=1,
    batch=320,
    learning_rate=0.02,
    initialisation="paper",
)
ENTRIES = 1800 * 1600
METHODS = {
    "fixed": LARGE,
    "exact": replace(LARGE, drawing="exact"),
    "rigl": replace(LARGE, method="rigl", final_density="0.001", update_every=1),
    "set": replace(LARGE, method="set", final_density="0.001", update_every=1),
    "gradual": replace(LARGE, method="gradual", final_density="0.001", update_every=2),
    "imp": replace(LARGE, method="imp", final_density="0.001", round_keep=0.5),
    "snip": replace(LARGE, method="snip", final_density="0.001"),
    "str": replace(LARGE, method="str", final_density="0.001", update_every=2),
    "edge-popup": replace(LARGE, method="edge-popup", final_density="0.001"),
}
CPU = ProcessGroup(torch.device("cpu"))


class Watched(TorchDispatchMode):
    """Remember the largest tensor with memory that any operation of PyTorch's gives."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function, kinds, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        sizes = [
            one.untyped_storage().nbytes()
            for one in tree_leaves(found)
            if isinstance(one, torch.Tensor) and not one.is_meta
        ]
        self.largest = max(self.largest, *sizes, 0)
        return found


def run(configuration: Configuration, out: Path, backend: str) -> dict:
    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out / "data", backend=backend)


@pytest.mark.parametrize("name", METHODS)
def test_no_array_of_a_run_has_the_size_of_a_matrix(name, tmp_path, monkeypatch):
    """Neither tensors of PyTorch's, by what operations give, nor arrays of NumPy's, by what is allocated."""
    monkeypatch.setattr(entries, "_BLOCK", 2**14)
    monkeypatch.setattr(kept_files, "_LARGE", 2**16)
    run(replace(METHODS[name], model="mlp-40-30", density="0.2"), tmp_path, "sparse")  # loads and compiles
    tracemalloc.start()
    try:
        with Watched() as watched:
            result = run(METHODS[name], tmp_path, "sparse")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result["backend"] == "sparse"
    # A pass of 360 inputs has 2.6 MB of activations a layer; a mask of a byte an entry would have 2.9 MB.
    assert watched.largest < ENTRIES
    assert peak < ENTRIES
    stored = load_file(tmp_path / METHODS[name].folder / "checkpoint.safetensors")
    assert max(tensor.numel() for tensor in stored.values()) < 64 * 1800


def test_the_masked_backend_makes_them(tmp_path):
    """What the other test would see."""
    load_data("digits", tmp_path)
    with Watched() as watched:
        run(LARGE, tmp_path, "masked")
    assert watched.largest >= 4 * ENTRIES


@pytest.mark.parametrize("draw", [torch.rand, torch.randn])
@pytest.mark.parametrize("size", [1, 15, 16, 63, 64, 79, 80, 81, 150])
def test_numbers_drawn_in_blocks_are_those_drawn_at_once(size, draw, monkeypatch):
    monkeypatch.setattr(entries, "_BLOCK", 64)
    whole = draw(1, size, generator=torch.Generator().manual_seed(2))
    mask = whole > whole.median() - 1
    for layer in (nn.Linear(size, 1), KeptLinear(size, 1, mask.numpy())):
        generator, other = (torch.Generator().manual_seed(2) for _ in range(2))
        found = entries.random_entries(layer, draw, generator)
        assert torch.equal(found, whole if isinstance(layer, nn.Linear) else whole[mask])
        draw(size, generator=other)
        assert torch.equal(generator.get_state(), other.get_state())


@pytest.mark.parametrize("drawing", ["independent", "exact", "constant-fan-in", "n:4", "block-3x5"])
@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_masks_and_first_weights_are_those_of_the_masked_backend_bit_for_bit(drawing, initialisation, monkeypatch):
    monkeypatch.setattr(entries, "_BLOCK", 1000)
    configuration = Configuration(
        recipe="test", model="mlp-47-33", density="0.3", drawing=drawing, initialisation=initialisation, seed=5
    )
    data = load_data("digits", Path())
    dense, densities = start_model(configuration, data)
    kept, same = start_model(configuration, data, kept=never_dense("sparse", configuration, CPU))
    assert densities == same
    for name, mask in masks_of(dense).items():
        one, other = dense.get_submodule(name), kept.get_submodule(name)
        assert isinstance(other, KeptLinear)
        assert torch.equal(other.to_mask(), mask)
        assert torch.equal(other.to_dense(), one.weight)
        assert torch.equal(other.bias, one.bias)


@pytest.mark.parametrize("factored", [0, 2, 3])
@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_convolutions_begin_alike_bit_for_bit(initialisation, factored, monkeypatch):
    monkeypatch.setattr(entries, "_BLOCK", 1000)
    configuration = Configuration(
        recipe="test", model="resnet20", width="1/8", density="0.5", initialisation=initialisation, factored=factored
    )
    data = load_data("digits", Path())
    dense, _ = start_model(configuration, data)
    kept, _ = start_model(configuration, data, kept=never_dense("sparse", configuration, CPU))
    assert not any(isinstance(layer, nn.Conv2d) for layer in kept.modules())
    for name, mask in masks_of(dense).items():
        one, other = dense.get_submodule(name), kept.get_submodule(name)
        assert other.whole_shape == one.weight.shape
        assert torch.equal(other.to_mask().view_as(mask), mask)
        assert torch.equal(other.to_dense().view_as(mask), one.weight)
    images = torch.randn(3, *data.train.shape)
    torch.testing.assert_close(kept.eval()(images), dense.eval()(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("ratio", ["magnitude", "snip", "grasp", "synflow", "imp"])
def test_layers_with_the_ratio_of_a_pruning_method_begin_alike_and_dense_only_until_it_is_known(ratio, monkeypatch):
    monkeypatch.setattr(entries, "_BLOCK", 1000)
    configuration = Configuration(recipe="test", model="mlp-47-33", density="0.3", ratio=ratio, seed=5)
    data, looked = load_data("digits", Path()), []
    how = {"fit": lambda network: looked.append(network), "kept": never_dense("sparse", configuration, CPU)}
    dense, densities = start_model(configuration, data, fit=how["fit"])
    kept, same = start_model(configuration, data, **how)
    assert densities == same
    assert len(set(densities.densities)) == 3
    with Watched() as watched:
        again, _ = start_model(configuration, data, known=densities.densities, **how)
    assert watched.largest < 4 * 47 * 64
    for name, mask in masks_of(dense).items():
        for model in (kept, again):
            other = model.get_submodule(name)
            assert isinstance(other, KeptLinear)
            assert torch.equal(other.to_mask(), mask)
        assert torch.equal(kept.get_submodule(name).to_dense(), dense.get_submodule(name).weight)


@pytest.mark.parametrize("repair", ["add", "swap"])
def test_layers_with_repaired_masks_begin_alike(repair):
    configuration = Configuration(recipe="test", model="mlp-47-33", density="0.04", repair=repair, seed=5)
    data = load_data("digits", Path())
    drawn, _ = start_model(replace(configuration, repair="none"), data)
    dense, _ = start_model(configuration, data)
    kept, _ = start_model(configuration, data, kept=never_dense("sparse", configuration, CPU))
    changed = 0
    for name, mask in masks_of(dense).items():
        other = kept.get_submodule(name)
        assert isinstance(other, KeptLinear)
        assert torch.equal(other.to_mask(), mask)
        assert torch.equal(other.to_dense(), dense.get_submodule(name).weight)
        changed += int((mask != masks_of(drawn)[name]).sum())
    assert changed > 0


def test_a_factored_network_and_dense_layers_begin_alike():
    configuration = Configuration(
        recipe="test", model="mlp-8", density="0.5", factored=2, failure_probability="0.5", outer="frozen"
    )
    data = load_data("digits", Path())
    for one in (configuration, replace(configuration, factored=0, dense_layers=("first",))):
        dense, _ = start_model(one, data)
        kept, _ = start_model(one, data, kept=never_dense("sparse", one, CPU))
        assert any(isinstance(layer, KeptLinear) for layer in kept.modules())
        for (name, parameter), (again, other) in zip(dense.named_parameters(), kept.named_parameters(), strict=True):
            layer = kept.get_submodule(name.rpartition(".")[0])
            whole = layer.to_dense() if isinstance(layer, KeptLinear) and other.dim() < parameter.dim() else other
            assert name == again
            assert torch.equal(whole, parameter)
            assert parameter.requires_grad == other.requires_grad


def test_auto_takes_convolutions_that_pay_and_two_factors_together():
    """From 1,024 weights on, down from density 0.25; factors of any size from 0.1 on, since they are multiplied."""
    shapes = {"small": LayerShape("c", (8, 8, 3, 3)), "large": LayerShape("c", (16, 16, 3, 3))}
    for factored, expected in ((0, {("large", 0.2), ("large", 0.1)}), (2, {("small", 0.1), ("large", 0.1)})):
        chosen = never_dense("auto", replace(LARGE, factored=factored), CPU)
        found = {(name, p) for name, shape in shapes.items() for p in (0.0, 0.1, 0.2, 0.3, 1.0) if chosen(shape, p)}
        assert found == expected


@pytest.mark.parametrize("name", ["fixed", "rigl"])
def test_a_network_of_convolutions_is_resumed_by_either_backend(name, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "_LARGE", 100)
    configuration = Configuration(
        recipe="test", model="resnet20", width="1/8", density="0.5", epochs=2, batch=700, learning_rate=0.02
    )
    if name == "rigl":
        configuration = replace(configuration, method="rigl", final_density="0.3", update_every=1)
    weights = []
    for backends in (("masked", "masked"), ("sparse", "masked"), ("masked", "sparse")):
        out = tmp_path / "-".join(backends)
        with join_process_group("cpu") as processes, pytest.raises(KeyboardInterrupt):
            perform(configuration, out, processes, data_dir=out, progress=_interrupt, backend=backends[0])
        result = run(configuration, out, backends[1])
        assert result["backend"] == backends[1]
        files = load_file(out / configuration.folder / "checkpoint.safetensors")
        model = start_model(configuration, load_data("digits", out))[0]
        whole = kept_files.spread_weights(model, files)
        weights.append({key: tensor for key, tensor in whole.items() if not key.endswith("mask_initial")})
    for found in weights[1:]:
        assert found.keys() == weights[0].keys()
        for key, tensor in weights[0].items():
            torch.testing.assert_close(found[key].double(), tensor.double(), rtol=1e-3, atol=1e-3)


def test_places_at_which_weights_meet_images_are_counted():
    """Of every kept weight three numbers of 4 bytes, besides the twelve bytes of a linear layer's places."""
    layer = nn.Sequential(kept_start._kept(nn.Conv2d(20, 30, 3, padding=1), torch.ones(30, 20, 3, 3).bool().numpy()))
    before = memory.training_memory(layer, LARGE)
    layer(torch.ones(2, 20, 4, 5))
    images, planes = 4 * (20 * 4 * 5 + 30 * 4 * 5), 8 * (20 + 1) + 32
    assert memory.training_memory(layer, LARGE) - before == 12 * 30 * 20 * 9 + images + planes


def _interrupt(line: dict) -> None:
    if line["epoch"] == 1:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["fixed", "rigl", "str"])
def test_a_run_whose_files_have_kept_weights_is_resumed_by_either_backend(name, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_files, "_LARGE", 100)
    more = {} if name == "fixed" else {"final_density": "0.2", "method": name}
    more |= {"update_every": 4} if name in ("rigl", "str") else {"round_keep": 0.6} if name == "imp" else {}
    configuration = Configuration(
        recipe="test", model="mlp-20-15", density="0.4", epochs=2, batch=100, learning_rate=0.02, **more
    )

    class Killed(BaseException):
        pass

    def stop(line):
        if line["epoch"] == 1:
            raise Killed

    results = {}
    for backend, then in (("sparse", None), ("sparse", "sparse"), ("sparse", "masked"), ("masked", "sparse")):
        out = tmp_path / f"{backend}-{then}"
        with join_process_group("cpu") as processes:
            if then is not None:
                with pytest.raises(Killed):
                    perform(configuration, out, processes, data_dir=out, progress=stop, backend=backend)
                names = load_file(out / configuration.folder / "checkpoint.safetensors")
                assert ("fc1.weight.columns" in names) == (backend == "sparse")
            perform(configuration, out, processes, data_dir=out, backend=then or backend)
        files = load_file(out / configuration.folder / "checkpoint.safetensors")
        results[backend, then] = kept_files.spread_weights(
            start_model(configuration, load_data("digits", out))[0], files
        )
    whole = results["sparse", None]
    for way, weights in results.items():
        for key in ("fc1.weight", "fc2.weight", "fc2.bias", "fc1.weight.mask_final"):
            if way == ("sparse", "sparse") or "mask" in key:
                assert torch.equal(weights[key], whole[key]), (way, key)
            torch.testing.assert_close(weights[key].double(), whole[key].double(), rtol=0, atol=1e-4)


def test_files_of_another_pattern_are_refused(tmp_path, monkeypatch):
    from ertrain.errors import RunFolderError
    from ertrain.training import runs

    monkeypatch.setattr(kept_files, "_LARGE", 100)
    configuration = Configuration(recipe="test", model="mlp-20", density="0.4", epochs=1, batch=100)
    run(configuration, tmp_path, "sparse")
    folder = tmp_path / configuration.folder
    checkpoint = runs.load_checkpoint(folder)
    moved = {**checkpoint.weights, "fc1.weight.columns": checkpoint.weights["fc1.weight.columns"].flip(0)}
    runs.save_checkpoint(folder, replace(checkpoint, weights=moved))
    (folder / "result.json").unlink()
    with pytest.raises(RunFolderError, match="the weights of fc1 are in other places"):
        run(configuration, tmp_path, "sparse")


def test_fit_trains_the_kept_weights_of_a_network_of_ones_own(monkeypatch):
    """What is shared or has hooks stays dense with masks."""
    torch.manual_seed(0)
    x, t, made = torch.randn(80, 6), torch.arange(80) % 4, []
    model = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 4))
    model[2].register_forward_hook(lambda *_: None)
    build = kept_start._kept
    monkeypatch.setattr(kept_start, "_kept", lambda layer, drawn: made.append(layer) or build(layer, drawn))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    how = {"density": "0.4", "ratio": "uniform", "epochs": 2, "batch": 20, "learning_rate": 0.02, "validation": 0.25}
    one, other = (fit(model, (x, t), backend=backend, **how) for backend in ("masked", "sparse"))
    assert made == [model[0], model[4]]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    for name, tensor in one.model.state_dict().items():
        torch.testing.assert_close(tensor, other.model.state_dict()[name], rtol=0, atol=1e-5)


def test_a_matrix_out_of_reach_takes_numbers_of_its_kept_weights_alone(monkeypatch):
    monkeypatch.setattr(entries, "OUT_OF_REACH", 1000)
    monkeypatch.setattr(kept_start, "OUT_OF_REACH", 1000)
    configuration = replace(LARGE, model="mlp-60-50", density="0.1", initialisation="sparse")
    model, _ = start_model(
        configuration, load_data("digits", Path()), kept=never_dense("auto", replace(configuration), CPU)
    )
    assert not any(isinstance(layer, KeptLinear) for layer in model.modules())  # too small for auto
    model, _ = start_model(configuration, load_data("digits", Path()), kept=never_dense("sparse", configuration, CPU))
    layer = model.fc1
    assert isinstance(layer, KeptLinear)
    kept = len(layer.weight)
    assert abs(kept - 384) < 5 * 384**0.5
    # Variance 2 / (p fan-in): of 384 normal numbers it is off by half of itself once in 10^10 draws; the seed is fixed.
    assert layer.weight.var().item() == pytest.approx(2 * 60 / kept, rel=0.5)


def test_what_needs_whole_matrices_is_made_of_them():
    for changed in (
        {"method": "grasp", "final_density": "0.1"},
        {"compile": True},
    ):
        assert never_dense("sparse", replace(LARGE, density="0.2", **changed), CPU) is None
    assert never_dense("masked", LARGE, CPU) is None
    assert never_dense("sparse", LARGE, ProcessGroup(torch.device("cpu"), 0, 2)) is None


def test_the_result_counts_what_is_held(tmp_path):
    result = run(LARGE, tmp_path, "sparse")
    start = json.loads((tmp_path / LARGE.folder / "start.json").read_text())
    kept = sum(layer["nonzeros"] for layer in result["layers"])
    assert [layer["weights"] for layer in result["layers"]] == [64 * 1800, ENTRIES, 16_000]
    assert result["density_realised"] == start["density_realised"] == kept / (64 * 1800 + ENTRIES + 16_000)
    # Weight, gradient, momentum, twelve bytes of places, two of masks; starts of rows and columns and biases beside.
    assert 26 * kept <= result["memory_train"] <= 26 * kept + 40 * (64 + 2 * 3400 + 10)
    assert result["memory_dense"] == 4 * 3 * (64 * 1800 + ENTRIES + 16_000 + 3410)


SMALL = replace(LARGE, model="mlp-40-30", density="0.3", optimiser="sgd")
HOLDING = {
    "sgd": (SMALL, False),
    "nesterov": (replace(SMALL, optimiser="nesterov"), True),
    "accumulation": (replace(SMALL, accumulation=2), True),
    "no momentum": (replace(SMALL, momentum=0.0), True),
    "rigl": (replace(SMALL, method="rigl", final_density="0.2", update_every=2), True),  # at steps that rewire
    "dense": (replace(SMALL, dense_layers=("last",)), False),  # which has gradients, but no masked layer has
}


@pytest.mark.parametrize("name", HOLDING)
def test_gradients_count_where_a_step_holds_them(name, tmp_path, monkeypatch):
    configuration, holds = HOLDING[name]
    method, seen, counted = training_methods[configuration.method], list[int](), list[int]()
    step, count = method.step, memory.training_memory

    def watched(self, optimiser, at):
        moved = [one for group in optimiser.param_groups for one in group["params"]]
        seen.append(sum(one.grad.nbytes for one in moved if one.grad is not None))
        step(self, optimiser, at)

    def bare(model, configuration, method, **how):
        """What is held without any gradient."""
        for one in model.parameters():
            one.requires_grad_(False)
        counted.append(count(model, configuration, method, beside=how["beside"]))
        for one in model.parameters():
            one.requires_grad_(True)
        return count(model, configuration, method, **how)

    monkeypatch.setattr(method, "step", watched)
    monkeypatch.setattr(memory, "training_memory", bare)
    result = run(configuration, tmp_path, "sparse")
    kept = [4 * layer["nonzeros"] for layer in result["layers"]]
    at_once = 0 if holds else max(*kept, 4 * 40)
    assert result["memory_train"] - counted[-1] == max(seen) + at_once
    assert (max(seen) > sum(kept)) is holds or name == "dense"
    assert len(set(seen)) == (2 if name == "rigl" else 1)


@pytest.mark.parametrize("exchanged", [True, False])
def test_gradients_are_there_at_a_step_but_of_layers_that_are_exchanged(exchanged):
    """As they are counted: a sparse layer of somebody's own has a gradient, which hooks of the optimiser may cut."""
    data = load_data("digits", Path(), examples=SMALL.batch * 2)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    attach_masks(model, {"1": torch.rand(10, 64, generator=torch.Generator().manual_seed(0)) < 0.3})
    model = model if exchanged else sparsify(model)
    optimiser, seen = make_optimiser(SMALL, model), []
    layers = PackedLayers(model, optimiser, ("1",)) if exchanged else None
    optimiser.register_step_pre_hook(lambda *_: seen.append(model[1].weight.grad is not None))
    train_epoch(SMALL, model, optimiser, data, 0, CPU, layers=layers)
    assert set(seen) == {not exchanged}


def test_a_layer_that_loses_all_of_its_weights_stays_as_it_is(tmp_path):
    """One threshold for all layers may leave nothing of one of them."""
    configuration = replace(
        LARGE, model="mlp-40-30", method="gradual", density="0.2", final_density="0.01", update_every=1
    )
    results = [run(replace(configuration, seed=seed), tmp_path, "sparse") for seed in range(2)]
    assert any(layer["nonzeros"] == 0 for result in results for layer in result["layers"])
