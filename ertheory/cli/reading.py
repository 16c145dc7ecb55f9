"""How the text of an option becomes what the command takes: exact numbers, lists of them, and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from ertheory.errors import InvalidInput, one_of
from ertheory.numbers import exact_rational, probability

__all__ = ["Choice", "choice", "densities", "density", "interval", "sparsities", "sparsity", "unit", "whole", "wholes"]

Interval: TypeAlias = tuple[Fraction, Fraction]

_MOST_DIGITS = 400


def whole(least: int = 0) -> Callable[[str, str], int]:
    """Make a reader of whole numbers.

    Parameters
    ----------
    least
        The smallest number that is allowed.

    Examples
    --------
    >>> whole(1)("--trials", "20_000")
    20000
    """

    def read(argument: str, text: str) -> int:
        number = _integer(text)
        if number is None or number < least:
            raise InvalidInput(argument, f"a whole number of at least {least}", text)
        return number

    return read


def wholes(argument: str, text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 0, separated by commas.

    Examples
    --------
    >>> wholes("--widths", "210,160")
    (210, 160)
    """
    numbers = [_integer(part) for part in text.split(",")]
    if None in numbers:
        raise InvalidInput(argument, "whole numbers of at least 0, separated by commas", text)
    return tuple(number for number in numbers if number is not None)


def unit(argument: str, text: str) -> Fraction:
    """Read a number in (0, 1), exactly."""
    return probability(argument, text)


def density(argument: str, text: str) -> Fraction:
    """Read a density in (0, 1], exactly."""
    return probability(argument, text, one=True)


def sparsity(argument: str, text: str) -> Fraction:
    """Read a sparsity in [0, 1), exactly."""
    return probability(argument, text, zero=True)


def densities(argument: str, text: str) -> tuple[Fraction, ...]:
    """Read densities, separated by commas.

    Examples
    --------
    >>> densities("--density", "1,1/2,5e-1")
    (Fraction(1, 1), Fraction(1, 2), Fraction(1, 2))
    """
    return tuple(density(argument, part) for part in text.split(","))


def sparsities(argument: str, text: str) -> tuple[Fraction, ...]:
    """Read sparsities, separated by commas."""
    return tuple(sparsity(argument, part) for part in text.split(","))


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


@dataclass(frozen=True)
class Choice:
    """A reader of a few names.

    Parameters
    ----------
    names
        Those that are taken.
    """

    names: tuple[str, ...]

    def __call__(self, argument: str, text: str) -> str:
        """Read one of them."""
        return one_of(argument, text, self.names)


def choice(*names: str) -> Choice:
    """Make a reader of a few names that are known only when the program runs.

    Examples
    --------
    >>> choice("exact", "drop")("--method", "drop")
    'drop'
    """
    return Choice(names)


def _integer(text: str) -> int | None:
    digits = text.strip().replace("_", "")
    return int(digits) if digits.isdecimal() and len(digits) < _MOST_DIGITS else None
