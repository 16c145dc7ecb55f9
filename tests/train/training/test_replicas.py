"""Replicas: one batched model gives what every run gives alone; sweeps give what runs give."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from safetensors.torch import load_file  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.training.experiments import perform, result_of  # noqa: E402
from ertrain.training.parallel import jobs_of, sweep  # noqa: E402
from ertrain.training.process_group import ProcessGroup, join_process_group  # noqa: E402
from ertrain.training.replicas import can_be_replica, perform_replicas  # noqa: E402
from ertrain.training.runs import Run  # noqa: E402

BASE = Configuration(recipe="test", model="mlp-20-15", epochs=3, batch=100, learning_rate=0.05, density="0.3")
RUNS = (
    BASE,
    replace(BASE, seed=1, ratio="erk"),
    replace(BASE, seed=1, ratio="snip", density="0.1", initialisation="kaiming"),
    replace(BASE, ratio="imp", density="0.5", drawing="exact", repair="swap"),
    replace(BASE, density="1", initialisation="paper", seed=3),
)
GROUP = RUNS[:3]
LENET = ("data=digits", "model=lenet-300-100")
OPTIMISERS = {
    "nesterov": {},
    "adamw": {"optimiser": "adamw", "learning_rate": 0.01, "label_smoothing": 0.1, "dense_layers": ("last",)},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_replicas_are_equal_to_runs_alone(name, tmp_path):
    runs = [replace(one, **OPTIMISERS[name]) for one in RUNS]
    with join_process_group("cpu") as processes:
        times = [time.perf_counter()]
        together = perform_replicas(runs, tmp_path / "together", processes, data_dir=tmp_path)
        times.append(time.perf_counter())
        alone = [perform(one, tmp_path / "alone", processes, data_dir=tmp_path) for one in runs]
        times.append(time.perf_counter())
    for results, began, ended in zip((together, alone), times, times[1:], strict=False):
        # The epochs took part of the time, as written down in thousandths.
        assert 0 < sum(one["seconds"] for one in results) < ended - began + len(runs) / 2000
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
            elif key not in ("seconds", "best_epoch", "memory_peak"):
                assert first[key] == second[key], key
        lines = [[json.loads(line) for line in (at / "metrics.jsonl").read_text().splitlines()] for at in (here, there)]
        for ours, theirs in zip(*lines, strict=True):
            assert ours.keys() == theirs.keys()
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
            assert ours["learning_rate"] == theirs["learning_rate"]


class Killed(BaseException):
    pass


def train_group(out: Path, *, stop_after: int | None = None) -> list[dict]:
    epochs = []

    def progress(count):
        assert count == len(GROUP)
        epochs.append(count)
        if len(epochs) == stop_after:
            raise Killed

    with join_process_group("cpu") as processes:
        return perform_replicas(GROUP, out, processes, data_dir=out, progress=progress)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    train_group(out)
    return out


def without_times(content: dict) -> dict:
    return {key: value for key, value in content.items() if key not in ("seconds", "memory_peak")}


def assert_same_group(whole: Path, parts: Path) -> None:
    assert sorted(path.name for path in parts.iterdir()) == sorted(one.folder for one in GROUP)
    for one in GROUP:
        here, there = whole / one.folder, parts / one.folder
        for name in ("checkpoint.safetensors", "state.safetensors", "start.json", "config.json"):
            assert (here / name).read_bytes() == (there / name).read_bytes(), name
        lines = [(at / "metrics.jsonl").read_text().splitlines() for at in (here, there)]
        first, second = ([without_times(json.loads(line)) for line in some] for some in lines)
        assert first == second
        assert len(first) == BASE.epochs
        results = (without_times(json.loads((at / "result.json").read_text())) for at in (here, there))
        assert next(results) == next(results)


def test_a_group_that_was_interrupted_gives_the_same_bits(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("ertrain.training.replicas._SECONDS_BETWEEN_CHECKPOINTS", 0)
    for epoch in range(1, BASE.epochs):
        with pytest.raises(Killed):  # after one more epoch each time
            train_group(tmp_path, stop_after=1)
        assert all(result_of(one, tmp_path) is None for one in GROUP)
        for one in GROUP:
            assert (tmp_path / one.folder / "metrics.jsonl").read_text().count("\n") == epoch
    # What a kill between the lines and the checkpoint leaves behind, and in the middle of a line.
    with (tmp_path / GROUP[1].folder / "metrics.jsonl").open("ab") as metrics:
        metrics.write(b'{"epoch": 3, "loss": 1.0}\n{"epoch": 4, "lo')
    ratios = []
    monkeypatch.setattr("ertrain.ratios.searches.snip", lambda *_: ratios.append("found again"))
    train_group(tmp_path)
    assert not ratios
    assert_same_group(whole, tmp_path)


def test_a_group_that_never_came_to_a_checkpoint_begins_again(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("ertrain.training.replicas._SECONDS_BETWEEN_CHECKPOINTS", 3600)
    with pytest.raises(Killed):
        train_group(tmp_path, stop_after=BASE.epochs - 1)
    train_group(tmp_path)
    assert_same_group(whole, tmp_path)


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_a_group_that_is_stopped_while_it_writes_results_keeps_those_and_adds_the_others(
    whole, tmp_path, monkeypatch, finished
):
    finish, calls = Run.finish, []

    def stop(self, *arguments, **accuracies):
        calls.append(self.folder)
        if len(calls) > finished:
            raise Killed
        finish(self, *arguments, **accuracies)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "finish", stop)
        with pytest.raises(Killed):
            train_group(tmp_path)
    done = [one for one in GROUP if result_of(one, tmp_path) is not None]
    assert len(done) == finished
    before = {path: path.read_bytes() for one in done for path in (tmp_path / one.folder).iterdir()}
    monkeypatch.setattr("ertrain.training.replicas.train_epoch", None)
    train_group(tmp_path)
    assert_same_group(whole, tmp_path)
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_a_group_that_is_killed_gives_the_same_bits(tmp_path):
    words = ["sweep", "table1", "--seeds", "2", "--only", *LENET, "density=0.1", "--workers", "1", "--set"]
    words += ["model=mlp-100-50", "epochs=80", "ratio=erk"]
    setting = (
        "import ertrain.cli, ertrain.training.replicas as r; r._SECONDS_BETWEEN_CHECKPOINTS = 0.02; ertrain.cli.main("
    )
    code = f"{setting}{[*words, '--out', str(tmp_path / 'parts')]!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        counts = [path.read_bytes().count(b"\n") for path in (tmp_path / "parts").glob("*/metrics.jsonl")]
        if len(counts) == 2 and min(counts) > 1:
            break
        time.sleep(0.005)
    time.sleep(random.Random(6).random() * 0.03)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not list((tmp_path / "parts").glob("*/result.json"))
    for name in ("parts", "whole"):
        assert main([*words, "--out", str(tmp_path / name)]) == 0
    ours, theirs = (sorted((tmp_path / name).iterdir()) for name in ("parts", "whole"))
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert len(ours) == 2
    for one, other in zip(ours, theirs, strict=True):
        for name in ("checkpoint.safetensors", "state.safetensors", "start.json"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
        results = (without_times(json.loads((at / "result.json").read_text())) for at in (one, other))
        assert next(results) == next(results)


def test_a_damaged_checkpoint_of_a_group_costs_an_epoch_and_no_bit(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("ertrain.training.replicas._SECONDS_BETWEEN_CHECKPOINTS", 0)
    with pytest.raises(Killed):
        train_group(tmp_path, stop_after=2)
    (path,) = tmp_path.glob("test-group-*/checkpoint.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    train_group(tmp_path)
    assert_same_group(whole, tmp_path)


def test_no_other_process_takes_up_a_member_meanwhile(tmp_path):
    def progress(_):
        with join_process_group("cpu") as processes:
            with pytest.raises(RunFolderError, match="another process"):
                perform(GROUP[0], tmp_path, processes, data_dir=tmp_path)
            with pytest.raises(RunFolderError, match="another process"):
                perform_replicas(GROUP, tmp_path, processes, data_dir=tmp_path)
        raise Killed

    with pytest.raises(Killed), join_process_group("cpu") as processes:
        perform_replicas(GROUP, tmp_path, processes, data_dir=tmp_path, progress=progress)


def test_replicas_that_are_done_are_not_trained_again(tmp_path, monkeypatch):
    with join_process_group("cpu") as processes:
        first = perform_replicas(RUNS[:2], tmp_path, processes, data_dir=tmp_path)
        monkeypatch.setattr("ertrain.training.replicas._train", None)
        assert perform_replicas(RUNS[:2], tmp_path, processes, data_dir=tmp_path) == first


@pytest.mark.parametrize("change", [{"batch": 50}, {"epochs": 2}, {"model": "mlp-20"}, {"augmentation": "crop-zero"}])
def test_runs_that_differ_in_more_are_refused(change, tmp_path):
    with pytest.raises(InvalidInput, match=r"^configurations: "), join_process_group("cpu") as processes:
        perform_replicas([BASE, replace(BASE, **change)], tmp_path, processes, data_dir=tmp_path)


def test_jobs_hold_every_run_once_and_nothing_but_replicas():
    others = [replace(BASE, epochs=2), replace(BASE, model="vgg16"), replace(BASE, model="vgg16", seed=1)]
    jobs = jobs_of([*RUNS, *others], replicas=3)
    assert sorted(map(len, jobs)) == [1, 1, 1, 2, 3]
    assert {one for job in jobs for one in job} == {*RUNS, *others}
    assert all(len(job) == 1 or all(map(can_be_replica, job)) for job in jobs)


def test_large_networks_are_not_put_together_beyond_half_a_gigabyte():
    """Ten masks of the width that has as many weights as a factored network at 0.02 would take fifteen gigabytes."""
    wide = [replace(BASE, model="lenet-300-100", width="46.68", density="0.02", seed=seed) for seed in range(10)]
    assert jobs_of(wide, replicas=64) == [(one,) for one in wide]
    weights = 784 * 2000 + 2000 * 1000 + 1000 * 10
    middle = [replace(BASE, model="mlp-2000-1000", seed=seed) for seed in range(20)]
    assert [len(job) for job in jobs_of(middle, replicas=64)] == [2**25 // weights] * 2 + [20 - 2 * (2**25 // weights)]
    small = [replace(BASE, seed=seed) for seed in range(70)]
    assert list(map(len, jobs_of(small, replicas=64))) == [64, 6]


@pytest.mark.parametrize(("workers", "replicas", "name"), [(0, 1, "workers"), (1, 0, "replicas")])
def test_numbers_outside_are_refused(workers, replicas, name, tmp_path):
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        list(sweep(RUNS, tmp_path, data_dir=tmp_path, workers=workers, replicas=replicas))


def test_a_sweep_gives_what_runs_give(tmp_path, capsys):
    words = ["--only", *LENET, "--set", "model=mlp-20-10", "epochs=1", "--density", "0.5", "--seeds", "1"]
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
    assert main(["sweep", "table1", "--only", *LENET, "--set", "epochs=1", *words]) == 2
    assert "--cluster: expected the address of a Dask scheduler" in capsys.readouterr().err.splitlines()[-1]


def test_a_cluster_gives_what_processes_give(tmp_path, capsys):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    words = ["--only", *LENET, "density=0.1", "--set", "model=mlp-20-10", "epochs=1", "--seeds", "2"]
    # Two workers that are threads of this process, but talk to it over the network of this machine.
    local = {"processes": False, "protocol": "tcp", "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **local) as cluster:
        words += ["--replicas", "3"]
        address = ["--out", str(tmp_path / "cluster"), "--cluster", cluster.scheduler_address, "--json"]
        assert main(["sweep", "table1", *words, *address]) == 0
        done = json.loads(capsys.readouterr().out)
        assert cluster.scheduler.transition_counter >= 5  # jobs of at most 3 of the 14 runs
    assert main(["sweep", "table1", *words, "--out", str(tmp_path / "here"), "--workers", "1", "--json"]) == 0
    here = json.loads(capsys.readouterr().out)
    assert len(done["results"]) == 14
    assert list(map(without_times, done["results"])) == list(map(without_times, here["results"]))


def test_factored_networks_train_alone():
    """Their widths depend on the density, and no ReLU stands between their factors."""
    runs = [replace(BASE, ratio="uniform", density=density, factored=2) for density in ("0.5", "0.2")]
    assert not any(map(can_be_replica, runs))
    assert jobs_of(runs, replicas=8) == [(one,) for one in runs]
    with pytest.raises(InvalidInput, match=r"^configurations: "):
        perform_replicas(runs, Path("none"), ProcessGroup(torch.device("cpu")), data_dir=Path("none"))
