"""Strong tickets of quantised weights: a source from which pruning alone leaves the target itself, without any error.

Weights have B bits behind the point. Those of the target, and its biases, are multiples of 1/M, M = 2^B; weights and
biases of the source are drawn uniformly from the 2M + 1 multiples in [-1, 1], weights kept with probability p_l. (That
pruned quantised networks are exact is the theorem of Kumar and Natale, arXiv 2508.11020; the widths are ours.)

**Statement.** The widths of `ertheory.bounds.tickets.shallow` (depth L+1) or `ertheory.bounds.tickets.deep` (2L), with
the numbers below in place of those of `ertheory.bounds.tickets.layers`, hold with probability at least 1 - delta a
subnetwork that is the target on all of R^d_+ (R^d if inputs can be negative), where every sum is taken exactly.

copies
    A weight is the sum of a subset of the weights that lead from the copies of one neuron: Theorem Q
    (`ertheory.bounds.subset_sum.quantised`) with density p.
constants
    A neuron without incoming edges whose bias is 1 gives 1; its bias is that with probability 1/(2M+1). So a bias is a
    sum of variables that are live with probability p/(2M+1).
features
    A neuron that keeps one edge of weight 1 (or, for signed inputs, -1) gives relu(x_j) (or relu(-x_j)). Let each
    neuron draw one of its available roles at random, available meaning that it has such an edge. With 2d roles it gets
    a given one with probability (1 - (1 - 2 p_0/(2M+1))^d)/(2d), with d roles (1 - (1 - p_0/(2M+1))^d)/d.

*Proof.* As there: each weight and each bias, for each copy of its neuron, is one subset sum problem for a fixed target,
and rho of them fail with probability at most delta in all. What is found is the target weight itself, so all copies of
a neuron give the same as the neuron, and nothing is passed on.  *QED*

Edges of layer 0 must be 1: features cost about 2M + 1 times as much as with B = 0, where weights are -1, 0 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.subset_sum.quantised import codes_of, quantised_count
from ertheory.bounds.tickets.layers import Features, role_share
from ertheory.errors import TheoremNotApplicable
from ertheory.networks.target import Target

__all__ = ["QuantisedCounting", "check_quantised"]


@dataclass(frozen=True)
class QuantisedCounting:
    """Counts neurons for quantised weights; tolerances are of no account.

    Parameters
    ----------
    bits
        B, bits behind the point.
    """

    bits: int

    @property
    def most_kept(self) -> int | None:
        """Weights that one subset sum may have: all of them."""
        return None

    @property
    def exact_edge(self) -> Fraction:
        """The probability 1/(2M+1) that a weight has a given value."""
        return Fraction(1, 2 ** (self.bits + 1) + 1)

    def copies(self, layer: int, density: Fraction, largest: Fraction, epsilon: Fraction, failure: Fraction) -> int:
        """Count the copies of one neuron that the weights of target layer l need, at least 1."""
        del layer, epsilon
        return max(1, quantised_count(density, self.bits, self._code(largest), failure))

    def constants(self, layer: int, density: Fraction, largest: Fraction, epsilon: Fraction, failure: Fraction) -> int:
        """Constant neurons that the biases of target layer l need; 0 if they are all 0."""
        del layer, epsilon
        return quantised_count(density * self.exact_edge, self.bits, self._code(largest), failure)

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
        del layer, epsilon
        role = role_share(inputs, into * self.exact_edge * (2 if signed else 1), signed)
        code = self._code(largest)
        blocks = max(1, math.ceil(Fraction(code, 2**self.bits)))
        return Features(max(1, quantised_count(role * out, self.bits, code, failure)), Fraction(1), blocks)

    def _code(self, largest: Fraction) -> int:
        return math.ceil(largest * Fraction(2**self.bits))


def check_quantised(target: Target, bits: int) -> None:
    """Refuse a target whose weights are known not to be multiples of 2^-B.

    Raises
    ------
    TheoremNotApplicable
        Naming the first weight or bias that is none.
    """
    for letter, arrays in (("W", target.weights), ("b", target.biases)):
        for number, array in enumerate(arrays or (), start=1):
            for value in array.flat:
                if codes_of(Fraction(float(value)), bits) is None:
                    msg = f"{letter}{number} has the entry {float(value):.6g}, which is no multiple of 2^-{bits}"
                    raise TheoremNotApplicable(msg)
