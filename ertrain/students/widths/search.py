"""The search for the smallest total of widths that is enough, and for the largest that is too small."""

from __future__ import annotations

from collections.abc import Callable

from ertheory.montecarlo.anytime import AnytimeTest, Verdict
from ertrain.students.widths.line import WidthLine
from ertrain.students.widths.result import Kind, Measured

__all__ = ["most_tests", "search"]


def search(
    kind: Kind, line: WidthLine, first: int, test: Callable[[int], AnytimeTest], *, resolution: float = 0.0
) -> Measured:
    """Close in on the smallest total that is shown to be enough, and then on the largest shown to be too small.

    Parameters
    ----------
    kind
        What is tested, for the result.
    line
        The totals that may be asked for.
    first
        Total of the first test; the nearest one of the line is taken.
    test
        Makes the test at a total. It is asked once for each, and at most `most_tests` times.
    resolution
        A bisection ends where the distance that is left is no more than this share of the total.

    Notes
    -----
    As the widest students cost most, tests go up from `first` and double the distance from below the line until one
    shows its total to be enough. A bisection then keeps a total that a test has shown to be enough, and one that none
    has; another one keeps a total that a test has shown to be too small, and one that none has. Between the two, tests
    were undecided.
    """
    tests: dict[int, AnytimeTest] = {}

    def says(verdict: Verdict, total: int) -> bool:
        if total not in tests:
            tests[total] = test(total)
        return tests[total].verdict == verdict

    def closed_in(low: int, high: int, verdict: Verdict, *, lowers: bool) -> tuple[int, int]:
        while high - low > max(1, int(resolution * high)):
            middle = (low + high) // 2
            if says(verdict, middle) == lowers:
                high = middle
            else:
                low = middle
        return low, high

    below = line.lowest - 1
    unshown, total = below, min(max(first, line.lowest), line.highest)
    while not says("at most", total):
        if total == line.highest:
            return Measured(kind=kind, total=None, widths=None, interval=None, tests=tuple(tests.items()))
        unshown, total = total, min(below + 2 * (total - below), line.highest)
    _, enough = closed_in(unshown, total, "at most", lowers=True)
    too_small = max((total for total, made in tests.items() if made.verdict == "above"), default=below)
    others = (total for total, made in tests.items() if total > too_small and made.verdict != "above")
    too_small, _ = closed_in(too_small, min(others), "above", lowers=False)
    return Measured(
        kind=kind,
        total=enough,
        widths=line.widths(enough),
        interval=(too_small + 1, enough),
        tests=tuple(tests.items()),
    )


def most_tests(line: WidthLine) -> int:
    """Give a number of tests that no search along this line exceeds: three ways of halving or doubling its length."""
    return 1 + 3 * (line.highest - line.lowest + 1).bit_length()
