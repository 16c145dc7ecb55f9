"""Runs: the same bits however often they are interrupted, a complete folder, a test that is read once."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import METHOD_SETTINGS, Configuration  # noqa: E402
from ertrain.data import load_data, sets  # noqa: E402
from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.masks.masking import masks_of  # noqa: E402
from ertrain.masks.sparse import SparseSGD  # noqa: E402
from ertrain.recipes import recipe  # noqa: E402
from ertrain.reports.report import rows_of  # noqa: E402
from ertrain.reports.results import read_results  # noqa: E402
from ertrain.training import learning_rate, make_optimiser, pretrain  # noqa: E402
from ertrain.training.experiments import perform, result_of  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.replicas import perform_replicas  # noqa: E402
from ertrain.training.runs import open_run  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402
from ertrain.training.threads import threads  # noqa: E402

BASE = Configuration(
    recipe="test", model="mlp-20-15", ratio="erk", density="0.2", epochs=4, batch=100, learning_rate=0.05
)
SMALL_VGG = replace(BASE, model="resnet20", width="1/8", epochs=2, batch=400, precision="bfloat16", accumulation=2)


class Killed(BaseException):
    pass


def run(configuration: Configuration, out: Path, *, stop_after: int | None = None) -> dict:
    def progress(line):
        if line["epoch"] == stop_after:
            raise Killed

    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out / "data", progress=progress)


def without_times(result: dict) -> dict:
    return {key: value for key, value in result.items() if key not in ("seconds", "memory_peak")}  # of the process


def read_metrics(folder: Path) -> list[dict]:
    return [without_times(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("checkpoint.safetensors", "state.safetensors", "start.json", "config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert read_metrics(one) == read_metrics(other)
    first, second = (without_times(json.loads((path / "result.json").read_text())) for path in (one, other))
    assert first == second


@pytest.mark.parametrize(
    "configuration",
    [
        BASE,
        replace(BASE, optimiser="adamw", learning_rate=0.01, augmentation="crop-zero", warmup=2),
        replace(BASE, optimiser="adam", learning_rate=0.01, schedule="steps", milestones=(2,), accumulation=5),
        SMALL_VGG,
    ],
    ids=["nesterov", "adamw", "adam", "convolutional"],
)
def test_a_run_that_was_interrupted_gives_the_same_bits(configuration, tmp_path):
    whole = run(configuration, tmp_path / "whole")
    for epoch in range(1, configuration.epochs):
        with pytest.raises(Killed):
            run(configuration, tmp_path / "parts", stop_after=epoch)
        assert result_of(configuration, tmp_path / "parts") is None
    parts = run(configuration, tmp_path / "parts")
    assert without_times(whole) == without_times(parts)
    assert_same_run(tmp_path / "whole" / configuration.folder, tmp_path / "parts" / configuration.folder)


@pytest.mark.parametrize(("method", "densities"), [("fixed", [None]), ("gradual", [0.1])])
def test_an_epoch_says_its_density_where_that_may_change(method, densities, tmp_path):
    one = replace(BASE, epochs=1, method=method, final_density="" if method == "fixed" else "0.1", update_every=1)
    run(one, tmp_path)
    for line, density in zip(read_metrics(tmp_path / one.folder), densities, strict=True):
        assert line.get("density") == (density and pytest.approx(density, abs=1e-3))


def test_rounds_of_imp_outlast_an_interruption_and_serve_all_runs_that_begin_with_them(tmp_path, monkeypatch):
    trained = []
    one = replace(BASE, ratio="imp", density="0.2", ratio_keep=0.5, ratio_epochs=1, epochs=1)

    def counted(configuration, data, processes, model, *, stop_after=99, supplied=None):
        if len(trained) == stop_after:
            raise Killed
        trained.append(configuration)
        pretrain(configuration, data, processes, model, supplied=supplied)

    with monkeypatch.context() as patch:
        patch.setattr("ertrain.training.loop.pretrain", partial(counted, stop_after=2))
        with pytest.raises(Killed):
            run(one, tmp_path / "parts")
    monkeypatch.setattr("ertrain.training.loop.pretrain", counted)
    run(one, tmp_path / "parts")
    assert len(trained) == 3  # 1/2, 1/4, 1/5
    run(one, tmp_path / "whole")
    assert_same_run(tmp_path / "whole" / one.folder, tmp_path / "parts" / one.folder)
    trained.clear()
    # What the rounds do not depend on: the density, what is drawn then, and what it is trained with.
    others = {"density": "0.4", "drawing": "exact", "repair": "swap", "initialisation": "paper"}
    run(replace(one, **others, epochs=2, method="imp", final_density="0.3"), tmp_path / "parts")
    assert not trained
    for change in ({"seed": 1}, {"ratio_epochs": 2}, {"ratio_keep": 0.4}, {"learning_rate": 0.04}, {"model": "mlp-9"}):
        run(replace(one, **change), tmp_path / "parts")
        assert trained
        trained.clear()


def test_training_for_a_ratio_may_be_shorter_than_the_warm_up(tmp_path):
    configuration = replace(BASE, ratio="imp", density="0.5", ratio_keep=0.5, ratio_epochs=1, warmup=3)
    assert run(configuration, tmp_path)["epochs"] == 4


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_a_run_that_is_killed_gives_the_same_bits(tmp_path):
    overrides = {"model": "mlp-100-50", "epochs": "60", "density": "0.1"}
    words = [f"{name}={value}" for name, value in overrides.items()]
    only = {"data": "digits", "model": "lenet-300-100", "ratio": "erk"}
    chosen = ["--only", *(f"{name}={value}" for name, value in only.items())]
    command = [sys.executable, "-m", "ertrain", "run", "table1", "--seeds", "1", "--quiet", *chosen, "--set", *words]
    chance, folder = random.Random(5), None
    for _ in range(2):
        process = subprocess.Popen([*command, "--out", str(tmp_path / "parts")], stderr=subprocess.PIPE)
        before = (folder / "metrics.jsonl").read_bytes().count(b"\n") if folder is not None else 0
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            folder = next(iter((tmp_path / "parts").glob("table1-*")), None)
            path = folder / "metrics.jsonl" if folder is not None else None
            if path is not None and path.exists() and path.read_bytes().count(b"\n") > before + 1:
                break
            time.sleep(0.002)
        time.sleep(chance.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (folder / "result.json").exists()
        # What a kill in the middle of a line leaves behind.
        with (folder / "metrics.jsonl").open("ab") as metrics:
            metrics.write(b'{"epoch": 99, "lo')
    (configuration,) = recipe("table1").configurations("quick", seeds=1, only=only, overrides=overrides)
    run(configuration, tmp_path / "parts")
    run(configuration, tmp_path / "whole")
    assert_same_run(tmp_path / "whole" / configuration.folder, folder)


def test_a_folder_is_complete_and_a_run_that_is_done_is_not_trained_again(tmp_path, monkeypatch):
    result = run(BASE, tmp_path)
    folder = tmp_path / BASE.folder
    assert json.loads((folder / "config.json").read_text())["hash"] == BASE.hash == result["config_hash"]
    assert [line["epoch"] for line in read_metrics(folder)] == [1, 2, 3, 4]
    assert json.loads((folder / "environment.json").read_text())[0]["torch"] == torch.__version__
    weights = load_file(folder / "checkpoint.safetensors")
    for layer in result["layers"]:
        weight, first, last = (weights[f"{layer['name']}.weight{end}"] for end in ("", ".mask_initial", ".mask_final"))
        assert first.dtype == torch.bool
        assert first.equal(last)
        assert torch.count_nonzero(weight[~last]) == 0
        assert layer == {
            "name": layer["name"],
            "weights": weight.numel(),
            "nonzeros": int(torch.count_nonzero(weight)),
        }
    total = sum(layer["weights"] for layer in result["layers"])
    assert result["density_final"] == sum(layer["nonzeros"] for layer in result["layers"]) / total
    assert result["density_realised"] == result["density_final"]
    # Per image, two operations for each weight forwards; three such passes; 12 full batches in each of 4 epochs.
    assert result["flops_dense"] == 3 * 2 * total * 1200 * 4
    assert result["flops_train"] == 3 * 2 * round(result["density_realised"] * total) * 1200 * 4
    assert result["data"]["sizes"] == {"train": 1294, "validation": 143, "test": 360}
    monkeypatch.setattr("ertrain.training.experiments.train", None)
    assert run(BASE, tmp_path) == result


def test_the_test_is_read_once_and_selects_nothing(tmp_path, monkeypatch):
    reads = []
    digits = sets._SOURCES["digits"][1]

    def watched(folder, *, train):
        if not train:
            done = (tmp_path / BASE.folder / "metrics.jsonl").read_text().count("\n")
            reads.append(done)
        return digits(folder, train=train)

    monkeypatch.setitem(sets._SOURCES, "digits", (10, watched))
    result = run(BASE, tmp_path)
    assert reads == [BASE.epochs]
    lines = read_metrics(tmp_path / BASE.folder)
    best = max(lines, key=lambda line: line["accuracy_validation"])
    assert result["best_epoch"] == best["epoch"]
    assert result["accuracy_validation_best"] == best["accuracy_validation"]
    assert result["accuracy_validation"] == lines[-1]["accuracy_validation"]


def test_the_best_weights_are_those_of_their_epoch(tmp_path):
    configuration = replace(BASE, learning_rate=2.0, epochs=6)  # so rough that the last epoch is not the best
    result = run(configuration, tmp_path)
    assert result["best_epoch"] < 6
    best = load_file(tmp_path / configuration.folder / "state.safetensors")
    from ertrain.data import load_data
    from ertrain.training import accuracies
    from ertrain.training.start import start_model

    data = load_data("digits", tmp_path)
    model, _ = start_model(configuration, data)
    model.load_state_dict(
        {name.removeprefix("best."): tensor for name, tensor in best.items() if name.startswith("best.")}, strict=False
    )
    with join_process_group("cpu") as processes:
        assert accuracies(model, data.read_test(), data, processes) == [result["accuracy_test_best"]]
        assert accuracies(model, data.validation, data, processes) == [result["accuracy_validation_best"]]


def test_weights_and_batches_do_not_depend_on_the_mask(tmp_path):
    from ertrain.data import load_data
    from ertrain.masks.masking import masks_of
    from ertrain.training.start import start_model

    data = load_data("digits", tmp_path)
    models = [
        start_model(replace(BASE, initialisation="kaiming", ratio=ratio, density=density), data)[0]
        for ratio, density in (("erk", "0.2"), ("balanced", "0.5"), ("uniform", "1"))
    ]
    dense = models[-1]
    for model in models[:2]:
        for name, mask in masks_of(model).items():
            assert model.get_submodule(name).weight.equal(dense.get_submodule(name).weight * mask)
    other, _ = start_model(replace(BASE, seed=1), data)
    assert not other.fc1.weight_mask.equal(models[0].fc1.weight_mask)


def test_layers_can_stay_dense(tmp_path):
    result = run(replace(BASE, dense_layers=("first", "fc3"), epochs=1), tmp_path)
    assert [layer["name"] for layer in result["layers"]] == ["fc2"]
    with pytest.raises(InvalidInput, match=r"^dense_layers: "):
        run(replace(BASE, dense_layers=("first", "fc2", "last"), epochs=1), tmp_path)


def test_curves_are_drawn_where_tensorboard_is_installed(tmp_path, monkeypatch):
    drawn = []

    class Writer:
        def __init__(self, folder, purge_step):
            drawn.append((folder.name, purge_step))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            drawn.append("closed")

        def add_scalar(self, name, value, epoch):
            drawn.append((name, epoch))

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    with pytest.raises(Killed):
        run(BASE, tmp_path, stop_after=1)
    assert drawn[0] == ("tensorboard", 1)
    assert ("loss", 1) in drawn
    run(BASE, tmp_path)
    assert ("tensorboard", 2) in drawn
    assert [name for name in drawn if name == ("accuracy_validation", 4)]
    assert drawn.count("closed") == 2


def test_a_network_that_does_not_fit_the_images_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"^model: expected a network for inputs of 1 x 8 x 8"):
        run(replace(BASE, model="vgg16", width="1/16"), tmp_path)


def test_digits_need_neither_torchvision_nor_tensorboard(tmp_path, monkeypatch):
    for name in ("torchvision", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run(replace(BASE, epochs=1), tmp_path)["epochs"] == 1
    with pytest.raises(InvalidInput, match=r"^data_dir: .*torchvision"):
        run(replace(BASE, epochs=1, data="mnist"), tmp_path)


def test_a_second_process_is_kept_out(tmp_path):
    with join_process_group("cpu") as processes, open_run(BASE, tmp_path, processes):
        with pytest.raises(RunFolderError, match="another process"):
            run(BASE, tmp_path)
    assert run(BASE, tmp_path)["epochs"] == 4


def test_a_damaged_checkpoint_costs_an_epoch_and_no_bit(tmp_path):
    with pytest.raises(Killed):
        run(BASE, tmp_path / "parts", stop_after=3)
    path = tmp_path / "parts" / BASE.folder / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    run(BASE, tmp_path / "parts")
    run(BASE, tmp_path / "whole")
    assert_same_run(tmp_path / "whole" / BASE.folder, tmp_path / "parts" / BASE.folder)


def test_a_start_of_before_searches_were_counted_says_of_none(tmp_path):
    one = replace(BASE, epochs=2)
    with pytest.raises(Killed):
        run(one, tmp_path, stop_after=1)
    path = tmp_path / one.folder / "start.json"
    start = json.loads(path.read_text())
    del start["flops_search"]
    path.write_text(json.dumps(start))
    assert run(one, tmp_path)["flops_search"] == 0


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize(
    ("warmup", "asked"),
    [(1, {}), (1, {"epochs": 9, "ratio_epochs": 2}), (2, {"epochs": 9, "ratio_epochs": 2, "warmup": 5})],
    ids=["as long", "epochs of its own", "warm-up cut short"],
)
def test_training_before_pruning_is_that_of_a_dense_run(optimiser, warmup, asked, tmp_path):
    """It leaves the weights that a run of density 1 and of as many epochs ends with, bit for bit."""
    dense = replace(
        BASE, density="1", ratio="uniform", epochs=2, warmup=warmup, optimiser=optimiser, initialisation="kaiming",
        label_smoothing=0.1, weight_decay=0.01, schedule="cosine", examples=600,
    )  # fmt: skip
    run(dense, tmp_path)
    ended = load_file(tmp_path / dense.folder / "checkpoint.safetensors")
    data = load_data(dense.data, tmp_path, examples=dense.examples, validation=dense.validation)
    model, _ = start_model(replace(dense, **asked), data)
    with join_process_group("cpu") as processes:
        pretrain(replace(dense, **asked), data, processes, model)
    assert all(parameter.equal(ended[name]) for name, parameter in model.named_parameters())


@pytest.mark.parametrize(
    ("changes", "of_ratio", "of_method"),
    [
        ({"ratio": "snip"}, 3, 0),
        ({"ratio": "grasp"}, 12, 0),
        ({"method": "snip", "density": "1", "final_density": "0.2"}, 0, 3),
    ],
)
def test_training_counts_the_search_before_it_once(changes, of_ratio, of_method, tmp_path):
    one = replace(BASE, epochs=2, **changes)
    with pytest.raises(Killed):
        run(one, tmp_path, stop_after=1)
    result = run(one, tmp_path)
    total = 64 * 20 + 20 * 15 + 15 * 10
    assert result["flops_search"] == of_ratio * 2 * total * 1000  # 100 images of each class
    steps = 3 * 2 * sum(layer["nonzeros"] for layer in result["layers"]) * 1200 * 2
    assert result["flops_train"] == steps + (of_ratio + of_method) * 2 * total * 1000


def test_a_run_that_diverged_says_so(tmp_path):
    for rate, diverged in ((0.05, False), (1e30, True)):
        one = replace(BASE, epochs=2, learning_rate=rate)
        assert run(one, tmp_path)["diverged"] is diverged
        (row,) = rows_of(read_results(tmp_path / one.folder))
        assert row.diverged == int(diverged)


def test_the_number_of_threads_is_that_of_the_beginning(tmp_path):
    with threads(2), pytest.raises(Killed):
        run(BASE, tmp_path / "parts", stop_after=2)
    with threads(2):
        run(BASE, tmp_path / "whole")
    with threads(1):
        with pytest.warns(UserWarning, match="was begun with 2 threads and goes on with as many, not 1"):
            run(BASE, tmp_path / "parts")
        assert torch.get_num_threads() == 1
    assert_same_run(tmp_path / "whole" / BASE.folder, tmp_path / "parts" / BASE.folder)
    (seen,) = json.loads((tmp_path / "parts" / BASE.folder / "environment.json").read_text())
    assert seen["threads"] == 2


def test_a_run_that_goes_on_elsewhere_says_what_is_different(tmp_path):
    with pytest.raises(Killed):
        run(BASE, tmp_path, stop_after=1)
    path = tmp_path / BASE.folder / "environment.json"
    (seen,) = json.loads(path.read_text())
    path.write_text(json.dumps([{**seen, "torch": "1.0", "python": "3.1"}]))
    with pytest.warns(
        UserWarning, match=rf"torch 1\.0 before, {re.escape(torch.__version__)} now\): its last bits may"
    ):
        run(BASE, tmp_path)
    assert [one["torch"] for one in json.loads(path.read_text())] == ["1.0", torch.__version__]


def test_a_folder_of_another_configuration_is_refused(tmp_path):
    run(BASE, tmp_path)
    (tmp_path / BASE.folder / "result.json").unlink()
    (tmp_path / BASE.folder).rename(tmp_path / replace(BASE, seed=1).folder)
    with pytest.raises(RunFolderError, match="belongs to another configuration"):
        run(replace(BASE, seed=1), tmp_path)


def test_compiled_training_agrees_with_the_plain_one(tmp_path, monkeypatch):
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda module: compile_(module, backend="aot_eager"))
    plain, compiled = run(BASE, tmp_path), run(replace(BASE, compile=True), tmp_path)
    assert compiled["config_hash"] != plain["config_hash"]
    ours, theirs = (
        load_file(tmp_path / one.folder / "checkpoint.safetensors") for one in (BASE, replace(BASE, compile=True))
    )
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name])


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("sgd", SparseSGD, {"nesterov": False, "momentum": 0.8}),
        ("nesterov", torch.optim.SGD, {"nesterov": True, "momentum": 0.8}),
        ("adam", torch.optim.Adam, {"betas": (0.9, 0.999), "eps": 1e-8}),
        ("adamw", torch.optim.AdamW, {"betas": (0.9, 0.999), "eps": 1e-8}),
    ],
)
def test_optimisers_have_the_settings_of_their_configuration(name, kind, options):
    layer = torch.nn.Linear(3, 2)
    configuration = replace(BASE, optimiser=name, momentum=0.8, learning_rate=0.03, weight_decay=0.007)
    made = make_optimiser(configuration, layer)
    assert type(made) is kind
    (group,) = made.param_groups
    assert group["params"] == list(layer.parameters())
    options |= {"lr": 0.03, "weight_decay": 0.007, "maximize": False}
    assert {key: group[key] for key in options} == options
    (group,) = make_optimiser(configuration, layer, [layer.bias]).param_groups
    assert group["params"] == [layer.bias]


def test_accumulation_is_one_step_in_parts(tmp_path):
    one, parts = BASE, replace(BASE, accumulation=4)
    run(one, tmp_path), run(parts, tmp_path)
    ours, theirs = (load_file(tmp_path / each.folder / "checkpoint.safetensors") for each in (one, parts))
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({"schedule": "constant"}, {0: 0.1, 9.9: 0.1}),
        ({"schedule": "cosine", "final_rate": 0.01}, {0: 0.1, 5: 0.055, 10: 0.01}),
        ({"schedule": "cosine", "warmup": 4}, {0: 0.02, 2: 0.06, 4: 0.1, 7: 0.05, 10: 0.0}),
        ({"schedule": "steps", "milestones": (3, 6), "decay": 0.5}, {2.99: 0.1, 3: 0.05, 6.5: 0.025}),
    ],
)
def test_learning_rates(changes, rates):
    configuration = Configuration(recipe="test", epochs=10, learning_rate=0.1, **changes)
    for epoch, rate in rates.items():
        assert learning_rate(configuration, epoch) == pytest.approx(rate)


def test_two_processes_train_as_one_does_at_the_same_batch(tmp_path):
    """Batch normalisation too sees whole batches, and parts of them, as one process has them."""
    overrides = {"width": "1/8", "density": "0.2", "epochs": "2", "batch": "200", "accumulation": "4"}
    only = {"data": "digits", "model": ("lenet-300-100", "resnet20"), "ratio": "erk", "density": "0.1"}
    arguments = ["run", "table1", "--seeds", "1", "--quiet", "--device", "cpu", "--out", str(tmp_path / "two")]
    arguments += ["--only", "data=digits", "model=lenet-300-100,resnet20", "ratio=erk", "density=0.1", "--set"]
    words = [f"{name}={value}" for name, value in overrides.items()]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "ertrain"]
    subprocess.run([*torchrun, *arguments, *words], check=True, capture_output=True)
    runs = recipe("table1").configurations("quick", seeds=1, only=only, overrides=overrides)
    assert [one.model for one in runs] == ["lenet-300-100", "resnet20"]
    for configuration in runs:
        run(configuration, tmp_path / "one")
        one, two = (tmp_path / name / configuration.folder for name in ("one", "two"))
        ours, theirs = (load_file(folder / "checkpoint.safetensors") for folder in (one, two))
        assert ours.keys() == theirs.keys()
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)
        for line, other in zip(read_metrics(one), read_metrics(two), strict=True):
            assert line == pytest.approx(other, rel=1e-4)


def test_equal_configurations_have_one_hash_and_different_ones_have_two():
    assert (
        Configuration(recipe="a", density="1/10", learning_rate=1).hash
        == Configuration(recipe="a", density=0.1, learning_rate=1.0).hash
    )
    assert Configuration.from_dict(json.loads(json.dumps(BASE.to_dict()))) == BASE
    changes = {"epochs": "5", "density": "0.3", "compile": "true", "milestones": "1,2", "dense_layers": "first,last"}
    hashes = {BASE.hash} | {BASE.changed({name: text}).hash for name, text in changes.items()}
    assert len(hashes) == 6


@pytest.mark.parametrize(
    "texts", [{"epochs": "many"}, {"compile": "1"}, {"milestones": "a"}, {"recipe": "x"}, {"e": "1"}]
)
def test_texts_that_can_not_be_read_are_refused(texts):
    with pytest.raises(InvalidInput):
        BASE.changed(texts)


def test_numbers_of_numpy_are_numbers():
    given = {
        "seed": np.int64(3), "epochs": np.int32(4), "learning_rate": np.float64(0.5), "warmup": np.uint8(1),
        "milestones": np.array([1, 3]), "density": np.float64(0.1), "compile": np.bool_(False),
    }  # fmt: skip
    plain = {
        "seed": 3, "epochs": 4, "learning_rate": 0.5, "warmup": 1, "milestones": (1, 3), "density": "0.1",
        "compile": False,
    }  # fmt: skip
    assert Configuration(recipe="a", **given) == Configuration(recipe="a", **plain)
    assert Configuration(recipe="a", **given).hash == Configuration(recipe="a", **plain).hash
    with pytest.raises(InvalidInput, match=r"^epochs: expected a value of type int, got 4.5$"):
        Configuration(recipe="a", epochs=np.float64(4.5))


def test_a_dictionary_without_recipe_or_with_unknown_names_is_no_configuration():
    with pytest.raises(InvalidInput, match="the name of a recipe"):
        Configuration.from_dict({"epochs": 3})
    with pytest.raises(InvalidInput, match="names among"):
        Configuration.from_dict({"recipe": "x", "epoch": 3})


def test_what_belongs_to_factored_networks_is_no_part_of_other_hashes():
    plain = Configuration(recipe="a", density="0.1")
    assert plain.hash == Configuration(recipe="a", density="0.1", outer="frozen", failure_probability="0.5").hash
    assert not {"factored", "outer", "failure_probability"} & set(plain.to_dict())
    factored = Configuration(recipe="a", density="0.1", factored=2)
    others = [replace(factored, outer="frozen"), replace(factored, failure_probability="0.01")]
    assert len({one.hash for one in (plain, factored, *others)}) == 4
    assert Configuration.from_dict(factored.to_dict()) == factored


def test_a_run_on_a_part_of_the_data_is_another_run_and_one_on_all_is_the_old_one(tmp_path):
    part = replace(BASE, examples=400, epochs=1)
    assert "examples" not in BASE.to_dict()
    assert len({one.hash for one in (BASE, part, replace(part, examples=401))}) == 3
    result = run(part, tmp_path)
    assert result["data"]["sizes"] == {"train": 360, "validation": 40, "test": 360}
    alone = [replace(part, model="mlp-5", seed=seed, batch=60) for seed in range(2)]
    with join_process_group("cpu") as processes:
        together = perform_replicas(alone, tmp_path, processes, data_dir=tmp_path)
    assert [one["data"] for one in together] == [result["data"]] * 2


@pytest.mark.parametrize(("method", "best", "tests"), [("fixed", 3, 1), ("fixed", 2, 2), ("set", 3, 2)])
def test_weights_that_are_the_last_and_the_best_are_tested_once(tmp_path, monkeypatch, method, best, tests):
    asked = []

    def counted(_model, part, *_arguments, **_settings):
        asked.append(len(part))
        return (0.5 if len(part) == 360 or len(asked) == best else 0.2,)

    monkeypatch.setattr("ertrain.training.loop.accuracies", counted)
    result = run(replace(BASE, epochs=3, method=method), tmp_path)
    assert asked == [143] * 3 + [360] * tests
    assert (result["best_epoch"], result["accuracy_test"], result["accuracy_test_best"]) == (best, 0.5, 0.5)


def test_a_search_leaves_the_test_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("ertrain.data.sets.Data.to", lambda self, _: replace(self, read_test=unreadable))
    with join_process_group("cpu") as processes:
        result = perform(replace(BASE, epochs=1), tmp_path, processes, data_dir=tmp_path, tested=False)
    assert result["accuracy_test"] is None
    assert 0 < result["accuracy_validation"] <= 1
    assert set(result["data"]["sizes"]) == {"train", "validation"}


def unreadable():
    raise AssertionError("the test was read")


@pytest.mark.parametrize("changed", [{"examples": -1}, {"examples": 10, "data": "own-data"}])
def test_parts_of_data_that_there_are_not_are_refused(changed):
    with pytest.raises(InvalidInput, match=r"^examples: "):
        Configuration(recipe="a", **changed)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"factored": 4}, "factored"),
        ({"factored": 3, "outer": "frozen"}, "outer"),
        ({"factored": 2, "outer": "drawn"}, "outer"),
        ({"factored": 2, "outer": "frozen", "method": "set"}, "outer"),
        ({"factored": 2, "ratio": "erk"}, "ratio"),
        ({"factored": 2, "dense_layers": ("last",)}, "dense_layers"),
        ({"factored": 2, "failure_probability": "0"}, "failure_probability"),
    ],
)
def test_settings_of_factored_networks_that_do_not_fit_are_named(changed, name):
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        Configuration(recipe="a", density="0.1", **changed)


@pytest.mark.parametrize("outer", ["trained", "frozen"])
def test_a_factored_network_trains_inside_its_masks(tmp_path, outer):
    factored = replace(
        BASE, ratio="uniform", density="0.5", factored=2, outer=outer, epochs=2, model="mlp-20", learning_rate=0.02
    )
    result = run(factored, tmp_path)
    names = [layer["name"] for layer in result["layers"]]
    assert names == ["fc1.inner", "fc1.outer", "fc2.inner", "fc2.outer"]
    tensors = load_file(tmp_path / factored.folder / "checkpoint.safetensors")
    start, _ = start_model(factored, load_data(factored.data, tmp_path))
    for name, mask in masks_of(start).items():
        first, last = start.get_parameter(f"{name}.weight"), tensors[f"{name}.weight"]
        assert not last[~mask].any()
        assert torch.equal(first, last) == (outer == "frozen" and name.endswith("outer"))


def test_a_factored_graph_network_trains_inside_its_masks(tmp_path):
    graph = Configuration(recipe="a", model="gcn-16", data="block-model", factored=2, density="0.5", epochs=2, batch=1)
    result = run(graph, tmp_path)
    assert [layer["name"] for layer in result["layers"]] == ["gc1.inner", "gc1.outer", "gc2.inner", "gc2.outer"]
    assert 0 < result["accuracy_test"] < 1


def test_a_default_never_changes():
    """Else the same command would give other results, and look for the runs that are there in other folders."""
    left_out = asdict(Configuration(recipe="a"))
    assert left_out == {
        "recipe": "a", "seed": 0,
        "model": "lenet-300-100", "width": "1", "initialisation": "sparse",
        "factored": 0, "failure_probability": "0.001", "outer": "trained",
        "data": "digits", "examples": 0, "validation": "0.1", "augmentation": "none",
        "method": "fixed", "ratio": "uniform", "density": "1", "drawing": "independent", "repair": "none",
        "dense_layers": (), "ratio_epochs": 0, "ratio_keep": 0.8,
        "optimiser": "nesterov", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4,
        "schedule": "cosine", "milestones": (), "decay": 0.1, "final_rate": 0.0, "warmup": 0,
        "epochs": 20, "batch": 128, "accumulation": 1, "label_smoothing": 0.0,
        "precision": "float32", "compile": False, "deterministic": True,
        "final_density": "", "prune_until": 0.5, "levels": 1, "threshold_start": -200.0,
        "drop_share": 0.3, "update_every": 100, "update_until": 0.75,  # as RigL has them
        "round_keep": 0.8, "rewind": "weights", "rewind_step": 0,
    }  # fmt: skip
    for method in METHOD_SETTINGS:  # which puts what belongs to others back to its default
        own = asdict(Configuration(recipe="a", method=method, density="0.5"))
        assert {name for name, value in own.items() if value != left_out[name]} <= {
            "method",
            "density",
            "final_density",
        }
