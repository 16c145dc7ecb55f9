"""What masks cost, and what batching many runs saves: ratios of times, measured in turns within one process.

    python benchmarks/training.py [--quick] [--processor-time]

- A masked step against a dense one, and against the scheme of the paper's programs: after every step weights and
  momentum are multiplied by masks of floats, out of place. One of their paths copies the module at every step too.
- The epochs of `ertrain` against a hand-written loop without masks, both for LeNet-300-100 on images of the size of
  Fashion-MNIST (random ones, which take the same time).
- 64 runs of a small network as one batched model against the same runs one after another.
- What the parts of a step take.

Times are the best of several, taken in turns, so that a busy machine disturbs both sides alike. On a machine that
others use at the same time, ``--processor-time`` computes on one thread and takes its processor time.
"""

from __future__ import annotations

import argparse
import copy
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ertheory.layerwise import layer_densities
from ertrain import layer_shapes
from ertrain.configuration import Configuration
from ertrain.data import Data, InMemory
from ertrain.masks.guarding import guard
from ertrain.masks.masking import attach_masks, draw_masks, masks_of
from ertrain.models import build_model
from ertrain.training import make_optimiser, train_epoch
from ertrain.training.experiments import perform
from ertrain.training.process_group import ProcessGroup, join_process_group
from ertrain.training.replicas import perform_replicas

CPU = torch.device("cpu")
Clock = Callable[[], float]


def in_turns(sides: dict[str, Callable[[], object]], repeats: int, clock: Clock) -> dict[str, float]:
    """Best time of each side in seconds."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats + 1):
        for name, side in sides.items():
            start = clock()
            side()
            best[name] = min(best[name], clock() - start)
    return best


class Steps:
    """One step in its forms: dense, masked, and masked as the paper's programs do it."""

    def __init__(self, name: str, inputs: tuple[int, int, int], batch: int) -> None:
        self.images, self.labels = torch.randn(batch, *inputs), torch.randint(10, (batch,))
        self.dense, self.masked, self.theirs = (build_model(name, inputs=inputs, classes=10) for _ in range(3))
        for model in (self.masked, self.theirs):
            attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "0.1", "erk"), 0))
        models = (self.dense, self.masked, self.theirs)
        self.optimisers = {model: make_optimiser(Configuration(recipe="benchmark"), model) for model in models}
        guard(self.optimisers[self.masked], self.masked)
        self.factors = {name: mask.float() for name, mask in masks_of(self.theirs).items()}
        for layer in self.theirs.modules():  # their masks are kept by themselves
            layer._forward_pre_hooks.clear()

    def passes(self, model: nn.Module) -> None:
        """Go forwards and backwards."""
        self.optimisers[model].zero_grad(set_to_none=True)
        cross_entropy(model(self.images), self.labels).backward()

    def step(self, model: nn.Module) -> None:
        """Do all of a step."""
        self.passes(model)
        self.optimisers[model].step()
        if model is self.theirs:
            self.mask_again()

    def copying_step(self) -> None:
        """Do all of a step as the path does that copies."""
        self.passes(self.theirs)
        self.optimisers[self.theirs].step()
        copy.deepcopy(self.theirs)
        self.mask_again()

    def mask_again(self) -> None:
        """Multiply weights and momentum by the masks, out of place."""
        for layer, mask in self.factors.items():
            weight = self.theirs.get_submodule(layer).weight
            weight.data = weight.data * mask
            state = self.optimisers[self.theirs].state[weight]
            state["momentum_buffer"] = state["momentum_buffer"] * mask

    def whole(self, repeats: int, clock: Clock) -> dict[str, float]:
        """Times of whole steps."""
        sides = {"dense": self.dense, "masked": self.masked, "masked again": self.theirs}
        steps: dict[str, Callable[[], object]] = {name: partial(self.step, model) for name, model in sides.items()}
        return in_turns({**steps, "masked again, copying": self.copying_step}, repeats, clock)

    def parts(self, repeats: int, clock: Clock) -> dict[str, float]:
        """Times of what steps are made of; the gradients are those that the last step left behind."""
        for model in self.optimisers:
            self.step(model)
        sides = {
            "passes": lambda: self.passes(self.dense),
            "optimiser": self.optimisers[self.dense].step,
            "optimiser, masked": self.optimisers[self.masked].step,
            "copy": lambda: copy.deepcopy(self.theirs),
            "mask again": self.mask_again,
        }
        return in_turns(sides, repeats, clock)


