import ast
import sys
from pathlib import Path

import pytest

import ertheory.cli
from ertheory.cli import main, progress
from ertheory.cli.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "time", lambda: now[0])
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def test_nothing_is_shown_within_two_seconds(clock, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)  # to load it fails
    with Progress(unit=" masks") as bar:
        clock[0] += 1.9
        bar.update(7)
    assert bar.done == 7
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("seconds", "shown"), [(1.9, False), (2.1, True)])
def test_a_bar_is_shown_once_two_seconds_have_passed(seconds, shown, clock, capsys):
    with Progress(total=10, mininterval=0, miniters=1) as bar:
        clock[0] += seconds
        bar.update(3)
        said = capsys.readouterr().err
        assert ("3/10" in said) is shown
        assert "0/10" not in said  # nothing is shown before what was done is known


def test_later_everything_that_was_done_is_shown_and_the_time_it_took(clock, capsys):
    with Progress(unit=" masks", total=100, mininterval=0, miniters=1) as bar:
        bar.update(20)
        clock[0] += 4
        bar.reach(50)
        output = capsys.readouterr()
        assert output.out == ""
        assert "50/100 [00:04" in output.err
        assert "12.50 masks/s" in output.err
        clock[0] += 1
        bar.update(25)
        assert "75/100" in capsys.readouterr().err
    assert capsys.readouterr().err.endswith("\r")  # the line is free for the answer


def test_a_figure_says_how_much_of_it_is_drawn(clock, capsys, monkeypatch):
    def drawn(name, *, out, force, progress):
        assert (name, out, force) == ("figure2", "here", False)
        for share in (0.25, 0.25, 0.8):  # they may add up to a little more than 1
            clock[0] += 3
            progress(share)
        return []

    monkeypatch.setattr("ertheory.cli.others.figure", drawn)
    assert main(["figure", "figure2", "--out", "here"]) == 0
    shown = capsys.readouterr().err
    assert "figure2:  50% |" in shown
    assert "figure2: 100% |" in shown


def test_every_bar_of_a_command_says_what_it_counts():
    root = Path(ertheory.cli.__file__).parent
    calls = [
        {word.arg for word in node.keywords}
        for path in root.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Progress"
    ]
    assert len(calls) > 5
    assert [words for words in calls if not words & {"unit", "bar_format"}] == []
    assert [words for words in calls if not words & {"desc", "total"}] == []
