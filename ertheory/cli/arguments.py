"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any

import numpy as np

from ertheory.bounds import Reading
from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.options import Option
from ertheory.networks.arrays import Array
from ertheory.networks.target import Target
from ertheory.tables import FORMATS, Style

__all__ = [
    "TARGET_HELP",
    "Confidence",
    "Delta",
    "Density",
    "Domain",
    "Explain",
    "Force",
    "Format",
    "Json",
    "OneDensity",
    "OneSparsity",
    "ReadingName",
    "Seed",
    "Sparsity",
    "TargetText",
    "densities_inputs",
    "interval_or_box",
]

TARGET_HELP = (
    "This is the network to represent: 784-128-10, or a file with weights (.npz, .safetensors, .pt, .pth, .pt2, .onnx)."
)
TargetText = Annotated[str, Option(TARGET_HELP, "T")]
Density = Annotated[
    tuple[Fraction, ...] | None,
    Option(
        "This fraction of the weights is kept, in (0, 1]: one number, or one per source layer, layer 0 first.",
        "P",
        read=reading.densities,
    ),
]
Sparsity = Annotated[
    tuple[Fraction, ...] | None, Option("This is 1 - density, in the same form.", "S", read=reading.sparsities)
]
OneDensity = Annotated[
    Fraction | None, Option("This fraction of the weights is kept, in (0, 1].", "P", read=reading.density)
]
OneSparsity = Annotated[Fraction | None, Option("This is 1 - density, in [0, 1).", "S", read=reading.sparsity)]
Delta = Annotated[
    Fraction | None, Option("The construction may fail with this probability, in (0, 1).", "D", read=reading.unit)
]
Confidence = Annotated[Fraction | None, Option("This is 1 - delta, given instead of --delta.", "C", read=reading.unit)]
ReadingName = Annotated[
    Reading | None,
    Option(
        "Layer 0 is read in this way: dense (p_0 = 1), preassigned, matched (shared out after the mask is seen), or "
        "coded (carries linear combinations; sharp widths only).",
        "Z",
    ),
]
Domain = Annotated[
    tuple[Fraction, Fraction] | None,
    Option(
        "Every input lies between these two; if left out, the target says where, or it is 0,1.",
        "A,B",
        read=reading.interval,
    ),
]
Seed = Annotated[int, Option("The masks are drawn by this seed.", "N")]
Force = Annotated[bool, Option("Write over files that exist.")]
Explain = Annotated[bool, Option("Show the formulas, and the formulas with the numbers put in.")]
Format = Annotated[Style, Option(f"The table is written in this way: {', '.join(FORMATS)}.", "F")]
Json = Annotated[bool, Option("Print one JSON document.")]


def densities_inputs(target: Target, densities: Sequence[Fraction]) -> dict[str, Any]:
    """Give the resolved target and densities for the JSON document."""
    return {
        "target_widths": list(target.widths),
        "nonzeros": list(target.nonzeros),
        "density": [rational_text(density) for density in densities],
        "sparsity": [rational_text(1 - density) for density in densities],
    }


def interval_or_box(box: Array) -> list[Any]:
    """Give a box as one interval where all inputs have the same."""
    found: list[Any] = box.tolist() if np.ptp(box, axis=0).any() else box[0].tolist()
    return found
