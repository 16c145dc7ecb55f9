"""Do convolutions gain from the loops of sparse layers? Times of a forward and backward pass, in turns, in one run.

    python benchmarks/sparse_convolutions.py [--networks] [--densities 0.1,0.05,0.02,0.01] [--repeats 5]

A convolution of a x a kernels (as many channels out as in) with a mask against `ertrain.SparseConv2d`, which has the
kept weights alone. Times are the best of several, of the processor, by one thread; before them results and gradients
are compared. With ``--networks`` whole steps of SGD: of networks with ERK masks and a guard, and of the same after
`ertrain.sparsify`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ertheory.layerwise import layer_densities
from ertrain import attach_masks, draw_masks, guard, layer_shapes, sparsify
from ertrain.models import build_model

# Images, channels, height and width, kernel, stride: layers of ResNets and of VGG, on small images and larger ones.
LAYERS = (
    (64, 64, 8, 1, 1), (64, 256, 8, 1, 1), (64, 256, 16, 1, 2),
    (64, 4, 8, 3, 1), (64, 16, 8, 3, 1), (64, 64, 8, 3, 1), (64, 256, 8, 3, 1), (32, 100, 28, 3, 1),
    (128, 128, 16, 3, 1), (128, 64, 32, 3, 2), (128, 512, 4, 3, 1), (8, 64, 56, 3, 1), (64, 64, 8, 5, 1),
)  # fmt: skip
NETWORKS = {"resnet20": 128, "vgg16": 128, "resnet18": 64}  # batches of images of 3 x 32 x 32


def measured(shape: tuple[int, int, int, int, int], density: float, repeats: int) -> tuple[float, float]:
    """Give the seconds of a pass of the dense convolution with a mask, and of the sparse one."""
    images, channels, side, kernel, stride = shape
    torch.manual_seed(0)
    dense = nn.Conv2d(channels, channels, kernel, stride, padding=kernel // 2, bias=False)
    attach_masks(dense, {"": torch.rand(dense.weight.shape) < density})
    sparse = sparsify(dense)
    given = torch.randn(images, channels, side, side)
    above = torch.randn_like(dense(given))

    def passed(layer: nn.Module, weight: nn.Parameter) -> Callable[[], tuple[Tensor, ...]]:
        def work() -> tuple[Tensor, ...]:
            inputs = given.requires_grad_()
            outputs = layer(inputs)
            return outputs.detach(), *torch.autograd.grad(outputs, (inputs, weight), above)

        return work

    forms = {"dense": passed(dense, dense.weight), "sparse": passed(sparse, sparse.weight)}
    one, other = (work() for work in forms.values())
    for right, found in zip((*one[:2], one[2][dense.weight_mask]), other, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-3, atol=1e-4 * right.abs().max().item())
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(repeats):
        for form, work in forms.items():
            for _ in range(2):
                start = time.thread_time()
                work()
                best[form] = min(best[form], time.thread_time() - start)
    return best["dense"], best["sparse"]


def measured_network(name: str, density: float, repeats: int) -> tuple[float, float]:
    """Give the seconds of a step of the masked network, and of the sparse one."""
    torch.manual_seed(0)
    masked = build_model(name, inputs=(3, 32, 32), classes=10)
    attach_masks(masked, draw_masks(layer_densities(layer_shapes(masked), str(density), "erk"), seed=0))
    networks = masked, sparsify(masked)
    optimisers = [torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9) for network in networks]
    guard(optimisers[0], masked)
    images, labels = torch.randn(NETWORKS[name], 3, 32, 32), torch.arange(NETWORKS[name]) % 10
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        for at, (network, optimiser) in enumerate(zip(networks, optimisers, strict=True)):
            start = time.thread_time()
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimiser.step()
            best[at] = min(best[at], time.thread_time() - start)
    return best[0], best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--densities", default="0.5,0.25,0.1,0.05,0.02,0.01", help="Densities of the masks.")
    parser.add_argument("--repeats", type=int, default=5, help="How often everything is timed.")
    parser.add_argument("--networks", action="store_true", help="Steps of whole networks.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    densities = [float(word) for word in given.densities.split(",")]
    print(f"torch {torch.__version__}; time of the masked form / time of the sparse one\n")
    what = "network, images" if given.networks else "images, kernel"
    print(f"| {what} | masked, ms | {' | '.join(f'p = {density:g}' for density in densities)} |")
    print(f"| --- | ---: |{' ---: |' * len(densities)}")
    for one in NETWORKS if given.networks else LAYERS:
        if isinstance(one, str):
            times = [measured_network(one, density, given.repeats) for density in densities]
            name = f"{one}, {NETWORKS[one]}"
        else:
            times = [measured(one, density, given.repeats) for density in densities]
            images, channels, side, kernel, stride = one
            name = f"{images} of {channels} x {side} x {side}, {kernel} x {kernel}{', stride 2' * (stride == 2)}"
        cells = " | ".join(f"{masked / sparse:.2f}" for masked, sparse in times)
        print(f"| {name} | {min(masked for masked, _ in times) * 1e3:.1f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
