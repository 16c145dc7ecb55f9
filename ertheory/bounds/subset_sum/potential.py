"""A bound of the form  N v^-t (1 - (q/2)(1 - 2^-t))^n  for every t in (0, 1], and the smallest n that it allows.

Theorem A' gives it for uniform variables (`ertheory.bounds.subset_sum.explicit`), and its counterpart on a lattice for
quantised ones (`ertheory.bounds.subset_sum.quantised`): what is reached at the start has length v, and a variable makes
it grow with a chance of q/2 times what is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ertheory.errors import InfeasibleWidth
from ertheory.numbers import Ball, Decision, ball, decide, log_fraction, log_sparsity, smallest

__all__ = ["EXPONENTS", "LOSSES", "Potential", "log_rational"]

# Exponents t that are tried. The bound is flat around the best one: a finer grid gains less than 1e-6 of n.
_STEPS = 1024
EXPONENTS = np.arange(1, _STEPS + 1) / _STEPS
LOSSES = -np.expm1(-EXPONENTS * math.log(2))  # 1 - 2^{-t}
_LONGEST_POWER = 100_000  # bits of a rational power that settles a tie


@dataclass(frozen=True)
class Potential:
    """The bound, for a target that is met in J blocks of variables, or for several targets.

    Parameters
    ----------
    chance
        q, the probability that a variable is live and counted.
    start
        v in (0, 1], what is reached without any variable, where 1 is all that is looked at.
    blocks
        J, blocks of variables that share a target beyond what one reaches; their failure probabilities add up.
    centres
        N, targets that are met for the others to be near one; 1 for a single target.
    """

    chance: Fraction
    start: Fraction
    blocks: int = 1
    centres: int = 1

    @cached_property
    def _log_start(self) -> float:
        return -log_fraction(self.start)

    @cached_property
    def _rates(self) -> npt.NDArray[np.float64]:
        """ln of the inverse factor of one variable, per exponent of the grid."""
        return -np.log1p(-float(self.chance) / 2 * LOSSES)

    def exponent_for_count(self, failure_probability: Fraction) -> tuple[Fraction, float]:
        """Choose t where the least variables are needed; also give about how many (in double precision)."""
        share = math.log(self.blocks * self.centres) - log_fraction(failure_probability)
        with np.errstate(divide="ignore"):  # a density that no double tells from 0 needs infinitely many
            counts = (EXPONENTS * self._log_start + share) / self._rates
        best = int(np.argmin(counts))
        return Fraction(best + 1, _STEPS), self.blocks * float(counts[best])

    def exponent_at(self, variables: int) -> tuple[Fraction, float]:
        """Choose t where the bound for n variables is smallest; also give its logarithm (in double precision)."""
        each, rest = divmod(variables, self.blocks)
        # As in `log_bound`: `rest` of the blocks have one variable more.
        several = np.log(self.blocks - rest + rest * np.exp(-self._rates))
        logs = EXPONENTS * self._log_start - each * self._rates + several
        best = int(np.argmin(logs))
        return Fraction(best + 1, _STEPS), float(logs[best]) + math.log(self.centres)

    def log_bound(self, variables: int, exponent: Fraction) -> Ball:
        """Enclose ln of the bound for n variables and exponent t."""
        each, rest = divmod(variables, self.blocks)
        rate = self._log_factor(exponent)
        total = each * rate - ball(exponent) * log_rational(self.start)
        if self.blocks == 1:
            several = Ball(self.centres)
        else:  # `rest` of the blocks have one variable more
            several = self.centres * (self.blocks - rest + rest * rate.exp())
        return total + several.log() if self.blocks * self.centres > 1 else total

    def _log_factor(self, exponent: Fraction) -> Ball:
        if exponent == 1:
            return log_sparsity(self.chance / 4)
        loss = 1 - (-ball(exponent) * Ball(2).log()).exp()
        return (1 - ball(self.chance / 2) * loss).log()

    def count(self, failure_probability: Fraction) -> tuple[int, Fraction]:
        """Give the smallest n whose bound is at most delta, for a well chosen t: (n, t), certified on both sides."""
        exponent, guess = self.exponent_for_count(failure_probability)
        if not guess < 1e300:
            msg = "more variables are needed than can be written down"
            raise InfeasibleWidth(msg)
        found, _ = smallest(lambda n: self.within(n, exponent, failure_probability), max(0, math.ceil(guess)), least=0)
        return found, exponent

    def within(self, variables: int, exponent: Fraction, failure_probability: Fraction) -> Decision:
        """Decide whether the bound for n variables is at most delta."""

        def tie() -> bool:
            each, rest = divmod(variables, self.blocks)
            factor = 1 - self.chance / 4
            if exponent != 1 or each * factor.denominator.bit_length() > _LONGEST_POWER:
                return False
            bound = self.centres * (self.blocks - rest + rest * factor) * factor**each / self.start
            return bound == failure_probability

        return decide(
            lambda: log_rational(failure_probability) - self.log_bound(variables, exponent),
            tie=tie,
            undecided=False,
            most_bits=4096,
        )


def log_rational(value: Fraction) -> Ball:
    """Enclose the logarithm of a positive rational; exactly 0 for 1.

    Examples
    --------
    >>> log_rational(Fraction(1)) == 0
    True
    """
    return Ball(0) if value == 1 else ball(value).log()
