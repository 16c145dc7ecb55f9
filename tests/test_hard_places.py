"""Every command of both programs where it is hard to be: streams that are closed or full, absurd widths and values."""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli import main as ertheory
from ertheory.cli.options import Option, names_of
from ertheory.cli.program import command_at

TRAINED = importlib.util.find_spec("torch") is not None
_LIKELY = ["--density", "0.5", "--delta", "0.1"]
_RUN = ["table1", "--seeds", "1", "--only", "data=digits", "model=lenet-300-100", "ratio=erk", "density=0.05"]

# One quick question for each command; those that take a file or a folder find it where the tests are.
QUESTIONS: dict[tuple[str, str], list[str]] = {
    ("ertheory", "width"): ["--target", "4-8-3", *_LIKELY],
    ("ertheory", "sparsity"): ["--target", "4-8-3", "--widths", "56,80", "--delta", "0.1", "--method", "drop"],
    ("ertheory", "confidence"): ["--target", "4-8-3", "--widths", "56,80", "--density", "0.5"],
    ("ertheory", "capacity"): ["--source", "20-40-20-40-5", *_LIKELY],
    ("ertheory", "lower"): ["--inputs", "3", *_LIKELY],
    ("ertheory", "subset-sum"): ["--density", "0.5", "--epsilon", "0.1", "--delta", "0.1"],
    ("ertheory", "ticket"): ["--target", "2-2-1", "--epsilon", "0.1", *_LIKELY],
    ("ertheory", "densities"): ["--model", "vgg16", "--ratio", "erk", "--density", "0.1"],
    ("ertheory", "embed"): [
        *("--target", "net.npz", "--density", "1,0.5,0.5", "--delta", "0.1", "--method", "drop"),
        *("--out", "source.npz", "--force"),
    ],
    ("ertheory", "explore"): ["--out", "explorer.html", "--force"],
    ("ertheory", "sample"): ["--out", "s.npz", "--force"],
    ("ertheory", "verify"): ["theorem-2.1", "--trials", "50"],
    ("ertheory", "calibrate"): [
        *("--target", "1-2-1", "--density", "1,1,0.5", "--delta", "0.5", "--method", "matching"),
        *("--level", "0.1", "--resolution", "0.9", "--workers", "1"),
    ],
    ("ertheory", "figure"): ["lower-bound", "--out", "figures", "--force"],
}
SLOW = {("ertheory", "calibrate"), ("ertheory", "figure"), ("ertrain", "list")}  # they take a second each
if TRAINED:
    from ertrain.cli import _COMMANDS as TRAINING
    from ertrain.cli import main as ertrain
    from ertrain.students.batched import Budget
    from ertrain.students.widths import SCALES, Scale

    QUESTIONS |= {
        ("ertrain", "list"): [],
        ("ertrain", "run"): [*_RUN, "--set", "model=mlp-10", "epochs=1"],
        ("ertrain", "sweep"): [*_RUN, "--set", "model=mlp-10", "epochs=1", "--workers", "1"],
        ("ertrain", "train"): ["--set", "model=mlp-10", "epochs=1"],
        ("ertrain", "report"): ["runs"],
        ("ertrain", "verify"): [
            *("widths", "--target", "1-1-1", "--density", "0.9", "--delta", "0.5", "--workers", "1"),
        ],
    }


@pytest.fixture(scope="module", autouse=True)
def somewhere(tmp_path_factory):
    """Run where there is the folder of a run that is done, so that nothing has to be trained again."""
    before, folder = Path.cwd(), tmp_path_factory.mktemp("hard")
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patched:
        # Pictures take a second each, and nobody looks at these.
        patched.setattr("matplotlib.figure.Figure.savefig", lambda _, stream, **__: stream.write(b"drawn"))
        assert ertheory(["sample", "--out", "net.npz", "--target", "3-4-2", "--seed", "1"]) == 0
        if TRAINED:
            few = Scale(budget=Budget(steps=20), level=Fraction(3, 4), effort=16, students=16, least=16)
            patched.setitem(SCALES, "quick", few)
            for name in ("run", "train"):
                assert ertrain([name, *QUESTIONS["ertrain", name], "--quiet"]) == 0
            assert ertrain(["verify", *QUESTIONS["ertrain", "verify"]]) == 0
        yield folder
    os.chdir(before)


