"""Files of a run folder in which there is JSON, but not what belongs there: one line that names the file."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.reports.curves import curve_columns  # noqa: E402
from ertrain.reports.notebook import plot_curves  # noqa: E402
from ertrain.reports.results import read_results  # noqa: E402
from ertrain.storage.canonical import hash_of  # noqa: E402
from ertrain.storage.checkpoints import load_checkpoint, save_checkpoint  # noqa: E402
from ertrain.storage.files import RESULT_ALSO, RESULT_NEEDS  # noqa: E402
from ertrain.training.experiments import perform, result_of  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.replicas import perform_replicas  # noqa: E402

CONFIGURATION = Configuration(recipe="test", model="mlp-6", density="0.5", epochs=2, batch=500, learning_rate=0.05)
WRONG = ["[]", "5", "null", "{}", '"text"', "NaN", '{"a": NaN}', "[" * 100_000, "{" * 3, '{"unknown": 1}', "\x00"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    with join_process_group("cpu") as processes:
        perform(CONFIGURATION, out, processes, data_dir=out)
    return out


@pytest.fixture
def out(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "runs")
    return tmp_path / "runs"


def again(configuration, out):
    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out)


@pytest.mark.parametrize("change", [{"unknown": 1}, {"epochs": 3}, {"epochs": -2}, {"epochs": 2.0}, {"ratio": "erk"}])
def test_a_configuration_that_somebody_has_changed_is_refused(out, change):
    path = out / CONFIGURATION.folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.warns(UserWarning, match=r"left out: .*config.json: its values are not those of its hash"):
        with pytest.raises(InvalidInput):
            read_results(out)
    with pytest.warns(UserWarning, match=r"left out: .*config.json: its values"), pytest.raises(InvalidInput):
        plot_curves(out)
    path.with_name("result.json").unlink()
    with pytest.raises(RunFolderError, match=r"config.json: its values are not those of its hash"):
        again(CONFIGURATION, out)


@pytest.mark.parametrize(
    "change",
    [{"unknown": 1}, {"density": []}, {"epochs": "2"}, {"milestones": [1.5]}, {"method": "none"}],
    ids=lambda change: next(iter(change)),
)
def test_a_configuration_of_its_hash_that_is_none_is_left_out(out, change):
    path = out / CONFIGURATION.folder / "config.json"
    values = {name: value for name, value in json.loads(path.read_text()).items() if name != "hash"} | change
    path.write_text(json.dumps({"hash": hash_of(values), **values}))
    result = json.loads(path.with_name("result.json").read_text())
    path.with_name("result.json").write_text(json.dumps({**result, "config_hash": hash_of(values)}))
    for read in (read_results, plot_curves):
        with pytest.warns(UserWarning, match=r"^left out: .*config\.json: "), pytest.raises(InvalidInput):
            read(out)


@pytest.mark.parametrize("file", ["result.json", "start.json", "environment.json"])
def test_names_that_nobody_wrote_are_refused(out, file):
    folder = out / CONFIGURATION.folder
    content = json.loads((folder / file).read_text())
    if file != "result.json":
        (folder / "result.json").unlink()
    added = [{**content[0], "unknown": 1}] if file == "environment.json" else {**content, "unknown": 1}
    (folder / file).write_text(json.dumps(added))
    with pytest.raises(RunFolderError, match=rf"{file}: 'unknown' is no name that is written there"):
        again(CONFIGURATION, out)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("without_weights", "1"),
        ("without_weights_expected", []),
        ("diverged", 1),
        ("accuracy_test_best", None),
        ("accuracy_validation", None),
        ("accuracy_test", 10**400),
        ("flops_train", 10**400),
        ("ratio", "\ud800"),
        ("data", {"name": "\ud800"}),
    ],
)
def test_a_value_that_cannot_be_reported_is_left_out(out, name, wrong):
    path = out / CONFIGURATION.folder / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: wrong}))
    with pytest.warns(UserWarning, match=r"^left out: .*result\.json: "), pytest.raises(InvalidInput):
        read_results(out)


def test_results_of_earlier_versions_are_read(out):
    path = out / CONFIGURATION.folder / "result.json"
    content = json.loads(path.read_text())
    assert content.keys() == RESULT_NEEDS.keys() | RESULT_ALSO  # so that no name is written that is then refused
    path.write_text(json.dumps({name: value for name, value in content.items() if name in RESULT_NEEDS}))
    (result,) = read_results(out)
    assert result["accuracy_test"] == again(CONFIGURATION, out)["accuracy_test"] == content["accuracy_test"]


@pytest.mark.parametrize("change", [{"epochs": "1"}, {"best": []}, {"work": 0.5}, {"diverged": None}, {"unknown": 1}])
def test_a_state_that_is_signed_and_none_is_refused(out, change):
    folder = out / CONFIGURATION.folder
    (folder / "result.json").unlink()
    found = load_checkpoint(folder)
    save_checkpoint(folder, replace(found, scalars={**found.scalars, **change}))
    with pytest.raises(RunFolderError, match=rf"a checkpoint of something else than this run .*{next(iter(change))}"):
        again(CONFIGURATION, out)


def test_curves_are_drawn_of_the_lines_that_are_whole(out):
    path = out / CONFIGURATION.folder / "metrics.jsonl"
    first = path.read_text().splitlines()[0]
    path.write_text("\n".join([first, *WRONG, '{"epoch": "x"}', '{"epoch": 2, "loss": [1]}', first[:-5]]))
    assert plot_curves(out).columns["epoch"] == (1,)
    assert curve_columns(read_results(str(out)))["epoch"] == (1,)


@pytest.mark.parametrize("file", ["result.json", "config.json", "start.json", "environment.json"])
@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_a_file_with_something_else_is_named(out, file, wrong):
    folder = out / CONFIGURATION.folder
    if file != "result.json":
        (folder / "result.json").unlink()
    (folder / file).write_text(wrong)
    if file == "environment.json" and wrong in ("[]", "null"):  # nothing was run on yet
        assert again(CONFIGURATION, out)["config_hash"] == CONFIGURATION.hash
        return
    with pytest.raises(RunFolderError, match=rf"{file}: ") as caught:
        again(CONFIGURATION, out)
    assert len(str(caught.value)) <= 400


def test_lines_of_the_metrics_that_are_none_are_dropped(out):
    folder = out / CONFIGURATION.folder
    (folder / "result.json").unlink()
    whole = (folder / "metrics.jsonl").read_text()
    (folder / "metrics.jsonl").write_text("\n".join([*WRONG, whole, *WRONG]))
    again(CONFIGURATION, out)
    assert (folder / "metrics.jsonl").read_text() == whole


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_a_wrong_index_of_a_checkpoint_is_damage(out, wrong):
    folder = out / CONFIGURATION.folder
    (folder / "result.json").unlink()
    (folder / "state.json").write_text(wrong)
    for path in folder.glob("*.previous.*"):
        path.unlink()
    with pytest.raises(RunFolderError, match="damaged"):
        again(CONFIGURATION, out)


def test_a_checkpoint_of_another_network_is_refused_though_its_checksums_are_right(out):
    other = replace(CONFIGURATION, model="mlp-7")
    again(other, out)
    mine, theirs = out / CONFIGURATION.folder, out / other.folder
    (mine / "result.json").unlink()
    save_checkpoint(mine, load_checkpoint(theirs))
    with pytest.raises(RunFolderError, match="a checkpoint of something else than this run"):
        again(CONFIGURATION, out)


def test_a_group_with_the_checkpoint_of_another_is_refused(out, monkeypatch):
    members = [replace(CONFIGURATION, seed=seed) for seed in (1, 2)]

    class Stopped(BaseException):
        pass

    def stop(_):
        raise Stopped

    monkeypatch.setattr("ertrain.training.replicas._SECONDS_BETWEEN_CHECKPOINTS", 0)
    with join_process_group("cpu") as processes, pytest.raises(Stopped):
        perform_replicas(members, out, processes, data_dir=out, progress=stop)
    (group,) = out.glob("test-group-*")
    save_checkpoint(group, load_checkpoint(out / CONFIGURATION.folder))
    with join_process_group("cpu") as processes, pytest.raises(RunFolderError, match="something else than these runs"):
        perform_replicas(members, out, processes, data_dir=out)


def test_the_result_of_another_configuration_is_refused(out):
    other = replace(CONFIGURATION, seed=1)
    shutil.copytree(out / CONFIGURATION.folder, out / other.folder)
    with pytest.raises(RunFolderError, match=r"result\.json: is the result of another configuration"):
        result_of(other, out)


@pytest.mark.parametrize("wrong", [*WRONG, "another"], ids=range(len(WRONG) + 1))
def test_a_report_leaves_out_what_it_cannot_read_and_says_so(out, wrong):
    bad = out / "test-bad"
    shutil.copytree(out / CONFIGURATION.folder, bad)
    if wrong == "another":
        content = json.loads((bad / "result.json").read_text())
        (bad / "result.json").write_text(json.dumps({**content, "config_hash": "0" * 64}))
    else:
        (bad / "result.json").write_text(wrong)
    with pytest.warns(UserWarning, match=r"^left out: .*result\.json: "):
        results = read_results(out)
    assert [result["config_hash"] for result in results] == [CONFIGURATION.hash]
    with pytest.warns(UserWarning, match="left out"), pytest.raises(InvalidInput, match=r"^DIR: "):
        read_results(bad)
