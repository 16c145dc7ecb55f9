"""Reading of whole numbers: counts, widths, seeds, numbers of trials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from ertheory.errors import InvalidInput

__all__ = ["whole_number", "whole_numbers"]

_LONGEST_PLAIN = 10**9  # above it a bound is written as a power where it is one
_MOST_BITS = 14_284  # 4300 digits, which is what Python writes down


def whole_number(argument: str, value: object, *, least: int, most: int | None = None) -> int:
    """Read a whole number.

    Integers of Python and of NumPy are taken. Truth values and floats are refused, also 2.0: that a count arrives as a
    float is mostly a mistake elsewhere.

    Parameters
    ----------
    argument
        Name of the argument for the error message.
    value
        What was given.
    least
        The smallest number that is allowed.
    most
        The largest number that is allowed; without it the largest one of 4300 digits.

    Returns
    -------
    int
        The number as an integer of Python, which never overflows.

    Raises
    ------
    InvalidInput
        If it is no integer, or lies outside the range.

    Examples
    --------
    >>> whole_number("seed", np.int64(3), least=0)
    3
    >>> whole_number("trials", True, least=1, most=10**9)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: trials: expected a whole number from 1 to 1000000000, got True
    """
    if _is_whole(value, least, most):
        return int(value)
    raise InvalidInput(argument, f"a whole number {_range_text(least, most)}", value)


def whole_numbers(argument: str, values: Iterable[object], *, least: int, most: int | None = None) -> tuple[int, ...]:
    """Read several whole numbers, each as `whole_number` does.

    Parameters
    ----------
    argument
        Name of the argument for the error message.
    values
        What was given.
    least
        The smallest number that is allowed.
    most
        The largest number that is allowed; without it the largest one of 4300 digits.

    Returns
    -------
    tuple of int
        The numbers as integers of Python.

    Raises
    ------
    InvalidInput
        If one of them is no integer, or lies outside the range. The message shows the first that does.

    Examples
    --------
    >>> whole_numbers("widths", [5, 0], least=1)
    Traceback (most recent call last):
        ...
    ertheory.errors.InvalidInput: widths: expected whole numbers of at least 1, got 0
    """
    read = []
    for value in values:
        if not _is_whole(value, least, most):
            raise InvalidInput(argument, f"whole numbers {_range_text(least, most)}", value)
        read.append(int(value))
    return tuple(read)


def _is_whole(value: object, least: int, most: int | None) -> TypeGuard[int | np.integer]:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return least <= int(value) and (int(value).bit_length() <= _MOST_BITS if most is None else int(value) <= most)


def _range_text(least: int, most: int | None) -> str:
    return f"of at least {least}" if most is None else f"from {least} to {_bound_text(most)}"


def _bound_text(bound: int) -> str:
    if bound <= _LONGEST_PLAIN:
        return str(bound)
    zeros, bits = len(str(bound)) - 1, bound.bit_length()
    powers = {10**zeros: f"10^{zeros}", 2 ** (bits - 1): f"2^{bits - 1}", 2**bits - 1: f"2^{bits} - 1"}
    return powers.get(bound, str(bound))
