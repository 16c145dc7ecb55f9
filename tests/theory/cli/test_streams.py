"""Messages go to standard error where that can be written; a warning is one line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings

import pytest

from ertheory.cli.output import render, show, show_table, wrap
from ertheory.cli.streams import steady_streams
from ertheory.tables import Table


@pytest.mark.parametrize("category", [UserWarning, RuntimeWarning])
def test_a_warning_is_said_in_one_line(category, monkeypatch):
    shown, said = [], []
    monkeypatch.setattr(warnings, "showwarning", lambda *given, **_: shown.append(given))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with steady_streams(said.append):
            warnings.warn("it took long", category, stacklevel=1)
    assert (said, shown) == (["it took long"], [])


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_what_is_for_authors_of_code_is_shown_as_ever(category, monkeypatch):
    shown, said = [], []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_, **__: shown.append(str(message)))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with steady_streams(said.append):
            warnings.warn("it goes", category, stacklevel=1)
        before = warnings.showwarning
        warnings.warn("afterwards", UserWarning, stacklevel=1)
    assert (said, shown) == ([], ["it goes", "afterwards"])
    assert warnings.showwarning is before


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "? = 1\n"), ("latin-1", "? = 1\n"), ("utf-8", "δ = 1\n")])
def test_what_a_terminal_has_no_letter_for_is_a_question_mark(encoding, shown, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    show("δ = 1")
    assert written.getvalue().decode(encoding) == shown


class Full(io.StringIO):
    """Takes what is written, and fails when it is flushed, as a full disk does."""

    def flush(self):
        raise OSError(28, "No space left on device")


class Broken(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Full(), Broken()])
def test_a_stream_that_fails_is_no_error_and_is_left_for_nothing(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    with steady_streams(print):
        assert sys.stderr.write("a message\n") == 10
        sys.stderr.flush()
    assert sys.stderr is not stream
    print("another", file=sys.stderr, flush=True)


def test_a_stream_that_works_is_there_again(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with steady_streams(print):
        print("a message", file=sys.stderr, flush=True)
    assert sys.stderr is stream
    assert stream.getvalue() == "a message\n"


def test_lines_are_as_long_as_the_terminal(monkeypatch):
    for columns in (40, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        first = f"  {'a' * (columns - 4)}"
        assert wrap(f"{first} b c") == f"{first} b\n    c"  # a line goes on two blanks further in
        assert wrap(f"{first}- b-c") == f"{first}-\n    b-c"


def test_where_nobody_says_how_large_a_terminal_is_it_has_120_columns(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: os.terminal_size((0, 0)))
    assert wrap(f"{'a' * 60} {'b' * 59} c") == f"{'a' * 60} {'b' * 59}\n  c"
    for letters, fits in ((117, True), (118, False)):
        rows, headers = [["a" * letters, "b"]], ["h", "i"]
        shown = render(rows, headers, "table")
        assert (len(shown.splitlines()) == 3) is fits  # or one block for each row
        show_table(Table.of(headers, rows), "table")
        assert capsys.readouterr().out == f"{shown}\n"


@pytest.mark.parametrize("descriptors", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_descriptor_leads_nowhere_and_an_open_one_stays(descriptors, tmp_path):
    script = (
        "import os, sys; from ertheory.cli.streams import steady_streams\n"
        "with steady_streams(print):\n"
        "    taken = open(sys.argv[1], 'w')\n"
        "    for number in (1, 2): os.write(number, b'said')\n"
        "    sys.exit(taken.fileno() < 3)"
    )
    words = ["bash", "-c", f'"$@" {descriptors}', "bash", sys.executable, "-c", script, str(tmp_path / "file")]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, (tmp_path / "file").read_bytes()) == (0, b"")
    assert (done.stdout, done.stderr) == tuple(
        b"" if sign in descriptors.split() else b"said" for sign in (">&-", "2>&-")
    )