def epochs(images: int, repeats: int, clock: Clock) -> dict[str, float]:
    """Times of an epoch of LeNet-300-100: ours with masks, and a loop without anything."""
    numbers = torch.Generator().manual_seed(0)
    held = InMemory(
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

    ours = {
        "ours": lambda: train_epoch(configuration, model, optimiser, data, 0, ProcessGroup(CPU)),
        "by hand": by_hand,
    }
    return in_turns(ours, repeats, clock)


def sweeps(runs: int, epochs_each: int, clock: Clock) -> dict[str, float]:
    """Times of many runs of a small network on digits, folders and all."""
    base = Configuration(
        recipe="benchmark", model="mlp-20-15", epochs=epochs_each, batch=64, ratio="erk", learning_rate=0.05
    )
    listed = [
        replace(base, seed=seed, density=density) for seed in range(runs // 4) for density in ("1", "0.5", "0.3", "0.2")
    ]
    times = {}
    with tempfile.TemporaryDirectory() as folder, join_process_group("cpu") as processes:
        perform(
            replace(base, seed=10**6, epochs=1), Path(folder), processes, data_dir=Path(folder)
        )  # what is imported late
        start = clock()
        perform_replicas(listed, Path(folder) / "together", processes, data_dir=Path(folder))
        times["together"] = clock() - start
        start = clock()
        for one in listed:
            perform(one, Path(folder) / "alone", processes, data_dir=Path(folder))
        times["alone"] = clock() - start
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Fewer repetitions, smaller networks.")
    parser.add_argument("--processor-time", action="store_true", help="One thread, and its processor time.")
    arguments = parser.parse_args()
    quick, clock = arguments.quick, time.process_time if arguments.processor_time else time.perf_counter
    if arguments.processor_time:
        torch.set_num_threads(1)
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| measured | wanted | ratio | times |\n| --- | --- | --- | --- |")
    rows = [
        ("lenet-300-100", (1, 28, 28), 128, 100 if quick else 400),
        ("resnet20", (3, 32, 32), 8 if quick else 32, 3 if quick else 20),
        ("vgg16", (3, 32, 32), 8 if quick else 32, 3 if quick else 8),
    ]
    made = {}
    for name, inputs, batch, repeats in rows:
        steps = Steps(name, inputs, batch)
        best = steps.whole(repeats, clock)
        made[f"{name}, batch {batch}"] = steps.parts(repeats, clock)
        shown = ", ".join(f"{side} {1000 * seconds:.2f} ms" for side, seconds in best.items())
        where = f"{name}, batch {batch}"
        print(f"| masked step / dense step, {where} | at most 1.05 | {best['masked'] / best['dense']:.3f} | {shown} |")
        for again in ("masked again", "masked again, copying"):
            print(f"| {again} / masked step, {where} | | {best[again] / best['masked']:.2f} | |")
    best = epochs(6_000 if quick else 60_000, 2 if quick else 4, clock)
    shown = ", ".join(f"{side} {seconds:.2f} s" for side, seconds in best.items())
    print(
        f"| epoch / hand-written epoch, lenet-300-100 | at most 1.5 | {best['ours'] / best['by hand']:.3f} | {shown} |"
    )
    times = sweeps(16 if quick else 64, 5 if quick else 30, clock)
    shown = ", ".join(f"{side} {seconds:.1f} s" for side, seconds in times.items())
    print(
        f"| runs alone / runs together, mlp-20-15 | at least 8 | {times['alone'] / times['together']:.2f} | {shown} |"
    )

    print("\n| ms | " + " | ".join(made[next(iter(made))]) + " |")
    print("| --- | " + "---: | " * 5)
    for name, best in made.items():
        print(f"| {name} | " + " | ".join(f"{1000 * seconds:.2f}" for seconds in best.values()) + " |")


if __name__ == "__main__":
    main()
