"""``ertrain verify``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import torch
from tqdm import tqdm

from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import Confidence, Delta, Density, Explain, Force, Format, Json, Sparsity, densities_inputs
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, wrap
from ertheory.commands.arguments import read_delta, read_target, refuse_given
from ertheory.errors import InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.processes import on_cluster
from ertheory.tables import Cell, Style
from ertrain.cli.arguments import folder_for
from ertrain.cli.verify_floors import FloorQuestion
from ertrain.storage.files import locked
from ertrain.students.examples import named_teacher
from ertrain.students.widths import (
    SCALES,
    ConstructionName,
    TheoryMeetsTraining,
    draw_widths,
    measure_widths,
    source_layers,
)

__all__ = ["VerifyCommand"]


TeacherText = Annotated[
    str,
    Option(
        "This is the network to learn: 4-8-3, with random weights; a file with weights; digits or digits-H, a trained "
        "classifier 64-H-10; relu-D, the ReLU of a sum of D inputs.",
        "T",
    ),
]


@dataclass(frozen=True)
class VerifyCommand:
    """Whether training needs the widths that the theory asks for, or stays above the floors of its masks."""

    statement: Annotated[
        Literal["widths", "floors"],
        Option(
            "It measures widths, beside those of the theory, or floors, below which no student of one ReLU gets on "
            "its mask.",
            "STATEMENT",
            positional=True,
        ),
    ]
    target: TeacherText
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    construction: Annotated[
        ConstructionName,
        Option(
            "For widths: students are wide enough for copies of the target's neurons, or have two masked maps for "
            "each of its maps (factored).",
            "C",
        ),
    ] = "copies"
    scale: Annotated[str, Option(f"The scale is one of {', '.join(SCALES)}.", "S", read=reading.choice(*SCALES))] = (
        "quick"
    )
    seed: Annotated[int, Option("Teacher, masks, starts and points are drawn by this seed.", "K")] = 0
    out: Annotated[
        str | None,
        Option(
            "The outcomes of trials of widths are kept in this folder, 'widths' if left out; the same command goes on "
            "from them.",
            "DIR",
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(
            "So many processes train for widths; one per processor if it is left out. No result depends on it.",
            "N",
            read=reading.whole(1),
        ),
    ] = None
    cluster: Annotated[
        str | None, Option("For widths this Dask scheduler is used instead of processes here.", "ADDRESS")
    ] = None
    device: Annotated[str, Option("Students learn on this device: cpu, cuda or cuda:1.", "D")] = "cpu"
    plot: Annotated[str | None, Option("A figure (.png, .svg) and its .csv are written into this folder.", "DIR")] = (
        None
    )
    force: Force = False
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Build, train, and print."""
        delta, seed = read_delta(self.delta, self.confidence, None), self.seed
        if self.statement == "floors":
            return self._floors(read_target(self.target), delta, seed)
        named = named_teacher(self.target, seed)
        target, examples = (read_target(self.target), None) if named is None else named
        layers = source_layers(self.construction, target)
        densities = read_densities(target, density=self.density, sparsity=self.sparsity, layers=layers)
        workers = self.workers or os.cpu_count() or 1
        if self.cluster is None and not _usable(self.device):
            raise InvalidInput("--device", "cpu, or a GPU that is there, such as cuda", self.device)
        out = folder_for("--out", self.out or "widths")
        taught = str(target) if named is None else self.target
        kind = "" if self.construction == "copies" else f"{self.construction}-"
        name = f"{kind}{self.scale}-{taught[:80]}-{'-'.join(map(_short, (*densities, delta)))}-{seed}.json"
        most = SCALES[self.scale].most_trials(delta)
        with locked(out), on_cluster(self.cluster), tqdm(total=most, unit=" masks", leave=False) as bar:
            asked: list[tuple[str, int]] = []

            def progress(kind: str, total: int, trials: int) -> None:
                if asked[-1:] != [(kind, total)]:  # a test of its own, of so many masks at most
                    asked.append((kind, total))
                    bar.reset(total=most)
                    bar.set_description(f"test {len(asked)}: {kind}, {total:,} neurons", refresh=False)
                bar.update(trials)

            found = measure_widths(
                target,
                density=densities,
                failure_probability=delta,
                scale=SCALES[self.scale],
                examples=examples,
                construction=self.construction,
                seed=seed,
                path=out / name,
                workers=workers if self.cluster is None else None,
                device=self.device,
                progress=progress,
            )
        files = self._draw(found)
        if self.json:
            inputs = {
                "statement": self.statement,
                "target": self.target,
                **densities_inputs(target, densities),
                "delta": rational_text(delta),
                "construction": self.construction,
                "scale": self.scale,
                "out": str(out),
                "workers": workers,
                "cluster": self.cluster,
                "device": self.device,
                "plot": self.plot,
                "force": self.force,
            }
            show(document("verify", inputs, files=files, **found.to_dict()))
        else:
            _report(found, self.format)
            if self.explain:
                show_explained(found.explain())
        return 0

    def _floors(self, target: Target, delta: Fraction, seed: int) -> int:
        construction = None if self.construction == "copies" else self.construction
        given = {"out": self.out, "workers": self.workers, "cluster": self.cluster, "construction": construction}
        refuse_given("nothing for floors", **given)
        if not _usable(self.device):
            raise InvalidInput("--device", "cpu, or a GPU that is there, such as cuda", self.device)
        return FloorQuestion(
            target=target,
            text=self.target,
            density=self.density,
            sparsity=self.sparsity,
            delta=delta,
            scale=self.scale,
            seed=seed,
            device=self.device,
            plot=self.plot,
            force=self.force,
            explain=self.explain,
            format=self.format,
            json=self.json,
        ).run()

    def _draw(self, found: TheoryMeetsTraining) -> list[str]:
        if self.plot is None:
            return []
        try:
            return [str(path) for path in draw_widths(found, Path(self.plot), force=self.force)]
        except InvalidInput as error:
            raise InvalidInput("--plot", error.allowed, error.value) from None


