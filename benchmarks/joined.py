"""When are two sparse factors sooner multiplied with one another than with the inputs? Times in turns, in one run.

    python benchmarks/joined.py [--repeats 5]

Factored layers of LeNet-300-100 and of a transformer, with the inner widths that contain the dense layer with
probability 0.999, forwards and backwards: one factor after the other ("apart"), and their product first ("joined").
Times are the best of several, of the processor, by one thread; before them the gradients of both are compared.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from ertrain.masks.sparse import SparseLinear
from ertrain.masks.sparse import joined as module
from ertrain.models import FactoredLayer, factor_model

MAPS = ((784, 300), (300, 100), (100, 10), (64, 300), (512, 512))
DENSITIES = ("0.2", "0.1", "0.05", "0.02")
BATCHES = (32, 128, 512)


def sparse_pair(inputs: int, outputs: int, density: str) -> FactoredLayer:
    torch.manual_seed(0)
    wide = factor_model(nn.Linear(inputs, outputs), density=density)
    inner = wide.inner.out_features
    masks = (torch.rand(shape) < float(density) for shape in ((inner, inputs), (outputs, inner)))
    first = SparseLinear(inputs, inner, next(masks), bias=False)
    return FactoredLayer([first, SparseLinear(inner, outputs, next(masks))])


def passed(layer: nn.Module, weights: list[nn.Parameter], x: Tensor, g: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(layer(x), weights, g)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
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
