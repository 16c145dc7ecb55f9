"""How many variables: one entry to the explicit theorem, the measurements, and Lemma 2.4 as printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args

from ertheory.bounds.result import rational_text
from ertheory.bounds.subset_sum.calibrated import calibrated_count, outside
from ertheory.bounds.subset_sum.explained import count_steps
from ertheory.bounds.subset_sum.explicit import explicit_count, potential_of, upper_of
from ertheory.bounds.subset_sum.limited import checked_kept, limited_count, limited_upper, necessary_limited
from ertheory.bounds.subset_sum.locked import checked_locked, locked_count, locked_lower, locked_upper, necessary_locked
from ertheory.bounds.subset_sum.lower import lower_of, necessary_count
from ertheory.bounds.subset_sum.printed import printed_count
from ertheory.bounds.subset_sum.problem import LawLike, SubsetSum, read_problem
from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, exact_rational, probability
from ertheory.results import Explained, Step

__all__ = ["MODES", "Mode", "SubsetSumCount", "n_required", "read_constant", "read_mode"]

Mode = Literal["rigorous", "calibrated", "printed"]
MODES: tuple[Mode, ...] = get_args(Mode)

_STATEMENTS: dict[Mode, str] = {
    "rigorous": "Lemma 2.4 with explicit constants (Theorem A')",
    "calibrated": "Lemma 2.4, fitted to Monte-Carlo results",
    "printed": "Lemma 2.4",
}
_VARIANTS: dict[Mode, str] = {"rigorous": "repaired", "calibrated": "measured", "printed": "printed"}
_Number = TypeVar("_Number", int, Fraction)
_PARADOX = 1 - 1 / math.e  # density above which the printed factor is below 1


@dataclass(frozen=True, kw_only=True)
class SubsetSumCount(Explained):
    """Number of variables that a statement asks for.

    Parameters
    ----------
    n
        Variables, live or not.
    mode
        ``rigorous``, ``calibrated`` or ``printed``.
    problem
        Density, tolerance, target and law.
    failure_probability
        delta.
    constant
        C of the printed formula, else ``None``.
    kept
        k, if no more than so many variables may be in a sum; else ``None``.
    locked
        Probability that a variable is part of every sum.
    warnings
        What to know before relying on n.
    """

    n: int
    mode: Mode
    problem: SubsetSum
    failure_probability: Fraction
    constant: Fraction | None = None
    kept: int | None = None
    locked: Fraction = Fraction(0)
    warnings: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """The statement that n rests on."""
        if self.kept is not None:
            return f"Lemma 2.4 for sums of at most {self.kept} variables (Theorem K)"
        return "Lemma 2.4 with locked variables (Theorem F)" if self.locked else _STATEMENTS[self.mode]

    @property
    def variant(self) -> str:
        """``repaired`` (proved), ``measured`` or ``printed``."""
        return _VARIANTS[self.mode]

    @cached_property
    def failure_upper(self) -> Fraction:
        """Upper bound on the failure probability at n, rounded up; never above delta for ``rigorous``."""
        if self.kept is not None:
            bound = limited_upper(self.problem, self.n, self.kept)
        elif self.locked:
            free = self.problem.density - self.locked
            bound = locked_upper(self.n, free=free, locked=self.locked, epsilon=self.problem.epsilon)
        else:
            bound = upper_of(self.problem, self.n)
        return min(bound, self.failure_probability) if self.mode == "rigorous" else bound

    @cached_property
    def failure_lower(self) -> Fraction:
        """Lower bound on the failure probability at n, rounded down."""
        if not self.locked:
            return lower_of(self.problem, self.n)
        if self.problem.trivial:
            return Fraction(0)
        return locked_lower(self.n, free=self.problem.density - self.locked, epsilon=self.problem.epsilon)

    @cached_property
    def necessary(self) -> int:
        """Number of variables that are proved necessary: fewer fail with a probability above delta."""
        if self.locked:
            free = self.problem.density - self.locked
            return 0 if self.problem.trivial else necessary_locked(free, self.problem.epsilon, self.failure_probability)
        any_size = necessary_count(self.problem, self.failure_probability)
        if self.kept is None:
            return any_size
        return max(any_size, necessary_limited(self.problem, self.failure_probability, self.kept))

    @property
    def heading(self) -> str:
        """The mode and the statement."""
        return f"{self.mode}, {self.statement}"

    def steps(self) -> tuple[Step, ...]:
        """Give the bound that decides n, and its value there.

        Examples
        --------
        >>> asked = {"density": "0.99", "epsilon": 0.01, "failure_probability": 0.01}
        >>> print(n_required(**asked, mode="printed", constant=5).explain())
        printed, Lemma 2.4
          n >= C ln(1/min(e, delta)) / ln(1/(1 - p))
          p = 0.99, e = 0.01, delta = 0.01, z = 1, C = 5: n = 5
        """
        return count_steps(self)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs, in types that JSON knows."""
        return {
            "density": rational_text(self.problem.density),
            "epsilon": rational_text(self.problem.epsilon),
            "delta": rational_text(self.failure_probability),
            "z": rational_text(self.problem.z),
            "uniform": self.problem.uniform,
            "law": str(self.problem.law),
            "mode": self.mode,
            "constant": None if self.constant is None else rational_text(self.constant),
            "kept": self.kept,
            "locked": rational_text(self.locked),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows; probabilities are doubles on the safe side."""
        return {
            "n": self.n,
            "mode": self.mode,
            "statement": self.statement,
            "variant": self.variant,
            "kind": "printed" if self.mode == "printed" else "sufficient" if self.mode == "rigorous" else "measured",
            "failure_upper": float_above(self.failure_upper),
            "failure_lower": float_below(self.failure_lower),
            "n_necessary": self.necessary,
            "warnings": list(self.warnings),
            "inputs": self.inputs,
        }


def n_required(
    *,
    density: Rational,
    epsilon: Rational,
    failure_probability: Rational,
    z: Rational = 1,
    uniform: bool = False,
    law: LawLike = "uniform",
    mode: Mode = "rigorous",
    constant: Rational | None = None,
    extrapolate: bool = False,
    kept: int | None = None,
    locked: Rational = 0,
) -> SubsetSumCount:
    """Compute how many variables are needed to come within epsilon of z with probability 1 - delta.

    Parameters
    ----------
    density
        p in (0, 1].
    epsilon
        Tolerance in (0, 1).
    failure_probability
        delta in (0, 1).
    z
        Target. ``rigorous`` splits targets beyond what one uniform reaches into blocks; the others refuse |z| > 1.
    uniform
        Whether every target in [-|z|, |z|] has to be met.
    law
        ``uniform`` (U[-1,1]), ``product`` (U[-1,1] times U[0,1]), or a `UniformPart` (``rigorous`` only).
    mode
        ``rigorous``: the smallest n by Theorem A'. ``calibrated``: by fits to measurements, never below what is proved
        necessary. ``printed``: the paper's formula.
    constant
        C > 0 of the printed formula, which does not name it; needed there and only there.
    extrapolate
        Let ``calibrated`` answer outside its measured ranges, with a warning.
    kept
        No sum may have more than so many variables (Theorem K, `ertheory.bounds.subset_sum.limited`); ``rigorous``
        only.
    locked
        A variable is part of every sum with this probability, below the density, and free to be taken with the rest
        of it (Theorem F, `ertheory.bounds.subset_sum.locked`); ``rigorous`` only, for one target in [-1, 1] and
        variables U[-1,1].

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain, or outside what was measured.
    InfeasibleWidth
        If sums of so few variables cannot reach the target.

    Examples
    --------
    >>> answer = n_required(density="0.5", epsilon="0.01", failure_probability="0.01")
    >>> answer.n, answer.necessary, answer.failure_upper <= Fraction(1, 100)
    (69, 32, True)
    >>> n_required(density="0.99", epsilon="0.01", failure_probability="0.01", mode="printed", constant=5).n
    5
    >>> n_required(density="0.5", epsilon="0.01", failure_probability="0.01", kept=4).n
    314
    """
    problem = read_problem(density=density, epsilon=epsilon, z=z, uniform=uniform, law=law)
    delta = probability("failure_probability", failure_probability)
    read_mode(mode)
    factor = read_constant(mode, constant)
    warnings: tuple[str, ...] = ()
    most = None if kept is None else _only_rigorous("kept", mode, checked_kept(kept))
    share = checked_locked(locked, problem.density)
    if share:
        _refuse_locked(problem, _only_rigorous("locked", mode, share), most)
        count = locked_count(problem.density - share, share, problem.epsilon, delta)
    elif most is not None:
        count = limited_count(problem, delta, most)
    elif mode == "rigorous":
        count, _, part = explicit_count(problem, delta)
        blocks = potential_of(problem, part).blocks
        if blocks > 1:
            warnings = (f"the target is met in {blocks} blocks of variables, each for z/{blocks}",)
    elif mode == "calibrated":
        count = calibrated_count(problem, delta, extrapolate=extrapolate)
        warnings = _measured_warnings(problem, delta)
    else:
        assert factor is not None
        count, warnings = _printed(problem, delta, factor)
    return SubsetSumCount(
        n=count,
        mode=mode,
        problem=problem,
        failure_probability=delta,
        constant=factor,
        kept=most,
        locked=share,
        warnings=warnings,
    )


def _only_rigorous(name: str, mode: Mode, value: _Number) -> _Number:
    if mode != "rigorous":
        raise InvalidInput(name, f"no {name} unless the mode is rigorous", value)
    return value


def _refuse_locked(problem: SubsetSum, locked: Fraction, kept: int | None) -> None:
    if kept is not None:
        raise InvalidInput("locked", "no locked variables beside a number of kept ones", rational_text(locked))
    if problem.uniform or problem.law != "uniform" or problem.z > 1:
        raise InvalidInput("locked", "one target in [-1, 1], and variables U[-1,1]", rational_text(locked))


def read_mode(mode: object) -> None:
    """Refuse a mode that does not exist."""
    if mode not in MODES:
        raise InvalidInput("mode", f"one of {', '.join(MODES)}", mode)


def read_constant(mode: Mode, constant: Rational | None) -> Fraction | None:
    """Read C, which the printed formula needs and the other modes do not know."""
    if mode != "printed":
        if constant is not None:
            raise InvalidInput("constant", "no constant unless the mode is printed", constant)
        return None
    if constant is None:
        raise InvalidInput(
            "constant", "a number above 0: the printed formula has a C that the paper does not name", None
        )
    factor = exact_rational("constant", constant)
    if not 0 < factor <= 10**9:
        raise InvalidInput("constant", "a number in (0, 10^9]", constant)
    return factor


def _measured_warnings(problem: SubsetSum, delta: Fraction) -> tuple[str, ...]:
    refused = None if problem.trivial else outside(problem, delta)
    if refused is None:
        return ("measured, not proved",)
    name, allowed, value = refused
    shown = "delta" if name == "failure_probability" else name
    return ("measured, not proved", f"{shown} {float(value):.3g} is extrapolated: {allowed.partition(' (')[0]}")


def _printed(problem: SubsetSum, delta: Fraction, constant: Fraction) -> tuple[int, tuple[str, ...]]:
    if problem.law != "uniform":
        raise InvalidInput("law", "uniform for the printed formula (mode rigorous reads others)", str(problem.law))
    if problem.z > 1:
        allowed = "a target in [-1, 1] for the printed formula (mode rigorous splits larger ones into blocks)"
        raise InvalidInput("z", allowed, str(problem.z))
    count = printed_count(problem.density, problem.epsilon, delta, constant)
    warnings = []
    if problem.density > _PARADOX:
        warnings.append("1/ln(1/(1-p)) is below 1 here: the formula asks for fewer variables than without a mask")
    if lower_of(problem, count) > delta:
        least = necessary_count(problem, delta, least=count + 1)
        warnings.append(f"not enough: {count} variables fail with a probability above delta, {least} are necessary")
    elif upper_of(problem, count) > delta:
        enough = explicit_count(problem, delta)[0]
        warnings.append(f"not proved with this constant; {enough} variables are, by Theorem A'")
    return count, tuple(warnings)


def float_above(value: Fraction) -> float:
    """Give the smallest double that is not below a probability."""
    near = float(value)
    return near if Fraction(near) >= value else math.nextafter(near, math.inf)


def float_below(value: Fraction) -> float:
    """Give the largest double that is not above a probability."""
    near = float(value)
    return near if Fraction(near) <= value else math.nextafter(near, 0)
