"""What both programs share: exit status, one line for what went wrong, and output that nobody reads."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli import main
from ertheory.cli.options import Option
from ertheory.cli.output import show
from ertheory.cli.program import run_program
from ertheory.errors import ErError, InvalidInput

TABLE = [sys.executable, "-m", "ertheory", "densities", "--model", "vgg16", "--ratio", "erk", "--density", "0.1"]


Way = Literal["pipe", "file", "defect", "warn", "library", "other", "stop", "none"]


@dataclass(frozen=True)
class Failing:
    """Fails in a way that is asked for."""

    way: Annotated[Way, Option("How.", "WAY", positional=True)]
    share: Annotated[float, Option("A share.", "S", read=lambda argument, text: float(text))] = 0.5

    def run(self) -> int:
        """Fail."""
        if self.way == "pipe":
            raise BrokenPipeError(32, "Broken pipe")  # of a worker, perhaps
        if self.way == "file":
            Path("/nowhere/at/all").open("w")
        if self.way == "stop":
            raise KeyboardInterrupt
        if self.way == "library":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        if self.way == "other":
            raise ModuleNotFoundError("No module named 'nothing'", name="nothing")
        if self.way == "defect":
            [][1]
        if self.way == "warn":
            warnings.warn("it took long", stacklevel=1)
        show(f"{self.share}")
        return 0


def fail(*words: str) -> int:
    return run_program(
        "program", "Fails.", (("fail", f"{__name__}:Failing", "Fail.\n\nExample:\n  program fail pipe"),), words
    )


def test_a_broken_pipe_that_is_not_standard_output_is_no_success(capsys):
    assert fail("fail", "pipe") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("program: unexpected BrokenPipeError: ")
    assert err.count("\n") == 1


def test_an_unexpected_error_is_one_line_and_exit_status_3(capsys):
    assert fail("fail", "defect") == 3
    err = capsys.readouterr().err
    assert err.startswith("program: unexpected IndexError: list index out of range; ")
    assert "please report it" in err
    assert err.count("\n") == 1
    assert len(err) <= 401
    assert fail("fail", "defect", "--debug") == 3
    trace = capsys.readouterr().err
    assert trace.startswith("Traceback")
    assert "[][1]" in trace


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(capsys):
    assert fail("fail", "library") == 2
    assert capsys.readouterr().err == (
        "program: this needs PyTorch, which is not installed: pip install 'ertheory[train]'\n"
    )
    assert fail("fail", "other") == 3
    assert "unexpected ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "status"), [(["--version"], 0), (["--help"], 0), (["list"], 2)])
def test_ertrain_says_in_one_line_that_it_needs_pytorch(words, status):
    code = "import sys; sys.modules['torch'] = None; from ertrain.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr.count("\n") == (status == 2)
    assert ("needs PyTorch" in done.stderr) == (status == 2)


def test_a_place_that_is_not_there_is_bad_input(capsys):
    assert fail("fail", "file") == 2
    assert capsys.readouterr().err == "program: /nowhere/at/all: No such file or directory\n"


@pytest.mark.filterwarnings("always::UserWarning")
def test_a_warning_is_a_line_of_the_program(capsys):
    assert fail("fail", "warn") == 0
    assert capsys.readouterr() == ("0.5\n", "program: it took long\n")


def test_interrupted(capsys):
    assert fail("fail", "stop") == 130
    assert capsys.readouterr().err == "program: interrupted\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fial"], "COMMAND: expected one of fail (did you mean fail?), got 'fial'"),
        (
            ["fail", "pype"],
            "other, stop, none (did you mean pipe?), got 'pype'",
        ),
        (["fail", "none", "--shar", "3"], "there is no option --shar; did you mean --share? (see program fail --help)"),
        (["fail", "none", "--share"], "--share"),
        (["fail"], "WAY"),
        (["fail", "none", "more"], "more"),
    ],
)
def test_words_that_are_no_command(words, said, capsys):
    assert fail(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--version"], ["width", "--version"], ["lower", "--inputs", "3", "--version"]])
def test_the_version_is_asked_for_everywhere(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("ertheory ")


def test_closed_standard_output_is_said():
    done = subprocess.run(["bash", "-c", '"$@" >&-', "bash", *TABLE], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "ertheory: standard output: expected an open one, got 'a closed one'\n"


def test_a_full_disk_is_said():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    done = subprocess.run(
        ["bash", "-c", '"$@" >/dev/full', "bash", *TABLE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ertheory: standard output: expected a place that can be written")
    assert done.stderr.count("\n") == 1


TRIPLES = ["embed", "--target", "2-3-1", "--density", "0.5", "--delta", "0.1", "--method", "factored", "--factors", "3"]
SIMULATED = ["subset-sum", "--density", "0.9", "--delta", "0.1", "--simulate", "--trials", "100", "--workers", "1"]


@pytest.mark.parametrize("style", ["markdown", "latex", "csv"])
@pytest.mark.parametrize(
    "words",
    [
        ["width", "--target", "4-8-3", "--density", "0.5", "--delta", "0.1"],
        ["sparsity", "--target", "4-8-3", "--widths", "56,80", "--delta", "0.1"],
        ["confidence", "--target", "4-8-3", "--widths", "56,80", "--density", "0.5"],
        ["lower", "--inputs", "10", "--density", "0.01", "--delta", "0.05"],
        ["subset-sum", "--density", "0.5", "--epsilon", "0.01", "--delta", "0.01"],
        ["ticket", "--target", "2-4-1", "--density", "0.5", "--epsilon", "0.1", "--delta", "0.1", "--sensitivity"],
        ["densities", "--model", "resnet18", "--ratio", "erk", "--density", "0.1"],
        ["verify", "degree", "--trials", "100"],
    ],
    ids=lambda words: words[0] if isinstance(words, list) else words,
)
def test_every_table_comes_in_every_format(words, style, capsys):
    assert main([*words, "--format", style]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith({"markdown": "| ", "latex": r"\begin{tabular}", "csv": ""}[style])
    assert style != "csv" or "," in first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--width", "2e3"], "--width: expected a number in (0, 1000], got '2e3'"),
        (["--width=2e3"], "--width: expected a number in (0, 1000], got '2e3'"),
        (["--width", "0/5", "--erk_kernel=size"], "--width: expected a number in (0, 1000], got '0/5'"),
    ],
)
def test_a_number_is_shown_as_it_was_written(words, said, capsys):
    assert main(["densities", "--model", "lenet", "--ratio", "erk", "--density", "0.1", *words]) == 2
    assert said in capsys.readouterr().err


@dataclass(frozen=True)
class Refusing:
    """Refuses what it is given, in the words of its function."""

    largest_share: Annotated[Fraction, Option("A share.", "S")]
    others: Annotated[str, Option("Some.", "N,N")] = ""

    def run(self) -> int:
        """Refuse."""
        name = "others" if self.others else "largest_share"
        raise InvalidInput(name, "less, with `largest_share` and `more_of_it`", self.largest_share)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--largest-share 7e-1", "--largest-share: expected less, with --largest-share and --more-of-it, got '7e-1'"),
        ("--largest_share=07/10", "--largest-share: expected less, with --largest-share and --more-of-it, got '07/10'"),
        (
            "--others 7e-1,1 --largest-share 7e-1",
            "--others: expected less, with --largest-share and --more-of-it, got '7/10'",
        ),
        (
            "--largest-share 7e-1 --others=2,3",
            "--others: expected less, with --largest-share and --more-of-it, got '7/10'",
        ),
        ("--largest-share 7e-1 --others 2", "--others: expected less, with --largest-share and --more-of-it, got '2'"),
    ],
)
def test_arguments_are_named_as_on_the_command_line(words, said, capsys):
    commands = (("refuse", f"{__name__}:Refusing", "Refuses."),)
    assert run_program("program", "Refuses.", commands, ["refuse", *words.split()]) == 2
    assert capsys.readouterr().err == f"program: {said}\n"


@dataclass(frozen=True)
class Long:
    """Says something long."""

    length: Annotated[int, Option("So long.", "N", positional=True)]
    defect: Annotated[bool, Option("An error of the program.")] = False

    def run(self) -> int:
        """Say it."""
        text = "".join(str(place % 10) for place in range(self.length))
        raise (RuntimeError if self.defect else ErError)(text)


@pytest.mark.parametrize("length", [391, 392, 3000])
def test_a_line_has_400_letters_at_most(length, capsys):
    assert run_program("program", "", (("long", f"{__name__}:Long", "Long."),), ["long", str(length)]) == 2
    whole = f"program: {'0123456789' * 300}"[: length + 9]
    assert capsys.readouterr().err == (whole if len(whole) <= 400 else f"{whole[:397]}...") + "\n"


@pytest.mark.parametrize("length", [200, 201, 3000])
@pytest.mark.parametrize("debug", [False, True])
def test_of_an_unexpected_error_200_letters_are_said_and_where_to_look(length, debug, capsys):
    words = ["long", str(length), "--defect", *(["--debug"] if debug else [])]
    assert run_program("program", "", (("long", f"{__name__}:Long", "Long."),), words) == 3
    text = ("0123456789" * 20) + ("..." if length > 200 else "")
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"program: unexpected RuntimeError: {text}; this is a defect of the program")
    assert line.endswith("to its developers" + ("" if debug else " (--debug shows where it happened)"))


def test_the_traceback_of_bad_input_is_for_those_who_ask(capsys):
    for words, lines in ((["fail", "file"], 1), (["fail", "library"], 1), (["fail", "no"], 1)):
        assert fail(*words) == 2
        assert capsys.readouterr().err.count("\n") == lines
        assert fail(*words, "--debug") == 2
        trace = capsys.readouterr().err
        assert trace.startswith("Traceback")
        assert trace.splitlines()[-1].startswith("program: ")


@pytest.mark.parametrize("columns", ["1", "39", "40", "41", None])
def test_a_narrow_terminal_has_40_columns_and_stays_as_it_was(columns, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(Failing, "run", lambda self: seen.append(shutil.get_terminal_size().columns) or 0)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: os.terminal_size((7, 3)))
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    assert fail("fail", "none") == 0
    assert seen == [max(40, int(columns or 7))]
    assert os.environ.get("COLUMNS") == columns


def test_the_help_of_a_program_fits(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "10")
    assert main(["--help"]) == 0
    narrow = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["-h"]) == 0
    assert capsys.readouterr().out == narrow
    rows = narrow[narrow.index("commands:") : narrow.index("Every command")].splitlines()[1:]
    assert max(map(len, rows)) <= 40
    assert {line[:14].strip() for line in rows} == {"", *(name for name, _, _ in THEORY)}
    assert all(line[12:14] == "  " or not line for line in rows)  # two blanks beside the longest name


def test_without_a_command_all_are_named(capsys):
    assert fail() == 2
    assert capsys.readouterr().err == "program: COMMAND: expected one of fail (see program --help), got ''\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sparsity", "--target", "4-8-3", "--widths", "56,80", "--delta", "0.1", "--method", "exact"], "H = "),
        (
            ["confidence", "--target", "4-8-3", "--widths", "56,80", "--density", "1,1/2,1/2"],
            "(1 - (1 - 0.5)^14)^(32*10)",
        ),
        (["lower", "--inputs", "10", "--density", "0.01", "--delta", "0.05"], "log"),
        (["subset-sum", "--density", "0.5", "--epsilon", "0.01", "--delta", "0.01"], "p = 0.5, e = 0.01, delta = 0.01"),
        (["ticket", "--target", "2-4-1", "--density", "0.5", "--epsilon", "0.1", "--delta", "0.1"], "q_2 = 1"),
        (["embed", "--target", "2-3-1", "--density", "0.5", "--delta", "0.1", "--out", "OUT"], "H = "),
        ([*TRIPLES, "--out", "OUT"], "linking-transposed, N = 9, 11, fails"),
        ([*SIMULATED, "--epsilon", "0.3"], "n is the smallest number with"),
        (["densities", "--model", "784-300-10", "--ratio", "balanced", "--density", "0.1"], "X = 20820"),
        (["verify", "drop", "--trials", "100"], "Clopper and Pearson"),
        (
            ["ticket", "--target", "NET", "--density", "3/4", "--epsilon", ".25", "--build", "--widths", "60,24"],
            "lambda_2",
        ),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_every_answer_is_explained_with_its_numbers(words, said, capsys, tmp_path):
    net = tmp_path / "net.npz"
    np.savez(net, W1=[[0.5, -0.25]], W2=[[0.5]], b1=[0.0], b2=[0.0])
    words = [word.replace("OUT", str(tmp_path / "source.npz")).replace("NET", str(net)) for word in words]
    main(words)
    short = capsys.readouterr().out
    assert main([*words, "--explain", *(["--force"] if words[0] == "embed" else [])]) == 0
    long = capsys.readouterr().out
    assert said in long[len(short) // 2 :]
    assert said not in short


@pytest.mark.parametrize("style", ["csv", "markdown", "latex"])
@pytest.mark.parametrize(
    "words",
    [
        ["embed", "--target", "2-3-1", "--density", "0.5", "--delta", "0.1", "--out", "OUT"],
        [*TRIPLES, "--out", "OUT"],
        ["ticket", "--target", "NET", "--density", "3/4", "--epsilon", "0.25", "--build", "--widths", "60,24"],
    ],
    ids=["embed", "triples", "ticket"],
)
def test_what_was_built_is_written_as_a_table_of_fields(words, style, capsys, tmp_path):
    net = tmp_path / "net.npz"
    np.savez(net, W1=[[0.5, -0.25]], W2=[[0.5]], b1=[0.0], b2=[0.0])
    words = [word.replace("OUT", str(tmp_path / "source.npz")).replace("NET", str(net)) for word in words]
    assert main([*words, "--format", style]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        {"csv": "field,value\n", "markdown": "| field | value |", "latex": r"\begin{tabular}{l"}[style]
    )
    assert "success" in out


@dataclass(frozen=True)
class Telling:
    """Says so much on standard error that a reader which leaves is noticed."""

    def run(self) -> int:
        """Say it."""
        for _ in range(10_000):
            print("still at work", file=sys.stderr, flush=True)
        return 0


def test_nobody_need_read_messages_to_the_end():
    main_of = (
        f"from ertheory.cli.program import run_program as run; import sys; sys.path.insert(0, {str(Path.cwd())!r})"
    )
    commands = f"(('tell', '{__name__}:Telling', 'Tell.'),)"
    script = f"{main_of}; sys.exit(run('program', 'Tells.', {commands}, ['tell']))"
    command = f"{sys.executable} -c {shlex.quote(script)} 2>&1 >/dev/null | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "still at work\n", "")