class Full(io.StringIO):
    """A stream on a disk that is full."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Left(io.StringIO):
    """A pipe whose reader, such as `head`, has seen enough."""

    def write(self, _: str) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def ask(program: str, *words: str) -> int:
    return ertheory(words) if program == "ertheory" else ertrain(words)


def said(capsys) -> str:
    """Give what was said on standard error, without bars of progress."""
    return capsys.readouterr().err.rpartition("\r")[2].strip()


def test_every_command_is_asked():
    there = {("ertheory", name) for name, _, _ in THEORY}
    there |= {("ertrain", name) for name, _, _ in TRAINING} if TRAINED else set()
    assert {*QUESTIONS} == there


@pytest.mark.parametrize(("program", "command"), QUESTIONS)
@pytest.mark.parametrize("out", ["closed", "full"])
def test_an_answer_that_cannot_be_given_is_one_line(program, command, out, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None if out == "closed" else Full())
    assert ask(program, command, *QUESTIONS[program, command]) == 2
    monkeypatch.undo()
    line = said(capsys).splitlines()[-1]
    assert line.startswith(f"{program}: standard output: expected ")
    assert len(line) <= 400


@pytest.mark.parametrize(("program", "command"), QUESTIONS)
def test_a_reader_may_have_seen_enough(program, command, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Left())
    assert ask(program, command, *QUESTIONS[program, command]) == 0
    sys.stdout.close()  # by now it is one that forgets
    monkeypatch.undo()
    assert "rror" not in said(capsys)


def test_nothing_is_computed_for_an_output_that_is_closed(capsys, monkeypatch):
    monkeypatch.setattr("ertheory.cli.calibrate.calibrate", lambda *_, **__: pytest.fail("computes"))
    monkeypatch.setattr(sys, "stdout", None)
    assert ask("ertheory", "calibrate", *QUESTIONS["ertheory", "calibrate"]) == 2
    assert "standard output: expected an open one" in said(capsys)


@pytest.mark.parametrize(("program", "command"), QUESTIONS)
@pytest.mark.parametrize("error", ["closed", "full", "shut"])
def test_messages_that_cannot_be_said_stop_nothing(program, command, error, monkeypatch, capsys):
    stream = None if error == "closed" else io.StringIO() if error == "shut" else Full()
    if error == "shut":
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert ask(program, command, *QUESTIONS[program, command]) == 0
    assert capsys.readouterr().out.strip()
    # A refusal cannot be said either, and has its exit status all the same.
    assert ask(program, command, "--no-such-option") == 2


@pytest.mark.parametrize(("program", "command"), QUESTIONS)
def test_terminals_of_a_few_columns_get_an_answer(program, command, monkeypatch, capsys):
    some = ("1", "x") if (program, command) in SLOW else ("0", "1", "2", "3", "4", "5", "-1", "x")
    for columns in some:
        monkeypatch.setenv("COLUMNS", columns)
        assert ask(program, command, *QUESTIONS[program, command]) == 0, columns
        out = capsys.readouterr().out
        assert out.strip()
        assert len(out) < 200_000
        assert os.environ["COLUMNS"] == columns
        assert ask(program, command, "--help") == 0
        assert command in capsys.readouterr().out


# For each command of `ertrain` words to which one option is added, or whose value for it is exchanged.
ASKED = {
    "list": [],
    "run": ["table1", "--seeds", "1"],
    "sweep": ["table1", "--seeds", "1"],
    "train": [],
    "report": ["runs"],
    "verify": ["widths", "--target", "3-1-1", "--density", "0.5", "--delta", "0.1"],
}


def options() -> list[tuple[str, str, str]]:
    """List every option of every command of `ertrain` that takes a value; those of `ertheory` are tested there."""
    found = []
    for name, place, _ in TRAINING if TRAINED else ():
        command = command_at(place)
        hints = get_type_hints(command, include_extras=True)
        found += [(name, place, field) for field, hint in hints.items() if get_args(hint)[0] is not bool]
    return found


ABSURD = ("", "x", "-1", "9" * 100_000, "x" * 5000, "nan", "1e400", "99999999999")
FOLDERS = {"out", "data_dir", "plot", "curves"}  # may have odd names, but not ones that are too long
COMPUTES = (
    "ertrain.cli.run.perform",
    "ertrain.cli.sweep.sweep",
    "ertrain.cli.verify.measure_widths",
    "ertrain.cli.verify_floors.study_floors",
)


class Accepted(BaseException):
    """The words of a command line have been taken, and what is asked for would be computed now."""


def accept(*_: Any, **__: Any) -> None:
    raise Accepted


@pytest.mark.skipif(not TRAINED, reason="needs the extra 'train'")
@pytest.mark.parametrize(("name", "place", "field"), options())
def test_absurd_values_are_refused_in_the_name_of_their_option(name, place, field, capsys, monkeypatch):
    for function in COMPUTES:
        monkeypatch.setattr(function, accept)
    command = command_at(place)
    option: Option = get_type_hints(command, include_extras=True)[field].__metadata__[0]
    shown, base = names_of(command)[field], ASKED[name]
    for value in ABSURD if field not in FOLDERS else ("9" * 100_000, "x" * 5000):
        if option.positional:
            words = [value, *base[1:]]
        elif shown in base:
            at = base.index(shown)
            words = [*base[:at], *base[at + 2 :], f"{shown}={value}"]
        else:
            words = [*base, f"{shown}={value}"]
        try:
            status = ask("ertrain", name, *words)
        except Accepted:
            status = 0
        line = said(capsys)
        assert status in (0, 2), (value[:20], line)
        if status == 2:
            assert "\n" not in line, value[:20]
            assert len(line) <= 400
            assert line.startswith((f"ertrain: {shown}", "ertrain: --density: expected at most one")), (
                value[:20],
                line,
            )


@pytest.mark.skipif(os.name != "posix", reason="closes descriptors by a shell")
def test_a_bar_of_progress_needs_no_open_descriptor():
    script = (
        "import sys, time; from ertheory.cli.streams import steady_streams; from tqdm import tqdm\n"
        "with steady_streams(print):\n"
        "    for _ in tqdm(range(3), mininterval=0): pass\n"
        "    taken = open('/dev/null')\n"
        "    sys.exit(0 if taken.fileno() > 2 else 5)"
    )
    for closed in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        done = subprocess.run(["bash", "-c", f'"$@" {closed}', "bash", sys.executable, "-c", script], check=False)
        assert done.returncode == 0, closed
