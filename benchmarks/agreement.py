"""Look for contradictions between statements over random targets, densities and failure probabilities.

    python benchmarks/agreement.py [--cases 2000] [--seed 0]

For every case: `sharp` needs no more neurons than another sufficient statement of ours, no necessary width is above a
sufficient one where it holds, the bound of a design falls in N_0 and in the densities, and weights times any power of
two give the same answers. A contradiction is printed with what it was computed from. 2,000 cases take half an hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from ertheory import Target
from ertheory.bounds import METHODS, NECESSARY, find, width
from ertheory.bounds.result import Width
from ertheory.bounds.sharp.law import Design
from ertheory.errors import ErError

DENSITIES = tuple(map(Fraction, ("1/50", "1/10", "3/10", "1/2", "7/10", "9/10", "19/20", "1")))
DELTAS = tuple(map(Fraction, ("1/1000", "1/20", "1/2")))
# Necessary for colourings only; printed statements are not ours, and those of factored sources speak of other sources.
ELSEWHERE = ("first-moment",)


@dataclass(frozen=True)
class Case:
    """What is asked."""

    target: Target
    densities: tuple[Fraction, ...]
    failure_probability: Fraction

    def __str__(self) -> str:
        densities = ",".join(map(str, self.densities))
        return f"{self.target} {'weights' if self.target.weights else ''} {densities} {self.failure_probability}"


def cases(count: int, seed: int) -> Iterator[Case]:
    """Draw cases: half of them with weights, of which some are 0."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        hidden = [int(size) for size in random.integers(1, 9, size=random.choice([1, 1, 1, 2]))]
        sizes = (int(random.integers(1, 31)), *hidden, int(random.integers(1, 6)))
        same = random.random() < 0.5
        drawn = [DENSITIES[random.integers(len(DENSITIES))] for _ in sizes]
        yield Case(
            target=_with_weights(sizes, random) if random.random() < 0.5 else Target.from_widths(sizes),
            densities=(drawn[0],) * len(sizes) if same else tuple(drawn),
            failure_probability=DELTAS[random.integers(len(DELTAS))],
        )


def _with_weights(sizes: tuple[int, ...], random: np.random.Generator) -> Target:
    share = random.choice([0.3, 0.7, 1.0])
    weights = []
    for before, after in pairwise(sizes):
        kept = random.random((after, before)) < share
        kept[random.integers(after), random.integers(before)] = True
        weights.append(np.where(kept, random.normal(size=(after, before)), 0.0))
    biases = [random.normal(size=after) for after in sizes[1:]]
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * sizes[0])


def answers(case: Case) -> dict[str, Width]:
    """Ask every statement that applies."""
    found = {}
    for method in METHODS:
        try:
            answer = width(
                case.target,
                method=method,
                density=case.densities,
                failure_probability=case.failure_probability,
            )
        except ErError:
            continue
        if answer.applies and answer.kind != "printed" and len(answer.widths) == len(case.target.widths):
            found[method] = answer
    return found


def contradictions(case: Case) -> Iterator[str]:
    """Say what is wrong with the answers for one case."""
    found = answers(case)
    enough = {name: answer for name, answer in found.items() if name not in NECESSARY}
    for name, other in enough.items():
        if "sharp" in enough and (enough["sharp"].total or 0) > (other.total or 0):
            yield f"{case}: sharp {enough['sharp'].widths}, {name} {other.widths}"
    for name in set(found) & set(NECESSARY) - set(ELSEWHERE):
        for rival, other in enough.items():
            if holds_at(found[name], other.widths):
                pairs = zip(found[name].widths, other.widths, strict=True)
                if any(least is not None and most is not None and least > most for least, most in pairs):
                    yield f"{case}: necessary {name} {found[name].widths}, sufficient {rival} {other.widths}"
    if "sharp" in enough and isinstance(enough["sharp"].design, Design):
        yield from (f"{case}: {text}" for text in wrong_ways(enough["sharp"].design))
    if case.target.weights is not None:
        weights = [weight * 2.0**power for weight, power in zip(case.target.weights, (-30, 40, 3, 7), strict=False)]
        scaled = replace(case, target=Target.from_arrays(weights, domain=[(-1, 1)] * case.target.inputs))
        for name in enough:
            if find(name).kind == "sufficient" and _widths(name, scaled) != enough[name].widths:
                yield f"{case}: {name} depends on the scale of the weights"


def holds_at(answer: Width, widths: tuple[int | None, ...]) -> bool:
    """Say whether a necessary statement speaks of sources of these widths."""
    limits = zip(answer.holds_up_to, widths, strict=False)
    return all(limit is None or most is None or most <= limit for limit, most in limits)


def wrong_ways(design: Design) -> Iterator[str]:
    """Move one number of a design and look which way its bound goes."""
    high = design.failure()[1]
    if design.layer0 != "matched" and replace(design, first_width=design.first_width + 1).failure()[0] > high:
        yield f"more neurons in layer 0 fail more often: {design.widths}"
    if design.layer0 != "matched":
        for layer in (0, 1):
            density = design.densities[layer]
            more = (*design.densities[:layer], (density + 1) / 2, *design.densities[layer + 1 :])
            if replace(design, densities=more).failure()[0] > high:
                yield f"a denser mask of layer {layer} fails more often: {design.widths}"
    wider = {"last_width": design.last_width + 1, "served": design.served}
    if replace(design, **wider).failure()[0] > high:
        yield f"more neurons in the last hidden layer fail more often: {design.widths}"


def _widths(name: str, case: Case) -> tuple[int | None, ...] | None:
    return width(case.target, method=name, density=case.densities, failure_probability=case.failure_probability).widths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for case in tqdm(cases(options.cases, options.seed), total=options.cases, file=sys.stderr, disable=None):
        for text in contradictions(case):
            print(text, flush=True)
            wrong += 1
    print(f"{options.cases:,} cases, {wrong:,} contradictions")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
