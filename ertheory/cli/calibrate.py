"""``ertheory calibrate``: the widths at which the builders succeed, found by building, beside the proved ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tqdm import tqdm

from ertheory.bounds.result import rational_text, success_text
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    Format,
    ReadingName,
    Sparsity,
    TargetText,
    densities_inputs,
    read_delta,
    read_integer,
    read_interval,
    read_target_text,
    read_text_densities,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.widths import checked_reading
from ertheory.errors import InvalidInput
from ertheory.montecarlo import CALIBRATED, Calibration, calibrate
from ertheory.numbers import probability

__all__ = ["CalibrateCommand"]

_OPTIONS = {"method", "layer0", "target", "workers"}


@dataclass(frozen=True)
class CalibrateCommand:
    """Widths at which the builder succeeds on a share of 1 - delta of drawn masks."""

    target: TargetText
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[str, option(metavar="M", help=f"One of {', '.join(CALIBRATED)}.")] = "sharp"
    layer0: ReadingName = None
    domain: Annotated[
        str | None,
        option(metavar="A,B", help="Every input lies between these. If left out: what the file says, else 0,1."),
    ] = None
    level: Annotated[str, option(metavar="C", help="Confidence of all conclusions together, in (0, 1).")] = "0.99"
    resolution: Annotated[
        str, option(metavar="R", help="The search ends when it knows each width up to this share of it.")
    ] = "0.01"
    seed: Annotated[str, option(metavar="N", help="Seed of the masks.")] = "0"
    workers: Annotated[
        str | None,
        option(metavar="K", help="Processes; one per processor if left out. No result depends on it."),
    ] = None
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Draw, build, and print."""
        target = read_target_text(self.target)
        densities = read_text_densities(target, self.density, self.sparsity)
        delta = read_delta(self.delta, self.confidence)
        level, resolution = probability("--level", self.level), probability("--resolution", self.resolution)
        workers = None if self.workers is None else read_integer("--workers", self.workers)
        seed = read_integer("--seed", self.seed)
        reading = checked_reading(self.layer0)
        box = read_interval("--domain", self.domain) if self.domain is not None else None
        if box is None and target.network is not None and target.domain is None:
            box = 0.0, 1.0
        try:
            with tqdm(unit=" masks", desc="building", delay=2, leave=False) as bar:
                found = calibrate(
                    target,
                    method=self.method,
                    density=densities,
                    failure_probability=delta,
                    layer0=reading,
                    domain=box,
                    level=level,
                    resolution=resolution,
                    seed=seed,
                    workers=workers,
                    progress=bar.update,
                )
        except InvalidInput as error:
            name = (
                f"--{error.argument}" if error.argument in ("method", "layer0", "target", "workers") else error.argument
            )
            raise InvalidInput(name, error.allowed, error.value) from None
        if self.json:
            inputs = {
                "target": self.target,
                **densities_inputs(target, densities),
                "delta": rational_text(delta),
                "method": self.method,
                "layer0": found.proved.layer0,
                "domain": None if box is None else list(box),
                "level": rational_text(level),
                "resolution": rational_text(resolution),
                "workers": workers,
            }
            show(document("calibrate", inputs, **found.to_dict()))
        else:
            _report(found, self.format)
        return 0


def _report(found: Calibration, style: str) -> None:
    proved = found.proved
    numbers = range(len(found.widths) - 1)
    enough = found.test.verdict == "at most"
    rows = [
        [name, proved.layer0, *(f"{width:,}" for width in widths[:-1] if width), f"{total:,}"]
        for name, widths, total in (
            ("proved", proved.widths, proved.total),
            ("measured" if enough else "no fewer shown", found.widths, found.total),
        )
    ]
    show(render(rows, ["widths", "layer 0", *(f"N_{layer}" for layer in numbers), "total"], style))
    if style != "table":
        return
    test, lower = found.test, proved.success_lower
    share = "" if lower is None else f", success >= {success_text(lower)}"
    show(wrap(f"  proved    {proved.statement}, {proved.variant}; sufficient{share}"))
    interval = f"[{test.interval.low:.3g}, {test.interval.high:.3g}]"
    show(
        wrap(
            f"  measured  the builder failed on {test.failures} of {test.trials:,} masks: failure probability in "
            f"{interval} at level {test.interval.level:.6g}, delta = {float(test.limit):.4g}"
        )
    )
    if not enough:
        show(wrap("            no test has shown that fewer are enough: these widths rest on their proof"))
    searched = f"{len(found.tests)} sequential tests on {found.masks:,} masks, all right with probability"
    show(wrap(f"  search    {searched} {float(found.level):.4g}; that nothing smaller would do is not claimed"))
