"""Enclosures that keep their relative precision where a plain formula would cancel.

1 - x rounds a tiny x away, so log(1 - x) and 1 - exp(-x) are summed as series there. What a series leaves out is part
of the interval. With these, failure probabilities of 1e-300 need no more precision than others.
"""

from __future__ import annotations

from fractions import Fraction

from mpmath.libmp import to_float

from ertheory.numbers.exact import Context, Interval

__all__ = ["exp_complement", "larger", "log_complement", "log_sparsity", "rational"]

_SMALL = Fraction(1, 2**16)  # below, the series converge faster than precision has to be raised for the formulas


def rational(context: Context, value: Fraction | int) -> Interval:
    """Enclose a rational number."""
    return context.mpf(value.numerator) / value.denominator


def log_sparsity(context: Context, density: Fraction) -> Interval:
    """Enclose log(1 - p) for p in [0, 1).

    Examples
    --------
    >>> from ertheory.numbers.exact import enclose
    >>> low, high = enclose(lambda context: log_sparsity(context, Fraction(1, 10**300)))
    >>> float(high)
    -1e-300
    """
    if density >= _SMALL:
        return context.log(rational(context, 1 - density))
    return _log_series(context, rational(context, density))


def log_complement(context: Context, value: Interval) -> Interval:
    """Enclose log(1 - x) for x in [0, 1]; minus infinity is an end point where x may be 1."""
    if (value >= 0) is True and (value * _SMALL.denominator < 1) is True:
        return _log_series(context, value)
    rest = 1 - value
    if (rest > 0) is True:
        return context.log(rest)
    upper = context.mpf(rest.b)
    highest = context.log(upper).b if (upper > 0) is True else context.ninf
    return context.mpf([context.ninf, highest])


def exp_complement(context: Context, exponent: Interval) -> Interval:
    """Enclose 1 - exp(y) for y <= 0.

    Examples
    --------
    >>> from ertheory.numbers.exact import enclose
    >>> low, high = enclose(lambda context: exp_complement(context, -context.mpf(1) / 10**30))
    >>> float(low)
    1e-30
    """
    size = -exponent
    if (size >= 0) is not True or (size * _SMALL.denominator < 1) is not True:
        return 1 - context.exp(exponent)
    tolerance = context.mpf(2) ** -context.prec
    term = total = size
    order = 1
    while (abs(term) > tolerance * total) is True:
        order += 1
        term = -term * size / order
        total += term
    # The series alternates with shrinking terms: the rest is smaller than the last term.
    return total + context.mpf([-1, 1]) * abs(term)


def _log_series(context: Context, value: Interval) -> Interval:
    """Enclose log(1 - x) = -(x + x^2 / 2 + ...) for x in [0, 1/2]."""
    tolerance = context.mpf(2) ** -context.prec
    power = total = value
    order = 1
    while (power > tolerance * total) is True:
        order += 1
        power = power * value
        total += power / order
    return -(total + context.mpf([0, (power * value / (1 - value)).b]))


def larger(context: Context, first: Interval, second: Interval) -> Interval:
    """Enclose the larger of two numbers."""
    if (first >= second) is True:
        return first
    if (second >= first) is True:
        return second
    ends = [first._mpi_, second._mpi_]
    low = max((low for low, _ in ends), key=to_float)
    high = max((high for _, high in ends), key=to_float)
    return context.mpf([context.make_mpf((low, low)), context.make_mpf((high, high))])
