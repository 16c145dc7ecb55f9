"""What commands of `ertrain` say is what `texts_of_training/` has: tables, sentences, bars, options and refusals.

Where a text shall change, `python tests/reference/test_texts_of_training.py` writes them anew.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import get_type_hints
from unittest import mock
from zlib import crc32

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.cli.options import names_of
from ertheory.cli.program import command_at
from ertrain.cli import _COMMANDS, main
from ertrain.configuration import Configuration
from ertrain.recipes import recipe
from ertrain.students.batched import Budget
from ertrain.students.widths import SCALES, Scale

TEXTS = Path(__file__).parent / "texts_of_training"
_LENET = "--only data=digits model=lenet-300-100"
_RATIOS = f"table1 --out runs/table1 {_LENET} ratio=erk,balanced density=0.1,0.01"
_ONE = "table1 --out runs/table1 --seeds 1"
_VERIFY = "--delta 0.5 --workers 1 --density 0.9"
COMMANDS = {
    "help": "--help",
    "list": "list",
    "list-csv": "list --format csv",
    "run": f"run {_RATIOS}",
    "run-csv": f"run {_RATIOS} --format csv",
    "run-changed": f"run {_ONE} {_LENET} density=0.1 ratio=erk --set learning_rate=0.1,0.2 batch=32",
    "run-data-left-out": f"run {_ONE} --only model=lenet-300-100 ratio=erk density=0.01",
    "sweep": f"sweep {_RATIOS} --seeds 2 --workers 1",
    "train": "train --set model=mlp-10 epochs=1 batch=500 --out new",
    "train-done": "train --set method=rigl final_density=0.2 model=mlp-10 --density 0.5 --out runs/table3",
    "report": "report runs/table1",
    "report-csv": "report runs/table1 --format csv",
    "report-explain": "report runs/table3 --explain",
    "report-markdown": "report runs/table3 --format markdown",
    "report-of-everything": "report runs",
    "report-pictures": "report runs/table3 --plot drawn --curves drawn --format csv",
    "verify-floors": "verify floors --target 2-1-1 --delta 0.5 --density 0.6 --explain",
    "verify-widths": f"verify widths --target 1-1-1 {_VERIFY} --explain",
    "verify-widths-factored": f"verify widths --target 2-2 {_VERIFY} --construction factored --format markdown",
    # Refusals, one line each.
    "no-command": "",
    "no-such-command": "trian",
    "no-such-recipe": "run table9",
    "no-such-run": "run table1 --only density=0.3",
    "no-such-scale": "run gcn --scale huge",
    "no-such-setting": "run table1 --set colour=red",
    "no-word-with-a-value": "run table1 --set epochs",
    "both-densities": "sweep table1 --density 0.5 --sparsity 0.5",
    "too-many-runs": "sweep table1 --seeds 99999",
    "several-values": "train --set epochs=1,2",
    "setting-of-another-method": "train --set levels=3",
    "no-config": "train --config nowhere.toml",
    "no-settings": "train --config broken.toml",
    "no-folder": "report nowhere",
    "no-runs": "report empty",
    "damaged": "report damaged",
    "not-for-floors": "verify floors --target 2-1-1 --delta 0.5 --density 0.6 --out x",
    "no-floors": "verify floors --target 2-2-1 --delta 0.5 --density 0.6",
}
# What training computes, of which another processor may round the last digits, and how long it takes.
_COMPUTED = re.compile(
    r"(?<=loss )\d+\.\d+|(?<=training )\d\.\d{4}|(?<=validation )\d\.\d{4}|\d+\.\d(?= s$)"
    r"|(?<= 1  )[ \d.]{10}  [ \d.]+$|(?<=\]  )[ \d.]{16}|(?<=<= )\d+\.\d+(?=, its)",
    re.MULTILINE,
)


class Bar:
    """A bar of progress that says what it is told, and no times."""

    def __init__(self, total=None, unit="it", initial=0, **_: object) -> None:
        self.n = self.initial = self.last_print_n = initial
        self.total, self.unit, self.words, self.disable = total, unit, "", False

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.say()

    def say(self) -> None:
        print(f"[{self.words}: {self.n} of {self.total}{self.unit}]", file=sys.stderr)

    def update(self, count: int) -> None:
        self.n += count

    def set_description(self, words: str, refresh: bool = True) -> None:
        if self.words:
            self.say()
        self.words = words

    def reset(self, total: int) -> None:
        if self.words:
            self.say()
        self.n, self.total, self.words = 0, total, ""

    def refresh(self) -> None:
        pass

    @staticmethod
    def write(text: str, file) -> None:
        print(text, file=file)


def finished(run: Configuration, out: Path) -> None:
    """Write the folder of a run that is done, with made-up numbers."""
    density, chance = Fraction(run.density), crc32(f"{run.method} {run.ratio} {run.density} {run.seed}".encode())
    accuracy = round(0.98 - 0.05 * float(1 - density) ** 9 + chance % 100 / 20_000, 4)
    content = {
        "schema": 1,
        "config_hash": run.hash,
        **{name: getattr(run, name) for name in ("recipe", "model", "width", "method", "ratio", "epochs", "seed")},
        "density_target": run.density,
        "density_realised": float(density) + chance % 7 / 10_000,
        "density_final": float(Fraction(run.final_density or run.density)) if run.method != "fixed" else float(density),
        "without_weights": chance % 5,
        "without_weights_expected": 2.125,
        "dead_neurons": chance % 5 + 3,
        "neurons": 410,
        "layers": [],
        "accuracy_test": accuracy,
        "accuracy_test_best": accuracy + 0.001,
        "accuracy_validation": accuracy + 0.002,
        "accuracy_validation_best": accuracy + 0.003,
        "diverged": run.seed == 1 and run.density == "0.01" and run.ratio == "erk",
        "best_epoch": 1,
        "seconds": 1.5,
        "flops_train": 1_000 + chance % 90,
        "flops_search": 0,
        "flops_dense": 10_000,
        "memory_train": 1,
        "memory_dense": 2,
        "memory_peak": 3,
        "backend": "sparse" if run.density == "0.01" else "masked",
        "data": {"name": run.data},
    }
    folder = out / run.folder
    folder.mkdir(parents=True)
    texts = {"config.json": {"hash": run.hash, **run.to_dict()}, "result.json": content}
    for name, text in texts.items():
        (folder / name).write_text(json.dumps(text), encoding="utf-8")
    line = {"epoch": 1, "loss": 0.5, "accuracy_train": 0.9, "accuracy_validation": accuracy, "density": 0.1}
    (folder / "metrics.jsonl").write_text(json.dumps({**line, "seconds": 1.0, "learning_rate": 0.1}) + "\n")


def prepare() -> None:
    """Fill a folder with what commands are asked about."""
    pairs = product(("erk", "balanced"), ("0.1", "0.01"))
    runs = [one for ratio, density in pairs for one in made("table1", ratio=ratio, density=density)]
    runs += made("table1", seeds=1, ratio="erk", density="0.01", data="fashion-mnist")
    base = made("table1", seeds=1, ratio="erk", density="0.1")[0]
    runs += [replace(base, learning_rate=rate, batch=32) for rate in (0.1, 0.2)]
    runs += [replace(one, density=density) for one in runs if one.ratio == "erk" for density in ("1", "0.005")]
    for run in dict.fromkeys(runs):
        finished(run, Path("runs/table1"))
    starts = recipe("table3").configurations("quick", seeds=3, only={"data": "digits", "final_density": "0.1"})
    rewired = recipe("table2").configurations("quick", seeds=3, only={"data": "digits", "density": "0.05"})
    settings = {"method": "rigl", "final_density": "0.2", "model": "mlp-10", "density": "0.5"}
    for run in (*starts, *rewired, Configuration(recipe="train", **settings)):
        finished(run, Path("runs/table3"))
    Path("empty").mkdir()
    Path("broken.toml").write_text("epochs = = 2\n", encoding="utf-8")
    bad = Path("damaged/one/result.json")
    bad.parent.mkdir(parents=True)
    bad.write_text("[]", encoding="utf-8")


def made(name: str, *, seeds: int = 3, data: str = "digits", **only: str) -> list[Configuration]:
    chosen = {"data": data, "model": "lenet-300-100", **only}
    return list(recipe(name).configurations("quick", seeds=seeds, only=chosen))


@contextlib.contextmanager
def somewhere() -> Iterator[None]:
    """Stand in a folder of runs that are done, where scales are small and nothing is drawn or downloaded."""
    few = Scale(budget=Budget(steps=20), level=Fraction(3, 4), effort=16, students=16, least=16)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as patched:
        patched.enter_context(mock.patch.dict(SCALES, {"quick": few}))
        there = lambda name, _: name != "fashion-mnist"  # noqa: E731
        patched.enter_context(mock.patch("ertrain.cli.arguments.is_there", there))
        for place in ("run", "sweep", "verify", "verify_floors"):
            patched.enter_context(mock.patch(f"ertrain.cli.{place}.tqdm", Bar))
        drawn = lambda _, stream, **__: stream.write(b"drawn")  # noqa: E731
        patched.enter_context(mock.patch("matplotlib.figure.Figure.savefig", drawn))
        os.chdir(folder)
        try:
            prepare()
            yield
        finally:
            os.chdir(before)


@pytest.fixture(scope="module", autouse=True)
def place():
    with somewhere():
        yield


def said(name: str) -> str:
    """Ask a command in a terminal of 100 columns."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "100"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(COMMANDS[name].split())
    text = out.getvalue() + "".join(f"! {line}\n" for line in err.getvalue().splitlines())
    for path in sorted(Path("drawn").glob("*.csv")):
        text += f"{path.name}\n{path.read_text(encoding='utf-8')}"
        path.unlink()
    if name in ("train", "verify-floors"):
        text = _COMPUTED.sub("#", text)
    return f"{text}exit status {status}\n"


def options() -> str:
    """Write down what the help has of every option; how it is laid out is the parser's."""
    lines = []
    for name, place, purpose in _COMMANDS:
        command = command_at(place)
        hints, names = get_type_hints(command, include_extras=True), names_of(command)
        lines += [f"{name}: {purpose}", ""]
        for field in fields(command):
            option = hints[field.name].__metadata__[0]
            lines.append(f"  {names[field.name]} {option.metavar or ''}: {option.help}")
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_said(name):
    assert said(name) == (TEXTS / f"{name}.txt").read_text(encoding="utf-8")


def test_options_are_told_as_they_were():
    assert options() == (TEXTS / "options.txt").read_text(encoding="utf-8")


def test_no_text_is_left_over():
    assert {path.stem for path in TEXTS.iterdir()} == {*COMMANDS, "options"}


if __name__ == "__main__":
    with somewhere():
        for name in COMMANDS:
            (TEXTS / f"{name}.txt").write_text(said(name), encoding="utf-8")
    (TEXTS / "options.txt").write_text(options(), encoding="utf-8")
