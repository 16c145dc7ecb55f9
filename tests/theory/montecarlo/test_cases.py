"""What every statement is checked on, and that its prediction is what its theorem says of that case.

The theorems are summed up here in double precision, from their words and not by the package's laws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, exp, factorial, log, prod

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from ertheory.bounds.necessary.size_lp import cover_weights
from ertheory.montecarlo.statements.catalogue import ALIASES, CHECKS, case_of


def law(trials: int, chance: float) -> Iterator[tuple[int, float]]:
    for count in range(trials + 1):
        yield count, comb(trials, count) * chance**count * (1 - chance) ** (trials - count)


def some(count: int, trials: int, chance: float) -> float:
    """P(Bin(n, p) >= k)."""
    return sum(mass for found, mass in law(trials, chance) if found >= count)


def neighbours(demands: Sequence[int], neurons: int, chance: float) -> float:
    return prod(some(demand, neurons, chance) for demand in demands)


def paths(inputs: int, neurons: int, into: float, out: float) -> float:
    return sum(mass * (1 - (1 - into) ** count) ** inputs for count, mass in law(neurons, out))


def unmatched(rows: int, neurons: int, edge: float, column: float) -> float:
    """eps(d, N, a, b)."""

    def missed(k: int) -> float:
        return sum(
            comb(rows, s) * comb(k, s - 1) * (1 - edge) ** (s * (k - s + 1)) for s in range(1, min(rows, k + 1) + 1)
        )

    return sum(
        mass * min([1.0, *(missed(k) for k in range(rows, count + 1))] if count >= rows else [1.0])
        for count, mass in law(neurons, column)
    )


def greedy(needs: Sequence[Sequence[int]], neurons: int, chance: float) -> tuple[float, float, float]:
    """What the sequential greedy fails with at most, by its theorem; what it succeeds with; the neurons it uses."""
    states: Counter[tuple[tuple[int, ...], float]] = Counter({((0,) * len(needs[0]), 1.0): 1.0})
    bound = 0.0
    for needed in needs:
        after: Counter[tuple[tuple[int, ...], float]] = Counter()
        classes = [place for place, need in enumerate(needed) if need]
        for (sizes, served), mass in states.items():
            free = max(0, neurons - sum(sizes))
            for count in range(len(classes) + 1):
                for rising in combinations(classes, count):
                    way = mass
                    for place in classes:
                        lacks = (1 - chance) ** sizes[place]
                        way *= lacks if place in rising else 1 - lacks
                    held = some(count, free, chance)
                    bound += way * (1 - held)
                    grown = tuple(size + (place in rising) for place, size in enumerate(sizes))
                    after[grown, served * held] += way
        states = after
    used = sum(mass * sum(sizes) for (sizes, _), mass in states.items())
    return bound, sum(mass * served for (_, served), mass in states.items()), used


def block(*layers: tuple[int, int, float, int]) -> float:
    """The blocks' law: of every layer its non-zeros, the copies below, the density, and its own copies."""
    return prod((1 - (1 - chance) ** below) ** (weights * own) for weights, below, chance, own in layers)


def kept(reads: Sequence[int], readers: Sequence[int], copies: tuple[int, int], into: float, out: float) -> float:
    """P_drop: how many neurons each hidden neuron reads, and how many read it."""
    return prod(
        sum(
            mass * (1 - (1 - out) ** good) ** many
            for good, mass in law(copies[1], (1 - (1 - into) ** copies[0]) ** few)
        )
        for few, many in zip(reads, readers, strict=True)
    )


def kept_deep() -> tuple[float, float]:
    good = (1 - 0.4**4) ** 2
    low = max(some(least, 8, good) ** 3 * kept((3,) * 4, (2,) * 4, (least, 7), 0.5, 0.4) for least in range(1, 9))
    return low, kept((3,) * 4, (2,) * 4, (8, 7), 0.5, 0.4)


def two_hidden_layers() -> float:
    return sum(
        mass * sum(share * (1 - 0.6**reached) ** 2 for reached, share in law(7, 1 - 0.5**reading))
        for reading, mass in law(4, 0.6)
    )


def preassigned() -> float:
    alive = prod(sum(mass * (1 - 0.4**count) ** (5 * many) for count, mass in law(14, 0.4)) for many in (1, 2, 1))
    return alive * (1 - 0.5**5) ** 2


def quantised() -> tuple[float, float]:
    codes, share = 2**4, 17 / 33
    failure = min((codes + 1) ** t * (1 - share / 2 * (1 - 2**-t)) ** 28 for t in (k / 1000 for k in range(1, 1001)))
    return 1 - failure, min(1.0, (1.5**28 - 1) / 33)


def privately() -> float:
    failure = sum(
        1 - some(sum(chosen), 14, 1 - 0.6 ** len(chosen))
        for size in (1, 2, 3)
        for chosen in combinations((4, 3, 2), size)
    )
    return 1 - failure


