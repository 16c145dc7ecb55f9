"""Embed a classifier of Fashion-MNIST into random masked networks, and classify all 10,000 test images with both.

    python benchmarks/fashion_mnist.py [--data FOLDER] [--sparsity 0.9] [--delta 0.001] [--methods drop,sharp]

Layer 0 is dense for printed, exact and drop, and masked like the others for sharp, sequential and matching.

Trains a 784-128-10 network with PyTorch, then runs `ertheory embed` once per method in a process of its own, and
evaluates the file that it wrote. Proved: a bound on the difference of source and target on the whole box. Measured: the
largest one at the images. FOLDER holds the four idx files, gzipped or not (Debian's package
dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist); without it torchvision downloads them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.datasets import FashionMNIST

from ertheory import Target, write_target
from ertheory.check import evaluate, read_embedding
from ertheory.networks.target import network_of

EPOCHS, BATCH = 10, 256


def load(data: Path | None, folder: Path) -> tuple[torch.Tensor, ...]:
    """Images in [0, 1] and labels, for training and for the test."""
    if data is not None:  # where torchvision looks for them
        raw = folder / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for path in data.glob("*ubyte*"):
            content = path.read_bytes()
            (raw / path.name.removesuffix(".gz")).write_bytes(
                gzip.decompress(content) if path.suffix == ".gz" else content
            )
    sets = [FashionMNIST(str(folder), train=train, download=data is None) for train in (True, False)]
    return tuple(part for one in sets for part in (one.data.reshape(-1, 784) / 255.0, one.targets))


def train(images: torch.Tensor, labels: torch.Tensor) -> Target:
    """Train a 784-128-10 network and give its weights, to double precision, as a target."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
    weights = [model[layer].weight.detach().double().numpy() for layer in (0, 2)]
    biases = [model[layer].bias.detach().double().numpy() for layer in (0, 2)]
    return Target.from_arrays(weights, biases, domain=np.tile([0.0, 1.0], (784, 1)))


def embed(method: str, folder: Path, sparsity: str, delta: str) -> tuple[dict[str, object], float, float]:
    """Run the command in a process of its own; its JSON document, seconds, and peak memory in GiB."""
    command = [sys.executable, "-m", "ertheory", "embed", "--target", str(folder / "target.npz")]
    masked = sparsity if method in ("sequential", "matching", "sharp") else f"0,{sparsity},{sparsity}"
    command += ["--sparsity", masked, "--delta", delta, "--method", method, "--no-mask"]
    command += ["--inputs", str(folder / "inputs.npy"), "--out", str(folder / f"{method}.npz"), "--json"]
    start = time.perf_counter()
    with (folder / "answer.json").open("w") as answer:
        process = subprocess.Popen(command, stdout=answer)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        msg = f"{method} failed"
        raise SystemExit(msg)
    return json.loads((folder / "answer.json").read_text()), seconds, usage.ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sparsity", default="0.9")
    parser.add_argument("--delta", default="0.001")
    parser.add_argument("--methods", default="printed,exact,drop,sharp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, labels, test_images, test_labels = load(options.data, folder)
        target = train(images, labels)
        write_target(folder / "target.npz", target)
        points = test_images.double().numpy()
        np.save(folder / "inputs.npy", points)
        expected = evaluate(network_of(target), points)
        classes = expected.argmax(axis=1)
        correct = np.mean(classes == test_labels.numpy())
        print(f"784-128-10, {EPOCHS} epochs, accuracy on the {len(points):,} test images: {correct:.4f}\n")
        head = ("method", "N_0", "N_1", "mask entries", "kept", "weights used", "same class", "proved", "measured")
        print(f"| {' | '.join((*head, 'seconds', 'peak GiB'))} |\n|{' --- |' * (len(head) + 2)}")
        for method in options.methods.split(","):
            answer, seconds, peak = embed(method, folder, options.sparsity, options.delta)
            outputs = evaluate(read_embedding(folder / f"{method}.npz").network, points)
            same = int(np.sum(outputs.argmax(axis=1) == classes))
            cells = (method, *(f"{width:,}" for width in answer["widths"][:2]), f"{answer['mask_entries']:,}")
            cells += (f"{answer['edges_available']:,}", f"{answer['edges_used']:,}", f"{same:,} of {len(points):,}")
            cells += (f"{answer['check']['difference_bound']:.2g}",)
            print(f"| {' | '.join(cells)} | {np.max(np.abs(outputs - expected)):.2g} | {seconds:.1f} | {peak:.2f} |")


if __name__ == "__main__":
    main()
