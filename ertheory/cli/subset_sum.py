"""``ertheory subset-sum``: how many variables Lemma 2.4 needs, proved, measured, printed or simulated."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from ertheory.bounds import LAWS, MODES, LawLike, LawName, Mode, SubsetSumCount, UniformPart, n_required
from ertheory.bounds.result import rational_text
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Format,
    blamed_on_density,
    read_delta,
    read_integer,
    read_option,
    refuse_given,
    renamed,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InfeasibleWidth, InvalidInput
from ertheory.numbers import exact_rational, probability

__all__ = ["SubsetSumCommand"]

_OPTIONS = {"failure_probability": "--delta"}
_PARTS = {"half_width": "a number B above 0", "mass": "a probability A in (0, 1]"}


@dataclass(frozen=True)
class SubsetSumCommand:
    """How many random variables a subset sum under a mask needs."""

    epsilon: Annotated[str, option(metavar="E", help="Distance to the target that is allowed, in (0, 1).")]
    density: Annotated[
        str | None, option(metavar="P", help="Probability that a variable survives the mask, in (0, 1].")
    ] = None
    sparsity: Annotated[str | None, option(metavar="S", help="1 - density.")] = None
    delta: Delta = None
    confidence: Confidence = None
    z: Annotated[str | None, option(metavar="Z", help="The target, in [-1, 1]; 1 if left out.")] = None
    uniform: bool = False
    """Meet every target in [-1, 1] at once, instead of one."""
    law: Annotated[
        str,
        option(
            metavar="L",
            help="Of the variables: uniform, U[-1,1]; product, U[-1,1] times U[0,1]; or B,A: any that is uniform on "
            "[-B,B] with probability A (mode rigorous).",
        ),
    ] = "uniform"
    mode: Annotated[
        str | None,
        option(
            metavar="M",
            help="rigorous (proved; if left out), calibrated (measured) or printed (with --constant).",
        ),
    ] = None
    constant: Annotated[
        str | None, option(metavar="C", help="Constant of the printed formula, which the paper does not name.")
    ] = None
    blocks: bool = False
    """Split a target beyond [-1, 1] into blocks of variables (mode rigorous)."""
    extrapolate: bool = False
    """Let mode calibrated answer outside the ranges that were measured."""
    simulate: bool = False
    """Measure the number by Monte Carlo instead."""
    trials: Annotated[str | None, option(metavar="N", help="Trials of the simulation.")] = None
    seed: Annotated[str | None, option(metavar="N", help="Seed of the simulation; 0 if left out.")] = None
    level: Annotated[str | None, option(metavar="C", help="Confidence level of its interval; 0.95 if left out.")] = None
    workers: Annotated[str | None, option(metavar="N", help="Threads of the simulation.")] = None
    format: Format = "table"
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Answer the question."""
        mode: Mode = read_option("--mode", "rigorous" if self.mode is None else self.mode, MODES)
        if self.simulate:
            refuse_given(self, ("mode", "constant", "blocks", "extrapolate"), "no --simulate beside it")
        else:
            refuse_given(self, ("trials", "seed", "level", "workers"), "--simulate to go with it")
            if mode != "calibrated":
                refuse_given(self, ("extrapolate",), "--mode calibrated to go with it")
        if (self.density is None) == (self.sparsity is None):
            given = "both" if self.density is not None else "none"
            raise InvalidInput("--density", "exactly one of --density and --sparsity", given)
        if self.density is not None:
            density = probability("--density", self.density, one=True)
        else:
            density = 1 - probability("--sparsity", self.sparsity, zero=True)
        epsilon = probability("--epsilon", self.epsilon)
        delta = read_delta(self.delta, self.confidence)
        if self.uniform and self.z is not None:
            raise InvalidInput("--z", "no target with --uniform, which is about all of [-1, 1]", self.z)
        z = Fraction(1) if self.z is None else exact_rational("--z", self.z)
        if abs(z) > 1 and not self.blocks:
            allowed = "a target in [-1, 1]; --blocks splits a larger one into blocks of variables (mode rigorous)"
            raise InvalidInput("--z", allowed, self.z)
        try:
            if self.simulate:
                return self._simulate(density, epsilon, delta, z)
            return self._count(mode, density, epsilon, delta, z)
        except InvalidInput as error:
            raise renamed(error, self, _OPTIONS) from None
        except InfeasibleWidth as error:
            raise blamed_on_density(error, self, [density]) from None

    def _count(self, mode: Mode, density: Fraction, epsilon: Fraction, delta: Fraction, z: Fraction) -> int:
        found = n_required(
            density=density,
            epsilon=epsilon,
            failure_probability=delta,
            z=z,
            uniform=self.uniform,
            law=self._law(),
            mode=mode,
            constant=self.constant,
            extrapolate=self.extrapolate,
        )
        if self.json:
            content = found.to_dict()
            inputs = {
                **content.pop("inputs"),
                "blocks": self.blocks,
                "extrapolate": self.extrapolate,
                "simulate": False,
            }
            show(document("subset-sum", inputs, **content))
        else:
            _report(found, self.format)
        return 0

    def _simulate(self, density: Fraction, epsilon: Fraction, delta: Fraction, z: Fraction) -> int:
        from joblib import effective_n_jobs
        from tqdm import tqdm

        from ertheory.montecarlo import simulate_subset_sum

        trials = None if self.trials is None else read_integer("--trials", self.trials, least=1)
        workers = None if self.workers is None else read_integer("--workers", self.workers, least=1)
        seed = read_integer("--seed", "0" if self.seed is None else self.seed)
        level = probability("--level", "0.95" if self.level is None else self.level)
        with tqdm(total=trials, unit=" trials", unit_scale=True, delay=2, leave=False) as bar:
            found = simulate_subset_sum(
                density,
                epsilon,
                delta,
                z=z,
                uniform=self.uniform,
                law=self._simulated_law(),
                trials=trials,
                seed=seed,
                level=level,
                workers=workers,
                progress=lambda done: bar.update(done - bar.n),
            )
        content: dict[str, Any] = found.to_dict()
        inputs = {
            "density": rational_text(density),
            "epsilon": rational_text(epsilon),
            "delta": rational_text(delta),
            "z": rational_text(z),
            "uniform": self.uniform,
            "law": self.law,
            "simulate": True,
            "trials": content["trials"],
            "seed": seed,
            "level": rational_text(level),
            "workers": effective_n_jobs(workers),
        }
        if self.json:
            told = {
                name: value
                for name, value in content.items()
                if name in ("trials", "level", "seed") or name not in inputs
            }
            show(document("subset-sum", inputs, **{"seed": seed, **told}))
            return 0
        low, high = content["interval"]
        rows = [
            [
                f"{content['n']:,}",
                f"{low:,} to {high:,}",
                f"{content['level']:g}",
                f"{content['failures']:,}",
                f"{content['trials']:,}",
                f"{content['trials_per_second']:,.0f}",
            ]
        ]
        show(render(rows, ["n", "interval", "level", "failures", "trials", "per second"], self.format))
        if self.format == "table":
            show("")
            show(wrap(f"{_question(self.law, density, epsilon, delta, z, self.uniform)} Measured, seed {seed}."))
        return 0

    def _law(self) -> LawLike:
        if self.law in LAWS:
            return self._simulated_law()
        parts = self.law.split(",")
        if len(parts) != 2:
            allowed = f"one of {', '.join(LAWS)}, or B,A for one that is uniform on [-B,B] with probability A"
            raise InvalidInput("--law", allowed, self.law)
        try:
            return UniformPart(exact_rational("half_width", parts[0]), exact_rational("mass", parts[1]))
        except InvalidInput as error:
            raise InvalidInput("--law", f"B,A with {_PARTS[error.argument]}", self.law) from None

    def _simulated_law(self) -> LawName:
        law: LawName = read_option("--law", self.law, LAWS)
        return law


