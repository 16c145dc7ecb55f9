"""``ertrain verify floors``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ertheory.bounds.result import rational_text
from ertheory.cli.notes import show_explained
from ertheory.cli.output import document, render, show, wrap
from ertheory.commands.widths import two_densities
from ertheory.errors import InvalidInput
from ertheory.networks.target import Target
from ertheory.tables import Cell, Shown, Style
from ertrain.students.floor_plots import draw_floors
from ertrain.students.floors import FloorStudy, study_floors
from ertrain.students.widths import SCALES

__all__ = ["FloorQuestion"]


@dataclass(frozen=True, kw_only=True)
class FloorQuestion:
    """What the command line asks for, read as far as `ertrain verify widths` reads it too."""

    target: Target
    text: str
    density: tuple[Fraction, ...] | None
    sparsity: tuple[Fraction, ...] | None
    delta: Fraction
    scale: str
    seed: int
    device: str
    plot: str | None
    force: bool
    explain: bool
    format: Style
    json: bool

    def run(self) -> int:
        """Train, and print; exit status 1 if a student is below its floor, or floors are not as frequent as the law."""
        densities = two_densities(self.density, self.sparsity)
        with tqdm(unit=" students", delay=2, leave=False) as bar:

            def progress(width: int, students: int) -> None:
                bar.set_description(f"{width} neurons", refresh=False)
                bar.update(students)

            found = self._studied(densities, progress)
        files = self._drawn(found)
        if self.json:
            inputs = {
                "statement": "floors",
                "target": self.text,
                "density": [rational_text(density) for density in densities],
                "delta": rational_text(self.delta),
                "scale": self.scale,
                "device": self.device,
                "plot": self.plot,
                "force": self.force,
            }
            show(document("verify", inputs, files=files, **found.to_dict()))
        else:
            _report(found, self.format)
            if self.explain:
                show_explained(found.explain())
        return 0 if found.agrees else 1

    def _studied(self, densities: tuple[Fraction, Fraction], progress: Callable[[int, int], object]) -> FloorStudy:
        return study_floors(
            self.target,
            densities=densities,
            failure_probability=self.delta,
            scale=SCALES[self.scale],
            seed=self.seed,
            device=self.device,
            progress=progress,
        )

    def _drawn(self, found: FloorStudy) -> list[str]:
        if self.plot is None:
            return []
        try:
            return [str(path) for path in draw_floors(found, Path(self.plot), force=self.force)]
        except InvalidInput as error:
            raise InvalidInput("--plot", error.allowed, error.value) from None


def _report(found: FloorStudy, style: Style) -> None:
    rows: list[list[Cell]] = []
    for row in (result.to_dict() for result in found.results):
        low, high = row["interval"]
        count = f"{row['with_floor']} of {row['students']}"
        free = row["students"] - row["with_floor"]
        rows.append(
            [
                row["width"],
                count,
                Shown(row["predicted"], f"{row['predicted']:.4f}"),
                f"[{low:.3f}, {high:.3f}]",
                _short(row["closest_to_floor"]),
                row["below_floor"],
                f"{row['learnt_with_floor']} of {row['with_floor']}",
                f"{row['learnt_without_floor']} of {free}",
            ]
        )
    headers = ["width", "with a floor", "law", "interval", "error : floor >=", "below", "learnt", "learnt without one"]
    show(render(rows, headers, style))
    if style != "table":
        return
    result = found.results[0]
    tolerance = result.tolerance
    show("")
    show(
        wrap(
            f"  floor    no network on the mask has a smaller largest error; {found.necessary:,} hidden neurons are "
            f"necessary for a mask without one with probability {float(1 - found.failure_probability):g}, by the exact "
            "law of Theorem 2.3 for a linear output"
        )
    )
    show(
        wrap(
            "  checked  errors at the corners that show the floor, in rationals; error : floor is the smallest ratio "
            f"of all students with a floor; intervals for the law at {100 * result.interval.level:.4g} % each"
        )
    )
    show(
        wrap(
            f"  learnt   rms error at most {tolerance.rms:g} and largest at most {tolerance.largest:g} of the spread "
            "of the teacher's outputs"
        )
    )


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"
