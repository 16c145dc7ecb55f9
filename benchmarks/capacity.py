"""Does what a masked network contains of itself order the layer-wise ratios as accuracy does?

    python benchmarks/capacity.py --out runs/capacity [--workers 2] [--figures figures]

What networks in masks of their own contain, as `ertheory capacity --ratio` says it: the largest factor on their widths,
and how many times as wide they would have to be to contain all of themselves. For networks that are trained here, among
them half of ResNet18 and quarters of VGG16 and ResNet50, beside their test accuracy, with Spearman's rank correlation
at every density; and for VGG16, ResNet18 and ResNet50 as they are, without. A killed computation goes on. Accuracies
on Fashion-MNIST are those of figures/ratios.csv.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from ertheory.bounds.factored.own_masks import own_masks_factor, own_masks_widening
from ertheory.plots.capacity import draw_capacity
from ertheory.plots.columns import Columns
from ertheory.plots.figure_files import write_figure
from ertrain.configuration import Configuration
from ertrain.recipes.table1 import table1
from ertrain.reports.statistics import mean_of
from ertrain.training.parallel import sweep

DATA = Path("data")
DELTA = Fraction(1, 1000)
RATIOS = ("uniform", "erk", "balanced", "pyramidal")
PAPER = ("vgg16", "resnet18", "resnet50")
SPARSE = ("0.5", "0.3", "0.2", "0.1", "0.05", "0.02", "0.01", "0.001")
TRAINED = ("0.5", "0.2", "0.1", "0.05", "0.02")
LARGE = ("0.1", "0.05", "0.02", "0.01")
DRAWS = 20_000

# Name in the table, architecture of the theory and its width; what is trained on which data, at which densities, with
# how many seeds. The paper's networks are as wide as two cores train in minutes. VGG16 needs images of 32 x 32.
NETWORKS = (
    ("lenet-300-100, digits", "64-300-100-10", "1", "lenet-300-100", "digits", TRAINED, 3),
    ("half of resnet20, digits", "resnet20", "1/2", "resnet20", "digits", ("0.5", "0.1"), 3),
    ("a quarter of vgg16, digits", "vgg16", "1/4", "vgg16", "digits-32", LARGE, 3),
    ("half of resnet18, digits", "resnet18", "1/2", "resnet18", "digits", LARGE, 3),
    ("a quarter of resnet50, digits", "resnet50", "1/4", "resnet50", "digits", LARGE, 3),
)
FASHION = ("lenet-300-100, fashion-mnist", "lenet-300-100", "1")


def capacity(model: str, width: str, ratio: str, density: str) -> tuple[Fraction, Fraction | None]:
    asked: dict[str, Any] = {"ratio": ratio, "density": density, "failure_probability": DELTA, "width": width}
    return own_masks_factor(model, **asked).factor, own_masks_widening(model, **asked)


def configurations(model: str, width: str, data: str, ratio: str, density: str, seeds: int) -> list[Configuration]:
    """List the runs of Table 1 on the digits: larger networks have the settings of its ResNet-20."""
    like = model if model == "lenet-300-100" else "resnet20"
    base = next(run for run in table1("quick") if run.model == like and run.data == "digits")
    one = replace(base, recipe="capacity", model=model, width=width, data=data, ratio=ratio, density=density)
    return [replace(one, seed=seed) for seed in range(seeds)]


def accuracies(options: argparse.Namespace) -> Iterator[tuple[str, str, str, str, str, list[float]]]:
    groups = {
        (name, model, width, density, ratio): configurations(trained, width, data, ratio, density, seeds)
        for name, model, width, trained, data, densities, seeds in NETWORKS
        for density, ratio in product(densities, RATIOS)
    }
    runs = [run for group in groups.values() for run in group]
    done = sweep(runs, options.out, data_dir=DATA, workers=options.workers, replicas=1, backend="masked")
    results = {result["config_hash"]: result for job in tqdm(done, total=len(runs), unit=" runs") for result in job}
    for names, group in groups.items():
        yield *names, [results[run.hash]["accuracy_test"] for run in group]


def published(figures: Path) -> Iterator[tuple[str, str, str, str, str, float, float | None, float | None, int]]:
    with (figures / "ratios.csv").open(encoding="utf-8") as lines:
        kept = [line for line in csv.DictReader(lines) if line["ratio"] in RATIOS and line["density"] != "1"]
        for line in sorted(kept, key=lambda one: (-float(one["density"]), RATIOS.index(one["ratio"]))):
            low, high = (float(line[end]) if line[end] else None for end in ("low", "high"))
            ends = float(line["test"]), low, high, int(line["n"])
            yield (*FASHION, line["density"], line["ratio"], *ends)


def rows(options: argparse.Namespace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, model, width, density, ratio, values in accuracies(options):
        factor, wider = capacity(model, width, ratio, density)
        mean = mean_of(values)
        line = {"network": name, "density": density, "ratio": ratio, "factor": factor, "wider": wider}
        found.append({**line, "n": mean.count, "test": mean.value, "low": mean.low, "high": mean.high})
    for name, model, width, density, ratio, test, low, high, count in published(options.figures):
        factor, wider = capacity(model, width, ratio, density)
        line = {"network": name, "density": density, "ratio": ratio, "factor": factor, "wider": wider}
        found.append({**line, "n": count, "test": test, "low": low, "high": high})
    for model, density, ratio in tqdm(list(product(PAPER, SPARSE, RATIOS)), unit=" networks"):
        factor, wider = capacity(model, "1", ratio, density)
        found.append({"network": model, "density": density, "ratio": ratio, "factor": factor, "wider": wider})
    return found


def correlation(lines: Sequence[dict[str, Any]]) -> float | None:
    """Spearman's, of being contained at smaller widths with accuracy; None where all widths are the same."""
    wider = [-float(line["wider"] or math.inf) for line in lines]
    if len(set(wider)) == 1:
        return None
    return float(spearmanr(wider, [line["test"] for line in lines]).statistic)


