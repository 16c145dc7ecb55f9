"""What masks cost, and what batching many runs saves: ratios of times, measured in turns within one process.

    python benchmarks/training.py [--quick]

- A masked step against a dense one, and against the scheme of the paper's programs: after every step weights and
  momentum are multiplied by the mask out of place, in a module that was copied.
- The epochs of `ertrain` against a hand-written loop without masks, both for LeNet-300-100 on images of the size of
  Fashion-MNIST (random ones, which take the same time).
- 64 runs of a small network as one batched model against the same runs one after another.

Times are the best of several, taken in turns, so that a busy machine disturbs both sides alike.
"""

from __future__ import annotations

import argparse
import copy
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ertheory.densities import layer_densities
from ertrain import layer_shapes
from ertrain.configuration import Configuration
from ertrain.data import Data, Held
from ertrain.experiments import perform
from ertrain.loop import make_optimiser, train_epoch
from ertrain.masking import attach_masks, draw_masks, guard, masks_of
from ertrain.models import build_model
from ertrain.processes import Place, join
from ertrain.replicas import perform_replicas

CPU = torch.device("cpu")


def in_turns(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Best time of each side in seconds."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def steps(name: str, inputs: tuple[int, int, int], batch: int, repeats: int) -> dict[str, float]:
    """Times of one step: dense, masked, and masked as the paper's programs do it."""
    images, labels = torch.randn(batch, *inputs), torch.randint(10, (batch,))

    def masked() -> nn.Module:
        model = build_model(name, inputs=inputs, classes=10)
        attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "0.1", "erk"), 0))
        return model

    def one_step(model: nn.Module, after: Callable[[torch.optim.Optimizer], object]) -> Callable[[], object]:
        optimiser = make_optimiser(Configuration(recipe="benchmark"), model)
        if masks_of(model) and after is nothing:
            guard(optimiser, model)

        def step() -> None:
            cross_entropy(model(images), labels).backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            after(optimiser)

        return step

    def nothing(_: torch.optim.Optimizer) -> None:
        return

    theirs = masked()

    def mask_again(optimiser: torch.optim.Optimizer) -> None:
        copied = copy.deepcopy(theirs)
        for layer, mask in masks_of(copied).items():
            weight = theirs.get_submodule(layer).weight
            weight.data = weight.data * mask
            state = optimiser.state[weight]
            state["momentum_buffer"] = state["momentum_buffer"] * mask

    sides = {
        "dense": one_step(build_model(name, inputs=inputs, classes=10), nothing),
        "masked": one_step(masked(), nothing),
        "masked again": one_step(theirs, mask_again),
    }
    return in_turns(sides, repeats)


def epochs(images: int, repeats: int) -> dict[str, float]:
    """Times of an epoch of LeNet-300-100: ours with masks, and a loop without anything."""
    numbers = torch.Generator().manual_seed(0)
    held = Held(
        torch.randint(256, (images, 1, 28, 28), generator=numbers, dtype=torch.uint8),
        torch.randint(10, (images,), generator=numbers),
    )
    data = Data("random", 10, held, held, lambda: held, "", torch.tensor([127.0]), torch.tensor([73.0]))
    configuration = Configuration(recipe="benchmark", learning_rate=0.01, batch=128)
    model, bare = (build_model("lenet-300-100", inputs=(1, 28, 28), classes=10) for _ in range(2))
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "0.1", "erk"), 0))
    optimiser, other = make_optimiser(configuration, model), torch.optim.SGD(bare.parameters(), 0.01, momentum=0.9)
    guard(optimiser, model)

    def by_hand() -> None:
        for places in torch.randperm(images).split(128):
            logits = bare((held.inputs[places].float() - 127) / 73)
            other.zero_grad()
            cross_entropy(logits, held.labels[places]).backward()
            other.step()

    ours = {"ours": lambda: train_epoch(configuration, model, optimiser, data, 0, Place(CPU)), "by hand": by_hand}
    return in_turns(ours, repeats)


def sweeps(runs: int, epochs_each: int) -> dict[str, float]:
    """Times of many runs of a small network on digits, folders and all."""
    base = Configuration(
        recipe="benchmark", model="mlp-20-15", epochs=epochs_each, batch=64, ratio="erk", learning_rate=0.05
    )
    listed = [
        replace(base, seed=seed, density=density) for seed in range(runs // 4) for density in ("1", "0.5", "0.3", "0.2")
    ]
    times = {}
    with tempfile.TemporaryDirectory() as folder, join("cpu") as place:
        perform(
            replace(base, seed=10**6, epochs=1), Path(folder), place, data_dir=Path(folder)
        )  # what is imported late
        start = time.perf_counter()
        perform_replicas(listed, Path(folder) / "together", place, data_dir=Path(folder))
        times["together"] = time.perf_counter() - start
        start = time.perf_counter()
        for one in listed:
            perform(one, Path(folder) / "alone", place, data_dir=Path(folder))
        times["alone"] = time.perf_counter() - start
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Fewer repetitions, smaller networks.")
    quick = parser.parse_args().quick
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| measured | wanted | ratio | times |\n| --- | --- | --- | --- |")
    rows = [
        ("lenet-300-100", (1, 28, 28), 128, 100 if quick else 400),
        ("vgg16", (3, 32, 32), 8 if quick else 32, 3 if quick else 8),
    ]
    for name, inputs, batch, repeats in rows:
        best = steps(name, inputs, batch, repeats)
        shown = ", ".join(f"{side} {1000 * seconds:.2f} ms" for side, seconds in best.items())
        where = f"{name}, batch {batch}"
        print(f"| masked step / dense step, {where} | at most 1.05 | {best['masked'] / best['dense']:.3f} | {shown} |")
        again = best["masked again"] / best["masked"]
        print(f"| step with masks applied again / masked step, {where} | at least 1.5 | {again:.2f} | |")
    best = epochs(6_000 if quick else 60_000, 2 if quick else 4)
    shown = ", ".join(f"{side} {seconds:.2f} s" for side, seconds in best.items())
    print(
        f"| epoch / hand-written epoch, lenet-300-100 | at most 1.5 | {best['ours'] / best['by hand']:.3f} | {shown} |"
    )
    times = sweeps(16 if quick else 64, 5 if quick else 30)
    shown = ", ".join(f"{side} {seconds:.1f} s" for side, seconds in times.items())
    print(
        f"| runs alone / runs together, mlp-20-15 | at least 8 | {times['alone'] / times['together']:.2f} | {shown} |"
    )


if __name__ == "__main__":
    main()
