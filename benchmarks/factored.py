"""Embed real networks with two masked maps for each linear map, and compare every prediction.

    python benchmarks/factored.py [--data FOLDER] [--sparsity 0.5,0.9,0.95] [--cases fashion,digits,sums,resnet18,vgg16]
        [--split equal|best] [--inner identity|relu]

- fashion: 784-128-10 trained on Fashion-MNIST, compared on the 10,000 test images. FOLDER holds the four idx files (of
  Debian's package dataset-fashion-mnist they are found without being named); without them the case is left out.
- digits: a ResNet of three stages with BatchNorm, trained on scikit-learn's digits, compared on all 1,797 images.
- sums: a `torch.nn.TransformerEncoderLayer` trained on sums modulo 97, compared on all 9,409 pairs.
- resnet18, vgg16: torchvision's structures with random weights, at the second of the sparsities alone, on 4 random
  images. The first two linear layers of VGG16, 119 million weights, are solved in blocks of 512 outputs; 23 minutes.

Everything is compared in double precision. Seconds are those of processors, for the embedding; peaks are those of the
process. With inner ReLU the pairs have one in between, on inputs in [0, 1] (fashion, digits).
"""

from __future__ import annotations

import argparse
import gzip
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ertheory import embed_module
from ertrain.models.resnet import ResNet

DATA = Path("/usr/share/datasets/fashion-mnist")
DELTA = "0.001"


@dataclass(frozen=True)
class Case:
    """A trained module and the inputs on which it is compared."""

    name: str
    model: nn.Module
    inputs: torch.Tensor
    accuracy: float | None


def fit(
    model: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    *,
    epochs: int,
    batch: int,
    rate: float,
    decay: float = 0,
) -> nn.Module:
    """Train with AdamW and a cosine schedule, and give the model in double precision."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(inputs)).split(batch):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
            optimiser.step()
        schedule.step()
    return model.double().eval()


def outputs(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([model(part) for part in inputs.split(256)])


def trained(name: str, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Case:
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    accuracy = float((outputs(model, inputs).argmax(1) == labels).float().mean())
    return Case(name, model, inputs, accuracy)


def idx(path: Path) -> torch.Tensor:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy())


def fashion(data: Path) -> Case | None:
    found = {key: next(data.glob(f"{key}*"), None) for key in ("train-im", "train-la", "t10k-im", "t10k-la")}
    if None in found.values():
        return None
    images, labels, test_images, test_labels = (idx(path) for path in found.values() if path is not None)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    fit(model, images.reshape(-1, 784) / 255.0, labels.long(), epochs=5, batch=256, rate=1e-3)
    return trained("Fashion-MNIST 784-128-10", model, test_images.reshape(-1, 784).float() / 255.0, test_labels.long())


def digits() -> Case:
    from sklearn.datasets import load_digits

    content = load_digits()
    images = torch.from_numpy(content.images).float().unsqueeze(1) / 16
    labels = torch.from_numpy(content.target).long()
    model = ResNet((1, 1, 1), channels=1, narrowest=16)
    fit(model, images, labels, epochs=8, batch=64, rate=3e-3)
    return trained("ResNet on digits", model, images, labels)


class Sums(nn.Module):
    """One transformer layer that reads two numbers."""

    def __init__(self, modulus: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(modulus, 64)
        self.layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.head = nn.Linear(64, modulus)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(self.embedding(pairs)).mean(1))


def sums() -> Case:
    pairs = torch.cartesian_prod(torch.arange(97), torch.arange(97))
    labels = pairs.sum(1) % 97
    model = fit(Sums(97), pairs, labels, epochs=60, batch=512, rate=3e-3, decay=0.1)
    return trained("transformer on sums modulo 97", model, pairs, labels)


def torchvision(name: str) -> Case:
    import torchvision

    model = getattr(torchvision.models, name)(weights=None)
    return Case(f"{name}, random weights", model.double().eval(), torch.randn(4, 3, 64, 64).double(), None)


def row(case: Case, sparsity: str, **options: str) -> str:
    start = time.process_time()
    domain = (0, 1) if options["inner"] != "identity" else None
    found = embed_module(case.model, sparsity=sparsity, failure_probability=DELTA, domain=domain, **options)
    seconds = time.process_time() - start
    wanted, got = outputs(case.model, case.inputs), outputs(found.module.eval(), case.inputs)
    same = int((wanted.argmax(1) == got.argmax(1)).sum())
    difference = float((wanted - got).abs().max() / wanted.abs().max())
    if same < len(wanted) or difference > 1e-9:
        msg = f"{case.name} at {sparsity}: {len(wanted) - same} other predictions, difference {difference}"
        raise SystemExit(msg)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = (
        case.name,
        "" if case.accuracy is None else f"{case.accuracy:.4f}",
        sparsity,
        f"{sum(answer.nonzeros for answer in found.maps.values()):,}",
        f"{found.edges:,}",
        f"{found.edges_ratio:.3f}",
        f"{same:,} of {len(wanted):,}",
        f"{difference:.1g}",
        f"{max(found.error_bound.values()):.1g}",
        f"{max(answer.condition for answer in found.maps.values()):.0f}",
        f"{seconds:.1f}",
        f"{peak:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sparsity", default="0.5,0.9,0.95")
    parser.add_argument("--cases", default="fashion,digits,sums,resnet18,vgg16")
    parser.add_argument("--split", default="equal")
    parser.add_argument("--inner", default="identity")
    options = parser.parse_args()
    head = ("network", "accuracy", "sparsity", "weights", "kept weights", "ratio", "same prediction", "difference")
    head += ("proved per weight", "condition", "CPU seconds", "peak GiB")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}", flush=True)
    makers: dict[str, Callable[[], Case | None]] = {
        "fashion": lambda: fashion(options.data),
        "digits": digits,
        "sums": sums,
        "resnet18": lambda: torchvision("resnet18"),
        "vgg16": lambda: torchvision("vgg16"),
    }
    levels = options.sparsity.split(",")
    for name in options.cases.split(","):
        torch.manual_seed(0)
        case = makers[name]()
        if case is None:
            print(f"no Fashion-MNIST in {options.data}: left out")
            continue
        for sparsity in levels if case.accuracy is not None else levels[1:2] or levels:
            print(row(case, sparsity, split=options.split, inner=options.inner), flush=True)


if __name__ == "__main__":
    main()
