"""What the methods inside a mask cost beside a dense step and beside the fixed mask: ratios within one process.

    python benchmarks/methods.py [--quick]

- A step of edge-popup against a dense step of the same network: LeNet-300-100 and ResNet-20, from several masks.
- Training with RiGL and with GraNet (updates every 100 steps) against training with the fixed mask.
- What IMP does between its rounds, prune and go back, against the whole run, folder and checkpoints and all (digits).
- An epoch of LeNet-300-100 with validation and checkpoint, for the minutes that `ertrain list` gives (digits).

One thread. Times are processor time, taken in turns, so that a busy machine disturbs both sides alike: the best of
several for a step, for longer ones the median of the ratios of neighbours.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from torch.nn.functional import cross_entropy

from ertheory.layerwise import layer_densities
from ertrain import layer_shapes
from ertrain.configuration import Configuration
from ertrain.masks.guarding import guard
from ertrain.masks.masking import attach_masks, draw_masks
from ertrain.methods import IMP, METHODS
from ertrain.models import build_model
from ertrain.models.initialisation import initialise
from ertrain.recipes.starts import DIGITS
from ertrain.streams import generator
from ertrain.training import make_optimiser
from ertrain.training.experiments import perform
from ertrain.training.process_group import join_process_group

EPOCHS, STEPS = 100, 100  # of the schedule that methods are asked for updates in
NETWORKS = {"lenet-300-100": ((1, 28, 28), 128), "resnet20": ((3, 32, 32), 128)}


def in_turns(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Processor times of each side in seconds, in the order in which they were taken, after one that is left out."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, side in sides.items():
            start = time.process_time()
            side()
            if turn > 0:
                times[name].append(time.process_time() - start)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median over turns of the ratio of two sides."""
    return statistics.median(one / other for one, other in zip(times[name], times[base], strict=True))


def stepper(name: str, method: str, density: str, final: str, batch: int, count: int) -> Callable[[], object]:
    """Return a function that trains for so many steps, with the method's part of them; "dense" has no mask."""
    inputs, _ = NETWORKS[name]
    images, labels = torch.randn(batch, *inputs), torch.randint(10, (batch,))
    model = build_model(name, inputs=inputs, classes=10)
    common = Configuration(recipe="benchmark", model=name, optimiser="sgd", batch=batch, epochs=EPOCHS)
    if method == "dense":
        optimiser = make_optimiser(common, model)
        take: Callable[[int], object] = lambda _: optimiser.step()  # noqa: E731
    else:
        configuration = replace(
            common, method=method, density=density, final_density=final, initialisation="signed-constant"
        )
        attach_masks(model, draw_masks(layer_densities(layer_shapes(model), density, "uniform"), 0))
        initialise(model, "signed-constant", generator(0, "weights"))
        trained = METHODS[method](configuration, model, inputs, STEPS)
        optimiser = make_optimiser(configuration, model, trained.trained())
        guard(optimiser, model)
        take = lambda at: trained.step(optimiser, at)  # noqa: E731
    done = 0

    def steps() -> None:
        nonlocal done
        for _ in range(count):
            cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
            take(done)
            optimiser.zero_grad(set_to_none=True)
            done += 1

    return steps


def rounds(repeats: int, epochs: int) -> list[tuple[float, float]]:
    """Times of runs of IMP, from dense to 0.1 in five rounds on digits: what lies between the rounds, and all of it."""
    configuration = replace(DIGITS, method="imp", final_density="0.1", epochs=epochs, round_keep=0.5)
    between = 0.0

    class Timed(IMP):
        def after_epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
            nonlocal between
            start = time.process_time()
            super().after_epoch(epoch, optimiser)
            between += time.process_time() - start

    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        join_process_group("cpu") as processes,
        mock.patch.dict(METHODS, imp=Timed),
    ):
        for turn in range(repeats + 1):
            between, start = 0.0, time.process_time()
            perform(configuration, Path(folder) / str(turn), processes, data_dir=Path(folder))
            found.append((between, time.process_time() - start))
    return found[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Fewer repetitions, smaller batches.")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"{platform.machine()}, torch {torch.__version__}, one thread\n")
    print("| measured | wanted | ratio | times |\n| --- | --- | --- | --- |")
    for name, (_, largest) in NETWORKS.items():
        batch = 16 if quick and name != "lenet-300-100" else largest
        sides = {"dense": stepper(name, "dense", "1", "1", batch, 1)}
        sides |= {density: stepper(name, "edge-popup", density, "0.1", batch, 1) for density in ("1", "0.5", "0.2")}
        times = in_turns(sides, (100 if quick else 1000) if name == "lenet-300-100" else 6)
        best = {side: min(taken) for side, taken in times.items()}
        for density in ("1", "0.5", "0.2"):
            shown = f"{1000 * best[density]:.2f} ms, dense {1000 * best['dense']:.2f} ms"
            found = best[density] / best["dense"]
            print(
                f"| edge-popup step / dense step, {name}, batch {batch}, from density {density} | at most 1.3 |"
                f" {found:.3f} | {shown} |",
                flush=True,
            )
    sides = {
        method: stepper("lenet-300-100", method, density, "0.1", 128, 200)
        for method, density in (("fixed", "0.1"), ("rigl", "0.5"), ("granet", "0.5"))
    }
    times = in_turns(sides, 3 if quick else 9)
    for method in ("rigl", "granet"):
        shown = f"{statistics.median(times[method]):.2f} s, fixed {statistics.median(times['fixed']):.2f} s"
        print(
            f"| 200 steps of {method} / with the fixed mask, lenet-300-100, batch 128 | at most 1.05 |"
            f" {ratio(times, method, 'fixed'):.3f} | {shown} |",
            flush=True,
        )
    epochs = 5 if quick else DIGITS.epochs
    taken = rounds(2 if quick else 5, epochs)
    whole = statistics.median(run for _, run in taken)
    share = statistics.median(between / run for between, run in taken)
    print(
        f"| between 5 rounds of IMP / the whole run, {epochs} epochs each, lenet-300-100, digits | at most 0.02 |"
        f" {share:.4f} | {1000 * share * whole:.1f} ms of {whole:.2f} s |"
    )
    print(f"| one epoch of it, with validation and checkpoint | | | {whole / epochs / 5:.3f} s |")


if __name__ == "__main__":
    main()
