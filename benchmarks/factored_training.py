"""Settings for every arm of the recipe ``factored``: one search on validation images, the same for all arms.

    python benchmarks/factored_training.py --out runs/search [--task digits fashion-mnist] [--seeds 2]
    python benchmarks/factored_training.py --out runs/search --task cifar10 --device cuda --data-dir DATA

Every arm at one density (0.1; 0.5 for ResNets and the transformer; or `--density`) is trained with SGD and Adam, four
learning rates each. ResNets have three and two, higher ones, for a short training, and from density 0.1 down, where
thousands of inner neurons move a factored layer together, four lower ones as well; the transformer has AdamW alone,
which learns sums, with four learning rates. Seeds are others than those of the study. The setting with the best mean
validation accuracy is taken; test images are not read. A killed search goes on. ResNet18 on CIFAR-10 is for GPUs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from ertrain.configuration import Configuration
from ertrain.recipes.factored import ARMS, DENSE, EQUAL_WORK, arms_at
from ertrain.training.experiments import perform
from ertrain.training.process_group import join_process_group

# Optimiser, learning rate and weight decay of a setting.
IMAGES = (
    *(("sgd", rate, 5e-4) for rate in (0.02, 0.05, 0.1, 0.2)),
    *(("adam", rate, 0.0) for rate in (0.0005, 0.001, 0.002, 0.004)),
)
SHORT = (
    *(("sgd", rate, 5e-4) for rate in (0.05, 0.1, 0.2)),
    *(("adam", rate, 0.0) for rate in (0.004, 0.01)),
)
LOWER = tuple(("sgd", rate, 5e-4) for rate in (0.002, 0.005, 0.01, 0.02))
SUMS = tuple(("adamw", rate, 1.0) for rate in (0.001, 0.003, 0.01, 0.03))
SEARCHES = {
    "digits": ("0.1", IMAGES),
    "fashion-mnist": ("0.1", IMAGES),
    "digits-resnet20": ("0.5", SHORT),
    "fashion-mnist-resnet20": ("0.5", SHORT),
    "modular-addition": ("0.5", SUMS),
    "cifar10": ("0.5", IMAGES),
}
HERE = [task for task in SEARCHES if task != "cifar10"]
FIRST_SEED = 1000


def settings(task: str, arm: Configuration) -> list[Configuration]:
    one, tried = replace(arm, recipe="factored-search"), SEARCHES[task][1]
    if tried is SHORT and float(arm.density) <= 0.1:
        tried = (*LOWER, *SHORT)
    return [
        replace(one, optimiser=optimiser, learning_rate=rate, weight_decay=decay) for optimiser, rate, decay in tried
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--task", nargs="+", choices=list(SEARCHES), default=HERE)
    parser.add_argument("--arm", nargs="+", choices=(*ARMS, EQUAL_WORK), default=(*ARMS, EQUAL_WORK))
    parser.add_argument("--density", help="of the masks, instead of the one that the study has chosen settings at")
    parser.add_argument("--data-dir", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    searches = []
    for task in options.task:
        for name, arm in {"dense": DENSE[task], **arms_at(task, options.density or SEARCHES[task][0])}.items():
            if name in options.arm:
                searches.append((task, name, settings(task, arm)))
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    lines = []
    total_runs = options.seeds * sum(len(configurations) for _, _, configurations in searches)
    with join_process_group(options.device) as processes, tqdm(total=total_runs, unit=" runs") as bar:
        for task, name, configurations in searches:
            found = []
            for one in configurations:
                total = 0.0
                for seed in seeds:
                    run = replace(one, seed=seed)
                    result = perform(run, options.out, processes, data_dir=options.data_dir, tested=False)
                    total += result["accuracy_validation"]
                    bar.update()
                found.append((total / options.seeds, one))
            best = max(found, key=lambda pair: pair[0])
            for accuracy, one in found:
                chosen = "chosen" if one is best[1] else ""
                setting = (one.optimiser, str(one.learning_rate), str(one.weight_decay))
                lines.append((task, name, *setting, f"{100 * accuracy:.2f}", chosen))
    for line in lines:
        print("{:16} {:12} {:5} {:7} {:7} {:6} {}".format(*line))


if __name__ == "__main__":
    main()
