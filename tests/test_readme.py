"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ertheory.cli import main
from ertheory.cli.parsing import UsageError, parse
from ertheory.cli.program import command_at

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

TRAINED = sorted(
    {
        command.removeprefix(".venv/bin/").partition("  #")[0].strip()
        for found in re.findall(r"`(ertrain [a-z]+ [^`\n]+)`|^((?:\.venv/bin/)?ertrain [a-z].*)$", README, flags=re.M)
        for command in filter(None, found)
        if "verify" not in command or "--" in command  # else only its name is meant
    }
)
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.S)


def test_the_first_table_is_what_the_command_prints(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    command, table = re.search(r"\$ (ertheory width[^\n]*)\n(.*?)```", README, flags=re.S).groups()
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith(table)


@pytest.mark.parametrize(("code", "shown"), EXAMPLES)
def test_the_python_examples_print_what_is_shown(code, shown, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("command", TRAINED)
def test_every_command_of_ertrain_is_understood(command):
    """Only read, since they train for minutes."""
    pytest.importorskip("torch")
    from ertrain.cli import _COMMANDS as commands

    name, *words = shlex.split(command)[1:]
    (chosen,) = (command_at(place) for known, place, _ in commands if known == name)
    assert parse(f"ertrain {name}", chosen, "", words)
    with pytest.raises(UsageError):
        parse(f"ertrain {name}", chosen, "", [*words, "--nonsense"])


def test_there_is_something_to_run():
    assert len(TRAINED) >= 2
    assert len(EXAMPLES) == README.count("```python") >= 2


def test_every_link_leads_to_a_file():
    root = Path(__file__).parents[1]
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("http") or (root / link).exists(), link


def test_it_is_one_screen_or_two():
    assert len(README.splitlines()) <= 120


def test_what_was_not_run_is_said():
    (said,) = re.findall(r"^Not run here: (.*?)\n\n", README, flags=re.M | re.S)
    for word in ("CUDA", "several GPUs", "Planetoid", "ACSEmployment", "ImageNet", "small and paper scales", "Windows"):
        assert word in " ".join(said.split()), word
