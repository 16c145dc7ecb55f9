"""``ertheory subset-sum``: how many variables Lemma 2.4 needs, proved, measured, printed or simulated."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Annotated, Any

import tyro

from ertheory.bounds import LAWS, MODES, LawName, Mode, SubsetSumCount, n_required
from ertheory.cli.arguments import Confidence, Delta, Format, read_delta, read_integer
from ertheory.cli.output import document, render, show, wrap
from ertheory.errors import InvalidInput
from ertheory.exact import exact_rational, probability
from ertheory.results import rational_text

__all__ = ["SubsetSumCommand", "read_option", "renamed"]

_OPTIONS = {"failure_probability": "--delta"}


@dataclass(frozen=True)
class SubsetSumCommand:
    """How many random variables a subset sum under a mask needs."""

    epsilon: Annotated[str, tyro.conf.arg(metavar="E", help="Distance to the target that is allowed, in (0, 1).")]
    density: Annotated[
        str | None, tyro.conf.arg(metavar="P", help="Probability that a variable survives the mask, in (0, 1].")
    ] = None
    sparsity: Annotated[str | None, tyro.conf.arg(metavar="S", help="1 - density.")] = None
    delta: Delta = None
    confidence: Confidence = None
    z: Annotated[str | None, tyro.conf.arg(metavar="Z", help="The target, in [-1, 1]; 1 if left out.")] = None
    uniform: bool = False
    """Meet every target in [-1, 1] at once, instead of one."""
    law: Annotated[
        str, tyro.conf.arg(metavar="L", help="Of the variables: uniform, U[-1,1]; product, U[-1,1] times U[0,1].")
    ] = "uniform"
    mode: Annotated[
        str,
        tyro.conf.arg(metavar="M", help="rigorous (proved), calibrated (measured) or printed (with --constant)."),
    ] = "rigorous"
    constant: Annotated[
        str | None, tyro.conf.arg(metavar="C", help="Constant of the printed formula, which the paper does not name.")
    ] = None
    blocks: bool = False
    """Split a target beyond [-1, 1] into blocks of variables (mode rigorous)."""
    extrapolate: bool = False
    """Let mode calibrated answer outside the ranges that were measured."""
    simulate: bool = False
    """Measure the number by Monte Carlo instead."""
    trials: Annotated[str | None, tyro.conf.arg(metavar="N", help="Trials of the simulation.")] = None
    seed: Annotated[str, tyro.conf.arg(metavar="N", help="Seed of the simulation.")] = "0"
    level: Annotated[str, tyro.conf.arg(metavar="C", help="Confidence level of its interval.")] = "0.95"
    workers: Annotated[str | None, tyro.conf.arg(metavar="N", help="Threads of the simulation.")] = None
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
        epsilon = probability("--epsilon", self.epsilon)
        delta = read_delta(self.delta, self.confidence)
        if self.uniform and self.z is not None:
            raise InvalidInput("--z", "no target with --uniform, which is about all of [-1, 1]", self.z)
        z = Fraction(1) if self.z is None else exact_rational("--z", self.z)
        if abs(z) > 1 and (not self.blocks or self.simulate):
            allowed = "a target in [-1, 1]; --blocks splits a larger one into blocks of variables (mode rigorous)"
            raise InvalidInput("--z", allowed, self.z)
        try:
            if self.simulate:
                return self._simulate(density, epsilon, delta, z)
            return self._count(density, epsilon, delta, z)
        except InvalidInput as error:
            raise renamed(error, self, _OPTIONS) from None

    def _count(self, density: Fraction, epsilon: Fraction, delta: Fraction, z: Fraction) -> int:
        mode: Mode = read_option("--mode", self.mode, MODES)
        if self.trials is not None:
            raise InvalidInput("--trials", "--simulate to go with it", self.trials)
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
            inputs = {**content.pop("inputs"), "blocks": self.blocks, "extrapolate": self.extrapolate}
            show(document("subset-sum", inputs, **content))
        else:
            _report(found, self.format)
        return 0

    def _simulate(self, density: Fraction, epsilon: Fraction, delta: Fraction, z: Fraction) -> int:
        from tqdm import tqdm

        from ertheory.montecarlo import simulate_subset_sum

        trials = None if self.trials is None else read_integer("--trials", self.trials)
        workers = None if self.workers is None else read_integer("--workers", self.workers)
        seed = read_integer("--seed", self.seed)
        level = probability("--level", self.level)
        with tqdm(total=trials, unit=" trials", unit_scale=True, delay=2, leave=False) as bar:
            found = simulate_subset_sum(
                density,
                epsilon,
                delta,
                z=z,
                uniform=self.uniform,
                law=self._law(),
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
            "level": rational_text(level),
            "workers": workers,
        }
        if self.json:
            told = {name: value for name, value in content.items() if name in ("trials", "level") or name not in inputs}
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

    def _law(self) -> LawName:
        law: LawName = read_option("--law", self.law, LAWS)
        return law


def read_option(argument: str, text: str, allowed: tuple[Any, ...]) -> Any:
    """Read one of a few names."""
    if text not in allowed:
        raise InvalidInput(argument, f"one of {', '.join(allowed)}", text)
    return text


def renamed(error: InvalidInput, command: Any, options: dict[str, str]) -> InvalidInput:
    """Name an argument as on the command line, where a call from Python names it otherwise."""
    known = {field.name: f"--{field.name.replace('_', '-')}" for field in fields(command)} | options
    return InvalidInput(known.get(error.argument, error.argument), error.allowed, error.value)


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
