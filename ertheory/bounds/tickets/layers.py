"""Neurons that one layer of a strong ticket needs: copies, constants, and univariate features.

copies
    A weight w is a subset sum of U[-1,1] weights that lead from the copies of one neuron: Lemma 2.4 as it stands.
constants
    A neuron without incoming edges whose bias b is positive gives b, exactly. With probability 1/2 it is: b is then
    U[0,1], and the weight behind it times b follows the product law. So a bias is a subset sum of product variables,
    each live with probability p/2, over a block of neurons that was fixed in advance.
features
    A neuron that keeps one edge w_0 to input j gives |w_0| relu(s x_j) with s the sign of w_0: the role (j, s). Let
    each neuron draw one of its available roles at random, available meaning |w_0| >= beta. With 2d roles (signed
    inputs) it gets a given one with probability pi = (1 - (1 - p_0 (1-beta))^d) / (2d); with d roles (inputs that are
    not negative, which need positive edges only) with probability (1 - (1 - p_0 (1-beta)/2)^d) / d. Then |w_0| = a is
    U[beta,1], and a weight behind it times a is U[-a,a], which contains U[-beta,beta] with mass beta/a; on average that
    is beta ln(1/beta) / (1-beta). So the subset sum for a weight has i.i.d. variables that are live with probability
    pi p_1 and contain this uniform. beta is searched for; any choice is valid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.subset_sum.calibrated import calibrated_count
from ertheory.bounds.subset_sum.explicit import explicit_count, potential_of
from ertheory.bounds.subset_sum.limited import limited_count
from ertheory.bounds.subset_sum.problem import SubsetSum, UniformPart
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.numbers import Ball, ball, enclose, exp_complement, log_sparsity

__all__ = ["Counting", "Features", "mean_mass", "role_chance", "role_share"]

_BETAS = 128  # values of beta that are tried, besides those where the number of blocks changes
_BITS = 64


@dataclass(frozen=True)
class Features:
    """Neurons of a layer that carry features of single inputs.

    Parameters
    ----------
    neurons
        How many.
    beta
        Smallest edge that is used, or ``None`` (calibrated, where every edge is).
    blocks
        Blocks of them that share one weight, for weights above beta.
    """

    neurons: int
    beta: Fraction | None
    blocks: int


@dataclass(frozen=True)
class Counting:
    """Counts neurons, by the explicit theorem or by measurement.

    Parameters
    ----------
    calibrated
        Whether measured numbers take the place of proved ones.
    extrapolate
        Whether they may be used outside the measured ranges.
    most_kept
        So many variables may be in a subset sum at most, by Theorem K; any number if ``None``.
    """

    calibrated: bool = False
    extrapolate: bool = False
    most_kept: int | None = None

    def copies(self, layer: int, density: Fraction, largest: Fraction, epsilon: Fraction, failure: Fraction) -> int:
        """Count the copies of one neuron that the weights of target layer l need, at least 1."""
        return max(1, self._count(layer, SubsetSum(density, epsilon, largest), failure))

    def constants(self, layer: int, density: Fraction, largest: Fraction, epsilon: Fraction, failure: Fraction) -> int:
        """Constant neurons that the biases of target layer l need; 0 if they are all 0."""
        if largest == 0:
            return 0
        return self._count(layer, SubsetSum(density / 2, epsilon, largest, law="product"), failure)

    def features(
        self,
        layer: int,
        inputs: int,
        into: Fraction,
        out: Fraction,
        *,
        signed: bool,
        largest: Fraction,
        epsilon: Fraction,
        failure: Fraction,
    ) -> Features:
        """Feature neurons that the weights of target layer l need, with density `into` before and `out` behind them."""
        if self.calibrated:
            role = role_chance(inputs, into, signed, Fraction(0))
            found = self._count(layer, SubsetSum(role * out, epsilon, largest, law="product"), failure)
            return Features(max(1, found), None, 1)
        betas = {Fraction(k, _BETAS) for k in range(1, _BETAS)}
        betas |= {beta for blocks in range(1, 9) if _BETAS * (beta := largest / blocks) >= 1 and beta < 1}

        def problem(beta: Fraction) -> SubsetSum:
            part = UniformPart(beta, mean_mass(beta))
            return SubsetSum(role_chance(inputs, into, signed, beta) * out, epsilon, largest, law=part)

        def guess(beta: Fraction) -> float:
            candidate = problem(beta)
            return potential_of(candidate, candidate.parts[0]).exponent_for_count(failure)[1]

        best = min(sorted(betas), key=guess)
        blocks = potential_of(problem(best), problem(best).parts[0]).blocks
        return Features(max(1, self._count(layer, problem(best), failure)), best, blocks)

    def _count(self, layer: int, problem: SubsetSum, failure: Fraction) -> int:
        if self.most_kept is not None:
            return limited_count(problem, failure, self.most_kept)
        if not self.calibrated:
            return explicit_count(problem, failure)[0]
        try:
            return calibrated_count(problem, failure, extrapolate=self.extrapolate)
        except InvalidInput as error:
            asked = f"the subset sums of layer {layer} have {error.argument} = {_brief(error.value)}"
            msg = f"calibrated: {asked}, expected {error.allowed}"
            raise TheoremNotApplicable(msg) from None


@lru_cache(maxsize=4096)
def role_chance(inputs: int, density: Fraction, signed: bool, beta: Fraction) -> Fraction:
    """Probability that a neuron serves a given role, rounded down."""
    return role_share(inputs, density * (1 - beta) / (1 if signed else 2), signed)


def role_share(inputs: int, reach: Fraction, signed: bool) -> Fraction:
    """Divide the probability that a neuron has some edge to use among its 2d or d roles, rounded down.

    Examples
    --------
    >>> role_share(1, Fraction(1, 2), signed=True) <= Fraction(1, 4)
    True
    """

    def chance() -> Ball:
        if reach == 1:
            return Ball(1)
        return exp_complement(inputs * log_sparsity(reach))

    return _rounded_down(enclose(chance)[0] / ((2 if signed else 1) * inputs))


@lru_cache(maxsize=4096)
def mean_mass(beta: Fraction) -> Fraction:
    """Mean of beta/a for a uniform on [beta, 1], rounded down."""
    low, _ = enclose(lambda: -ball(beta).log())
    return _rounded_down(low * beta / (1 - beta))


def _rounded_down(value: Fraction) -> Fraction:
    scale = 1 << max(0, _BITS + value.denominator.bit_length() - value.numerator.bit_length())
    return Fraction(math.floor(value * scale), scale)


def _brief(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
