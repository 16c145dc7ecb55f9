"""Standard error that never stops a command, and warnings in one line: a result is worth more than what is said."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["steady_streams"]

_OUT, _ERROR = 1, 2  # descriptors


class _Nowhere(io.TextIOBase):
    """A stream that forgets."""

    def write(self, text: str) -> int:
        return len(text)


class _Lenient:
    """A stream whose writes may fail: what cannot be said is not said."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.broken = stream, False

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # full, closed, or a pipe that nobody reads any more
            self.broken = True
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.broken = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def steady_streams(say: Callable[[str], object]) -> Iterator[None]:
    """Let messages and progress go to standard error where that can be written, and nowhere otherwise.

    Parameters
    ----------
    say
        Says a warning in one line.

    Notes
    -----
    Where a descriptor is closed, it is opened to nothing, or a file that is opened next would have its number, and
    get what child processes say.
    """
    _fill_descriptors()
    before, shown = sys.stderr, warnings.showwarning
    lenient = _Lenient(before if before is not None and not before.closed else _Nowhere())

    def tell(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, DeprecationWarning | FutureWarning):
            shown(message, category, *place, **options)
        else:
            say(str(message))

    sys.stderr, warnings.showwarning = lenient, tell
    try:
        yield
    finally:
        warnings.showwarning = shown
        # What is left in a stream that cannot be written would be an error of the interpreter when it ends.
        sys.stderr = _Nowhere() if lenient.broken else before


def _fill_descriptors() -> None:
    for descriptor, stream in ((_OUT, sys.stdout), (_ERROR, sys.stderr)):
        if stream is not None:
            continue
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
