"""Strong tickets at twice the depth: no copies, hence fewer neurons and no amplification between copies.

**Statement.** Let the source have 2L layers, numbered 0..2L-1, weights and biases U[-1,1], weights kept with
probability p_0..p_{2L-1}, biases never masked but prunable. For target layer l let source layer 2l-2 have

    N_features(n_{l-1}, p_{2l-2}, p_{2l-1}, eps_l, delta/rho) + N_const(p_{2l-1}, eps_l, delta/rho)

neurons and source layer 2l-1 n_l of them, with the numbers of `ertheory.bounds.tickets.layers` (two signs only for
l = 1 and inputs that can be negative), rho = sum_l (m_l + (number of biases of layer l)), 2 m_1 for m_1 if inputs can
be negative, and

    eps_l = epsilon / (L (B_{l-1} + 1) prod_{k=l+1}^{L} max(1, ||W_k|| + r_k eps_k)),

||W|| being the largest sum of absolute weights into a neuron. Then with probability at least 1 - delta some subnetwork
differs from the target by at most epsilon on the domain, in every output.

*Proof.* Source layer 2l-1 represents target layer l, one neuron by one. In source layer 2l-2 each neuron keeps one
edge, with weight u > 0, to a neuron i of the layer before it (for l = 1 to an input, u of either sign) and gives
relu(u x_i) = u x_i, for x_i >= 0; others are constants. The weight w_ki is a subset sum of the products v u over the
features of i, where v leads on to neuron k: these edges belong to k alone, so each weight and each bias is one subset
sum problem for a fixed target, and rho of them fail with probability at most delta in all. Let the weights that are
found be w'. The features of i are multiples of the *same* x_i + e_i, so

    |sum_i w'_ki (x_i + e_i) - w_ki x_i| <= eps_l B_{l-1} + (||W_l|| + r_l eps_l) E_{l-1},

and eps_l more for the bias. This adds up to E_L <= epsilon as at depth L+1.  *QED*

Nothing here depends on the widths, so there is no fixed point. The price is the depth, and that features need a free
edge to the right neuron at every layer, where copies need one at layer 0 only.
"""

from __future__ import annotations

from fractions import Fraction

from ertheory.bounds.tickets.facts import TargetFacts
from ertheory.bounds.tickets.layers import Counting
from ertheory.bounds.tickets.quantised import QuantisedCounting
from ertheory.bounds.tickets.shallow import TicketDesign

__all__ = ["without_copies"]


def without_copies(
    facts: TargetFacts,
    densities: tuple[Fraction, ...],
    epsilon: Fraction,
    failure_probability: Fraction,
    counting: Counting | QuantisedCounting,
) -> TicketDesign:
    """Compute the widths of the 2L source layers."""
    problems = sum(facts.problems(layer) for layer in range(1, facts.depth + 1))
    share = failure_probability / max(1, problems)
    epsilons = _tolerances(facts, epsilon)
    features, constants, widths = [], [], []
    for layer in range(1, facts.depth + 1):
        into, out = densities[2 * layer - 2 : 2 * layer]
        tolerance = epsilons[layer - 1]
        features.append(
            counting.features(
                layer,
                facts.widths[layer - 1],
                into,
                out,
                signed=facts.signed and layer == 1,
                largest=facts.largest_weights[layer - 1],
                epsilon=tolerance,
                failure=share,
            )
        )
        steady = counting.constants(layer, out, facts.largest_biases[layer - 1], tolerance, share)
        constants += [steady, 0]
        widths += [features[-1].neurons + steady, facts.widths[layer]]
    return TicketDesign(
        widths=tuple(widths),
        constants=tuple(constants),
        copies=(1,) * facts.depth,
        epsilons=epsilons,
        problems=problems,
        share=share,
        features=tuple(features),
        iterations=1,
    )


def _tolerances(facts: TargetFacts, epsilon: Fraction) -> tuple[Fraction, ...]:
    found = []
    amplification = Fraction(1)
    for layer in range(facts.depth, 0, -1):
        found.append(_rounded_down(epsilon / (facts.depth * (facts.norms[layer - 1] + 1) * amplification)))
        amplification *= max(Fraction(1), facts.row_norms[layer - 1] + facts.fan_in[layer - 1] * found[-1])
    return tuple(reversed(found))


def _rounded_down(value: Fraction) -> Fraction:
    # Any smaller tolerance is valid too, and these would have longer and longer denominators.
    scale = 1 << (64 + value.denominator.bit_length() - value.numerator.bit_length())
    return Fraction(value.numerator * scale // value.denominator, scale)
