"""Texts that stand for numbers, which questions take in Python as they take them on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias, overload

import numpy.typing as npt

from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, exact_rational

__all__ = [
    "Whole",
    "Wholes",
    "interval",
    "listed",
    "read_box_text",
    "read_rationals",
    "read_whole",
    "read_wholes",
    "whole_of_text",
    "wholes_of_text",
]

Whole: TypeAlias = int | str
Wholes: TypeAlias = Sequence[int] | str
Interval: TypeAlias = tuple[Fraction, Fraction]

_MOST_DIGITS = 400


def whole_of_text(text: str) -> int | None:
    """Read a whole number of at least 0; ``None`` where the text is none.

    Examples
    --------
    >>> whole_of_text("20_000"), whole_of_text("2.0")
    (20000, None)
    """
    digits = text.strip().replace("_", "")
    return int(digits) if digits.isdecimal() and len(digits) < _MOST_DIGITS else None


def wholes_of_text(argument: str, text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 0, separated by commas.

    Examples
    --------
    >>> wholes_of_text("--widths", "210,160")
    (210, 160)
    """
    numbers = [whole_of_text(part) for part in text.split(",")]
    if None in numbers:
        raise InvalidInput(argument, "whole numbers of at least 0, separated by commas", text)
    return tuple(number for number in numbers if number is not None)


@overload
def read_whole(argument: str, value: Whole) -> int: ...


@overload
def read_whole(argument: str, value: Whole | None) -> int | None: ...


def read_whole(argument: str, value: Whole | None) -> int | None:
    """Read the text of a whole number; what is no text is left to whoever checks its range.

    Raises
    ------
    InvalidInput
        If the text is no whole number of at least 0.

    Examples
    --------
    >>> read_whole("trials", "200"), read_whole("trials", 200), read_whole("trials", None)
    (200, 200, None)
    """
    if not isinstance(value, str):
        return value
    found = whole_of_text(value)
    if found is None:
        raise InvalidInput(argument, "a whole number of at least 0", value)
    return found


def read_wholes(argument: str, values: Wholes) -> tuple[int, ...]:
    """Read several whole numbers, which may be a text with commas between them.

    Raises
    ------
    InvalidInput
        If a text among them is no whole number of at least 0, or they are no sequence.

    Examples
    --------
    >>> read_wholes("widths", "210,160"), read_wholes("widths", ["210", 160])
    ((210, 160), (210, 160))
    """
    if isinstance(values, str):
        return wholes_of_text(argument, values)
    try:
        return tuple(read_whole(argument, value) for value in values)
    except TypeError:
        raise InvalidInput(argument, "whole numbers of at least 0, in a sequence or as text", values) from None


def read_rationals(argument: str, values: Sequence[Rational] | str) -> tuple[Fraction, ...]:
    """Read several exact numbers, which may be a text with commas between them.

    Raises
    ------
    InvalidInput
        If one of them is no number.

    Examples
    --------
    >>> read_rationals("norms", "2,1/2")
    (Fraction(2, 1), Fraction(1, 2))
    """
    return tuple(exact_rational(argument, part) for part in listed(values))


def listed(values: Any) -> list[Any]:
    """Give numbers one by one, of a text with commas between them, a sequence, or a single one.

    Examples
    --------
    >>> listed("0,1/2"), listed([0, 0.5]), listed(0.5)
    (['0', '1/2'], [0, 0.5], [0.5])
    """
    if isinstance(values, str):
        return values.split(",")
    return list(values) if isinstance(values, Sequence) or hasattr(values, "__len__") else [values]


def interval(argument: str, text: str, *, also: str = "") -> Interval:
    """Read two numbers a,b with a <= b.

    Parameters
    ----------
    argument, text
        The name for the error message, and what was written.
    also
        What else is allowed there, for the error message.

    Examples
    --------
    >>> interval("--domain", "-1,1/2")
    (Fraction(-1, 1), Fraction(1, 2))
    """
    ends = text.split(",")
    if len(ends) != 2:
        raise InvalidInput(argument, f"two numbers a,b{also}", text)
    low, high = (exact_rational(argument, end) for end in ends)
    if low > high:
        raise InvalidInput(argument, "a,b with a <= b", text)
    return low, high


def read_box_text(domain: npt.ArrayLike | None, *, also: str = "") -> Any:
    """Read the text of a box, one interval for every input; a box of numbers is left as it is.

    Raises
    ------
    InvalidInput
        If a text is no interval.

    Examples
    --------
    >>> read_box_text("-1,1/2"), read_box_text([0, 1])
    ((-1.0, 0.5), [0, 1])
    """
    return tuple(map(float, interval("domain", domain, also=also))) if isinstance(domain, str) else domain
