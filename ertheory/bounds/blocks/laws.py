"""How likely a mask contains the block construction: the exact laws behind Theorems 2.1 and 2.2.

Neuron j of target layer l has q_l copies in source layer l. A copy in layer l + 1 is good if every target link that
leads into it finds an edge to one of the q_l copies of the neuron where the link begins. The m_{l+1} q_{l+1} pairs of
a copy and a link use disjoint mask entries, hence are independent, so with every layer-0 neuron reading its input

    P_block = prod_{l=0}^{L-1} (1 - (1 - p_{l+1})^{q_l})^{m_{l+1} q_{l+1}},    q_L = 1.

The paper says nothing of p_0, the density of layer 0 itself. Three readings of layer 0 are kept apart by name:

dense
    p_0 = 1. P_block is the law.
preassigned
    Neuron k of layer 0 belongs to input k mod d and works only if the mask lets it read that input. Each input has
    K ~ Bin(q_0, p_0) working copies, so the factor of layer 0 becomes prod_i E[(1 - (1 - p_1)^K)^{c_i q_1}].
matched
    Neurons of layer 0 are assigned after the mask is seen. P >= (1 - H) P_block with the Hall sum H.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import pairwise
from math import comb, prod
from typing import Literal, get_args

from ertheory.bounds.blocks.hall import exact_hall_sum, hall_sum
from ertheory.errors import InvalidInput
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import (
    Ball,
    Decision,
    decide,
    exp_complement,
    expectation,
    log_complement,
    log_some,
    log_sparsity,
    working_precision,
)

__all__ = ["LAW_BITS", "LAYER0", "Law", "Layer0", "checked_layer0", "law_holds"]

# The laws here are of sources that copy inputs; the other readings of layer 0 have laws of their own.
Layer0 = Literal["dense", "preassigned", "matched"]
LAYER0: tuple[Layer0, ...] = get_args(Layer0)

_MOST_EXPONENT, _PLAIN_BITS = 20_000, 10  # of densities that have no more digits; less of longer ones

LAW_BITS = 1_024  # precision up to which a law is evaluated; a bound inside it may never become sharper


def checked_layer0(layer0: str) -> None:
    """Refuse a reading of layer 0 that does not exist.

    Raises
    ------
    InvalidInput
        If there is no such reading; the names that there are stand in the message.
    """
    if layer0 not in LAYER0:
        raise InvalidInput("layer0", f"one of {', '.join(LAYER0)}", layer0)


@dataclass(frozen=True)
class Law:
    """The law of one target on one source, with layer 0 read in one way.

    Parameters
    ----------
    target
        Target of depth L.
    densities
        p_0..p_L, each in (0, 1].
    layer0
        How layer 0 is read.

    Examples
    --------
    >>> from math import exp
    >>> from ertheory.numbers import enclose
    >>> half = (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    >>> law = Law(Target.from_text("4-8-3"), half, "dense")
    >>> round(exp(enclose(lambda: law.log_success((14, 10, 1), 56))[0]), 6)
    0.95793
    """

    target: Target
    densities: tuple[Fraction, ...]
    layer0: Layer0
    # Enclosures already computed: a search asks for the same ones again and again.
    _known: dict[tuple[int, ...], Ball] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "densities", read_densities(self.target, density=self.densities))
        checked_layer0(self.layer0)

    def log_success(self, factors: tuple[int, ...], first_width: int) -> Ball:
        """Enclose the logarithm of the success probability (for ``matched``: of its lower bound).

        Parameters
        ----------
        factors
            q_0..q_L.
        first_width
            N_0; only ``matched`` makes use of more than q_0 d neurons.
        """
        pairs = pairwise(factors)
        total = sum(
            (self.log_layer(layer, copies, above) for layer, (copies, above) in enumerate(pairs)),
            Ball(0),
        )
        return total + self.log_matching(factors[0], first_width)

    def union_failure(self, factors: tuple[int, ...], first_width: int) -> Ball:
        """Enclose the smallest delta at which the printed (or repaired) inequalities hold for these widths."""
        shares = self.target.depth + (self.layer0 == "matched")
        worst = Ball(0)
        for layer, (copies, above) in enumerate(pairwise(factors)):
            chance = self.densities[layer + 1]
            if layer == 0 and self.layer0 == "preassigned":
                chance *= self.densities[0]
            demand = self.target.nonzeros[layer] * above
            if demand and chance < 1:
                worst = worst.max(demand * (copies * log_sparsity(chance)).exp())
        if self.layer0 == "matched":
            failure = hall_sum(first_width, self.target.inputs, factors[0], self.densities[0])
            worst = worst.max(failure)
        return shares * worst

    def log_layer(self, layer: int, copies: int, above: int) -> Ball:
        """Enclose the logarithm of layer l's factor, with q_l = copies and q_{l+1} = above."""
        key = (working_precision(), layer, copies, above)
        if key not in self._known:
            preassigned = layer == 0 and self.layer0 == "preassigned"
            term = self._log_preassigned if preassigned else partial(self._log_block, layer=layer)
            self._known[key] = term(copies, above)
        return self._known[key]

    def _log_block(self, copies: int, above: int, *, layer: int) -> Ball:
        demand = self.target.nonzeros[layer] * above
        if not demand or self.densities[layer + 1] == 1:
            return Ball(0)
        return demand * log_some(self.densities[layer + 1], copies)

    def log_matching(self, copies: int, first_width: int) -> Ball:
        """Enclose log(1 - H) with q_0 = copies and N_0 = first_width; 0 unless layer 0 is ``matched``."""
        if self.layer0 != "matched":
            return Ball(0)
        key = (working_precision(), copies, first_width)
        if key not in self._known:
            failure = hall_sum(first_width, self.target.inputs, copies, self.densities[0])
            self._known[key] = log_complement(failure)
        return self._known[key]

    def _log_preassigned(self, copies: int, above: int) -> Ball:
        total = Ball(0)
        for fan_out, inputs in self.target.layers[0].fan_out_counts.items():
            demand = fan_out * above
            if not demand:
                continue

            def loss(alive: int, demand: int = demand) -> Ball:
                if alive == 0:
                    return Ball(1)
                return exp_complement(demand * log_some(self.densities[1], alive))

            total += inputs * log_complement(expectation(copies, self.densities[0], loss))
        return total

    def exact_matching(self, copies: int, first_width: int) -> Fraction | None:
        """1 - H as an exact rational where that is short enough to write down; 1 unless layer 0 is ``matched``."""
        if self.layer0 != "matched":
            return Fraction(1)
        if not _is_short(first_width * self.target.inputs, self.densities[0]):
            return None
        return 1 - exact_hall_sum(first_width, self.target.inputs, copies, self.densities[0])

    def exact_layer(self, layer: int, copies: int, above: int) -> Fraction | None:
        """Layer l's factor as an exact rational where that is short enough to write down, to settle ties.

        Examples
        --------
        >>> Law(Target.from_text("1-1"), (Fraction(1), Fraction(1, 2)), "dense").exact_layer(0, 3, 1)
        Fraction(7, 8)
        """
        demand = self.target.nonzeros[layer] * above
        read = self.densities[layer : layer + 2]
        if not _is_short(demand * copies, *read):
            return None
        if layer == 0 and self.layer0 == "preassigned":
            first, into = self.densities[0], self.densities[1]
            product = Fraction(1)
            for fan_out, inputs in self.target.layers[0].fan_out_counts.items():
                product *= (
                    sum(
                        comb(copies, alive)
                        * first**alive
                        * (1 - first) ** (copies - alive)
                        * (1 - (1 - into) ** alive) ** (fan_out * above)
                        for alive in range(copies + 1)
                    )
                    ** inputs
                )
            return product
        return (1 - (1 - self.densities[layer + 1]) ** copies) ** demand


def _is_short(exponent: int, *densities: Fraction) -> bool:
    """Whether a power of a density, or of what is left of 1, is written down in a moment."""
    digits = max(density.denominator.bit_length() for density in densities)
    return exponent * max(digits, _PLAIN_BITS) <= _MOST_EXPONENT * _PLAIN_BITS


def law_holds(law: Law, failure_probability: Fraction, factors: tuple[int, ...], first_width: int) -> Decision:
    """Decide whether the success probability is at least 1 - delta; what stays undecided counts as no.

    Examples
    --------
    >>> law = Law(Target.from_text("1-1"), (Fraction(1), Fraction(1, 2)), "dense")
    >>> law_holds(law, Fraction(1, 8), (3, 1), 3), law_holds(law, Fraction(1, 9), (3, 1), 3).holds
    (Decision(holds=True, bits=0), False)
    """

    def tie() -> bool:
        pairs = enumerate(pairwise(factors))
        values = [law.exact_layer(layer, copies, above) for layer, (copies, above) in pairs]
        values.append(law.exact_matching(factors[0], first_width))
        known = [value for value in values if value is not None]
        return len(known) == len(values) and prod(known) == 1 - failure_probability

    return decide(
        lambda: law.log_success(factors, first_width) - log_sparsity(failure_probability),
        tie=tie,
        undecided=False,
        most_bits=LAW_BITS,
    )
