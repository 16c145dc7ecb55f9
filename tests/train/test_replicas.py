"""Replicas: one batched model gives what every run gives alone; sweeps give what runs give."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.experiments import perform  # noqa: E402
from ertrain.parallel import jobs_of, sweep  # noqa: E402
from ertrain.processes import join  # noqa: E402
from ertrain.replicas import can_be_replica, perform_replicas  # noqa: E402

BASE = Configuration(recipe="test", model="mlp-20-15", epochs=3, batch=100, learning_rate=0.05, density="0.3")
RUNS = (
    BASE,
    replace(BASE, seed=1, ratio="erk"),
    replace(BASE, seed=1, ratio="snip", density="0.1", initialisation="kaiming"),
    replace(BASE, ratio="imp", density="0.5", drawing="exact", repair="swap"),
    replace(BASE, density="1", initialisation="paper", seed=3),
)
OPTIMISERS = {
    "nesterov": {},
    "adamw": {"optimiser": "adamw", "learning_rate": 0.01, "label_smoothing": 0.1, "dense_layers": ("last",)},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_replicas_are_equal_to_runs_alone(name, tmp_path):
    runs = [replace(one, **OPTIMISERS[name]) for one in RUNS]
    with join("cpu") as place:
        together = perform_replicas(runs, tmp_path / "together", place, data_dir=tmp_path)
        alone = [perform(one, tmp_path / "alone", place, data_dir=tmp_path) for one in runs]
    for one, first, second in zip(runs, together, alone, strict=True):
        here, there = tmp_path / "together" / one.folder, tmp_path / "alone" / one.folder
        assert sorted(path.name for path in here.iterdir() if "previous" not in path.name) == sorted(
            path.name for path in there.iterdir() if "previous" not in path.name
        )
        for name_ in ("config.json", "environment.json", "start.json"):
            assert (here / name_).read_bytes() == (there / name_).read_bytes()
        for file in ("checkpoint.safetensors", "state.safetensors"):
            ours, theirs = load_file(here / file), load_file(there / file)
            assert ours.keys() == theirs.keys()
            for key in ours:
                torch.testing.assert_close(ours[key], theirs[key], rtol=2e-4, atol=2e-5)
        assert first.keys() == second.keys()
        for key in first:  # an image or two may fall on the other side
            if key.startswith("accuracy"):
                assert first[key] == pytest.approx(second[key], abs=0.02)
            elif key not in ("seconds", "best_epoch"):
                assert first[key] == second[key], key
        lines = [[json.loads(line) for line in (at / "metrics.jsonl").read_text().splitlines()] for at in (here, there)]
        for ours, theirs in zip(*lines, strict=True):
            assert ours.keys() == theirs.keys()
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
            assert ours["learning_rate"] == theirs["learning_rate"]


def test_replicas_that_are_done_are_not_trained_again(tmp_path, monkeypatch):
    with join("cpu") as place:
        first = perform_replicas(RUNS[:2], tmp_path, place, data_dir=tmp_path)
        monkeypatch.setattr("ertrain.replicas._train", None)
        assert perform_replicas(RUNS[:2], tmp_path, place, data_dir=tmp_path) == first


@pytest.mark.parametrize("change", [{"batch": 50}, {"epochs": 2}, {"model": "mlp-20"}, {"augmentation": "crop-zero"}])
def test_runs_that_differ_in_more_are_refused(change, tmp_path):
    with pytest.raises(InvalidInput, match=r"^configurations: "), join("cpu") as place:
        perform_replicas([BASE, replace(BASE, **change)], tmp_path, place, data_dir=tmp_path)


def test_jobs_hold_every_run_once_and_nothing_but_replicas():
    others = [replace(BASE, epochs=2), replace(BASE, model="vgg16"), replace(BASE, model="vgg16", seed=1)]
    jobs = jobs_of([*RUNS, *others], replicas=3)
    assert sorted(map(len, jobs)) == [1, 1, 1, 2, 3]
    assert {one for job in jobs for one in job} == {*RUNS, *others}
    assert all(len(job) == 1 or all(map(can_be_replica, job)) for job in jobs)


@pytest.mark.parametrize(("workers", "replicas", "name"), [(0, 1, "workers"), (1, 0, "replicas")])
def test_numbers_outside_are_refused(workers, replicas, name, tmp_path):
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        list(sweep(RUNS, tmp_path, data_dir=tmp_path, workers=workers, replicas=replicas))


def test_a_sweep_gives_what_runs_give(tmp_path, capsys):
    words = ["--only", "data=digits", "--set", "model=mlp-20-10", "epochs=1", "--density", "0.5", "--seeds", "1"]
    assert main(["sweep", "table1", *words, "--out", str(tmp_path / "swept"), "--workers", "1", "--json"]) == 0
    swept = json.loads(capsys.readouterr().out)
    assert main(["run", "table1", *words, "--out", str(tmp_path / "run"), "--json", "--quiet"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert len(swept["results"]) == len(alone["results"]) == 7
    for one, other in zip(swept["results"], alone["results"], strict=True):
        assert one["folder"] == other["folder"]
        assert one["layers"] == other["layers"]
        assert one["accuracy_test"] == pytest.approx(other["accuracy_test"], abs=0.02)


def test_a_cluster_that_is_not_there_is_a_clear_error(tmp_path, capsys):
    words = ["--out", str(tmp_path), "--cluster", "nowhere"]
    assert main(["sweep", "table1", "--only", "data=digits", "--set", "epochs=1", *words]) == 2
    assert "--cluster: expected the address of a Dask scheduler" in capsys.readouterr().err.splitlines()[-1]