def chance(groups: Sequence[Sequence[dict[str, Any]]]) -> float:
    """How often ratios that are shuffled at every density give a mean correlation that is as large, on either side."""
    every = []
    for lines in groups:
        tests = [line["test"] for line in lines]
        shuffled = ([{**line, "test": test} for line, test in zip(lines, order, strict=True)]
                    for order in permutations(tests))  # fmt: skip
        every.append([correlation(one) for one in shuffled])
    seen = abs(sum(values[0] or 0.0 for values in every))
    rng = np.random.default_rng(0)
    drawn = sum(rng.choice(np.array(values, dtype=float), DRAWS) for values in every)
    return float((np.abs(drawn) >= seen - 1e-9).mean())


def show(lines: Sequence[dict[str, Any]]) -> None:
    every = []
    for network, group in groupby(lines, key=lambda line: line["network"]):
        own = list(group)
        print(f"\n{network}\n\n| density | {' | '.join(RATIOS)} | rank correlation |\n| ---: |" + " --- |" * 5)
        kept = []
        for density, at in groupby(own, key=lambda line: line["density"]):
            here = list(at)
            cells = []
            for line in here:
                wider = "-" if line["wider"] is None else f"{float(line['wider']):.4g}"
                cell = f"{float(line['factor']):.3f}; {wider}"
                if "test" in line:
                    half = "" if line["low"] is None else f" ± {50 * (line['high'] - line['low']):.1f}"
                    cell += f"; {100 * line['test']:.1f}{half}"
                cells.append(cell)
            rho = correlation(here) if "test" in here[0] else None
            kept += [here] if rho is not None else []
            print(f"| {density} | {' | '.join(cells)} | {'' if rho is None else f'{rho:+.2f}'} |")
        every += kept
        if kept:
            print(f"\n{summed_up(kept)}")
    three = [[line for line in one if line["ratio"] != "pyramidal"] for one in every]
    print(f"\nAll: {summed_up(every)}; without pyramidal: {summed_up(three)}")


def summed_up(groups: Sequence[Sequence[dict[str, Any]]]) -> str:
    told = [group for group in groups if correlation(group) is not None]
    mean = sum(correlation(group) or 0.0 for group in told) / len(told)
    return f"mean rank correlation {mean:+.2f} over {len(told)} cells, p = {chance(told):.3f} (permutations)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--figures", type=Path, default=Path("figures"))
    parser.add_argument("--workers", type=int, default=1, help="processes that train")
    options = parser.parse_args()
    lines = rows(options)
    show(lines)
    names = ("network", "density", "ratio", "factor", "wider", "n", "test", "low", "high")
    numbers = ("factor", "wider")
    columns: Columns = {
        name: tuple(
            float(line[name]) if name in numbers and line[name] is not None else line.get(name) for line in lines
        )
        for name in names
    }
    print(*write_figure("capacity", draw_capacity, columns, options.figures, force=True), sep="\n")


if __name__ == "__main__":
    main()
