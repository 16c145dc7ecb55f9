"""What both programs share: exit status, one line for what went wrong, and output that nobody reads."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from ertheory.bounds.catalogue import METHODS
from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli import main
from ertheory.cli.options import Option
from ertheory.cli.output import show
from ertheory.cli.program import run_program

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


def test_a_number_is_shown_as_it_was_written(capsys):
    assert main(["densities", "--model", "lenet", "--ratio", "erk", "--density", "0.1", "--width", "2e3"]) == 2
    assert "--width: expected a number in (0, 1000], got '2e3'" in capsys.readouterr().err


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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_command_and_option(shell, capsys):
    assert main(["--completion", shell]) == 0
    script = capsys.readouterr().out
    names = [name for name, _, _ in THEORY]
    assert all(name in script for name in (*names, "matched", "theorem-2.1", "sparsity"))
    assert main(["--completion", "powershell"]) == 2
    assert "--completion: expected one of bash, zsh, fish" in capsys.readouterr().err


def completed(script: str, *words: str) -> list[str]:
    typed = " ".join(map(shlex.quote, words))
    asked = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _ertheory_words; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_words(capsys):
    main(["--completion", "bash"])
    script = capsys.readouterr().out
    assert completed(script, "ertheory", "wi") == ["width"]
    assert completed(script, "ertheory", "width", "--lay") == ["--layer0"]
    assert completed(script, "ertheory", "width", "--method", "") == list(METHODS)
    assert completed(script, "ertheory", "lower", "--output", "li") == ["linear"]
    assert completed(script, "ertheory", "figure", "figure4-") == ["figure4-factored"]


TYPED = [
    ("ertheory wi", "width"),
    ("ertheory width --lay", "--layer0"),
    ("ertheory lower --output li", "linear"),
    ("ertheory figure figure4-", "figure4-factored"),
]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_words(capsys, tmp_path):
    main(["--completion", "fish"])
    (tmp_path / "ertheory.fish").write_text(capsys.readouterr().out)
    for line, found in TYPED:
        asked = f"source {tmp_path}/ertheory.fish; complete -C {shlex.quote(line)}"
        done = subprocess.run(["fish", "--private", "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout.split("\t")[0].strip() == found


# A shell that somebody types in: a line and a tabulator go in, and what stands on the line afterwards comes out.
TYPING = """
zmodload zsh/zpty
zpty typed zsh -f -i
zpty -w typed 'autoload -U compinit && compinit -u -D; source '$1'; stty -echo; PS1=; echo loa''ded'
zpty -r -m typed seen '*loaded*'
zpty -w -n typed $2$'\t'
zpty -r -m typed seen "*$3*"
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(("line", "found"), TYPED)
def test_zsh_completes_words(line, found, capsys, tmp_path):
    main(["--completion", "zsh"])
    script = tmp_path / "ertheory.zsh"
    script.write_text(capsys.readouterr().out)
    whole = f"{line[: line.rindex(' ')]} {found}"
    subprocess.run(["zsh", "-f", "-c", TYPING, "zsh", str(script), line, whole], check=True, timeout=30)
