"""Words are completed in bash, zsh and fish, by scripts that know every option."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from ertheory.bounds.catalogue import METHODS
from ertheory.cli import _COMMANDS as THEORY
from ertheory.cli import main
from ertheory.cli.options import option_name
from ertheory.cli.program import command_at
from ertheory.cli.reading import Choice
from ertheory.montecarlo import CHECKS
from ertheory.plots import FIGURES


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


def taken(command: str) -> dict[str, tuple[str, ...] | None]:
    """Give the options of a command, each with the values that it takes where they are few; none for a switch."""
    kind = command_at(next(place for name, place, _ in THEORY if name == command))
    found: dict[str, tuple[str, ...] | None] = {}
    for field, hint in get_type_hints(kind, include_extras=True).items():
        option, shapes = hint.__metadata__[0], [hint.__origin__, *get_args(hint.__origin__)]
        literal = next((get_args(shape) for shape in shapes if get_origin(shape) is Literal), ())
        if not option.positional:
            values = option.read.names if isinstance(option.read, Choice) else literal
            found[option_name(field)] = None if hint.__origin__ is bool else values
    return found | {"--help": None}


def test_bash_is_told_every_option_of_every_command_and_their_values(capsys):
    main(["--completion", "bash"])
    script = capsys.readouterr().out
    assert f"        values='{' '.join([*(name for name, _, _ in THEORY), '--help', '--version'])}'\n" in script
    for command, _, _ in THEORY:
        options = taken(command)
        behind = script.split(f"\n    {command})\n")[1]
        listed, places, case, *known, end = behind.partition("\n        ;;\n")[0].splitlines()
        assert shlex.split(listed) == [f"options={' '.join(options)}"]
        assert shlex.split(places) == [f"places={' '.join({'figure': FIGURES, 'verify': CHECKS}.get(command, ()))}"]
        assert (case.strip(), end.strip()) == ('case "$before" in', "esac")
        after = {}
        for line in known:
            names, _, then = line.strip().removesuffix(" ;;").partition(") ")
            after |= dict.fromkeys(names.split("|"), shlex.split(then))
        nothing = ["places=", "options="]  # what is typed next is a value, and nobody knows which there are
        assert after == {
            name: [f"values={' '.join(values)}"] if values else nothing
            for name, values in options.items()
            if values is not None
        }


def test_fish_is_told_every_option_of_every_command_and_their_values(capsys):
    main(["--completion", "fish"])
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    begin = ["complete", "-c", "ertheory"]
    assert all(line[:3] == begin for line in lines)
    assert [line[3:] for line in lines[:2]] == [
        ["-n", "__fish_use_subcommand", "-l", name] for name in ("help", "version")
    ]
    for command, _, purpose in THEORY:
        about = purpose.partition("\n")[0]
        assert [*begin, "-f", "-n", "__fish_use_subcommand", "-a", command, "-d", about] in lines
        here = [line[5:] for line in lines if line[3:5] == ["-n", f"__fish_seen_subcommand_from {command}"]]
        shown = {f"--{line[1]}": line[2:-2] for line in here if line[0] == "-l"}
        given = {None: [], (): ["-r"]}
        assert shown == {
            name: given.get(values, ["-x", "-a", " ".join(values or ())]) for name, values in taken(command).items()
        }
        places = {"figure": FIGURES, "verify": CHECKS}.get(command)
        assert [line for line in here if line[0] == "-f"] == ([["-f", "-a", " ".join(places)]] if places else [])


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
