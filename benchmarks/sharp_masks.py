"""Build small targets in drawn masks, and compare how often that succeeds with what the bounds say.

    python benchmarks/sharp_masks.py [--masks 1000] [--kind sufficient|necessary] [--targets 24-14-5] [--densities 0.5]

Targets 24-14-5 and 10-20-20-5, delta = 0.05, every layer masked with the same density. All points take about an hour.

- sufficient: at the widths of a method, a source is built in every mask. The bound says how often at least.
- necessary: one neuron below the width of a necessary statement, with the other layers as wide as `sharp` makes them.
  The bound says how often at most; that is less than 1 - delta. Built are sources whose layer 0 is affine on the box,
  for which the statements hold without regard to rows of layer 0 with many entries.

A mask counts as a success if a source is built and the checker, which shares no code with the builder, finds all its
weights on the mask and proves it to be the target, exactly or up to less than 1e-6. Every interval holds the truth
with probability 1 - 1e-6; a bound disagrees with what was counted if it lies outside.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from ertheory import ConstructionFailed, Target, plan
from ertheory.bounds import width as width_of
from ertheory.bounds.factored.necessary import count_ceiling as unknowns_ceiling
from ertheory.bounds.factored.necessary import path_ceiling, rank_ceiling
from ertheory.bounds.necessary.coupled import coupled, coupled_ceiling
from ertheory.bounds.necessary.degree import degree, degree_ceiling
from ertheory.bounds.necessary.first_moment import first_moment, log_first_moment
from ertheory.bounds.necessary.least_total import least_total
from ertheory.bounds.necessary.parameter_count import count_ceiling, parameter_count
from ertheory.bounds.necessary.size_lp import cover_weights, size_lp, size_shortfall
from ertheory.bounds.necessary.univariate import printed_univariate
from ertheory.builders import embed_target
from ertheory.builders.factored.chain import embed_factored
from ertheory.builders.factored.planning import FactoredPlan, plan_factored
from ertheory.builders.planning import Plan
from ertheory.check import check_embedding
from ertheory.masks import DrawnMask
from ertheory.montecarlo import Interval, binomial_interval
from ertheory.networks.target import network_of
from ertheory.numbers import Ball, enclose

TARGETS = ("24-14-5", "10-20-20-5")
DENSITIES = (Fraction(1, 5), Fraction(1, 2), Fraction(4, 5))
DELTA = Fraction(1, 20)
LEVEL = 1 - Fraction(1, 10**6)
NEAR = 1e-6  # how far a source may be from the target where its weights are solved for; proved, on the whole box
METHODS = (
    ("sequential", "coded"),
    ("matching", "coded"),
    ("sharp", "coded"),
    ("sharp", "matched"),
    ("drop", "matched"),
)


@dataclass(frozen=True)
class Point:
    """Widths, how to build in them, and what a bound says of the probability that this succeeds."""

    method: str
    kind: str
    target: str
    density: Fraction
    layer0: str
    widths: tuple[int, ...]
    bound: float
    plan: Plan | FactoredPlan


@dataclass(frozen=True)
class Row:
    """A point, and what was counted there."""

    point: Point
    masks: int
    successes: int

    @property
    def interval(self) -> Interval:
        return binomial_interval(self.successes, self.masks, LEVEL)

    @property
    def agrees(self) -> bool:
        above = self.interval.high >= self.point.bound
        return above if self.point.kind == "sufficient" else self.interval.low <= self.point.bound


def dense_target(text: str) -> Target:
    """Make a target of these widths with normal weights, on the box [-1, 1]^d."""
    sizes = [int(size) for size in text.split("-")]
    rng = np.random.default_rng(0)
    pairs = list(pairwise(sizes))
    weights = [rng.normal(size=(after, before)) for before, after in pairs]
    biases = [rng.normal(size=after) / 4 for _, after in pairs]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * sizes[0])


def sufficient(text: str, density: Fraction) -> Iterator[Point]:
    """Give the points of the sufficient methods."""
    target = dense_target(text)
    for method, layer0 in METHODS:
        chosen = plan(target, method=method, density=density, failure_probability=DELTA, layer0=layer0)
        widths = tuple(int(width or 0) for width in chosen.answer.widths)
        bound = float(chosen.answer.success_lower or 0)
        yield Point(method, "sufficient", text, density, layer0, widths, bound, chosen)
    pairs = _pairs(target, density)
    widths = tuple(int(width or 0) for width in pairs.answer.widths)
    bound = float(pairs.answer.success_lower or 0)
    yield Point("factored", "sufficient", text, density, "factored", widths, bound, pairs)


def _pairs(target: Target, density: Fraction) -> FactoredPlan:
    return plan_factored(network_of(target), density=density, failure_probability=DELTA, inner="identity")


def _factored_necessary(text: str, density: Fraction) -> Iterator[Point]:
    """One inner neuron less than the statement asks for the first map, the others as many as `factored` has."""
    target = dense_target(text)
    pairs = _pairs(target, density)
    wide = tuple(int(width or 0) for width in pairs.answer.widths)
    maps = list(zip(pairs.network.affine, wide[::2], strict=True))
    for method, ceilings in (("factored-paths", (path_ceiling,)), ("factored-count", (unknowns_ceiling, rank_ceiling))):
        asked = {"density": density, "failure_probability": DELTA}
        least = int(width_of(target, method=method, **asked).widths[0] or 0)
        sizes = [(step.inputs, step.outputs, neurons) for step, neurons in maps]
        sizes[0] = (*sizes[0][:2], least - 1)
        found = (min(_high(ceiling, *one, density) for ceiling in ceilings) for one in sizes)
        widths = (least - 1, *wide[1:])
        yield Point(method, "necessary", text, density, "factored", widths, math.prod(found), pairs)


def _high(ceiling: Callable[..., Ball], columns: int, rows: int, neurons: int, density: Fraction) -> float:
    return min(1.0, float(enclose(lambda: ceiling(columns, rows, neurons, (density, density)))[1]))


def necessary(text: str, density: Fraction) -> Iterator[Point]:
    """Give the points one neuron below a necessary width, where the statement applies."""
    target = dense_target(text)
    chosen = plan(target, method="sharp", density=density, failure_probability=DELTA, layer0="coded")
    wide = tuple(int(width or 0) for width in chosen.answer.widths)
    densities = (density,) * len(wide)
    last = len(wide) - 2
    classes, outputs = target.widths[-2:]

    def point(method: str, layer: int, width: int | None, ceiling: Callable[[int], float]) -> Iterator[Point]:
        if width is None or width < 2:
            return
        widths = (*wide[:layer], width - 1, *wide[layer + 1 :])
        bound = ceiling(width - 1)
        yield Point(method, "necessary", text, density, "coded", widths, bound, chosen)

    _, width = printed_univariate(target.inputs, density, DELTA)
    yield from point("theorem-2.3", 0, width, lambda n: float((1 - (1 - density) ** n) ** target.inputs))
    yield from _factored_necessary(text, density)
    found = first_moment(target, densities, DELTA).widths[last]
    yield from point("first-moment", last, found, partial(_first_moment_ceiling, classes, outputs, density))
    if target.depth > 2:
        return
    found = degree(target, densities, DELTA, first_width=0).widths[last]
    yield from point("degree", last, found, partial(_degree_ceiling, target, densities))
    found = size_lp(target, densities, DELTA).widths[last]
    weights = cover_weights(outputs, density)
    yield from point("size-lp", last, found, lambda n: 1 - float(size_shortfall(weights, n, classes, density)[0]))
    found = parameter_count(target, densities, DELTA, second_width=wide[1], affine=True).widths[0]
    yield from point(
        "parameter-count", 0, found, lambda n: float(count_ceiling(target, densities, n, wide[1], affine=True))
    )
    found = coupled(target, densities, DELTA, second_width=wide[1], affine=True).widths[0]
    yield from point("coupled", 0, found, partial(_coupled_ceiling, target, densities, wide[1]))
    total = least_total(target, densities, DELTA).total
    if total is not None and total - 1 > wide[1]:
        # All but the neurons of layer 1 in layer 0, one fewer than are needed in all.
        yield from point("least-total", 0, total - wide[1], partial(_coupled_ceiling, target, densities, wide[1]))


def _coupled_ceiling(target: Target, densities: tuple[Fraction, ...], second: int, neurons: int) -> float:
    """The smaller of the two bounds that `coupled` rests on."""
    served = coupled_ceiling(target, densities, neurons, second, affine=True)
    return float(min(served, count_ceiling(target, densities, neurons, second, affine=True)))


def _degree_ceiling(target: Target, densities: tuple[Fraction, ...], neurons: int) -> float:
    return float(enclose(lambda: degree_ceiling(target, densities, 0, neurons))[1])


def _first_moment_ceiling(classes: int, outputs: int, density: Fraction, neurons: int) -> float:
    high = enclose(lambda: log_first_moment(classes, outputs, neurons, density, exchangeable=True))[1]
    return math.exp(min(0.0, float(high)))


def built(chosen: Plan | FactoredPlan, masks: tuple[DrawnMask, ...]) -> bool:
    """Build in masks of any widths as a plan says, and check what was built."""
    if isinstance(chosen, FactoredPlan):
        return _built_pairs(chosen, masks)
    if masks[1].shape[0] < chosen.network.affine[0].outputs:
        return False  # no neuron of the target can be left out, and builders refuse such masks
    options = {"construction": chosen.construction, "layer0": chosen.layer0, "copies": chosen.copies}
    try:
        found = embed_target(chosen.network, masks, workers=1, **options)
    except ConstructionFailed:
        return False
    checked = check_embedding(chosen.network, found.source, masks)
    return checked.passed and (checked.exact or (checked.difference_bound or 0.0) < NEAR)


def _built_pairs(chosen: FactoredPlan, masks: tuple[DrawnMask, ...]) -> bool:
    try:
        found = embed_factored(chosen.network, masks, workers=1)
    except ConstructionFailed:
        return False
    checked = check_embedding(chosen.network, found.source, masks)
    return checked.passed and (checked.exact or (checked.difference_bound or 0.0) < NEAR)


def count(point: Point, masks: int, *, progress: Callable[[int], object] | None = None) -> Row:
    """Draw so many masks, seeds 0, 1, .., and count those in which the target is found."""
    inputs = int(point.target.split("-")[0])
    shapes = [(after, before) for before, after in pairwise((inputs, *point.widths))]
    successes = 0
    for seed in range(masks):
        drawn = tuple(DrawnMask(shape, point.density, seed, layer) for layer, shape in enumerate(shapes))
        successes += built(point.plan, drawn)
        if progress is not None:
            progress(1)
    return Row(point, masks, successes)


def rows(
    kind: str,
    masks: int,
    *,
    targets: tuple[str, ...] = TARGETS,
    densities: tuple[Fraction, ...] = DENSITIES,
    methods: tuple[str, ...] | None = None,
) -> Iterator[Row]:
    """Count at all points, or those of some methods; the same widths built in the same way are counted once."""
    points = sufficient if kind == "sufficient" else necessary
    listed = [point for text in targets for density in densities for point in points(text, density)]
    listed = [point for point in listed if methods is None or point.method in methods]
    known: dict[tuple[object, ...], Row] = {}
    with tqdm(total=masks * len(listed), file=sys.stderr, unit="mask", disable=None) as bar:
        for point in listed:
            chosen = point.plan
            copies = chosen.copies if isinstance(chosen, Plan) else ()
            key = point.target, point.density, point.widths, chosen.construction, chosen.layer0, copies
            if key not in known:
                known[key] = count(point, masks, progress=bar.update)
            yield Row(point, masks, known[key].successes)


def line(row: Row) -> str:
    """Write a row of the table."""
    point, interval = row.point, row.interval
    # Rounded to the side on which it stays true.
    least = point.kind == "sufficient"
    bound = f"{'>=' if least else '<='} {(math.floor if least else math.ceil)(point.bound * 1e4) / 1e4:.4f}"
    cells = (point.target, f"{float(point.density):g}", point.method, point.layer0, "-".join(map(str, point.widths)))
    cells += (bound, f"{row.successes:,} of {row.masks:,}", f"{interval.low:.4f} to {interval.high:.4f}")
    return f"| {' | '.join((*cells, 'yes' if row.agrees else 'NO'))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=1_000)
    parser.add_argument("--kind", choices=("sufficient", "necessary"))
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--densities", default=",".join(map(str, DENSITIES)))
    parser.add_argument("--methods", help="and statements, all if left out", metavar="NAME,NAME")
    options = parser.parse_args()
    methods = tuple(options.methods.split(",")) if options.methods else None
    targets, densities = tuple(options.targets.split(",")), tuple(map(Fraction, options.densities.split(",")))
    head = ("target", "density", "method", "layer 0", "widths", "success", "built", "interval", "agrees")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    failed = 0
    for kind in (options.kind,) if options.kind else ("sufficient", "necessary"):
        for row in rows(kind, options.masks, targets=targets, densities=densities, methods=methods):
            print(line(row), flush=True)
            failed += not row.agrees
    if failed:
        raise SystemExit(f"{failed} bounds disagree with what was counted")


if __name__ == "__main__":
    main()