def _report(found: SubsetSumCount, style: str) -> None:
    kind = found.to_dict()["kind"]
    upper, lower = found.to_dict()["failure_upper"], found.to_dict()["failure_lower"]
    rows = [
        [found.mode, kind, f"{found.n:,}", _short(lower), _short(upper)],
        ["lower bound", "necessary", f"{found.necessary:,}", "-", "-"],
    ]
    show(render(rows, ["mode", "kind", "n", "failure >=", "failure <="], style))
    if style != "table":
        return
    problem = found.problem
    inputs = found.inputs
    asked = _question(
        inputs["law"], problem.density, problem.epsilon, found.failure_probability, problem.z, problem.uniform
    )
    show("")
    show(wrap(asked))
    show(
        wrap(
            f"{found.statement}, {found.variant}. With fewer than {found.necessary:,} it is proved to fail more often."
        )
    )
    for warning in found.warnings:
        show(wrap(f"  ! {warning}"))


def _question(law: str, density: Fraction, epsilon: Fraction, delta: Fraction, z: Fraction, uniform: bool) -> str:
    target = f"every target in [-{float(z):g}, {float(z):g}]" if uniform else f"z = {float(z):g}"
    return (
        f"Variables of law {law}, each kept with probability {float(density):.6g}: some subset within "
        f"{float(epsilon):.6g} of {target}, but for a probability {float(delta):.6g}."
    )


def _short(value: float) -> str:
    return f"{value:.3g}" if value else "0"
