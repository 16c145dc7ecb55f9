"""Settings for every arm of the recipe ``factored``: one search on validation images, the same for all arms.

    python benchmarks/factored_training.py --out runs/search [--data digits fashion-mnist] [--seeds 2]

Every arm at density 0.1 is trained with SGD and Adam, four learning rates each, with seeds that the study does not use.
The setting with the best mean validation accuracy is taken; test images play no part. A killed search goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from ertrain.configuration import Configuration
from ertrain.recipes.factored import DENSE, arms_at
from ertrain.training.experiments import perform
from ertrain.training.process_group import join_process_group

RATES = {"sgd": (0.02, 0.05, 0.1, 0.2), "adam": (0.0005, 0.001, 0.002, 0.004)}
FIRST_SEED = 1000
DENSITY = "0.1"


def settings(arm: Configuration) -> list[Configuration]:
    return [
        replace(
            arm,
            recipe="factored-search",
            optimiser=name,
            learning_rate=rate,
            weight_decay=arm.weight_decay if name == "sgd" else 0.0,
        )
        for name, rates in RATES.items()
        for rate in rates
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion-mnist"])
    parser.add_argument("--data-dir", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    searches = []
    for data in options.data:
        for name, arm in {"dense": DENSE[data], **arms_at(data, DENSITY)}.items():
            searches.append((data, name, settings(arm)))
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    lines = []
    with join_process_group("cpu") as processes, tqdm(total=len(searches) * 8 * options.seeds, unit=" runs") as bar:
        for data, name, configurations in searches:
            found = []
            for one in configurations:
                total = 0.0
                for seed in seeds:
                    result = perform(replace(one, seed=seed), options.out, processes, data_dir=options.data_dir)
                    total += result["accuracy_validation"]
                    bar.update()
                found.append((total / options.seeds, one))
            best = max(found, key=lambda pair: pair[0])
            for accuracy, one in found:
                chosen = "chosen" if one is best[1] else ""
                lines.append((data, name, one.optimiser, str(one.learning_rate), f"{100 * accuracy:.2f}", chosen))
    for line in lines:
        print("{:15} {:11} {:5} {:7} {:6} {}".format(*line))


if __name__ == "__main__":
    main()