def sizes() -> float:
    weights = [float(weight) for weight in cover_weights(4, Fraction(4, 5))]
    sums = Counter({0.0: 1.0})
    for _ in range(5):
        after: Counter[float] = Counter()
        for total, mass in sums.items():
            for size, share in law(4, 0.8):
                after[total + weights[size]] += mass * share
        sums = after
    return sum(mass for total, mass in sums.items() if total > 3 - 1e-9)


def parameters() -> float:
    def logarithm(tilt: float) -> float:
        grown = exp(tilt)
        moment = ((0.6 + 0.4 * grown) ** 4 - 0.6**4) * ((0.5 + 0.5 * grown) ** 2 - 0.5**2) / grown
        return 4 * log(1 + moment - (1 - 0.6**4) * (1 - 0.5**2)) - tilt * 2 * 4

    return exp(minimize_scalar(logarithm, bounds=(1e-6, 10), method="bounded").fun)


def coupled() -> float:
    """The concave function above g, at the mean; its slope is that of the line from 0, or the step of g there."""
    served = [some(2, count, 0.6) ** 2 for count in range(7)]
    mean = 6 * paths(3, 5, 0.5, 0.5)
    slope = max(served[count] / count for count in range(1, 7))
    return max(value - slope * count for count, value in enumerate(served)) + slope * mean


def joined(inputs: int, outputs: int, neurons: int, into: float, out: float) -> float:
    """The paths that a factored map needs, by the inequality of Cauchy and Schwarz."""
    q = (1 - into * out) ** neurons
    r, s = (1 - into + into * (1 - out) ** 2) ** neurons, (1 - out + out * (1 - into) ** 2) ** neurons
    more = (outputs - 1) * r / q + (inputs - 1) * s / q + (inputs - 1) * (outputs - 1) * q
    return 1 - inputs * outputs * q / (1 + more)


THREE = [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]]
ALL_READ = [[1] * 3] * 2
PAIRS = 4 * unmatched(3, 14, 0.6, 0.5) + 2 * unmatched(3, 11, 0.4, 0.7)
DEGREES = neighbours((3,) * 4, 14, 0.5) * neighbours((3,) * 2, 11, 0.7)
SHARP = 1 - greedy(ALL_READ, 8, 2 / 3)[0] - greedy(ALL_READ, 8, 2 / 3)[2] * unmatched(3, 12, 0.5, 0.6)

