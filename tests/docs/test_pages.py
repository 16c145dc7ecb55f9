"""What the site shows in its own words: examples print what stands below them, commands run, notes are whole."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from pages import statements

from ertheory import CHECKS, Target, write_target
from ertheory.cli import main
from ertheory.cli.parsing import UsageError, parse
from ertheory.cli.program import command_at

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "start", "howto", "findings")
WRITTEN = sorted(path for folder in FOLDERS for path in (ROOT / "docs" / folder).glob("*.md"))
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", flags=re.S)
PYTHON = [path for path in WRITTEN if "```python" in path.read_text(encoding="utf-8")]
# Minutes of work, or a scheduler or a second machine: such a command is read, not run.
LONG = re.compile(
    r"^ertrain (run|sweep|report|train|verify)|^ertheory (calibrate|verify|explore)"
    r"|--simulate|--trials|--cluster|--workers"
)


def commands(path: Path) -> list[str]:
    """Commands of a page: those in `code` with words behind them, and those after a prompt."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"`(ert(?:heory|rain) [a-z][a-z-]* [^`\n]+)`|^\$ (ert(?:heory|rain) [a-z].*)$", text, flags=re.M)
    whole = {one.partition("  #")[0].strip() for pair in found for one in pair if one}
    return sorted(one for one in whole if not re.search(r"--help$|^ertrain verify \w+$", one))  # else only its name


COMMANDS = [(path.stem, command) for path in WRITTEN for command in commands(path)]
NOTED = [(note.name, note.head["command"]) for note in statements.notes() if "command" in note.head]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "docs").with_suffix("").as_posix()


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_examples_print_what_is_shown(path, capsys, monkeypatch, tmp_path):
    """All blocks of a page, one after another in one namespace, in an empty folder with a small target."""
    text = path.read_text(encoding="utf-8")
    if re.search(r"^(import|from) (torch|ertrain)", text, flags=re.M):
        pytest.importorskip("torch")
    write_target(tmp_path / "net.npz", Target.from_arrays([[[1.0, -2.0], [0.5, 1.5]], [[1.0, -1.0]]]))
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "__page__"}
    for code, shown in BLOCK.findall(text):
        exec(compile(code, path.name, "exec"), space)
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize(("page", "command"), [*COMMANDS, *NOTED])
def test_every_command_is_understood(page, command):
    program, name, *words = shlex.split(command)
    if program == "ertrain":
        pytest.importorskip("torch")
    known = __import__(f"{program}.cli", fromlist=["_COMMANDS"])._COMMANDS
    (place,) = [place for one, place, _ in known if one == name]
    assert parse(f"{program} {name}", command_at(place), "", words)
    with pytest.raises(UsageError):
        parse(f"{program} {name}", command_at(place), "", [*words, "--nonsense"])


@pytest.mark.parametrize("command", sorted({command for _, command in [*COMMANDS, *NOTED] if not LONG.search(command)}))
def test_every_command_that_is_quick_runs(command, capsys, monkeypatch, tmp_path):
    if command.startswith("ertrain"):
        pytest.importorskip("torch")
        from ertrain.cli import main as run
    else:
        run = main
    weights = [[[1.0, -2.0], [0.5, 1.5]], [[1.0, -1.0]]]
    write_target(tmp_path / "net.npz", Target.from_arrays(weights))
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", [one for page, one in COMMANDS if page == "choose" and " width " in one])
def test_what_is_chosen_applies(command, capsys):
    """No answer to the three questions leads to a statement that says nothing."""
    assert main([*shlex.split(command)[1:], "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert found["applies"], found["reason"]


@pytest.mark.parametrize("note", statements.notes(), ids=lambda note: note.name)
def test_a_note_says_all_that_its_page_shows(note):
    assert {"As printed", "What holds", "Limits", "References"} <= note.sections.keys()
    assert all(note.sections.values())
    for module in note.proof:
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    assert set(note.head.get("checks", "").split()) <= set(CHECKS)
    if "proofs" in note.head:
        assert any(statements.machine_rows(key) for key in note.head["proofs"].split(", "))


def test_the_formulas_of_notes_can_be_shown():
    mathml = pytest.importorskip("pages.mathml", reason="needs the extra 'docs'")
    for note in statements.notes():
        for text in note.sections.values():
            for shown, inline in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", text, flags=re.S):
                assert "<math" in mathml.tex2mathml(shown or inline, as_block=bool(shown))


def test_the_list_of_pages_is_read():
    assert len(PYTHON) >= 3
    assert len(COMMANDS) >= 5
