"""``ertheory densities``, ``ertheory figure`` and ``ertheory sample``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import Explain, Force, Format, Json, OneDensity, OneSparsity
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import densities, figure, sample
from ertheory.commands.arguments import read_one_density
from ertheory.layerwise import ERK_KERNELS, RATIOS, LayerDensities
from ertheory.layerwise.architectures import ARCHITECTURES
from ertheory.plots import FIGURES
from ertheory.tables import Cell, Shown, Style

__all__ = ["DensitiesCommand", "FigureCommand", "SampleCommand"]


@dataclass(frozen=True)
class DensitiesCommand:
    """Densities of the layers of a known architecture."""

    model: Annotated[str, Option(f"The network is {', '.join(ARCHITECTURES)}, or has widths like 784-300-10.", "NAME")]
    ratio: Annotated[str, Option(f"The ratio is one of {', '.join(RATIOS)}.", "R", read=reading.choice(*RATIOS))]
    density: OneDensity = None
    sparsity: OneSparsity = None
    classes: Annotated[int | None, Option("The network has so many outputs, instead of the usual number.", "K")] = None
    width: Annotated[Fraction, Option("All hidden widths are multiplied by this, in (0, 1000].", "X")] = Fraction(1)
    erk_kernel: Annotated[
        str, Option(f"The ERK score has this form: {' or '.join(ERK_KERNELS)}.", "K", read=reading.choice(*ERK_KERNELS))
    ] = ERK_KERNELS[0]
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        result = densities(
            self.model,
            ratio=self.ratio,
            density=self.density,
            sparsity=self.sparsity,
            classes=self.classes,
            width=self.width,
            erk_kernel=self.erk_kernel,
        )
        if self.json:
            content = result.to_dict()
            inputs = {
                "model": self.model,
                "classes": self.classes,
                "width": float(self.width),
                "ratio": content.pop("ratio"),
                "erk_kernel": content.pop("erk_kernel"),
                "density": rational_text(read_one_density(self.density, self.sparsity)),
            }
            content.pop("density")
            show(document("densities", inputs, **content))
            return 0
        _show_densities(result, self.format)
        if self.explain:
            show_explained(result.explain())
        return 0


def _show_densities(result: LayerDensities, style: Style) -> None:
    rows: list[list[Cell]] = [
        [
            layer.name,
            "x".join(map(str, layer.shape)),
            layer.weights,
            Shown(p, f"{p:.6g}"),
            Shown(count, f"{count:,.1f}"),
        ]
        for layer, p, count in zip(result.layers, result.densities, result.nonzeros_expected, strict=True)
    ]
    show(render(rows, ["layer", "shape", "weights", "density", "non-zeros"], style))
    if style == "table":
        lost = "" if result.spends_budget else " (this ratio drops what full layers cannot take)"
        realised = f"realised {result.density_realised:.6g}{lost}"
        show("\n" + wrap(f"Ratio {result.ratio}: density asked {float(result.density):.6g}, {realised}."))
        show(f"Outputs without any incoming weight, expected: {result.dead_outputs_expected:.4g}.")


@dataclass(frozen=True)
class FigureCommand:
    """Draw a figure, with its numbers beside it."""

    name: Annotated[
        str,
        Option(f"The figure is one of {', '.join(FIGURES)}.", "NAME", read=reading.choice(*FIGURES), positional=True),
    ]
    out: Annotated[str, Option("NAME.png, NAME.svg and NAME.csv are written into this folder.", "DIR")] = "."
    force: Force = False
    json: Json = False

    def run(self) -> int:
        """Draw it."""
        form = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}"
        with Progress(total=1, desc=self.name, bar_format=form) as bar:

            def advance(share: float) -> None:
                bar.update(min(share, 1 - bar.done))  # shares of 1 may add up to a little more

            files = [str(path) for path in figure(self.name, out=self.out, force=self.force, progress=advance)]
        if self.json:
            inputs = {"name": self.name, "out": self.out, "force": self.force}
            show(document("figure", inputs, files=files))
        else:
            show("\n".join(files))
        return 0


@dataclass(frozen=True)
class SampleCommand:
    """Write a small network with weights, to try the other commands with."""

    out: Annotated[str, Option("The network is written to this file: .npz or .safetensors.", "FILE")]
    target: Annotated[str, Option("The network has these widths, and is fully connected.", "T")] = "4-8-3"
    seed: Annotated[int, Option("The weights are drawn by this seed.", "N")] = 0
    force: Force = False
    json: Json = False

    def run(self) -> int:
        """Draw and write it."""
        target = sample(self.target, seed=self.seed, out=self.out, force=self.force)
        if self.json:
            inputs = {"target": self.target, "out": self.out, "force": self.force}
            fields = {"widths": list(target.widths), "nonzeros": list(target.nonzeros), "file": self.out}
            show(document("sample", inputs, seed=self.seed, **fields))
        else:
            show(wrap(f"{self.out}: a network {target} with weights drawn by seed {self.seed}, inputs in [-1, 1]"))
        return 0