# Target, widths and densities; the prediction, and that for what is built where it is another one. Those of the lemma,
# of few kept weights and of locked ones are bounds with tests of their own, as are those of Theorem 2.5 and `matched`.
CASES = {
    "theorem-2.1": ("3-4-2", (24, 28, 2), "1 1/2 2/5", block((12, 8, 0.5, 7), (8, 7, 0.4, 1))),
    "theorem-2.2": (
        "3-4-3-2", (18, 28, 15, 2), "1 3/5 1/2 2/5", block((8, 6, 0.6, 7), (7, 7, 0.5, 5), (6, 5, 0.4, 1)),
    ),
    "convolution": ("1-2-2", (7, 10, 2), "1 1/2 3/5", block((10, 7, 0.5, 5), (12, 5, 0.6, 1))),
    "preassigned": ("3-2-1", (42, 10, 1), "2/5 3/5 1/2", preassigned()),
    "matched": ("4-2-1", (44, 8, 1), "3/10 1/2 3/5", None),
    "drop": ("3-4-2", (9, 32, 2), "1 1/2 2/5", kept((2, 2, 3, 1), (2, 1, 1, 2), (3, 8), 0.5, 0.4)),
    "drop-deep": ("2-3-4-2", (8, 24, 28, 2), "1 3/5 1/2 2/5", kept_deep()),
    "residual": (
        "2-2-2-2-2", (18, 16, 18, 16, 18), "1 1/2 3/5 3/5 1/2",
        block((12, 9, 0.5, 8), (6, 8, 0.6, 9), (6, 9, 0.6, 8), (12, 8, 0.5, 9)),
    ),
    "theorem-2.3-relu": ("4-1", (12, 1), "1/2 1/3", paths(4, 12, 1 / 2, 1 / 3)),
    "theorem-2.3-linear": ("3-1", (15, 1), "1/2 2/3", 1 - (1 - 2 / 3 * 0.5**3) ** 15),
    "lemma-2.4": ("1-1", (18, 1), "1 1/2", None),
    "lemma-2.4-kept": ("1-1", (40, 1), "1 3/4", None),
    "lemma-2.4-bits": ("1-1", (28, 1), "1 1/2", quantised()),
    "lemma-2.4-locked": ("1-1", (44, 1), "1 11/20", None),
    "theorem-2.5": ("1-2-1", (1685, 416, 1), "1/2 4/5 3/5", None),
    "degree": ("7-5-3", (None, 12, 3), "1/10 1/2 3/5", neighbours((5,) * 3, 12, 0.6)),
    "path-ceiling": ("2-1-1", (7, 4, 1), "2/5 1/2 3/5", two_hidden_layers()),
    "sequential": (
        "2-4-3", (None, 10, 3), "1 1 1/2", (1 - greedy(THREE, 10, 0.5)[0], greedy(THREE, 10, 0.5)[1]),
        (1 - greedy(THREE, 10, 0.5)[0], neighbours((4, 3, 3), 10, 0.5)),
    ),
    "matching": ("2-4-3", (None, 14, 3), "1 1 2/5", (privately(), neighbours((4, 3, 2), 14, 0.4))),
    "coded": (
        "4-3-2", (12, 3, 2), "1/2 3/5 1", (1 - 3 * unmatched(4, 12, 0.5, 0.6), neighbours((4,) * 3, 12, 0.6)),
        (1 - 3 * unmatched(4, 12, 0.5, 0.6), paths(4, 12, 0.5, 0.6)),
    ),
    "coded-dual": (
        "4-3-2", (12, 3, 2), "1/2 3/5 1", (1 - 4 * unmatched(3, 12, 0.6, 0.5), neighbours((3,) * 4, 12, 0.5)),
        (1 - 4 * unmatched(3, 12, 0.6, 0.5), paths(4, 12, 0.5, 0.6)),
    ),
    "coded-classes": (
        "8-3-2", (8, 6, 2), "3/5 9/10 1", (1 - 8 * unmatched(3, 8, 0.9**2, 0.6), neighbours((3,) * 8, 8, 0.6)),
        (1 - 8 * unmatched(3, 8, 0.9**2, 0.6), paths(8, 8, 0.6, 0.9)),
    ),
    "sharp": (
        "3-3-2", (12, 8, 2), "1/2 3/5 2/3", (SHARP, greedy(ALL_READ, 8, 2 / 3)[1]),
        (SHARP, neighbours((3, 3), 8, 2 / 3)),
    ),
    "size-lp": ("4-3-4", (None, 5, 4), "1 1 4/5", (1 - greedy([[1] * 3] * 4, 5, 0.8)[0], sizes())),
    "first-moment": (
        "4-2-6", (None, 3, 6), "1 1 3/4", (0.0, 2**3 * (1 - 0.25**1.5) ** 12 / factorial(2)),
    ),
    "parameter-count": ("4-2-1", (4, 2, 1), "2/5 1/2 1", (0.0, parameters())),
    "path-count": (
        "3-2-1", (6, 4, 1), "1/2 2/5 1", (paths(3, 6, 0.5, 0.4) ** 2, 4 * paths(3, 6, 0.5, 0.4) / 2),
        (0.0, 4 * paths(3, 6, 0.5, 0.4) / 2),
    ),
    "coupled": ("3-2-2", (5, 6, 2), "1/2 1/2 3/5", (0.0, coupled())),
    "factored": (
        "4-3-2", (14, 3, 11, 2), "1/2 3/5 2/5 7/10", (1 - PAIRS, DEGREES),
        (1 - PAIRS, joined(4, 3, 14, 0.5, 0.6) * joined(3, 2, 11, 0.4, 0.7)),
    ),
}  # fmt: skip

# Non-zeros of the targets that have zeros, layer by layer, and the masks of the cases that take long.
ZEROS = {
    "theorem-2.2": (8, 7, 6), "convolution": (10, 12), "preassigned": (4, 2), "matched": (6, 2), "drop": (8, 6),
    "residual": (12, 6, 6, 12), "sequential": (8, 10), "matching": (8, 9),
}  # fmt: skip
FEW = {"lemma-2.4-locked": 500, "theorem-2.5": 200}


@pytest.mark.parametrize("statement", CASES)
def test_a_case_and_its_prediction_are_those_of_the_theorem(statement):
    target, widths, densities, predicted, *of_what_is_built = CASES[statement]
    case = case_of(statement)
    assert (str(case.target), case.widths) == (target, widths)
    assert " ".join(map(str, case.densities)) == densities
    full = tuple(layer.outputs * layer.inputs for layer in case.target.layers)
    assert tuple(layer.nonzeros for layer in case.target.layers) == ZEROS.get(statement, full)
    assert case.trials == FEW.get(statement)
    if predicted is not None:
        assert case.predicted == pytest.approx(predicted, rel=1e-6)
    if of_what_is_built:
        assert case.predicted_built == pytest.approx(of_what_is_built[0], rel=1e-6)
    else:
        assert case.predicted_built is None


def test_every_statement_has_its_case_here():
    assert set(CASES) == set(CHECKS) - set(ALIASES)


class Counting:
    """Numbers that are drawn from a generator, counted."""

    def __init__(self):
        self.drawn, self.rng = 0, np.random.default_rng(0)

    def __getattr__(self, name):
        def draw(*given, **more):
            found = getattr(self.rng, name)(*given, **more)
            self.drawn += np.size(found)
            return found

        return draw


@pytest.mark.parametrize("statement", sorted(set(CASES) - {"theorem-2.5"}))
def test_a_trial_draws_no_more_entries_than_its_event_says(statement):
    """It is by that number that blocks of trials are as long as memory allows."""
    event, rng = case_of(statement).event, Counting()
    event.occurs(rng, 8)
    assert rng.drawn / 8 <= event.entries
