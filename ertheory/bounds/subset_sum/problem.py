"""The random subset sum problem: sums of live variables that come close to a target.

X_1, X_2, ... are independent with the same symmetric law, and each is kept (live) with probability p. The problem fails
if no subset of the live ones has a sum within epsilon of the target z; where it is `uniform`, if some target in
[-|z|, |z|] is missed. Lemma 2.4 asks how many variables make that unlikely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput
from ertheory.numbers import Rational, ball, enclose, exact_rational, probability

__all__ = ["LAWS", "LawLike", "LawName", "SubsetSum", "UniformPart", "read_problem"]

LawName = Literal["uniform", "product"]
LAWS: tuple[LawName, ...] = get_args(LawName)

_PEAK = Fraction(3679, 10_000)  # about 1/e, where b ln(1/b) is largest
_MASS_BITS = 40
_LARGEST_TARGET = 10**9


@dataclass(frozen=True)
class UniformPart:
    """What the explicit theorem reads of a law: with probability `mass`, X is uniform on [-b, b].

    Parameters
    ----------
    half_width
        b > 0.
    mass
        alpha in (0, 1]. Nothing is assumed about X otherwise.

    Examples
    --------
    >>> UniformPart(Fraction(1, 2), Fraction(1, 3)).mass
    Fraction(1, 3)
    """

    half_width: Fraction
    mass: Fraction

    def __post_init__(self) -> None:
        half_width = exact_rational("half_width", self.half_width)
        if half_width <= 0:
            raise InvalidInput("half_width", "a number above 0", self.half_width)
        object.__setattr__(self, "half_width", half_width)
        object.__setattr__(self, "mass", probability("mass", self.mass, one=True))

    def __str__(self) -> str:
        """Say what is known of the law."""
        end = rational_text(self.half_width)
        return f"uniform on [-{end}, {end}] with probability {rational_text(self.mass)}"


LawLike: TypeAlias = LawName | UniformPart


@dataclass(frozen=True)
class SubsetSum:
    """One problem, with its arguments read; made by `read_problem`.

    Parameters
    ----------
    density
        p in (0, 1], the probability that a variable is live.
    epsilon
        Tolerance, in (0, 1).
    z
        |z|: all laws here are symmetric.
    uniform
        Whether all targets in [-|z|, |z|] have to be met at once.
    law
        ``uniform`` is U[-1,1], ``product`` is U[-1,1] times an independent U[0,1]; or a law of which only a uniform
        part is known.
    """

    density: Fraction
    epsilon: Fraction
    z: Fraction = Fraction(1)
    uniform: bool = False
    law: LawLike = "uniform"

    @property
    def trivial(self) -> bool:
        """Whether the empty sum is close enough."""
        return self.epsilon >= self.z

    @property
    def parts(self) -> tuple[UniformPart, ...]:
        """Uniform parts of the law that are worth trying, the target being what it is."""
        if isinstance(self.law, UniformPart):
            return (self.law,)
        if self.law == "uniform":
            return (UniformPart(Fraction(1), Fraction(1)),)
        return _product_parts(self.z)


def read_problem(
    *,
    density: Rational,
    epsilon: Rational,
    z: Rational = 1,
    uniform: bool = False,
    law: LawLike = "uniform",
) -> SubsetSum:
    """Read the arguments of a subset sum problem.

    Raises
    ------
    InvalidInput
        If the density lies outside (0, 1], epsilon outside (0, 1), z is no number of size at most 10^9, or the law is
        unknown.

    Examples
    --------
    >>> read_problem(density="0.5", epsilon="1e-2", z=-1).z
    Fraction(1, 1)
    """
    if not isinstance(law, UniformPart) and law not in LAWS:
        raise InvalidInput("law", f"{' or '.join(LAWS)}, or a UniformPart", law)
    size = abs(exact_rational("z", z))
    if size > _LARGEST_TARGET:
        raise InvalidInput("z", f"a target of size at most {_LARGEST_TARGET}", z)
    return SubsetSum(
        density=probability("density", density, one=True),
        epsilon=probability("epsilon", epsilon),
        z=size,
        uniform=bool(uniform),
        law=law,
    )


@lru_cache(maxsize=1024)
def _product_parts(size: Fraction) -> tuple[UniformPart, ...]:
    # U[-1,1] * U[0,1] has density ln(1/|x|)/2, at least ln(1/b)/2 on [-b, b]: a uniform part of mass b ln(1/b).
    most = max(1, math.ceil(size / _PEAK))
    widths = {max(size / blocks, _PEAK) for blocks in range(max(1, most - 3), most + 1)}
    return tuple(UniformPart(width, _product_mass(width)) for width in sorted(widths) if width < 1)


def _product_mass(half_width: Fraction) -> Fraction:
    low, _ = enclose(lambda: -ball(half_width).log())
    scale = 2**_MASS_BITS
    return Fraction(math.floor(half_width * low * scale), scale)
