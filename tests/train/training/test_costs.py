"""What training costs, by method: operations counted step by step from the masks, bytes, and beside them dense ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.guarding import guard  # noqa: E402
from ertrain.masks.masking import masks_of  # noqa: E402
from ertrain.masks.shapes import layer_shapes  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.models import build_model  # noqa: E402
from ertrain.training import make_optimiser  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.memory import dense_memory, training_memory  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402

BATCH, STEPS = 100, 12  # of an epoch of digits
FIXED = Configuration(recipe="test", model="mlp-20-15", density="0.5", epochs=2, batch=BATCH, learning_rate=0.05)
PARTLY = replace(FIXED, dense_layers=("last",))
CASES = {
    "fixed": FIXED,
    "rigl": replace(PARTLY, method="rigl", final_density="0.4", update_every=5),
    "set": replace(PARTLY, method="set", final_density="0.4", update_every=5),
    "gradual": replace(FIXED, method="gradual", final_density="0.1", update_every=4),
    "imp": replace(FIXED, method="imp", final_density="0.3", round_keep=0.7, rewind_step=3),
    "str": replace(FIXED, method="str", final_density="0.1", update_every=1),
    "str-free": replace(FIXED, method="str", threshold_start=-4.0, update_every=1),
    "edge-popup": replace(PARTLY, method="edge-popup", final_density="0.4", levels=2),
}


def weights_of(model, masks) -> int:
    return sum(int(masks[layer.name].sum()) if layer.name in masks else layer.weights for layer in layer_shapes(model))


@pytest.mark.parametrize("name", CASES)
def test_operations_are_those_of_the_masks_at_every_step(name, tmp_path, monkeypatch):
    configuration, passes, kept = CASES[name], [], []

    class Watched(METHODS[configuration.method]):
        def step(self, optimiser, at):
            now, drawn = weights_of(self.model, masks_of(self.model)), weights_of(self.model, self.drawn)
            backwards = now
            if configuration.method == "rigl" and at % 5 == 0 and 0 < at < self.end:
                backwards = drawn
            if configuration.method == "edge-popup":  # layers without scores learn nothing
                backwards = sum(int(mask.sum()) for mask in self.drawn.values())
            passes.append(2 * now + backwards)
            kept.append(now)
            super().step(optimiser, at)

    monkeypatch.setitem(METHODS, configuration.method, Watched)
    with join_process_group("cpu") as processes:
        result = perform(configuration, tmp_path, processes, data_dir=tmp_path)
    assert result["flops_train"] == 2 * BATCH * sum(passes)
    total = sum(layer["weights"] for layer in result["layers"])
    total += 10 * 15 if configuration.dense_layers else 0
    # One training of the dense network, which is what a user would do instead.
    assert result["flops_dense"] == 3 * 2 * total * BATCH * STEPS * configuration.epochs
    assert len(set(kept)) > 1 or configuration.method in ("fixed", "rigl", "set")
    rounds = {"imp": 3, "edge-popup": 2}.get(configuration.method, 1)
    skipped = 3 * (rounds - 1) if configuration.method == "imp" else 0
    assert len(passes) == rounds * configuration.epochs * STEPS - skipped


@pytest.mark.parametrize(("optimiser", "momentum", "moments"), [("sgd", 0.0, 0), ("nesterov", 0.9, 1), ("adamw", 0, 2)])
def test_memory_is_that_of_the_tensors(optimiser, momentum, moments):
    configuration = replace(FIXED, optimiser=optimiser, momentum=momentum)
    model = build_model("mlp-20-15", inputs=(1, 8, 8), classes=10)
    weights = 64 * 20 + 20 * 15 + 15 * 10
    parameters = weights + 20 + 15 + 10
    assert dense_memory(model, configuration) == 4 * parameters * (2 + moments)
    assert training_memory(model, configuration) == dense_memory(model, configuration)
    for layer in layer_shapes(model):
        model.get_submodule(layer.name).register_buffer("weight_mask", torch.ones(layer.shape, dtype=torch.bool))
    assert dense_memory(model, configuration) == 4 * parameters * (2 + moments)
    assert training_memory(model, configuration) == 4 * parameters * (2 + moments) + 2 * weights
    method = METHODS["fixed"](configuration, model, (1, 8, 8), STEPS)
    assert training_memory(model, configuration, method) == training_memory(model, configuration)
    # The optimiser really keeps so much, apart from the numbers of its steps.
    moved = make_optimiser(configuration, model, method.trainable())
    guard(moved, model)
    model(torch.rand(3, 1, 8, 8)).sum().backward()
    moved.step()
    held = [value for state in moved.state.values() for value in state.values() if value is not None and value.dim()]
    assert sum(value.nbytes for value in held) == 4 * parameters * moments


@pytest.mark.parametrize(
    ("changes", "copies"),
    [
        ({"method": "rigl"}, 0),
        ({"method": "imp", "rewind": "rate"}, 0),
        ({"method": "imp"}, 1),  # of the start, which rounds go back to
        ({"method": "str"}, 3),  # weights before the thresholds, their gradients and momentum; those of the layers less
    ],
)
def test_methods_are_charged_for_what_they_remember(changes, copies):
    configuration = replace(FIXED, final_density="0.2", **changes)
    model = build_model("mlp-20-15", inputs=(1, 8, 8), classes=10)
    for layer in layer_shapes(model):
        model.get_submodule(layer.name).register_buffer("weight_mask", torch.ones(layer.shape, dtype=torch.bool))
    fixed = training_memory(model, configuration)
    method = METHODS[configuration.method](configuration, model, (1, 8, 8), STEPS)
    weights = 4 * (64 * 20 + 20 * 15 + 15 * 10)
    biases = 4 * (20 + 15 + 10)
    extra = {0: 0, 1: weights + biases, 3: 2 * weights + 3 * 3 * 4}[copies]
    assert training_memory(model, configuration, method) == fixed + extra
