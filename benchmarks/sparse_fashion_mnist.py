"""Train a network that contains 784-128-10, 784-9206-1850-10 at sparsity 0.9, on Fashion-MNIST, sparse.

    python benchmarks/sparse_fashion_mnist.py FOLDER [--sizes 784-9206-1850-10] [--density 1/10] [--epochs 2]

FOLDER holds the four idx files, gzipped or not (Debian's package dataset-fashion-mnist puts them into
/usr/share/datasets/fashion-mnist). The masks are drawn and held as the places of their entries, never dense. SGD with
momentum, batch 128, cosine decay. Afterwards a few steps of the masked network are timed beside those of the sparse
one, in turns; ``--steps 0`` leaves that out.
"""

from __future__ import annotations

import argparse
import gzip
import math
import resource
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ertheory.masks import DrawnMask
from ertrain import SparseLinear, densify, guard
from ertrain.masks.sparse.chain import SparseSequential
from ertrain.training.optimisers import cosine_decay

_BATCH, _RATE = 128, 0.1


def read(folder: Path, name: str) -> Tensor:
    """Read an idx file of bytes."""
    (path,) = folder.glob(f"{name}*")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy())


def network(sizes: tuple[int, ...], density: Fraction) -> SparseSequential:
    """Make the network; weights have the size that keeps signals as they are."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        layer = SparseLinear(inputs, outputs, DrawnMask((outputs, inputs), density, 0, place))
        nn.init.normal_(layer.weight, std=math.sqrt(2 / (float(density) * inputs)))
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return SparseSequential(*layers[:-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="Where the images are.")
    parser.add_argument("--sizes", default="784-9206-1850-10", help="Sizes of the layers.")
    parser.add_argument("--density", type=Fraction, default=Fraction(1, 10), help="Of every layer.")
    parser.add_argument("--epochs", type=int, default=2, help="How long to train.")
    parser.add_argument("--steps", type=int, default=5, help="How often masked steps are timed.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = {}
    for part in ("train", "t10k"):
        images = read(given.folder, f"{part}-images").flatten(1).float().div_(255).sub_(0.286).div_(0.353)
        sets[part] = images, read(given.folder, f"{part}-labels").long()
    (images, labels), (held, right) = sets["train"], sets["t10k"]
    model = network(tuple(map(int, given.sizes.split("-"))), given.density)
    kept = sum(len(layer.weight) for layer in model if isinstance(layer, SparseLinear))
    print(f"{given.sizes}, density {given.density}: {kept:,} kept weights", flush=True)
    optimiser = torch.optim.SGD(model.parameters(), lr=_RATE, momentum=0.9, fused=True)
    steps, done = given.epochs * (len(images) // _BATCH), 0
    for epoch in range(given.epochs):
        started = time.process_time()
        for some in torch.randperm(len(images)).split(_BATCH):
            if len(some) < _BATCH:
                continue
            optimiser.param_groups[0]["lr"] = cosine_decay(done / steps, _RATE)
            optimiser.zero_grad()
            cross_entropy(model(images[some]), labels[some]).backward()
            optimiser.step()
            done += 1
        seconds = time.process_time() - started
        with torch.no_grad():
            correct = int((torch.cat([model(one) for one in held.split(1000)]).argmax(1) == right).sum())
        print(f"epoch {epoch + 1}: {correct} of {len(right)} test images, {seconds:.0f} s of the processor", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak of the process {peak / 1e9:.2f} GB, images included", flush=True)
    if not given.steps:
        return
    dense = densify(model)
    forms = {"masked": dense, "sparse": model}
    optimisers = {
        name: torch.optim.SGD(form.parameters(), lr=1e-4, momentum=0.9, fused=True) for name, form in forms.items()
    }
    guard(optimisers["masked"], dense)
    best = dict.fromkeys(forms, math.inf)
    for _ in range(given.steps):
        for name, form in forms.items():
            started = time.thread_time()
            optimisers[name].zero_grad()
            cross_entropy(form(images[:_BATCH]), labels[:_BATCH]).backward()
            optimisers[name].step()
            best[name] = min(best[name], time.thread_time() - started)
    ratio = best["masked"] / best["sparse"]
    print(f"a step: masked {best['masked'] * 1e3:.0f} ms, sparse {best['sparse'] * 1e3:.0f} ms, {ratio:.1f} times")


if __name__ == "__main__":
    main()
