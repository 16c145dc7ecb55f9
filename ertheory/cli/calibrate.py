"""``ertheory calibrate``: the widths at which the builders succeed, found by building, beside the proved ones."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from ertheory.bounds.result import rational_text, success_text
from ertheory.cli import reading
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Domain,
    Explain,
    Format,
    Json,
    ReadingName,
    Seed,
    Sparsity,
    TargetText,
    densities_inputs,
    interval_or_box,
)
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import calibrate
from ertheory.commands.arguments import read_target
from ertheory.montecarlo import CALIBRATED, Calibration
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target

__all__ = ["CalibrateCommand"]


@dataclass(frozen=True)
class CalibrateCommand:
    """Widths at which the builder succeeds on a share of 1 - delta of drawn masks."""

    target: TargetText
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[
        str,
        Option(
            f"The builder that is run is one of {', '.join(CALIBRATED)}; with factored, ranks of masks are taken.",
            "M",
            read=reading.choice(*CALIBRATED, "factored"),
        ),
    ] = "sharp"
    layer0: ReadingName = None
    domain: Domain = None
    level: Annotated[
        Fraction, Option("All conclusions together hold with this confidence, in (0, 1).", "C", read=reading.unit)
    ] = Fraction(99, 100)
    resolution: Annotated[
        Fraction, Option("The search ends when it knows each width up to this share of it.", "R", read=reading.unit)
    ] = Fraction(1, 100)
    seed: Seed = 0
    workers: Annotated[
        int | None,
        Option("So many processes build; one per processor if it is left out. No result depends on it.", "K"),
    ] = None
    factors: Annotated[
        int | None, Option("With factored, each map becomes so many masked ones, 2 or 3; 2 if it is left out.", "K")
    ] = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Draw, build, and print."""
        target = read_target(self.target)
        with Progress(unit=" masks", desc="building") as bar:
            found = calibrate(
                target,
                density=self.density,
                sparsity=self.sparsity,
                delta=self.delta,
                confidence=self.confidence,
                method=self.method,
                layer0=self.layer0,
                domain=None if self.domain is None else tuple(map(float, self.domain)),
                level=self.level,
                resolution=self.resolution,
                seed=self.seed,
                workers=self.workers,
                factors=self.factors,
                progress=bar.update,
            )
        if self.json:
            show(document("calibrate", self._inputs(target, found), **found.to_dict()))
            return 0
        _report(found, self)
        if self.explain:
            show_explained(found.explain())
        return 0

    def _inputs(self, target: Target, found: Calibration) -> dict[str, object]:
        layers = len(found.proved.densities)
        densities = read_densities(target, density=self.density, sparsity=self.sparsity, layers=layers)
        box = None if self.domain is None else list(map(float, self.domain))
        if box is None and target.network is not None:
            box = [0.0, 1.0] if target.domain is None else interval_or_box(target.domain)
        return {
            "target": self.target,
            **densities_inputs(target, densities),
            "delta": rational_text(found.proved.failure_probability),
            "method": self.method,
            "layer0": found.proved.layer0,
            "domain": box,
            "level": rational_text(self.level),
            "resolution": rational_text(self.resolution),
            "workers": self.workers,
            "factors": (self.factors or 2) if self.method == "factored" else None,
        }


def _failed(found: Calibration) -> str:
    if found.meaning == "built":
        return "the builder failed on"
    return "no open set of maps is reached, as ranks over a prime field say, on"


def _report(found: Calibration, command: CalibrateCommand) -> None:
    proved = found.proved
    enough = found.test.verdict == "at most"
    rows = [
        [name, proved.layer0, *(width for width in widths[:-1] if width), total]
        for name, widths, total in (
            ("proved", proved.widths, proved.total),
            ("measured" if enough else "no fewer shown", found.widths, found.total),
        )
    ]
    hidden = (f"N_{layer}" for layer in range(len(found.widths) - 1))
    show(render(rows, ["widths", "layer 0", *hidden, "total"], command.format))
    if command.format != "table":
        return
    test, lower = found.test, proved.success_lower
    share = "" if lower is None else f", success >= {success_text(lower)}"
    show(wrap(f"  proved    {proved.statement}, {proved.variant}; sufficient{share}"))
    interval = f"[{test.interval.low:.3g}, {test.interval.high:.3g}]"
    show(
        wrap(
            f"  measured  {_failed(found)} {test.failures} of {test.trials:,} masks: failure probability in "
            f"{interval} at level {test.interval.level:.6g}, delta = {float(test.limit):.4g}"
        )
    )
    if not enough:
        show(wrap("            no test has shown that fewer are enough: these widths rest on their proof"))
    searched = f"{len(found.tests)} anytime tests on {found.masks:,} masks, all right with probability"
    show(wrap(f"  search    {searched} {float(found.level):.4g}; that nothing smaller would do is not claimed"))
