"""What is released: one version, and a wheel and a source archive that hold what they should, and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import ertheory

ROOT = Path(__file__).parents[1]
VERSION = ertheory.__version__
PACKAGES = ("ertheory", "ertrain")


def run(*command: object, **options) -> str:
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The source archive of this checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder, cwd=ROOT)
    return folder / f"ertheory-{VERSION}.tar.gz"


@pytest.fixture(scope="module")
def wheel(archive, tmp_path_factory):
    """The wheel that is built from the source archive, as pip does it; so nothing is missing there."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    source = folder / f"ertheory-{VERSION}"
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=source)
    return folder / f"ertheory-{VERSION}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Where the wheel is installed, without a network, apart from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile")
    run(sys.executable, "-m", "pip", "install", *quiet, "--target", folder, wheel)
    return folder


@pytest.fixture
def start(installed, tmp_path):
    """Run a command of the installed wheel in an empty folder."""
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return lambda *command: run(*command, cwd=tmp_path, env=environment)


def ours(folder: Path) -> set[str]:
    """Names of all files of the two packages that a checkout would have, data files too."""
    paths = (path for package in PACKAGES for path in (folder / package).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths if "__pycache__" not in path.parts}


def test_the_source_archive_holds_the_packages_and_what_describes_them(archive):
    with tarfile.open(archive) as members:
        names = {member.name.partition("/")[2] for member in members}
    described = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"}
    assert names == ours(ROOT) | described | {"PKG-INFO", ".gitignore"}


def test_the_wheel_holds_the_packages_alone(wheel):
    with zipfile.ZipFile(wheel) as members:
        names = set(members.namelist())
    about = f"ertheory-{VERSION}.dist-info"
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, about}
    assert {name for name in names if not name.startswith(about)} == ours(ROOT)
    assert {f"{package}/py.typed" for package in PACKAGES} | {"ertheory/plots/gap_measured.csv"} <= names
    assert f"{about}/licenses/LICENSE" in names
    assert {Path(name).suffix for name in ours(ROOT)} == {".py", ".typed", ".csv", ".html", ".css", ".js"}


@pytest.mark.parametrize("program", PACKAGES)
def test_the_programs_say_their_version(program, start, installed):
    if program == "ertrain" and find_spec("torch") is None:
        pytest.skip("ertrain needs PyTorch")
    assert start(sys.executable, installed / "bin" / program, "--version") == f"{program} {VERSION}\n"


def test_the_installed_wheel_computes_compiles_and_reads_its_data(start, installed):
    """Widths, numba's kernels (a drawn mask), and the numbers that a figure takes from a file of the package."""
    code = """
import ertheory
from ertheory.plots.gap import _measured

target = ertheory.Target.from_arrays([[[1.0, -2.0], [0.5, 1.5]], [[1.0, -1.0]]], domain=[(-1, 1), (-1, 1)])
chosen = ertheory.plan(target, method="exact", density="1,1/2,1/2", failure_probability="1/20")
print(ertheory.__file__, chosen.embed(seed=0).edges_used, len(list(_measured())) > 5)
"""
    shown = start(sys.executable, "-c", code)
    assert shown == f"{installed / 'ertheory' / '__init__.py'} 9 True\n"


def test_the_version_stands_in_one_place():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["hatch"]["version"]["path"] == "ertheory/__init__.py"
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.*?)\]", changelog, flags=re.M)[0] in {VERSION, "Unreleased"}


def test_the_package_says_what_it_runs_on():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    versions = [
        tuple(map(int, found)) for text in project["classifiers"] for found in re.findall(r":: (\d)\.(\d+)$", text)
    ]
    lowest = tuple(map(int, re.fullmatch(r">=(\d)\.(\d+)", project["requires-python"]).groups()))
    assert versions == [(3, minor) for minor in range(lowest[1], versions[-1][1] + 1)]
    assert "Typing :: Typed" in project["classifiers"]