def _usable(device: str) -> bool:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):  # no such word, no such device, or PyTorch without it
        return False
    return True


def _up_to(resolution: float) -> str:
    return f", found up to {resolution:.0%} of a total" if resolution else ""


def _short(value: object) -> str:
    return str(value).replace("/", "_")[:24]


def _report(found: TheoryMeetsTraining, style: Style) -> None:
    content = found.to_dict()
    rows: list[list[Cell]] = []
    for row in content["results"]:
        widths = row["widths"] or [None] * len(found.line.first)
        interval = "-" if row["interval"] is None else f"[{row['interval'][0]}, {row['interval'][1]}]"
        star = "" if row["applies"] else "*"
        rows.append([row["method"] + star, *widths, row["total"], interval])
    numbers = range(len(found.line.first))
    show(render(rows, ["widths", *(f"N_{layer}" for layer in numbers), "total", "interval"], style))
    if style != "table":
        return
    if not all(row["applies"] for row in content["results"]):
        show("* does not apply here, or was not reached on the line.")
    failures, tolerance, budget = found.failures, found.tolerance, found.scale.budget
    ends = " to ".join("-".join(map(str, corner)) for corner in found.line.corners)
    show("")
    show(
        wrap(
            f"  measured  along one line of widths, {ends}; intervals for the smallest that is enough"
            f"{_up_to(found.scale.resolution)}, "
            f"all right with probability {float(found.scale.level):g} where failures grow rarer along the line; "
            f"{found.construction.trials:,} masks in {len(found.construction.tests)} tests of constructions, "
            f"{found.training.trials:,} students in {len(found.training.tests)} of training"
        )
    )
    show(
        wrap(
            f"  training  Adam, {budget.steps:,} steps of {budget.batch} fresh points, learning rate "
            f"{budget.learning_rate:g}; learnt: rms error at most {tolerance.rms:g} and largest at most "
            f"{tolerance.largest:g} of the spread of the teacher's outputs"
        )
    )
    if failures.total is not None:
        show(
            wrap(
                f"  failures  of {failures.trials} students with {failures.total} neurons {failures.mask} failed on "
                f"masks without the construction, and {failures.optimiser} on masks with it"
            )
        )
