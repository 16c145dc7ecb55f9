"""What layer 0 could gain from rows in a small space, at best: why `sharp` does not offer it.

    python benchmarks/row_spaces.py [--targets 784-128-10,..] [--sparsities 0.5,..]

The primal coding draws the rows of layer 0 (B) and solves a_v B = w_v for every neuron v of layer 1 that is used, so v
must read at least d neurons of layer 0. If all rows of B lie in a space of dimension r that contains the rows of W_1,
r of them are enough; but a row with a entries can lie in a general space of that dimension only if a > d - r, so r is
above (1 - p_0) d. No proof that this works is known to us; it could hold for almost every W_1 only.

For any such scheme every neuron that is counted on must read r rows that are not 0 (as many of layer 1 are left out as
`sharp` leaves out), and every used one some neuron that reads input i, for every i.
The smallest N_0 of the table satisfies both with half of delta, for the r where it is smallest: no scheme of this kind
needs less (the second by a Poisson law, which is close; both in double precision). A gain is told of N_0 + N_1.
"""

from __future__ import annotations

import argparse
import math
import sys
from fractions import Fraction

from scipy.stats import binom
from tqdm import tqdm

from ertheory import Target
from ertheory.bounds import width
from ertheory.bounds.sharp.coded import mean_size
from ertheory.bounds.sharp.law import Design

DELTA = Fraction(1, 1000)
TARGETS = "784-128-10,784-300-10,200-100-10,64-32-10"
SPARSITIES = "0.5,0.7,0.8,0.9,0.95,0.99"
_FEWEST = 1e-3  # of the rows that must be alive for a space to be looked at


def least_first_width(
    inputs: int, classes: int, used: float, density: float, *, second: int, spare: int
) -> tuple[int, int]:
    """Give the smallest N_0 of any scheme with rows in a space, and the dimension of that space.

    All of the `used` neurons, or all but `spare` ones of `second` neurons, have to read enough rows.
    """
    share = float(DELTA) / 2
    covered = math.log(used * inputs / -math.log1p(-share)) / -math.log1p(-(density**2))
    best = (sys.maxsize, inputs)
    for dimension in range(classes, inputs + 1):
        chance = density * float(binom.sf(inputs - dimension, inputs, density))
        if chance < _FEWEST * density:
            continue
        low, high = dimension, int(8 * dimension / chance) + 100
        while low < high:
            middle = (low + high) // 2
            few = float(binom.cdf(dimension - 1, middle, chance))
            enough = (float(binom.sf(spare, second, few)) if spare else used * few) <= share
            low, high = (low, middle) if enough else (middle + 1, high)
        best = min(best, (max(low, math.ceil(covered)), dimension))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=TARGETS)
    parser.add_argument("--sparsities", default=SPARSITIES)
    options = parser.parse_args()
    print("| target | sparsity | sharp | layer 0 | N_0 at best (r) | gain | factored |\n|" + " --- |" * 7)
    points = [(text, s) for text in options.targets.split(",") for s in options.sparsities.split(",")]
    for text, sparsity in tqdm(points, file=sys.stderr, disable=None):
        target = Target.from_text(text)
        asked = {"sparsity": sparsity, "failure_probability": DELTA}
        sharp, factored = (width(target, method=method, **asked) for method in ("sharp", "factored"))
        first, second = (int(number or 0) for number in sharp.widths[:2])
        if not isinstance(sharp.design, Design):
            continue
        used = float(mean_size(sharp.design.colours.used)[0])
        spare = second - sharp.design.served if sharp.design.layer0 == "primal" else 0
        sizes = target.inputs, target.widths[1], used, float(1 - Fraction(sparsity))
        least, dimension = least_first_width(*sizes, second=second, spare=spare)
        gain = max(0.0, 1 - (least + second) / (first + second))
        cells = (text, sparsity, f"{first:,} + {second:,}", sharp.design.layer0, f"{least:,} ({dimension})")
        print(f"| {' | '.join(cells)} | {gain:.1%} | {factored.total:,} |", flush=True)


if __name__ == "__main__":
    main()
