"""Messages go to standard error where that can be written; a warning is one line."""

from __future__ import annotations

import io
import sys
import warnings

import pytest

from ertheory.cli.output import show
from ertheory.cli.streams import steady_streams


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
