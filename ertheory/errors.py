"""What this package raises, so that a caller can tell bad input from an impossible request.

Every message is one line: the argument, what is allowed, what was given.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import warnings
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "ConstructionFailed",
    "ErError",
    "InfeasibleWidth",
    "InvalidInput",
    "TheoremNotApplicable",
    "WorkerLost",
    "called",
    "one_line",
    "one_of",
    "shortened",
    "warn",
]

Name = TypeVar("Name", bound=str)

# Where code is that users did not write: these packages, side by side, and decorators.
_PLACE = Path(__file__).parents[1]
_OURS = tuple(f"{_PLACE / name}{os.sep}" for name in ("ertheory", "ertrain"))
_DECORATORS = ("contextlib.py", "_contextlib.py")

_LONGEST_VALUE = 120
_LONGEST = 400


class ErError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidInput(ErError, ValueError):
    """An argument lies outside its domain.

    Parameters
    ----------
    argument
        Name of the argument, as the caller wrote it.
    allowed
        The range or form that would be accepted, in words.
    value
        What was given; its representation is shortened to keep the message one line.

    Examples
    --------
    >>> raise InvalidInput("delta", "a number in (0, 1)", "2")
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: delta: expected a number in (0, 1), got '2'
    """

    def __init__(self, argument: str, allowed: str, value: object) -> None:
        self.argument = argument
        self.allowed = allowed
        self.value = value
        named, shown = shortened(one_line(argument), _LONGEST_VALUE), _shown(value)
        if len(shown) > _LONGEST_VALUE:
            shown = shown[: _LONGEST_VALUE - 3] + "..."
        wanted = shortened(one_line(allowed), _LONGEST - len(f"{named}: expected , got {shown}"))
        super().__init__(f"{named}: expected {wanted}, got {shown}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Go from one process to another, without the value where that cannot."""
        try:
            pickle.dumps(self.value)
        except Exception:  # whatever an object of somebody else raises
            return type(self), (self.argument, self.allowed, _Text(_shown(self.value)))
        return type(self), (self.argument, self.allowed, self.value)


class _Text(str):
    """Text that is shown as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(value: object) -> str:
    try:
        return repr(str(value)) if isinstance(value, Fraction) else one_line(repr(value))
    except ValueError:  # Python does not write down numbers of more than 4300 digits
        return "a number of thousands of digits"


def one_line(text: str) -> str:
    """Write a text on one line, its words one blank apart.

    Examples
    --------
    >>> one_line("no such  file")
    'no such file'
    """
    return " ".join(text.split())


def shortened(text: str, longest: int) -> str:
    """Cut a text in its middle, where the least is lost of a list or a path.

    Examples
    --------
    >>> shortened("0123456789", 9), shortened("0123", 9)
    ('012...789', '0123')
    """
    if len(text) <= longest:
        return text
    front = (longest - 2) // 2
    return f"{text[:front]}...{text[len(text) - (longest - 3 - front) :]}"


class InfeasibleWidth(ErError):
    """No width is sufficient, or the smallest one is too large to be written down."""


class TheoremNotApplicable(ErError):
    """A hypothesis of the statement does not hold for this target or source."""


class ConstructionFailed(ErError):
    """A drawn mask lacks edges that a construction needs.

    Parameters
    ----------
    message
        One line that says which construction failed.
    missing
        The target edges without a source edge.
    """

    def __init__(self, message: str, missing: tuple[object, ...] = ()) -> None:
        self.missing = missing
        super().__init__(message)


class WorkerLost(ErError):
    """A worker process was killed from outside; what was done before is kept."""


def one_of(argument: str, value: object, names: Iterable[Name]) -> Name:
    """Read one of a few names.

    Parameters
    ----------
    argument
        Name of the argument for the error message.
    value
        What was given.
    names
        The names that are allowed.

    Raises
    ------
    InvalidInput
        If it is none of them. The message suggests the one that looks like it, if there is one.

    Examples
    --------
    >>> one_of("method", "shrap", ("exact", "drop", "sharp"))
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: method: expected one of exact, drop, sharp (did you mean sharp?), got 'shrap'
    """
    known = tuple(names)
    for name in known:
        if value == name:
            return name
    near = get_close_matches(value, known, n=1) if isinstance(value, str) else []
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise InvalidInput(argument, f"one of {', '.join(known)}{hint}", value)


@contextlib.contextmanager
def called(**names: str) -> Iterator[None]:
    """Name arguments in errors as the caller knows them.

    Parameters
    ----------
    names
        Names of arguments inside, and outside.

    Examples
    --------
    >>> with called(largest_weight="max_weight"):
    ...     raise InvalidInput("largest_weight", "a number above 0", -1)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: max_weight: expected a number above 0, got -1
    """
    try:
        yield
    except InvalidInput as error:
        if error.argument not in names:
            raise
        raise InvalidInput(names[error.argument], error.allowed, error.value) from error


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn whoever called a function of these packages, however deep inside it is noticed.

    Parameters
    ----------
    message, category
        They are as in `warnings.warn`, whose ``stacklevel`` is found out.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("nothing is kept")
    >>> [str(one.message) for one in caught]
    ['nothing is kept']
    """
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS) | (
        Path(frame.f_code.co_filename).name in _DECORATORS
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
