"""Write `explorer.csv`: what the program answers to the questions that the page of `ertheory explore` is tested with.

    python tests/reference/make_explorer.py

Questions: a grid of targets, sparsities and failure probabilities; failure probabilities at which a printed or counted
inequality is met with equality, and others close to them; and for each statement pairs of failure probabilities that
differ by some 1e-8 of themselves while the answers differ by a neuron, found by bisection.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path

import ertheory
from ertheory.errors import ErError
from ertheory.plots.explorer import STATEMENTS

OUT = Path(__file__).parent / "explorer.csv"

GRID = [
    *product(["784-128-10"], ["0.1", "0.5", "0.9", "0.95", "0.99"], ["0.001"]),
    *product(["784-128-10"], ["0.8"], ["0.5", "0.05", "1e-6", "1e-20"]),
    *product(["20-12-5", "4-8-3", "6-4-1", "10-1", "1-1", "30-20-10-4"], ["0", "0.3", "2/3", "0.9"], ["0.05"]),
    *product(["8-6-3", "3-3"], ["0.5", "0.97"], ["0.2", "1e-4"]),
    ("784-300-100-10", "0.7", "0.01"),
    ("64-32-16-8-4", "0.6", "1/300"),
    ("300-200-2", "0.75", "0.99"),
    ("100-100-100", "0.999", "0.01"),
]
EQUAL = [  # the printed inequality M (1 - p)^q <= delta / L, or (1 - (1 - p)^N)^d >= 1 - delta, with equality
    ("1-1", "1/2", Fraction(1, 8)),
    ("1-1", "1/2", Fraction(1, 2**29)),
    ("2-1", "1/2", Fraction(7, 16)),
    ("3-4", "1/3", Fraction(12, 3**9)),
    ("5-2", "0.9", 10 * Fraction(9, 10) ** 60),
    ("2-2-1", "1/2", Fraction(2 * 2, 2**7)),
    ("3-1", "1/4", 1 - Fraction(255, 256) ** 3),
]
CLOSE = [Fraction(0), *(Fraction(sign, 10**power) for power in (6, 9, 13, 17) for sign in (1, -1))]
TURNS = [("20-12-5", "0.8", Fraction(1, 20), Fraction(1, 1000)), ("100-30-7", "0.6", Fraction(1, 10), Fraction(1, 50))]


def questions() -> Iterator[tuple[str, str, str]]:
    """Every question as three texts."""
    yield from GRID
    for target, sparsity, delta in EQUAL:
        for shift in CLOSE:
            yield target, sparsity, str(delta * (1 + shift))
    for (target, sparsity, high, low), method in product(TURNS, STATEMENTS):
        for delta in turn(target, sparsity, method, high, low):
            yield target, sparsity, str(delta)


def turn(target: str, sparsity: str, method: str, high: Fraction, low: Fraction) -> tuple[Fraction, Fraction]:
    """Two failure probabilities close to each other where the answers differ."""
    above = answer(target, sparsity, str(high), method)
    while high - low > low / 10**8:
        middle = ((high + low) / 2).limit_denominator(10**13)
        if answer(target, sparsity, str(middle), method)["widths"] == above["widths"]:
            high = middle
        else:
            low = middle
    return high, low


def answer(target: str, sparsity: str, delta: str, method: str) -> dict[str, str]:
    """What the program says, as one row."""
    row = {"target": target, "sparsity": sparsity, "delta": delta, "method": method}
    try:
        found = ertheory.width(target, sparsity=sparsity, delta=delta, method=method)
    except ErError:
        return {**row, "applies": "False", "layer0": "", "widths": "", "failure": "", "edges": ""}
    failure = None if found.success_lower is None else float(1 - found.success_lower)
    return {
        **row,
        "applies": str(found.applies),
        "layer0": found.layer0,
        "widths": " ".join("-" if width is None else str(width) for width in found.widths[:-1]),
        "failure": "" if failure is None else repr(failure),
        "edges": "" if found.edges_expected is None else repr(float(found.edges_expected)),
    }


def main() -> None:
    """Write the table."""
    rows = [answer(*question, method) for question in questions() for method in STATEMENTS]
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{OUT}: {len(rows)} answers")


if __name__ == "__main__":
    main()
