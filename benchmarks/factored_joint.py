"""How few inner neurons are enough for one map where both factors are solved for, beside the proved widths.

    python benchmarks/factored_joint.py [--trials 20] [--maps 30x30@0.3,60x60@0.3] [--large]

For every map of n inputs, m outputs and density p: masks drawn at inner widths from what counting asks for upwards (or
half of what paths ask for), and one Gaussian map for each. Counted are the trials in which the joint solution was found
and *proved*; the first width at which all of them are is shown, with the exact 95 % interval for the chance of success
there, and the last one at which some were not, where counting stops at the third failure. Beside it what is proved to
be enough for every map with probability 0.999, and what is necessary for almost every one with that probability.

`--large` adds one map of 100,000 weights, solved and proved without chance. `--maps ""` leaves the others out.
"""

from __future__ import annotations

import argparse
import resource
import time
from fractions import Fraction

import numpy as np

from ertheory.bounds.factored import FactoredMap, factored_map
from ertheory.bounds.factored.necessary import count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.builders.factored.joint import factor_jointly
from ertheory.builders.factored.pairs import MaskPair
from ertheory.errors import ConstructionFailed
from ertheory.masks import DrawnMask
from ertheory.montecarlo import binomial_interval

DELTA = Fraction(1, 1000)
LEVEL = Fraction(95, 100)


def masks(inputs: int, outputs: int, inner: int, density: Fraction, seed: int) -> MaskPair:
    drawn = (DrawnMask(shape, density, seed, at) for at, shape in enumerate(((inner, inputs), (outputs, inner))))
    first, second = (mask.to_csr() for mask in drawn)
    return MaskPair(first, second)


def found(inputs: int, outputs: int, inner: int, density: Fraction, seed: int) -> bool:
    weight = np.random.default_rng(seed).standard_normal((outputs, inputs))
    try:
        factor_jointly(weight, masks(inputs, outputs, inner, density, seed), seed=seed)
    except ConstructionFailed:
        return False
    return True


def failures(inputs: int, outputs: int, inner: int, density: Fraction, trials: int) -> tuple[int, int]:
    """Count failures, up to the third one, and the trials until then."""
    failed = 0
    for trial in range(trials):
        failed += not found(inputs, outputs, inner, density, trial)
        if failed == 3:
            return failed, trial + 1
    return failed, trials


def proved(inputs: int, outputs: int, density: Fraction, *, mixed: bool) -> FactoredMap:
    names = ("dual", "primal", "mixed-dual", "mixed-primal") if mixed else ("dual", "primal")
    return factored_map(inputs, outputs, densities=(density, density), failure_probability=DELTA, orientations=names)


def row(inputs: int, outputs: int, density: Fraction, trials: int) -> str:
    both = density, density
    needed = [
        least_necessary(ceilings, inputs, outputs, both, DELTA)
        for ceilings in ((count_ceiling, rank_ceiling), (path_ceiling,))
    ]
    inner, below, start = max(needed[0], needed[1] // 2), "nothing", time.process_time()
    step = max(1, inner // 12)
    while (lost := failures(inputs, outputs, inner, density, trials)) != (0, trials):
        below = f"{lost[0]} of {lost[1]} failed at {inner:,}"
        inner += step
    interval = binomial_interval(trials, trials, LEVEL)
    cells = (
        f"{inputs} x {outputs}",
        f"{density}",
        f"{needed[0]:,}",
        f"{needed[1]:,}",
        f"{inner:,}",
        f"{trials} of {trials}, [{interval.low:.2f}, 1]",
        below,
        f"{proved(inputs, outputs, density, mixed=True).inner:,}",
        f"{proved(inputs, outputs, density, mixed=False).inner:,}",
        f"{time.process_time() - start:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def large() -> str:
    inputs = outputs = 316
    density, inner = Fraction(1, 5), 1000
    start, since = time.process_time(), time.perf_counter()
    weight = np.random.default_rng(0).standard_normal((outputs, inputs))
    one = factor_jointly(weight, masks(inputs, outputs, inner, density, 0), certain=True)
    dual = proved(inputs, outputs, density, mixed=True).inner
    scale = 2.0 ** np.frexp(np.abs(weight).max())[1]
    return (
        f"316 x 316 at 1/5, {inner:,} inner neurons ({dual:,} proved for every map): |A B - W| <= "
        f"{one.certificate.bound:.1g}, an exact solution nearby, and one for all maps within {one.radius:.2g} of it, "
        f"without chance (doubt {one.certificate.doubt:.0f}); sigma >= {np.sqrt(2 * one.radius / scale):.2g} for W / "
        f"{scale:.0f}; "
        f"{time.process_time() - start:.0f} CPU seconds, {time.perf_counter() - since:.0f} in all, at most "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--maps", default="30x30@0.3,60x60@0.3,60x60@0.2,100x50@0.2")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    head = ("map", "p", "necessary: count", "paths", "joint, measured", "proved solutions there", "just below")
    head += ("proved: best", "dual or primal", "CPU seconds")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}", flush=True)
    for one in filter(None, options.maps.split(",")):
        sizes, density = one.split("@")
        inputs, outputs = map(int, sizes.split("x"))
        print(row(inputs, outputs, Fraction(density), options.trials), flush=True)
    if options.large:
        print(f"\n{large()}", flush=True)


if __name__ == "__main__":
    main()
