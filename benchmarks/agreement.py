"""Look for contradictions between statements over random targets, densities and failure probabilities.

    python benchmarks/agreement.py [--cases 2000] [--seed 0] [--first 0] [--small] [--save FILE]

For every case: `sharp` needs no more neurons than another sufficient statement of ours, no necessary width is above a
sufficient one where it holds, `confidence` grants the widths that `width` answers, the bound of a design falls in N_0
and in the densities, widths do not grow with delta nor with the density of every layer, weights and biases times powers
of two give the same answers, and so does a target with an input more that it does not depend on, where a statement is
about inputs. A contradiction is printed with what it was computed from. Case k of a seed is the same in every run; with
`--save` a run that was ended goes on where it was, and what it found stands in that file. 2,000 cases take about an
hour, or a few minutes with `--small`: targets of up to six inputs, three neurons in a hidden layer, of which most have
one, and two outputs, no layer sparser than 3/10, each asked again in one of these ways.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ertheory import Target
from ertheory.bounds import INVERTED, METHODS, NECESSARY, success_probability, width
from ertheory.bounds.result import Width
from ertheory.bounds.sharp.law import Design
from ertheory.errors import ErError

DENSITIES = tuple(map(Fraction, ("1/50", "1/10", "3/10", "1/2", "7/10", "9/10", "19/20", "1")))
DELTAS = tuple(map(Fraction, ("1/1000", "1/20", "1/2")))
# Necessary for colourings only; printed statements are not ours, and those of factored sources speak of other sources.
ELSEWHERE = ("first-moment",)
# Necessary for the inputs that a target depends on.
ABOUT_INPUTS = ("theorem-2.3", "degree", "size-lp", "parameter-count", "path-count", "coupled", "least-total")


@dataclass(frozen=True)
class Case:
    """What is asked."""

    target: Target
    densities: tuple[Fraction, ...]
    failure_probability: Fraction
    easier: str = "delta"  # what is made larger to ask again: delta, or the density of every layer
    again: tuple[str, ...] = ("easier", "scale", "input")  # how it is asked again

    def __str__(self) -> str:
        densities = ",".join(map(str, self.densities))
        return f"{self.target} {'weights' if self.target.weights else ''} {densities} {self.failure_probability}"


@dataclass(frozen=True)
class Sizes:
    """How large the targets are at most."""

    inputs: int
    hidden: int
    outputs: int
    one_layer: int  # for so many targets with one hidden layer one has two
    densities: tuple[Fraction, ...] = DENSITIES
    again: tuple[tuple[str, ...], ...] = (("easier", "scale", "input"),)  # in turns


LARGE, SMALL = Sizes(30, 8, 5, 3), Sizes(6, 3, 2, 11, DENSITIES[2:], (("easier",), ("easier",), ("scale",), ("input",)))


def cases(count: int, seed: int, *, first: int = 0, most: Sizes = LARGE) -> Iterator[Case]:
    """Draw cases, number `first` and those after it: half of them with weights, of which some are 0."""
    for number in range(first, first + count):
        random = np.random.default_rng([seed, number])
        layers = random.choice([*(1,) * most.one_layer, 2])
        hidden = [int(size) for size in random.integers(1, most.hidden + 1, size=layers)]
        sizes = (int(random.integers(1, most.inputs + 1)), *hidden, int(random.integers(1, most.outputs + 1)))
        same = random.random() < 0.5
        drawn = [most.densities[random.integers(len(most.densities))] for _ in sizes]
        yield Case(
            target=_with_weights(sizes, random) if random.random() < 0.5 else Target.from_widths(sizes),
            densities=(drawn[0],) * len(sizes) if same else tuple(drawn),
            failure_probability=DELTAS[random.integers(len(DELTAS))],
            easier=("delta", "density")[number % 2],
            again=most.again[number % len(most.again)],
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
    yield from not_granted(case, enough)
    if "sharp" in enough and isinstance(enough["sharp"].design, Design):
        yield from (f"{case}: {text}" for text in wrong_ways(enough["sharp"].design))
    if "easier" in case.again:
        yield from not_monotone(case, found)
    if case.target.weights is None:
        return
    if "scale" in case.again:
        scaled = replace(case, target=_scaled(case.target))
        for name in found:
            if _widths(name, scaled) != found[name].widths:
                yield f"{case}: {name} depends on the scale of the weights"
    if "input" in case.again and case.target.depth == 2:  # in deeper ones inputs are looked for at points, others then
        idle = replace(case, target=_with_idle_input(case.target))
        for name in set(found) & set(ABOUT_INPUTS):
            other = _asked(name, idle)
            # N_1, beside which a width holds, may be chosen by the widths of `drop`, which copies every input.
            if other.holds_up_to == found[name].holds_up_to and other.widths != found[name].widths:
                yield f"{case}: {name} claims something of an input that does nothing"


def not_granted(case: Case, enough: dict[str, Width]) -> Iterator[str]:
    """Ask whether widths that are said to be enough are, where widths can be given."""
    for name, answer in enough.items():
        if name in ("sequential", "matching", "sharp") and (answer.layer0 != "coded" or case.target.depth > 2):
            continue
        if name not in INVERTED or answer.success_lower is None:
            continue
        granted = success_probability(
            case.target, answer.widths, answer.densities, method=name, layer0=answer.layer0
        ).success_lower
        # Both are bounds with some digits.
        if granted is None or 1 - granted > case.failure_probability * (1 + Fraction(1, 10**5)):
            yield f"{case}: {name} {answer.widths} is enough, and granted {granted and float(granted)}"


def not_monotone(case: Case, found: dict[str, Width]) -> Iterator[str]:
    """Ask again with a larger delta, or with denser masks: no width may grow."""
    if case.easier == "delta":
        changed = replace(case, failure_probability=(1 + case.failure_probability) / 2)
    else:
        changed = replace(case, densities=tuple((1 + density) / 2 for density in case.densities))
    for name, after in answers(changed).items():
        if name not in found:
            continue
        before = found[name]
        if name in NECESSARY:
            pairs = zip(before.widths, after.widths, strict=True)
            # A width that comes with its N_1, or for some layers 0 alone, may only be compared with its like.
            same = (before.holds_up_to, before.reason) == (after.holds_up_to, after.reason)
            grown = same and any(low is not None and high is not None and high > low for low, high in pairs)
        elif name == "drop" and (case.target.depth > 2 or case.densities[0] < 1):
            continue  # a good choice, which is not promised to be the smallest
        else:
            grown = (after.total or 0) > (before.total or 0)
        if grown:
            yield f"{case}: a larger {case.easier} gives {name} {after.widths} instead of {before.widths}"


def _scaled(target: Target) -> Target:
    """Multiply weights by powers of two, and biases so that the function is the same up to such a factor."""
    assert target.weights is not None
    assert target.biases is not None
    weights, biases, scale = [], [], 1.0
    for weight, bias, power in zip(target.weights, target.biases, (-30, 40, 3, 7), strict=False):
        scale *= 2.0**power
        weights.append(weight * 2.0**power)
        biases.append(bias * scale)
    return Target.from_arrays(weights, biases, domain=[(-1, 1)] * target.inputs)


def _with_idle_input(target: Target) -> Target:
    assert target.weights is not None
    assert target.biases is not None
    first, *rest = target.weights
    weights = [np.hstack([first, np.zeros((len(first), 1))]), *rest]
    return Target.from_arrays(weights, target.biases, domain=[(-1, 1)] * (target.inputs + 1))


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


def _asked(name: str, case: Case) -> Width:
    return width(case.target, method=name, density=case.densities, failure_probability=case.failure_probability)


def _widths(name: str, case: Case) -> tuple[int | None, ...] | None:
    return _asked(name, case).widths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    done, found = _saved(options.save, options.first)
    most = SMALL if options.small else LARGE
    drawn = cases(options.first + options.cases - done, options.seed, first=done, most=most)
    with tqdm(drawn, total=options.cases, initial=done - options.first, file=sys.stderr, disable=None) as bar:
        for number, case in enumerate(bar, start=done):
            texts = list(contradictions(case))
            found += texts
            for text in texts:
                print(text, flush=True)
            if options.save is not None:
                with options.save.open("a", encoding="utf-8") as file:
                    file.write("\n".join([*texts, f"done {number}", ""]))
    print(f"{options.cases:,} cases, {len(found):,} contradictions")
    if found:
        raise SystemExit(1)


def _saved(file: Path | None, first: int) -> tuple[int, list[str]]:
    """Read the number of the next case, and what was found before it."""
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
    numbers = [int(line.removeprefix("done ")) for line in lines if line.startswith("done ")]
    return max([first, *(number + 1 for number in numbers)]), [line for line in lines if not line.startswith("done ")]


if __name__ == "__main__":
    main()
