"""Strong tickets for 20 random targets 2-4-1, each in a source of its own: found, certified, checked, and how fast.

Targets: weights and biases uniform on [-1, 1] (`ertheory.plots.ticket_success.random_target`, seeds 0 to 19), inputs in
[-1, 1]^2, epsilon = 0.1. The source has the same seed as the target. A ticket counts if it is certified on the whole
box by the builder, in doubles that are rounded outward, and again by the checker, from the seed and in rationals.
"""

from __future__ import annotations

import argparse
import statistics
import time

from ertheory import build_ticket, check_ticket
from ertheory.montecarlo import binomial_interval
from ertheory.plots.ticket_success import random_target

EPSILON = "0.1"
CASES = (
    *(("1", widths) for widths in ((48, 36), (56, 42), (80, 60))),
    *(("1/2", widths) for widths in ((105, 80), (126, 96), (210, 160))),
    *(("1/5", widths) for widths in ((468, 360), (624, 480), (780, 600))),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    build_ticket(random_target(0, (2, 4, 1)), widths=(40, 30), density="1/2", epsilon=EPSILON, workers=1)  # compiles
    columns = ("p", "N_0", "N_1", "found", "95 % interval", "checked", "certified", "measured", "Lambda_2", "seconds")
    print(f"| {' | '.join(columns)} |\n|{' ---: |' * len(columns)}")
    for density, widths in CASES:
        tickets, seconds = [], []
        for seed in seeds:
            started = time.perf_counter()
            target = random_target(seed, (2, 4, 1))
            tickets.append(build_ticket(target, widths=widths, density=density, epsilon=EPSILON, seed=seed, workers=1))
            seconds.append(time.perf_counter() - started)
        found = [ticket for ticket in tickets if ticket.success]
        checked = sum(check_ticket(ticket.target, ticket, epsilon=EPSILON).passed for ticket in found)
        interval = binomial_interval(len(found), len(seeds), 0.95)
        certified = [ticket.error_certified or 0.0 for ticket in found]
        measured = [ticket.error_measured.error for ticket in found if ticket.error_measured is not None]
        norms = [ticket.amplification[1] for ticket in found]
        cells = (
            density,
            *widths,
            f"{len(found)} of {len(seeds)}",
            f"[{interval.low:.2f}, {interval.high:.2f}]",
            checked,
            *(f"{statistics.median(errors):.4f}, {max(errors):.4f}" for errors in (certified, measured)),
            f"{statistics.median(norms):.1f}",
            f"{statistics.median(seconds):.3f}",
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
