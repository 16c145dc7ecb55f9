"""``ertheory subset-sum``: how many variables Lemma 2.4 needs, proved, measured, printed or simulated."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from ertheory.bounds import Mode, SubsetSumCount
from ertheory.bounds.result import rational_text
from ertheory.cli import reading
from ertheory.cli.arguments import Confidence, Delta, Explain, Format, Json, OneSparsity
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import subset_sum
from ertheory.commands.arguments import near_zero_is_density
from ertheory.montecarlo import SimulatedSubsetSum
from ertheory.tables import Cell, Shown

__all__ = ["SubsetSumCommand"]


@dataclass(frozen=True)
class SubsetSumCommand:
    """How many random variables a subset sum under a mask needs."""

    epsilon: Annotated[
        Fraction, Option("The sum may miss the target by this distance, in (0, 1).", "E", read=reading.unit)
    ]
    density: Annotated[
        Fraction | None,
        Option("A variable survives the mask with this probability, in (0, 1].", "P", read=reading.density),
    ] = None
    sparsity: OneSparsity = None
    delta: Delta = None
    confidence: Confidence = None
    z: Annotated[Fraction | None, Option("This is the target, in [-1, 1]; it is 1 if left out.", "Z")] = None
    uniform: Annotated[bool, Option("Meet every target in [-1, 1] at once, instead of one.")] = False
    law: Annotated[
        str,
        Option(
            "The variables have this law: uniform, U[-1,1]; product, U[-1,1] times U[0,1]; or B,A: any that is uniform "
            "on [-B,B] with probability A (mode rigorous).",
            "L",
        ),
    ] = "uniform"
    mode: Annotated[
        Mode | None,
        Option(
            "The number is rigorous (proved; this if left out), calibrated (measured) or printed (with --constant).",
            "M",
        ),
    ] = None
    constant: Annotated[
        Fraction | None,
        Option("This is the constant of the printed formula, above 0, which the paper does not name.", "C"),
    ] = None
    blocks: Annotated[bool, Option("Split a target beyond [-1, 1] into blocks of variables (mode rigorous).")] = False
    extrapolate: Annotated[bool, Option("Let mode calibrated answer outside the ranges that were measured.")] = False
    kept: Annotated[
        int | None,
        Option("No sum has more than so many variables (mode rigorous).", "K", read=reading.whole(1)),
    ] = None
    locked: Annotated[
        Fraction | None,
        Option(
            "A variable is in every sum with this probability, below the density, and free with the rest of it (mode "
            "rigorous).",
            "Q",
        ),
    ] = None
    simulate: Annotated[bool, Option("Measure the number by Monte Carlo instead.")] = False
    trials: Annotated[
        int | None,
        Option("The simulation has so many trials; it decides itself if this is left out.", "N", read=reading.whole(1)),
    ] = None
    seed: Annotated[int | None, Option("The simulation is drawn by this seed; it is 0 if left out.", "N")] = None
    level: Annotated[
        Fraction | None,
        Option("Its interval has this confidence level, in (0, 1); it is 0.95 if left out.", "C", read=reading.unit),
    ] = None
    workers: Annotated[
        int | None, Option("So many threads simulate; one per processor if it is left out.", "N", read=reading.whole(1))
    ] = None
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Answer the question."""
        with Progress(total=self.trials, unit=" trials", unit_scale=True) as bar:
            found = subset_sum(
                epsilon=self.epsilon,
                density=self.density,
                sparsity=self.sparsity,
                delta=self.delta,
                confidence=self.confidence,
                z=self.z,
                uniform=self.uniform,
                law=self.law,
                mode=self.mode,
                constant=self.constant,
                blocks=self.blocks,
                extrapolate=self.extrapolate,
                kept=self.kept,
                locked=self.locked,
                simulate=self.simulate,
                trials=self.trials,
                seed=self.seed,
                level=self.level,
                workers=self.workers,
                progress=bar.reach,
            )
        if isinstance(found, SimulatedSubsetSum):
            self._show_simulated(found)
        else:
            self._show_counted(found)
        return 0

    def _show_counted(self, found: SubsetSumCount) -> None:
        given = "density" if self.density is not None else "sparsity"
        with near_zero_is_density((found.problem.density,), given=given):
            content = found.to_dict()
        if self.json:
            flags = {"blocks": self.blocks, "extrapolate": self.extrapolate, "simulate": False}
            show(document("subset-sum", {**content.pop("inputs"), **flags}, **content))
            return
        failure = [Shown(content[name], _short(content[name])) for name in ("failure_lower", "failure_upper")]
        rows = [
            [found.mode, content["kind"], found.n, *failure],
            ["lower bound", "necessary", found.necessary, None, None],
        ]
        show(render(rows, ["mode", "kind", "n", "failure >=", "failure <="], self.format))
        if self.format == "table":
            self._say_counted(found)
        if self.explain:
            show_explained(found.explain())

    def _say_counted(self, found: SubsetSumCount) -> None:
        problem = found.problem
        asked = (problem.density, problem.epsilon, found.failure_probability, problem.z, problem.uniform)
        fewer = f" With fewer than {found.necessary:,} it is proved to fail more often." if found.necessary else ""
        show("\n" + wrap(_question(found.inputs["law"], *asked, kept=found.kept, locked=found.locked)))
        show(wrap(f"{found.statement}, {found.variant}.{fewer}"))
        for warning in found.warnings:
            show(wrap(f"  ! {warning}"))

    def _show_simulated(self, found: SimulatedSubsetSum) -> None:
        content = found.to_dict()
        z = Fraction(1) if self.z is None else self.z
        if self.json:
            inputs = self._simulated_inputs(content, z)
            told = ("trials", "level", "seed")
            fields = {name: value for name, value in content.items() if name in told or name not in inputs}
            show(document("subset-sum", inputs, **fields))
            return
        low, high = content["interval"]
        speed = content["trials_per_second"]
        row: list[Cell] = [
            found.n,
            f"{low:,} to {high:,}",
            Shown(content["level"], f"{content['level']:g}"),
            found.failures,
            found.trials,
            Shown(speed, f"{speed:,.0f}"),
        ]
        show(render([row], ["n", "interval", "level", "failures", "trials", "per second"], self.format))
        if self.format == "table":
            asked = _question(self.law, found.density, found.epsilon, found.failure_probability, z, self.uniform)
            show("\n" + wrap(f"{asked} Measured, seed {found.seed}."))
        if self.explain:
            show_explained(found.explain())

    def _simulated_inputs(self, content: dict[str, Any], z: Fraction) -> dict[str, Any]:
        from joblib import effective_n_jobs

        return {
            **{name: content[name] for name in ("density", "epsilon", "delta")},
            "z": rational_text(z),
            "uniform": self.uniform,
            "law": self.law,
            "simulate": True,
            "trials": content["trials"],
            "seed": content["seed"],
            "level": rational_text(Fraction(95, 100) if self.level is None else self.level),
            "workers": effective_n_jobs(self.workers),
        }


def _question(
    law: str,
    density: Fraction,
    epsilon: Fraction,
    delta: Fraction,
    z: Fraction,
    uniform: bool,
    *,
    kept: int | None = None,
    locked: Fraction = Fraction(0),
) -> str:
    always = f", of these {float(locked):.6g} to be in every sum" if locked else ""
    some = "some subset" if kept is None else f"some subset of at most {kept:,}"
    target = f"every target in [-{float(z):g}, {float(z):g}]" if uniform else f"z = {float(z):g}"
    return (
        f"Variables of law {law}, each kept with probability {float(density):.6g}{always}: {some} within "
        f"{float(epsilon):.6g} of {target}, but for a probability {float(delta):.6g}."
    )


def _short(value: float) -> str:
    return f"{value:.3g}" if value else "0"
