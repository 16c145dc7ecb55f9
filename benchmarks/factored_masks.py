"""Draw masks of factored sources of small targets, and count how often they do not hold every network of the shape.

    python benchmarks/factored_masks.py [--trials 1000] [--delta 1/20]

For four targets, at the inner widths that the dual or the primal theorem asks for and at fractions of these, masks are
drawn; a source counts as failed if for some map neither the matchings of the dual nor those of the primal exist, which
is decided by matchings. Beside the failures stand the exact interval of their share and the bound that is proved for
these widths. At the widths themselves no more than a share delta may fail.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from itertools import pairwise

from ertheory.bounds.factored import factored_design, map_failure, shapes_of_target
from ertheory.builders.factored.matching import matched
from ertheory.builders.factored.pairs import MaskPair
from ertheory.masks import DrawnMask
from ertheory.montecarlo import binomial_interval
from ertheory.networks.target import Target

CASES = (("6-4", "0.5"), ("8-5-3", "0.6"), ("12-6-4", "0.4"), ("10-6-5-3", "0.5"))
PARTS = (Fraction(1), Fraction(4, 5), Fraction(3, 5), Fraction(2, 5))
LEVEL = Fraction(99, 100)


def holds(inputs: int, outputs: int, inner: int, density: Fraction, seed: int, layer: int) -> bool:
    """Whether one drawn pair holds every map."""
    shapes = (inner, inputs), (outputs, inner)
    first, second = (DrawnMask(shape, density, seed, 2 * layer + at).to_csr() for at, shape in enumerate(shapes))
    pair = MaskPair(first, second)
    return matched(pair, "dual") or matched(pair, "primal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--delta", type=Fraction, default=Fraction(1, 20))
    options = parser.parse_args()
    head = ("target", "sparsity", "part of the widths", "inner widths", "masks", "failed", "interval at 99 %", "proved")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}", flush=True)
    for text, sparsity in CASES:
        target, density = Target.from_text(text), 1 - Fraction(sparsity)
        maps = list(pairwise(target.widths))
        design = factored_design(
            shapes_of_target(target),
            densities=[density],
            failure_probability=options.delta,
            orientations=("dual", "primal"),
        )
        for part in PARTS:
            inner = [max(1, round(one.inner * part)) for one in design.maps]
            failed = sum(
                not all(
                    holds(*sizes, wide, density, seed, at)
                    for at, (sizes, wide) in enumerate(zip(maps, inner, strict=True))
                )
                for seed in range(options.trials)
            )
            bound = sum(
                min(
                    map_failure(*sizes, wide, (density, density), name, options.delta).failure
                    for name in ("dual", "primal")
                )
                for sizes, wide in zip(maps, inner, strict=True)
            )
            interval = binomial_interval(failed, options.trials, LEVEL)
            cells = (
                text,
                sparsity,
                f"{float(part):.1f}",
                ", ".join(map(str, inner)),
                f"{options.trials:,}",
                f"{failed:,}",
                f"[{interval.low:.4f}, {interval.high:.4f}]",
                f"{float(min(bound, 1)):.4f}",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
