"""How the text of an option becomes what the command takes: exact numbers, lists of them, and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from ertheory.commands.written import interval, whole_of_text
from ertheory.commands.written import wholes_of_text as wholes
from ertheory.errors import InvalidInput, one_of
from ertheory.numbers import probability

__all__ = ["Choice", "choice", "densities", "density", "interval", "sparsities", "sparsity", "unit", "whole", "wholes"]


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
        number = whole_of_text(text)
        if number is None or number < least:
            raise InvalidInput(argument, f"a whole number of at least {least}", text)
        return number

    return read


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
