"""A strong ticket for a trained classifier: scikit-learn digits, 64-16-10, by pruning one random network.

The images are scaled to [0, 1]. Epsilon is chosen from the target alone: a prediction can change only where the two
largest outputs are less than 2 epsilon apart, and epsilon is just below half of the second smallest of these gaps among
360 held-out images. So at most one of their predictions changes, which is counted below.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from ertheory import Target, build_ticket, check_ticket, network_of, target_from_sklearn
from ertheory.check import evaluate


def trained() -> tuple[Target, np.ndarray, np.ndarray]:
    """Train the classifier, and give it with the held-out images and their classes."""
    images, classes = load_digits(return_X_y=True)
    split = train_test_split(images / 16, classes, test_size=360, random_state=0, stratify=classes)
    learner = MLPClassifier((16,), alpha=1.0, max_iter=600, random_state=0).fit(split[0], split[2])
    target = target_from_sklearn(learner)
    assert target.weights is not None
    return Target.from_arrays(target.weights, target.biases, domain=[(0, 1)] * 64), split[1], split[3]


def safe_epsilon(outputs: np.ndarray) -> float:
    """Give an epsilon with which at most one of the predictions can change."""
    largest = np.sort(outputs, axis=1)[:, -2:]
    gap = np.sort(largest[:, 1] - largest[:, 0])[1]
    return math.floor(float(gap) / 2 * 10**4 - 1e-6) / 10**4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", default="3000,1000")
    parser.add_argument("--density", default="1/2")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    target, images, classes = trained()
    outputs = evaluate(network_of(target), images)
    epsilon = safe_epsilon(outputs)
    largest = ", ".join(f"{np.abs(weight).max():.2f}" for weight in target.weights or ())
    right = (outputs.argmax(axis=1) == classes).mean()
    print(f"target {target}, right of the held-out images: {right:.3f}; largest weights {largest}; epsilon {epsilon}")
    widths = [int(width) for width in options.widths.split(",")]
    started = time.perf_counter()
    ticket = build_ticket(target, widths=widths, density=options.density, epsilon=str(epsilon), seed=options.seed)
    seconds = time.perf_counter() - started
    if ticket.network is None or not ticket.success:
        raise SystemExit("; ".join(ticket.missing))
    found = evaluate(ticket.network, images)
    changed = int((found.argmax(axis=1) != outputs.argmax(axis=1)).sum())
    started = time.perf_counter()
    checked = check_ticket(target, ticket, epsilon=str(epsilon))
    print(f"widths {widths}, density {options.density}, seed {options.seed}: {seconds:.1f} s")
    print(f"certified {ticket.error_certified:.5f} on [0, 1]^64; at the images {np.abs(found - outputs).max():.5f}")
    print(f"changed predictions: {changed} of {len(images)}")
    print(f"kept weights {ticket.kept}, Lambda {[round(norm, 1) for norm in ticket.amplification]}")
    print(f"checked: {checked.passed}, {checked.error_certified:.5f}; {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
