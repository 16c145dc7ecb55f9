"""``ertheory densities``, ``ertheory figure`` and ``ertheory verify``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from ertheory.bounds.result import rational_text
from ertheory.cli.arguments import Format, read_integer, renamed
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InvalidInput
from ertheory.layerwise import ERK_KERNELS, RATIOS, layer_densities
from ertheory.layerwise.architectures import ARCHITECTURES, architecture
from ertheory.numbers import exact_rational, probability

__all__ = ["DensitiesCommand", "FigureCommand", "VerifyCommand"]

# Spelled out here: the modules that know them take their time to load.
_FIGURES = (
    "figure2",
    "figure4",
    "figure7",
    "gap",
    "lower-bound",
    "subset-sum-n",
    "subset-sum-constant",
    "subset-sum-sandwich",
    "ticket-success",
)
_STATEMENTS = (
    "theorem-2.1",
    "theorem-2.2",
    "convolution",
    "preassigned",
    "matched",
    "drop",
    "drop-deep",
    "residual",
    "theorem-2.3-relu",
    "theorem-2.3-linear",
    "lemma-2.4",
    "theorem-2.5",
    "degree",
    "path-ceiling",
    "sequential",
    "matching",
    "coded",
    "coded-dual",
    "sharp",
    "size-lp",
    "first-moment",
    "parameter-count",
    "path-count",
    "conv",
    "layer-0",
    "theorem-2.3",
)
_PLACES = {"name": "NAME", "statement": "STATEMENT"}  # given without an option's name


@dataclass(frozen=True)
class DensitiesCommand:
    """Densities of the layers of a known architecture."""

    model: Annotated[str, option(metavar="NAME", help=f"{', '.join(ARCHITECTURES)}, or widths like 784-300-10.")]
    ratio: Annotated[str, option(metavar="R", help=f"One of {', '.join(RATIOS)}.")]
    density: Annotated[str | None, option(metavar="P", help="Density of the whole network, in (0, 1].")] = None
    sparsity: Annotated[str | None, option(metavar="S", help="1 - density.")] = None
    classes: Annotated[str | None, option(metavar="K", help="Outputs, instead of the usual number.")] = None
    width: Annotated[str, option(metavar="X", help="Factor on all hidden widths.")] = "1"
    erk_kernel: Annotated[str, option(metavar="K", help=f"Form of the ERK score: {' or '.join(ERK_KERNELS)}.")] = (
        ERK_KERNELS[0]
    )
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        if (self.density is None) == (self.sparsity is None):
            given = "both" if self.density is not None else "none"
            raise InvalidInput("--density", "exactly one of --density and --sparsity", given)
        if self.density is not None:
            density = probability("--density", self.density, one=True)
        else:
            density = 1 - probability("--sparsity", self.sparsity, zero=True)
        classes = None if self.classes is None else read_integer("--classes", self.classes)
        width = exact_rational("--width", self.width)
        if not 0 < width <= 1000:
            raise InvalidInput("--width", "a number in (0, 1000]", self.width)
        layers = architecture(self.model, classes=classes, width=float(width))
        result = layer_densities(layers, density, self.ratio, erk_kernel=self.erk_kernel)
        if self.json:
            content = result.to_dict()
            inputs = {
                "model": self.model,
                "classes": classes,
                "width": float(width),
                "ratio": content.pop("ratio"),
                "erk_kernel": content.pop("erk_kernel"),
                "density": rational_text(density),
            }
            content.pop("density")
            show(document("densities", inputs, **content))
            return 0
        rows = [
            [layer.name, "x".join(map(str, layer.shape)), f"{layer.weights:,}", f"{p:.6g}", f"{count:,.1f}"]
            for layer, p, count in zip(result.layers, result.densities, result.nonzeros_expected, strict=True)
        ]
        show(render(rows, ["layer", "shape", "weights", "density", "non-zeros"], self.format))
        if self.format == "table":
            lost = "" if result.spends_budget else " (this ratio drops what full layers can not take)"
            realised = f"realised {result.density_realised:.6g}{lost}"
            show(f"\nRatio {result.ratio}: density asked {float(density):.6g}, {realised}.")
            show(f"Outputs without any incoming weight, expected: {result.dead_outputs_expected:.4g}.")
        return 0


@dataclass(frozen=True)
class FigureCommand:
    """Draw a figure, with its numbers beside it."""

    name: Annotated[
        tyro.conf.Positional[str],
        option(metavar="NAME", help=f"One of {', '.join(_FIGURES)}."),
    ]
    out: Annotated[str, option(metavar="DIR", help="Folder for NAME.png, NAME.svg and NAME.csv.")] = "."
    force: bool = False
    """Write over files that exist."""
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Draw it."""
        from tqdm import tqdm

        from ertheory.plots import draw

        form = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}"
        with tqdm(total=1, desc=self.name, delay=2, leave=False, bar_format=form) as bar:

            def advance(share: float) -> None:
                bar.update(min(share, 1 - bar.n))  # shares of 1 may add up to a little more

            try:
                files = [str(path) for path in draw(self.name, self.out, force=self.force, progress=advance)]
            except InvalidInput as error:
                raise renamed(error, self, _PLACES) from None
        if self.json:
            inputs = {"name": self.name, "out": self.out, "force": self.force}
            show(document("figure", inputs, files=files))
        else:
            show("\n".join(files))
        return 0


@dataclass(frozen=True)
class VerifyCommand:
    """Check an exact law against masks that are really drawn."""

    statement: Annotated[
        tyro.conf.Positional[str],
        option(
            metavar="STATEMENT",
            help=f"One of {', '.join(_STATEMENTS)}; the last three are short for convolution, preassigned and "
            "theorem-2.3-relu.",
        ),
    ]
    trials: Annotated[str | None, option(metavar="N", help="Masks to draw.")] = None
    seed: Annotated[str, option(metavar="N", help="Seed of the masks.")] = "0"
    build: bool = False
    """Build the source in every mask and prove that it is the target, instead of reading the event off the mask."""
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Draw the masks; exit status 1 if the law does not agree."""
        from tqdm import tqdm

        from ertheory.montecarlo import verify

        trials = None if self.trials is None else read_integer("--trials", self.trials, least=1)
        seed = read_integer("--seed", self.seed)
        with tqdm(total=trials, unit=" masks", delay=2, leave=False) as bar:

            def progress(done: int) -> object:
                return bar.update(done - bar.n)

            try:
                result = verify(self.statement, trials=trials, seed=seed, build=self.build, progress=progress)
            except InvalidInput as error:
                raise renamed(error, self, _PLACES) from None
        content = result.to_dict()
        if self.json:
            inputs = {"statement": self.statement, "trials": result.trials, "seed": seed, "build": self.build}
            fields = {key: value for key, value in content.items() if key not in {"seed", "trials"}}
            show(document("verify", inputs, seed=seed, trials=result.trials, **fields))
        else:
            for name, value in content.items():
                show(wrap(f"{name.replace('_', ' '):<15}{_plain(value)}"))
        return 0 if result.agrees else 1


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
