"""What is remembered between two epochs, and which runs may be trained side by side."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from ertrain.configuration import Configuration  # noqa: E402
from ertrain.masks.masking import attach_masks  # noqa: E402
from ertrain.training.replicas import can_be_replica, common_settings  # noqa: E402
from ertrain.training.state import TrainingState  # noqa: E402

PLAIN = Configuration(recipe="x", model="mlp-5")


def layer(value: float) -> nn.Linear:
    made = nn.Linear(2, 1, bias=False)
    nn.init.constant_(made.weight, value)
    attach_masks(made, {"": torch.tensor([[True, False]])})
    return made


# Accuracies after the epochs, whether the density was the final one, and the epoch that was best.
@pytest.mark.parametrize(
    ("found", "final", "best"),
    [
        ([0.1, 0.3, 0.2], [True] * 3, 2),
        ([0.1, 0.3, 0.3], [True] * 3, 2),  # the first of them
        ([-5.0, -6.0], [True] * 2, 1),  # what grows may be below 0
        ([0.0, 0.0], [True] * 2, 1),
        ([0.9, 0.3, 0.4], [False, True, True], 3),
        ([0.9, 0.3], [False, False], 0),
        ([math.nan, 0.3, math.inf], [True] * 3, 2),
    ],
)
def test_the_best_epoch_is_the_first_with_the_highest_accuracy_at_the_final_density(found, final, best):
    state = TrainingState()
    for number, (accuracy, ends) in enumerate(zip(found, final, strict=True), start=1):
        state = state.after(accuracy, layer(number), 0.25 * number, at_final_density=ends, loss=1.0)
        assert state.validation == (accuracy if math.isfinite(accuracy) else None)
        assert state.epochs == number
    assert state.seconds == 0.25 * sum(range(1, len(found) + 1))
    assert state.best_epoch == best
    assert state.best == (found[best - 1] if best else -1)
    assert state.diverged == (not all(map(math.isfinite, found)))
    if best:
        assert state.best_weights.keys() == {"weight"}
        assert state.best_model(layer(9)).weight.tolist() == [[best, 0]]
        assert state.best_model(layer(9)).weight_mask.all()


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_once_is_not_forgotten(loss):
    state = TrainingState().after(0.5, layer(1), 0.0, loss=loss).after(0.6, layer(1), 0.0, loss=1.0)
    assert (state.diverged, state.best_epoch) == (True, 2)


def test_what_is_written_is_taken_up_and_nothing_of_another_type():
    state = TrainingState(epochs=3, best_epoch=2, best=0.5, validation=None, seconds=1, flops=7, diverged=True)
    written = state.scalars
    assert written == {
        "epochs": 3, "best_epoch": 2, "best": 0.5, "validation": None, "seconds": 1, "work": 7, "diverged": True
    }  # fmt: skip
    assert vars(TrainingState.from_scalars(written, {})) == vars(state)
    for name, wrong in (("epochs", 3.0), ("best", None), ("work", "7"), ("diverged", 1), ("seconds", None), ("x", 1)):
        with pytest.raises(TypeError, match="x" if name == "x" else rf"^{name} is no "):
            TrainingState.from_scalars({**written, name: wrong}, {})


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"model": "lenet-300-100"}, True),
        ({"optimiser": "adam", "warmup": 1, "dense_layers": ("last",)}, True),
        ({"model": "resnet20"}, False),
        ({"augmentation": "crop-zero"}, False),
        ({"precision": "bfloat16"}, False),
        ({"factored": 2}, False),
        ({"accumulation": 2}, False),
        ({"method": "imp"}, False),
    ],
)
def test_plain_runs_of_connected_networks_may_be_replicas(changes, may):
    assert can_be_replica(replace(PLAIN, **changes)) == may


def test_replicas_differ_in_seed_mask_and_start_alone():
    apart = {
        "seed": 3,
        "ratio": "erk",
        "density": "0.1",
        "drawing": "exact",
        "repair": "add",
        "initialisation": "kaiming",
    }
    assert common_settings(replace(PLAIN, **apart)) == common_settings(PLAIN)
    others = {
        "recipe": "y",
        "model": "mlp-6",
        "width": "2",
        "data": "wine",
        "learning_rate": 0.2,
        "epochs": 3,
        "batch": 4,
    }
    for name, value in others.items():
        assert common_settings(replace(PLAIN, **{name: value})) != common_settings(PLAIN)
