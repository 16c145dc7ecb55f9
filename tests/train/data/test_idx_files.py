"""Fashion-MNIST and MNIST are found where their four files lie, and read to the same numbers from all places."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.cli.arguments import with_data  # noqa: E402
from ertrain.data import idx_files, is_there, load_data  # noqa: E402
from ertrain.recipes import RECIPES  # noqa: E402


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(idx_files, "DEBIAN", tmp_path_factory.mktemp("debian") / "fashion-mnist")


def fill(folder: Path, *, gzipped: bool = False, count: int = 40) -> Path:
    """Write the four files: images whose pixels and labels are known."""
    folder.mkdir(parents=True)
    for part, number in (("train", count), ("t10k", 10)):
        pixels = bytes(place % 251 for place in range(number * 784))
        labels = bytes(place % 10 for place in range(number))
        images = struct.pack(">IIII", 0x803, number, 28, 28) + pixels
        for kind, content in (("images-idx3", images), ("labels-idx1", struct.pack(">II", 0x801, number) + labels)):
            name = f"{part}-{kind}-ubyte"
            if gzipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("place", ["", "FashionMNIST/raw", "fashion-mnist"])
def test_the_four_files_are_read_wherever_they_lie(tmp_path, place, gzipped):
    fill(tmp_path / "data" / place, gzipped=gzipped)
    assert is_there("fashion-mnist", tmp_path / "data")
    data = load_data("fashion-mnist", tmp_path / "data")
    assert (len(data.train), len(data.validation), len(data.read_test())) == (36, 4, 10)
    test = data.read_test()
    assert test.inputs.flatten().tolist() == [pixel % 251 for pixel in range(10 * 784)]
    assert test.labels.tolist() == list(range(10))


def test_the_folder_of_the_package_is_looked_at_last(tmp_path, monkeypatch):
    assert not is_there("fashion-mnist", tmp_path / "data")
    monkeypatch.setattr(idx_files, "DEBIAN", fill(tmp_path / "debian", gzipped=True, count=80))
    assert len(load_data("fashion-mnist", tmp_path / "data").train) == 72
    fill(tmp_path / "data")
    assert len(load_data("fashion-mnist", tmp_path / "data").train) == 36
    assert not is_there("mnist", tmp_path / "data")  # files without a name are not those of MNIST


def test_the_checksum_is_that_of_what_torchvision_reads(tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    fill(tmp_path / "FashionMNIST" / "raw")
    read = datasets.FashionMNIST(tmp_path, train=True)
    found = load_data("fashion-mnist", tmp_path)
    whole = idx_files.read_idx(tmp_path / "FashionMNIST" / "raw", train=True)
    assert whole.inputs.squeeze(1).equal(read.data)
    assert whole.labels.equal(read.targets)
    assert found.checksum == whole.checksum()


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x08\x01\x00\x00\x00\x05abc", b"\x00\x00\x0d\x03" + bytes(12)])
def test_damaged_files_are_refused_in_a_line(tmp_path, content):
    folder = fill(tmp_path / "data")
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"^data_dir: expected "):
        load_data("fashion-mnist", folder)


@pytest.mark.parametrize("name", [one.name for one in RECIPES.values() if "quick" in one.scales])
def test_every_quick_scale_has_runs_on_data_that_are_always_there(name, tmp_path, capsys):
    runs = RECIPES[name].configurations("quick", seeds=1)
    kept = with_data(runs, tmp_path, scale="quick", words=(), tell=True)
    lines = capsys.readouterr().err.splitlines()
    left_out = {run.data for run in runs} - {run.data for run in kept}
    assert kept == tuple(run for run in runs if run.data not in left_out)
    assert left_out <= {"fashion-mnist"}
    assert len(lines) == len(left_out)
    for data in {run.data for run in kept}:
        assert len(load_data(data, tmp_path).train)
    fill(tmp_path / "fashion-mnist")
    assert with_data(runs, tmp_path, scale="quick", words=(), tell=True) == runs
    assert not capsys.readouterr().err


def test_from_nothing_a_quick_recipe_runs_and_what_is_asked_for_is_refused_before_the_first_run(tmp_path, capsys):
    words = ["--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "runs"), "--seeds", "1", "--quiet"]
    small = ["--set", "model=mlp-4", "epochs=1", "width=1", "ratio_epochs=1"]
    for more in (["--only", "data=fashion-mnist"], ["--set", "data=fashion-mnist"], ["--scale", "small"]):
        assert main(["run", "table1", *words, *more]) == 2
        assert "a folder with the files of " in capsys.readouterr().err
        assert not (tmp_path / "runs").exists()
    assert main(["run", "table1", *words, "--only", "density=0.1", *small]) == 0
    err = capsys.readouterr().err
    assert f"ertrain: fashion-mnist is not in {tmp_path / 'data'}: 7 of " in err
    assert len(list((tmp_path / "runs").glob("*/result.json"))) == 14  # seven ratios, two trainings


def test_unknown_networks_are_refused_before_the_first_run(tmp_path, capsys):
    assert main(["run", "table1", "--set", "model=lenet", "--out", str(tmp_path / "runs")]) == 2
    assert "--set model: expected one of lenet-300-100" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
