"""Settings of the recipes: those of the paper's programs at scale paper, as its repository and captions have them, and
what the words beside the others say. Everything that a run depends on is in the hash of its configuration."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.recipes import RECIPES, recipe  # noqa: E402

STARTS = ["1", "0.5", "0.3", "0.2", "0.1"]
VGG16 = {
    "model": "vgg16", "data": "cifar10", "augmentation": "crop-flip", "initialisation": "paper",
    "optimiser": "nesterov", "momentum": 0.9, "learning_rate": 0.1, "weight_decay": 5e-4, "schedule": "steps",
    "milestones": (80, 120), "decay": 0.1, "epochs": 160, "batch": 100,
}  # fmt: skip
REWIRED = {"ratio": "erk", "drop_share": 0.5, "update_every": 1000, "update_until": 0.99}
RESNET18 = {
    "model": "resnet18", "data": "cifar10", "optimiser": "sgd", "momentum": 0.9, "learning_rate": 0.1, "warmup": 0,
}  # fmt: skip
# By recipe: what all runs of its method have in common, the densities at the end, and the number of runs.
PAPER = {
    "table2": ("rigl", VGG16 | REWIRED, ["0.1", "0.05", "0.01"], 17),
    "table28": ("granet", VGG16 | REWIRED | {"prune_until": 110 / 160}, ["0.1", "0.05", "0.01"], 17),
    "table3": (
        "str",
        RESNET18
        | {
            "augmentation": "crop-zero", "initialisation": "kaiming", "weight_decay": 1e-3, "schedule": "cosine",
            "final_rate": 0.0, "warmup": 5, "epochs": 100, "batch": 256, "label_smoothing": 0.1,
            "threshold_start": -200.0, "ratio": "balanced",
        },
        ["0.1", "0.05", "0.007"],
        14,
    ),
    "table4": (
        "imp",
        RESNET18
        | {
            "augmentation": "crop-zero", "initialisation": "kaiming", "weight_decay": 1e-4, "schedule": "cosine",
            "final_rate": 0.01, "epochs": 150, "batch": 256, "round_keep": 0.8, "rewind": "weights", "rewind_step": 0,
            "ratio": "balanced",
        },
        ["0.1", "0.01"],
        9,
    ),
    "table5": (
        "edge-popup",
        RESNET18
        | {
            "augmentation": "none", "initialisation": "signed-constant", "weight_decay": 5e-4, "schedule": "steps",
            "milestones": (30, 60, 90), "decay": 0.1, "epochs": 100, "batch": 128, "levels": 5, "ratio": "uniform",
        },
        ["0.2", "0.1", "0.05"],
        12,
    ),
}  # fmt: skip


def common(runs: list[Configuration], names) -> dict[str, object]:
    """What all runs have in common of these settings; several values where they differ."""
    values = {name: {getattr(run, name) for run in runs} for name in names}
    return {name: found.pop() if len(found) == 1 else found for name, found in values.items()}


@pytest.mark.parametrize("name", PAPER)
def test_tables_of_methods_have_the_settings_of_the_papers_programs(name):
    method, settings, finals, count = PAPER[name]
    runs = list(recipe(name).configurations("paper", seeds=1))
    assert len(runs) == count
    own = [run for run in runs if run.method == method]
    assert common(own, settings) == settings
    assert list(dict.fromkeys(run.final_density for run in own)) == finals
    assert list(dict.fromkeys(run.density for run in own)) == STARTS
    fixed = [run for run in runs if run.method == "fixed"]
    if fixed:  # at the densities of the ends, trained in the same way
        assert [run.density for run in fixed] == finals
        shared = VGG16 | {"ratio": "erk"}
        assert common(fixed, shared) == shared


def test_the_table_of_ratios_has_the_settings_of_the_papers_programs():
    runs = list(recipe("table1").configurations("paper", seeds=1))
    settings = {name: value for name, value in VGG16.items() if name != "model"} | {"method": "fixed"}
    assert common(runs, settings) == settings
    assert list(dict.fromkeys(run.density for run in runs)) == ["0.1", "0.05", "0.02", "0.01", "0.005", "0.001"]
    assert len(runs) == 3 * 6 * 7


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (
            "tabular",
            {
                "model": "mlp-256-256-256", "data": "acs-employment", "optimiser": "adam", "learning_rate": 0.01,
                "weight_decay": 0.0, "schedule": "constant", "epochs": 20, "batch": 64,
            },
        ),
        (
            "gcn",  # 800 steps in 80 epochs; 140 of 640 nodes train
            {
                "model": "gcn-8", "optimiser": "adam", "learning_rate": 0.005, "weight_decay": 5e-4,
                "schedule": "constant", "epochs": 80, "batch": 1, "validation": "0.78125",
            },
        ),
        (
            "modular-addition",
            {
                "data": "modular-addition-97", "optimiser": "adamw", "learning_rate": 0.001, "weight_decay": 1.0,
                "schedule": "constant", "warmup": 1, "epochs": 8000, "batch": 256,
            },
        ),
        (
            "imagenet",
            {
                "model": "resnet50-imagenet", "data": "imagenet", "optimiser": "nesterov", "learning_rate": 0.4,
                "weight_decay": 1e-4, "schedule": "steps", "milestones": (30, 60, 90), "warmup": 5, "epochs": 100,
                "batch": 1024, "label_smoothing": 0.1, "augmentation": "resized-crop-flip", "validation": "0.0078125",
            },
        ),
    ],
)  # fmt: skip
def test_other_tasks_have_their_settings_and_every_mask_stands_beside_the_dense_network(name, settings):
    runs = list(recipe(name).configurations("paper", seeds=1))
    settings |= {"method": "fixed", "ratio": "balanced"}
    assert common(runs, settings) == settings
    for task in {(run.data, run.model) for run in runs}:
        assert [run.density for run in runs if (run.data, run.model) == task] == [
            "1",
            "0.5",
            "0.3",
            "0.2",
            "0.1",
            "0.05",
        ]


@pytest.mark.parametrize("name", ["table2", "table28", "table3", "table4", "table5"])
def test_quick_scales_of_methods_train_in_the_same_way(name):
    """LeNet-300-100 on digits and Fashion-MNIST by SGD with one epoch of warm-up, so that methods can be compared."""
    slow = {"table4": 3}.get(name, 6)
    for data, epochs, batch, rate in (("digits", 20, 64, 0.05), ("fashion-mnist", slow, 128, 0.05)):
        runs = [run for run in recipe(name).configurations("quick", seeds=1) if run.data == data]
        expected = {
            "model": "lenet-300-100", "optimiser": "sgd", "learning_rate": 0.1 if name == "table5" else rate,
            "warmup": 1, "epochs": epochs, "batch": batch, "schedule": "cosine", "weight_decay": 5e-4,
        }  # fmt: skip
        assert common(runs, expected) == expected


@pytest.mark.parametrize(
    ("name", "epochs"), [("table1", 16), ("table2", 16), ("table28", 16), ("table3", 16), ("table4", 8), ("table5", 16)]
)
def test_small_scales_are_an_hour_of_a_gpu(name, epochs):
    runs = list(recipe(name).configurations("small", seeds=1))
    expected = {
        "schedule": "cosine", "milestones": (), "warmup": 1, "epochs": epochs, "batch": 512, "precision": "bfloat16",
        "deterministic": False,
    }  # fmt: skip
    assert common(runs, expected) == expected


# Runs are looked for in the folders that these name: whoever changes a recipe on purpose writes what the test prints.
DIGESTS = {
    "factored": {"quick": "621206ce3b00", "small": "de93ad0a9c65", "paper": "d347a229ef47"},
    "gcn": {"quick": "f4ea627f2510", "small": "c5fc8d388ed3", "paper": "5f9c177c0973"},
    "imagenet": {"paper": "bc63a0e45832"},
    "modular-addition": {"quick": "00fced9920f4", "small": "5f1557509d51", "paper": "ec1ac9d36112"},
    "ratios": {"quick": "b750a46aa711", "small": "18743c0124f9"},
    "table1": {"quick": "b7e8448d191c", "small": "125f0d6db632", "paper": "950f21646b85"},
    "table2": {"quick": "fd343d3b3811", "small": "7cd9df275f8a", "paper": "f4bfa0260e0f"},
    "table28": {"quick": "d7ee5825a780", "small": "5e11c8ed82ff", "paper": "38de663d03d8"},
    "table3": {"quick": "93328e2f40f1", "small": "ce74af65c520", "paper": "343c109a3310"},
    "table4": {"quick": "f412a3a9d973", "small": "17d7363e0352", "paper": "36aefa5f0c1f"},
    "table5": {"quick": "4c961970f826", "small": "c655044a3742", "paper": "facc387199eb"},
    "tabular": {"quick": "28440ac71461", "small": "d85701c1fad9", "paper": "c3536ad23330"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_runs_of_a_recipe_stay_the_same_runs(name):
    hashes = {scale: [run.hash for run in recipe(name).configurations(scale, seeds=1)] for scale in recipe(name).scales}
    found = {scale: hashlib.sha256("".join(them).encode()).hexdigest()[:12] for scale, them in hashes.items()}
    assert found == DIGESTS[name]


def test_every_setting_is_in_the_hash():
    run = recipe("table2").configurations("quick", seeds=1)[-1]
    assert run.method == "rigl"
    for field, other in (("drop_share", 0.31), ("update_every", 19), ("warmup", 0), ("decay", 0.2), ("seed", 3)):
        assert asdict(run)[field] != other
        assert run.changed({field: str(other)}).hash != run.hash


def test_numbers_of_a_configuration_have_63_bits_and_a_sign():
    run = recipe("table2").configurations("quick", seeds=1)[-1]
    assert replace(run, epochs=2**63 - 1).epochs == 2**63 - 1
    with pytest.raises(InvalidInput, match=r"^epochs: expected a number below 2\^63"):
        replace(run, epochs=2**63)
