"""Strong tickets: does training find what a construction finds, and what Theorem 2.5 promises?

    python benchmarks/ticket_training.py --out figures/ticket-training.csv
    python benchmarks/ticket_training.py --out /tmp/longer.csv --densities 1 --widths 80,60 --steps 12000

Targets 2-4-1 with weights and biases uniform on [-1, 1], inputs in [-1, 1]^2, a new target for every random network,
and epsilon = 0.1, as in `benchmarks/tickets.py`. In the same networks, drawn from the same seeds,

- `ertheory.build_ticket` constructs a ticket, which counts if it is certified on the whole box;
- edge-popup (`ertrain.students.tickets`) trains scores: Adam, 3,000 steps of 128 fresh points, learning rate 0.1 that
  falls along half a cosine, half of the entries of every layer kept. It counts if the error is at most epsilon at 201 x
  201 points of the box, corners included: that is less than the construction has to show. Settings were chosen by the
  errors on ten other networks (seeds 1000 to 1009): learning rates 0.003 to 0.3, shares 0.3 and 0.5; before that, in a
  shorter look, shares from 0.1 to 0.7, SGD, and the fourth power as the loss, none of them clearly better.

Beside them stand the widths that Theorem 2.5 needs for all such targets with delta = 0.1, proved, and with measured
subset sums in the place of proved ones. All numbers go into one CSV file, which `figures/ticket_training.py` draws.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch

from ertheory import build_ticket
from ertheory.bounds import ticket_widths
from ertheory.masks.drawn_source import DrawnSource
from ertheory.montecarlo import binomial_interval
from ertheory.networks.source import Source
from ertheory.networks.target import Target
from ertheory.plots.columns import Cell, csv_text
from ertheory.plots.ticket_success import random_target
from ertrain.students.batched import Budget
from ertrain.students.tickets import PopupTickets, edge_popup_tickets, grid_of, outputs_of, stacked_targets

SIZES = (2, 4, 1)
EPSILON = DELTA = Fraction(1, 10)
LEVEL = Fraction(19, 20)
BUDGET = Budget(steps=3000, batch=128, learning_rate=0.1)
SHARE = 0.5
FINE = 201  # places along every input, where a success is decided
WIDTHS = {
    Fraction(1): ((20, 15), (40, 30), (56, 42), (80, 60), (160, 120)),
    Fraction(1, 2): ((53, 40), (105, 80), (147, 112), (210, 160)),
}
COLUMNS = ("kind", "density", "first", "second", "total", "sources", "successes", "share", "low", "high")
COLUMNS = (*COLUMNS, "error_least", "error_median", "error_largest", "seconds")


def errors_on(targets: list[Target], found: PopupTickets) -> list[float]:
    """Largest errors on the fine grid, in double precision."""
    layers, wanted = ([layer.double() for layer in each] for each in (found.layers, stacked_targets(targets)))
    largest = torch.zeros(len(targets), dtype=torch.float64)
    for points in grid_of(targets[0].domain, FINE).double().split(2000):
        off = outputs_of(layers, points) - outputs_of(wanted, points)
        largest = torch.maximum(largest, off.abs().amax((1, 2)))
    return largest.tolist()


def row(
    kind: str, density: Fraction, widths: tuple[int, ...], errors: list[float], successes: int, seconds: float
) -> tuple[Cell, ...]:
    interval = binomial_interval(successes, len(errors), LEVEL)
    counted = len(errors), successes, successes / len(errors), interval.low, interval.high
    ordered = sorted(errors)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    shown = [value if value < float("inf") else None for value in (ordered[0], middle, ordered[-1])]
    return (kind, float(density), *widths, sum(widths), *counted, *shown, round(seconds, 2))


def rows(
    density: Fraction, seeds: range, budget: Budget = BUDGET, only: tuple[int, ...] | None = None
) -> Iterator[tuple[Cell, ...]]:
    targets = [random_target(seed, SIZES) for seed in seeds]
    for widths in WIDTHS[density] if only is None else [only]:
        start = time.process_time()
        built = [
            build_ticket(target, widths=widths, density=density, epsilon=EPSILON, seed=seed, workers=1)
            for target, seed in zip(targets, seeds, strict=True)
        ]
        errors = [float("inf") if one.error_certified is None else one.error_certified for one in built]
        successes = sum(one.success for one in built)
        yield row("constructed", density, widths, errors, successes, time.process_time() - start)
        source = Source.for_target(targets[0], widths=(*widths, 1), densities=density)
        start = time.process_time()
        found = edge_popup_tickets(targets, [DrawnSource(source, seed) for seed in seeds], budget, share=SHARE)
        spent = time.process_time() - start
        errors = errors_on(targets, found)
        yield row("trained", density, widths, errors, sum(error <= EPSILON for error in errors), spent)
    for mode in ("calibrated", "rigorous"):
        answer = ticket_widths(
            Target.from_widths(SIZES),
            density=density,
            epsilon=EPSILON,
            failure_probability=DELTA,
            domain=(-1, 1),
            mode=mode,
            extrapolate=mode == "calibrated",
        )
        yield (mode, float(density), *answer.widths[:2], answer.total, *[None] * 9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="A CSV file; one that is there is replaced.")
    parser.add_argument("--densities", default="1,1/2", help="Of the masks, among 1 and 1/2, with commas in between.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=BUDGET.steps, help="Of edge-popup.")
    parser.add_argument("--widths", help="N_0,N_1, if it is to be one network only.")
    given = parser.parse_args()
    only = None if given.widths is None else tuple(map(int, given.widths.split(",")))
    found: list[tuple[Cell, ...]] = []
    print(f"| {' | '.join(COLUMNS)} |\n|{' ---: |' * len(COLUMNS)}")
    for density in map(Fraction, given.densities.split(",")):
        for line in rows(density, range(given.seeds), replace(BUDGET, steps=given.steps), only):
            found.append(line)
            shown = (f"{cell:.3g}" if isinstance(cell, float) else cell for cell in line)
            print(f"| {' | '.join('' if cell is None else str(cell) for cell in shown)} |", flush=True)
            columns = dict(zip(COLUMNS, zip(*found, strict=True), strict=True))
            given.out.write_text(csv_text(columns), encoding="utf-8")


if __name__ == "__main__":
    main()
