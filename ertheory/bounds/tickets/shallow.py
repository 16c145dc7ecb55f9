"""Theorem 2.5 with explicit constants: strong tickets in a source that is one layer deeper than the target.

**Statement.** Let the target have depth L, weights and biases bounded per layer, and hidden values with L1 norm at most
B_l on the domain (B_0 for the inputs). Let the source have layers 0..L, weights and biases U[-1,1], weights kept with
probability p_l, biases never masked but prunable. Let

    q_l >= N(p_{l+1}, eps_{l+1}, delta/rho),   q_L = 1,
    n_{S,l} = n_l q_l + N_const(p_{l+1}, eps_{l+1}, delta/rho)   for l = 1..L-1,   n_{S,L} = n_L,
    n_{S,0} = N_features(d, p_0, p_1, eps_1, delta/rho) + N_const(p_1, eps_1, delta/rho),
    eps_l = epsilon / (L (B_{l-1} + 1) prod_{k=l+1}^{L} r_k q_{k-1}),
    rho >= sum_l q_l (m_l + (number of biases of layer l)), with 2 m_1 for m_1 if inputs can be negative,

with r_k the largest fan-in of layer k and the numbers N of `ertheory.bounds.tickets.layers`. Then with probability at
least 1 - delta some subnetwork of the source differs from the target by at most epsilon on the domain, in every output.

*Proof.* In layer l <= L-1 the ticket has q_l copies of every target neuron, in layer 0 features of single inputs, and
in each of these layers a block of constants (`ertheory.bounds.tickets.layers`), fixed in advance. A weight of target
layer l >= 2, into a given copy, is a subset sum of the source weights from the q_{l-1} copies of the neuron where it
begins; a weight of layer 1 one over the features of its input, or two, of relu(x_j) and relu(-x_j), since x_j is their
difference; a bias one over the constants. Each copy has weights of its own, so each of these sums is a random subset
sum problem for a fixed target, and each fails with probability at most delta/rho. There are at most rho of them: all
succeed with probability 1 - delta, independent or not.

Let E_l be the largest error of a copy in layer l. In layer 1 the features are exact and only one of relu(x_j),
relu(-x_j) is not 0, so E_1 <= eps_1 (B_0 + 1). In layer l >= 2 the copies of neuron i have *different* errors
e_{i,c}. With I the chosen subset, sum_c w_c (x_i + e_{i,c}) differs from w_i x_i by at most
eps_l |x_i| + sum_c |w_c| E_{l-1}. So

    E_l <= eps_l (B_{l-1} + 1) + Lambda_l E_{l-1},

where Lambda_l is the largest L1 norm of the chosen weights into a neuron, over target neurons and all their copies; at
most r_l q_{l-1}, for each of at most q_{l-1} weights per link is at most 1 (or of k, where no more are kept). (The norm
of W_l itself is too small: the errors of the copies need not be equal.) ReLU is 1-Lipschitz, and the recursion adds up
to E_L <= epsilon.  *QED*

Since rho contains q_l, which grows with ln rho, the numbers are a fixed point. The map from rho to the number of
problems is monotone, and iterating it from below reaches its least fixed point. Only where the problems counted are no
more than the rho that they were computed with, the proof applies: no earlier pass is returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ertheory.bounds.tickets.facts import TargetFacts
from ertheory.bounds.tickets.layers import Counting, Features
from ertheory.bounds.tickets.quantised import QuantisedCounting
from ertheory.errors import InfeasibleWidth

__all__ = ["TicketDesign", "fixed_point"]

_MOST_PASSES = 100


@dataclass(frozen=True)
class TicketDesign:
    """Widths, and what they were computed with.

    Parameters
    ----------
    widths, constants
        All neurons, and those that are constants, of each source layer.
    copies
        q_1..q_L.
    epsilons
        eps_1..eps_L.
    problems
        Subset sums that there are.
    share
        Failure probability of each.
    features
        Layers of univariate features.
    iterations
        Passes that it took.
    """

    widths: tuple[int, ...]
    constants: tuple[int, ...]
    copies: tuple[int, ...]
    epsilons: tuple[Fraction, ...]
    problems: int
    share: Fraction
    features: tuple[Features, ...]
    iterations: int


def fixed_point(
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    failure_probability: Fraction,
    counting: Counting | QuantisedCounting,
) -> TicketDesign:
    """Iterate the number of problems from below until it stays.

    Raises
    ------
    InfeasibleWidth
        If it does not within 100 passes.
    """
    rho = sum(facts.problems(layer) for layer in range(1, facts.depth + 1))
    for iterations in range(1, _MOST_PASSES + 1):
        share = failure_probability / max(1, rho)
        copies, constants, epsilons = _copies(facts, densities, epsilon, share, counting)
        problems = sum(q * facts.problems(layer) for layer, q in enumerate(copies, start=1))
        if problems <= rho:
            features = counting.features(
                1,
                facts.widths[0],
                densities[0],
                densities[1],
                signed=facts.signed,
                largest=facts.largest_weights[0],
                epsilon=epsilons[0],
                failure=share,
            )
            hidden = [n * q + c for n, q, c in zip(facts.widths[1:-1], copies, constants[1:], strict=False)]
            return TicketDesign(
                widths=(features.neurons + constants[0], *hidden, facts.widths[-1]),
                constants=(*constants, 0),
                copies=copies,
                epsilons=epsilons,
                problems=problems,
                share=share,
                features=(features,),
                iterations=iterations,
            )
        rho = problems
    msg = f"the number of subset sums did not settle within {_MOST_PASSES} passes"
    raise InfeasibleWidth(msg)


def _copies(
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    share: Fraction,
    counting: Counting | QuantisedCounting,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Fraction, ...]]:
    """q_1..q_L, constants of source layers 0..L-1, eps_1..eps_L, from the last layer to the first."""
    copies, constants, epsilons = [1], [], []
    amplification = Fraction(1)
    for layer in range(facts.depth, 0, -1):
        tolerance = epsilon / (facts.depth * (facts.norms[layer - 1] + 1) * amplification)
        epsilons.append(tolerance)
        density, bias = densities[layer], facts.largest_biases[layer - 1]
        constants.append(counting.constants(layer, density, bias, tolerance, share))
        if layer > 1:
            weight = facts.largest_weights[layer - 1]
            copies.append(counting.copies(layer, density, weight, tolerance, share))
            chosen = copies[-1] if counting.most_kept is None else min(copies[-1], counting.most_kept)
            amplification *= max(1, facts.fan_in[layer - 1] * chosen)
    return tuple(reversed(copies)), tuple(reversed(constants)), tuple(reversed(epsilons))
