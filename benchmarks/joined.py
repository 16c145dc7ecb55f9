"""When are two sparse factors sooner multiplied with one another than with the inputs? Times in turns, in one run.

    python benchmarks/joined.py [--repeats 5]

Sparse factored layers of LeNet-300-100 and of a transformer, with the inner widths that contain the dense layer with
probability 0.999, forwards and backwards: one factor after the other ("apart"), and their product first ("joined").
With ``--dense`` networks of the recipe ``factored`` whose factors are dense with masks, a batch of their training; for
convolutions also with the kept weights alone, whose products are made path by path ("sparse").
Times are the best of several, of the processor, by one thread; before them the gradients of both are compared.
"""

from __future__ import annotations

import argparse
import time
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from ertheory.layerwise import layer_densities
from ertrain import attach_masks, draw_masks, layer_shapes
from ertrain.masks.sparse import SparseLinear, sparsify
from ertrain.masks.sparse import joined as module
from ertrain.models import FactoredLayer, build_model, factor_model, factored
from ertrain.recipes.factored import DENSE

MAPS = ((784, 300), (300, 100), (100, 10), (64, 300), (512, 512))
DENSITIES = ("0.2", "0.1", "0.05", "0.02")
BATCHES = (32, 128, 512)
NETWORKS = {
    "digits-resnet20": ("0.5", "0.2", "0.1", "0.05"),
    "fashion-mnist-resnet20": ("0.5", "0.2"),
    "modular-addition": ("0.5", "0.2"),
}
SHAPES = {"digits-resnet20": (1, 8, 8), "fashion-mnist-resnet20": (1, 28, 28), "modular-addition": (2, 97)}


def sparse_pair(inputs: int, outputs: int, density: str) -> FactoredLayer:
    torch.manual_seed(0)
    wide = factor_model(nn.Linear(inputs, outputs), density=density)
    inner = wide.inner.out_features
    masks = (torch.rand(shape) < float(density) for shape in ((inner, inputs), (outputs, inner)))
    first = SparseLinear(inputs, inner, next(masks), bias=False)
    return FactoredLayer([first, SparseLinear(inner, outputs, next(masks))])


def passed(layer: nn.Module, weights: list[nn.Parameter], x: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(layer(x), weights, g)


def of_networks(repeats: int) -> None:
    print(
        "| network | density | batch | apart, ms | sparse, ms | multiplied first, ms | apart / first | first / sparse |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for task, density in ((task, density) for task, densities in NETWORKS.items() for density in densities):
        run, inputs = DENSE[task], SHAPES[task]
        classes = 97 if run.model == "transformer" else 10
        model = build_model(run.model, inputs=inputs, classes=classes, width=run.width)
        model = factor_model(model, density=density)
        attach_masks(model, draw_masks(layer_densities(layer_shapes(model), density, "uniform"), seed=0))
        x = torch.rand(run.batch, *inputs)

        def step(way: Any, x: Tensor, model: nn.Module = model) -> tuple[Tensor, ...]:
            with mock.patch.object(factored, "multiplied", way):
                return torch.autograd.grad(model(x).square().sum(), [w for w in model.parameters() if w.requires_grad])

        model.double()
        both = (step(way, x[:8].double()) for way in (_apart, factored.multiplied))
        for one, other in zip(*both, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10 * float(one.abs().max()))
        model.float()
        ways: dict[str, tuple[Any, nn.Module]] = {"apart": (_apart, model), "first": (factored.multiplied, model)}
        if run.model.startswith("resnet"):
            ways["sparse"] = factored.multiplied, sparsify(model)
        best = dict.fromkeys(("apart", "sparse", "first"), float("inf"))
        for _ in range(repeats):
            for name, (way, network) in ways.items():
                began = time.process_time()
                step(way, x, network)
                best[name] = min(best[name], time.process_time() - began)
        apart, sparse, first = (1000 * taken for taken in best.values())
        other = (f"{sparse:.1f}", f"{first / sparse:.2f}") if "sparse" in ways else ("-", "-")
        print(
            f"| {task} | {density} | {run.batch} | {apart:.1f} | {other[0]} | {first:.1f} | {apart / first:.2f} | "
            f"{other[1]} |",
            flush=True,
        )


def _apart(*_: object) -> None:
    """Multiply nothing first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dense", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.dense:
        of_networks(options.repeats)
        return
    choice = module._ENTRY, module._LARGE
    print("| map | density | inner | entries | paths | batch | apart, ms | joined, ms | apart / joined | chosen |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for inputs, outputs in MAPS:
        for density in DENSITIES:
            layers = sparse_pair(inputs, outputs, density)
            weights = [layers.inner.weight, layers.outer.weight]
            entries = sum(len(weight) for weight in weights)
            paths = int(layers.inner.starts.diff() @ layers.outer.operand().structure.of_columns.diff())
            for batch in BATCHES:
                x, g = torch.rand(batch, inputs), torch.randn(batch, outputs)
                module._ENTRY, module._LARGE = choice
                chosen = module.joined(list(layers.children()), x) is not None
                module._ENTRY, module._LARGE = 1e9, 0
                ways = {"apart": nn.Sequential(layers.inner, layers.outer), "joined": layers}
                found = {name: passed(way, weights, x, g) for name, way in ways.items()}
                for one, other in zip(*found.values(), strict=True):
                    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().max()))
                best = dict.fromkeys(ways, float("inf"))
                for _ in range(options.repeats):
                    for name, way in ways.items():
                        began = time.process_time()
                        passed(way, weights, x, g)
                        best[name] = min(best[name], time.process_time() - began)
                apart, joined = (1000 * best[name] for name in ("apart", "joined"))
                print(
                    f"| {inputs}-{outputs} | {density} | {layers.inner.out_features} | {entries} | {paths} | {batch} | "
                    f"{apart:.2f} | {joined:.2f} | {apart / joined:.2f} | {'joined' if chosen else 'apart'} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
