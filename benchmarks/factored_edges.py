"""Compute the numbers of the figure ``factored``: kept weights of sources at sparsities from 0.1 to 0.98.

    python benchmarks/factored_edges.py [ertheory/plots/factored_edges.csv]

A quarter of an hour of a processor: three factors for every map of VGG16 and ResNet18 take up to a minute each, and so
do densities chosen for every map. Residual networks have no printed and no sharp widths here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from tqdm import tqdm

from ertheory.bounds import width
from ertheory.bounds.factored import MapShape, factored_design, shapes_of_model, shapes_of_target
from ertheory.bounds.factored.necessary import count_ceiling, least_necessary, path_ceiling, rank_ceiling
from ertheory.bounds.factored.triple_network import triple_design
from ertheory.layerwise.architectures import architecture
from ertheory.networks.target import Layer, Target
from ertheory.plots.columns import Cell, csv_text

DELTA = Fraction(1, 1000)
SPARSITIES = ("0.1", "0.5", "0.8", "0.9", "0.95", "0.98")
TARGETS = ("784-128-10", "784-1024-1024-1024-10", "VGG16", "ResNet18")
COLUMNS = ("target", "weights", "sparsity", "delta", "method", "kind", "edges", "ratio")


def rows(name: str, sparsity: str) -> Iterator[tuple[Cell, ...]]:
    """Give the rows of one target at one sparsity."""
    shapes, target = read(name)
    weights = sum(shape.nonzeros for shape in shapes)
    for method, kind, edges in kept(shapes, target, 1 - Fraction(sparsity)):
        yield name, weights, float(sparsity), float(DELTA), method, kind, float(edges), float(edges / weights)


def read(name: str) -> tuple[tuple[MapShape, ...], Target | None]:
    """Give the maps of a target, and the target itself where it is a chain."""
    if "-" in name:
        target = Target.from_text(name)
        return shapes_of_target(target), target
    layers = architecture(name.lower())
    chain = None
    if name == "VGG16":
        channels = [layers[0].inputs, *(layer.outputs for layer in layers[:-1])]
        chain = Target(
            tuple(
                Layer(outputs=one.outputs, inputs=below, kernel=one.kernel, positions=one.inputs // below)
                for one, below in zip(layers, channels, strict=True)
            )
        )
    return shapes_of_model(layers), chain


def kept(shapes: tuple[MapShape, ...], target: Target | None, density: Fraction) -> Iterator[tuple[str, str, Fraction]]:
    """Give the expected kept weights of every kind of source."""
    masked = {"density": density, "failure_probability": DELTA}
    if target is not None:
        first = {**masked, "density": (Fraction(1), *(density,) * target.depth)}
        answers = {
            "printed": width(target, method="printed", **first),
            "sharp": width(target, method="sharp", **masked),
        }
        for method, answer in answers.items():
            if answer.applies and answer.edges_expected is not None:
                yield method, answer.kind, answer.edges_expected
    equal, best = (
        factored_design(shapes, densities=[density], failure_probability=DELTA, split="best" if chosen else "equal")
        for chosen in (False, True)
    )
    yield "factored", "sufficient", equal.edges_expected
    yield "factored-best", "sufficient", best.edges_expected
    three = triple_design(shapes, densities=[density], failure_probability=DELTA)
    yield "factored-3", "sufficient", three.edges_expected
    both, ceilings = (density, density), (path_ceiling, count_ceiling, rank_ceiling)
    least = sum(
        min(
            density * (columns + rows) * least_necessary(ceilings, columns, rows, both, DELTA)
            for columns, rows in {
                (one.inputs * one.taps, one.outputs),
                (one.inputs, one.outputs * one.taps),
            }
        )
        for one in shapes
    )
    yield "necessary", "necessary", least


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "ertheory/plots/factored_edges.csv")
    steps = tqdm([(name, sparsity) for name in TARGETS for sparsity in SPARSITIES])
    found = [row for step in steps for row in rows(*step)]
    place.write_text(csv_text(dict(zip(COLUMNS, zip(*found, strict=True), strict=True))), encoding="utf-8")
