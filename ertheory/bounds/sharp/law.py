"""How likely the sharp construction fails: spare neurons below, a colouring of the last hidden layer on top.

Source layers 0..L with densities p_0..p_L, r_l = 1 - p_l, all masked and all masks independent; target n_0 = d,
n_1..n_L.

The last hidden layer. Each of its neurons copies at most one neuron of target layer L - 1, chosen after the mask is
seen. Let last(N) bound the probability that N neurons cannot be coloured so that every output finds all it needs:
`sequential_failure` or `private_failure`, whichever was chosen beforehand. V is the set of neurons that are used.

Layer 0 is coded or matched. Coded: it carries linear combinations of the inputs, see `ertheory.bounds.sharp.coded`.
With a number k of columns, a neuron of layer 1 is wired if it has k edges or more into layer 0 (for every filter tap),
which is always so for k = 0. In the primal each one used costs e = E[h*_K | K >= k] (per tap), K ~ Bin(N_0, p_1). For k
= 0 and L = 2 there is the dual too, where all together cost E[min(1, d eps)]. Matched: q_0 neurons of layer 0 for every
input, by a b-matching, which fails with the Hall sum H at most. A neuron of layer 1 is wired if it has an edge to the
block of every input that it reads. By classes: at most s copies of the same target neuron share their weights,
see `ertheory.bounds.sharp.classes`; then every neuron of layer 1 is wired.

Thresholds. For l = 1..L - 2, q_l copies of every target neuron, of which t_l shall be good. In layer 1 good means
wired. In layer l > 1 a copy of neuron j is good if, for every weight of j, it has an edge to one of the first t_{l-1}
good copies of the neuron where the weight begins. In the last hidden layer (l = L - 1) a neuron is good if this is so
for all weights that any neuron of target layer L - 1 has, so that it may take any colour; for L = 2 it is good if
wired. N' good ones are coloured.

Theorem. With g_lj = (1 - r_l^{t_{l-1}})^{k_lj} for l > 1, k_lj the number of weights of j, g_1j the probability that a
copy of j is wired, and g the probability that a neuron of the last hidden layer is good,

    P(failure) <= [layer 0] + sum_{l=1}^{L-2} sum_j P(Bin(q_l, g_lj) < t_l) + P(Bin(N_{L-1}, g) < N') + last(N'),

where layer 0 costs H if matched, E[min(1, d eps)] by classes, |V_1| e for every tap in the primal, V_1 the used neurons
of layer 1: n_1 t_1 of them at most for L > 2, and E|V| on average for L = 2.

Proof. Order the masks: S_1's degrees (or, if matched, S_0, then S_1; by classes nothing), S_2, .., S_L. Whether copies
in layer l are good is, given the masks before, decided by disjoint parts of S_l, hence independent; if each neuron
below has its t_{l-1} good copies, with probability g_lj each. So the probability that layer l is the first to lack good
copies is at most the term of l. Which neurons of the last hidden layer are good does not depend on S_L, so given that
there are N' or more, the first N' of them are coloured with failure at most last(N'). A colour may be given to any good
neuron, since it is good for all. Coded: which neurons of layer 1 are used depends on S_1 through which ones are wired,
and on S_2..S_L. Given all that S_0 is still independent and the degrees of wired neurons have the law of K given K >=
k, so each used one fails with probability e at most; in the dual (k = 0, L = 2) V depends on S_2 alone. By classes
(k = 0) these depend on S_2 alone for L = 2, and for L > 2 they are the first t_1 copies, whatever the masks. Matched:
S_0 decides the blocks, and all else is given them.  QED

All copies of a target neuron carry its weights on the edges found; a coded neuron solves for its weights instead.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np

from ertheory.bounds.blocks.answers import reading
from ertheory.bounds.result import Construction
from ertheory.bounds.sharp.chains import chain
from ertheory.bounds.sharp.classes import Classes, rows_of
from ertheory.bounds.sharp.coded import dual_failure, mean_size
from ertheory.bounds.sharp.matched import coding_failure
from ertheory.bounds.sharp.private import private_failure, private_width
from ertheory.bounds.sharp.sequential import (
    Stage,
    dense_stages,
    sequential_failure,
    sequential_used,
    sequential_width,
    stages_of,
)
from ertheory.networks.target import Layer, Target
from ertheory.numbers import (
    Bounds,
    Masses,
    enclose,
    exp_complement,
    log_fraction,
    log_some,
    tail_bounds,
)

__all__ = ["Colouring", "Design", "colouring", "first_layer_says", "missing_link", "short_of"]


@dataclass(frozen=True)
class Colouring:
    """One way to colour the last hidden layer.

    Parameters
    ----------
    method
        The construction: ``sequential`` or ``matching``.
    density
        The density p_L of the last mask.
    stages
        What the consumers of the last hidden layer need, one after another.
    demands
        How many classes each consumer needs.
    """

    method: Construction
    density: Fraction
    stages: tuple[Stage, ...]
    demands: tuple[int, ...]

    def failure(self, neurons: int) -> Bounds:
        """Enclose last(N)."""
        if neurons not in self._known:
            if self.method == "matching":
                self._known[neurons] = private_failure(self.demands, neurons, self.density)
            else:
                self._known[neurons] = sequential_failure(self.stages, neurons, self.density)
        return self._known[neurons]

    @cached_property
    def _known(self) -> dict[int, Bounds]:
        """Bounds that were asked for; a search asks for many N_0 beside the same N."""
        return {}

    def width(self, share: Fraction) -> tuple[int, int]:
        """Give the smallest N with last(N) at most a given number, and the bits that decided it."""
        if self.method == "matching":
            return private_width(self.demands, self.density, share)
        return sequential_width(self.stages, self.density, share)

    @cached_property
    def used(self) -> Masses:
        """The law of |V|, the number of neurons that are used."""
        if self.method == "matching":
            return Masses(sum(self.demands), np.ones(1), 0)
        return sequential_used(self.stages, self.density)

    def classes(self, taps: int) -> Classes:
        """Classes of the neurons that are used, for filters with so many taps in front of them."""
        final: Counter[int] = Counter()
        for step, needed, count in self.stages[-1] if self.stages else ():
            final[step + needed] += count
        if self.method == "matching":
            return Classes(tuple((count, Masses(most, np.ones(1), 0)) for most, count in final.items()), taps)
        return Classes(tuple((count, chain(self.density, steps)) for steps, count in final.items()), taps)


def colouring(target: Target, density: Fraction, method: Construction) -> Colouring:
    """Read what the outputs need, and make the colouring of that name.

    Where only the numbers of zeros of the last layer are known, not their places, the sequential one gives every output
    all target neurons that any output needs.

    Examples
    --------
    >>> colouring(Target.from_text("4-8-3"), Fraction(1, 2), "matching").width(Fraction(1, 20))[0]
    31
    """
    return Colouring(method, density, *_needs(target))


def _needs(target: Target) -> tuple[tuple[Stage, ...], tuple[int, ...]]:
    """Stages and demands of the consumers: outputs, or pairs of an output and a tap or position."""
    layer = target.layers[-1]
    entries = layer.entries_per_pair
    if target.weights is not None:
        pattern = (target.weights[-1] != 0).reshape(layer.outputs, layer.inputs, entries)
        needs = pattern.transpose(0, 2, 1).reshape(-1, layer.inputs)
        needs = needs[needs.any(axis=1)][:, needs.any(axis=0)]
        return stages_of(needs.tolist()) if needs.size else (), tuple(needs.sum(axis=1).tolist())
    if layer.row_nonzeros is None or layer.column_nonzeros is None:
        consumers = layer.outputs * entries
        return dense_stages(layer.inputs, consumers), (layer.inputs,) * consumers
    read = sum(count > 0 for count in layer.column_nonzeros)
    rows = [count for count in layer.row_nonzeros if count]
    demands = tuple(min(count, read) for count in rows for _ in range(entries))
    return dense_stages(read, len(demands)), demands


@dataclass(frozen=True)
class Design:
    """The integers of a sharp construction; `failure` is the theorem's bound.

    Parameters
    ----------
    target, densities
        Target of depth 2 or more, and p_0..p_L.
    colours
        How the last hidden layer is coloured.
    layer0
        ``primal``, ``dual``, ``classes`` or ``matched``.
    first_width
        N_0.
    last_width, served
        N_{L-1} and N'.
    columns
        k of ``primal``; 0 where every neuron is wired, and always for ``dual`` and ``classes``.
    part
        s of ``classes``.
    copies
        q_0 of ``matched``.
    factors, thresholds
        q_1..q_{L-2} and t_1..t_{L-2}.
    hall
        A bound on H of ``matched``.
    """

    target: Target
    densities: tuple[Fraction, ...]
    colours: Colouring
    layer0: str
    first_width: int
    last_width: int
    served: int
    columns: int = 0
    part: int = 1
    copies: int = 0
    factors: tuple[int, ...] = ()
    thresholds: tuple[int, ...] = ()
    hall: Fraction = Fraction(0)

    @property
    def construction(self) -> Construction:
        """How the last hidden layer is coloured."""
        return self.colours.method

    @property
    def widths(self) -> tuple[int, ...]:
        """N_0..N_L."""
        hidden = (n * q for n, q in zip(self.target.widths[1:], self.factors, strict=False))
        return (self.first_width, *hidden, self.last_width, self.target.widths[-1])

    @property
    def total(self) -> int:
        """N_0 + ... + N_{L-1}."""
        return sum(self.widths[:-1])

    def says(self) -> str:
        """Say on what the design rests."""
        parts = [first_layer_says(self.target, self.layer0)]
        if self.copies:
            parts.append(f"q_0 = {self.copies}")
        if self.part > 1:
            parts.append(f"up to s = {self.part} copies share their weights")
        if self.columns:
            parts.append(f"neurons of layer 1 with at least k = {self.columns} edges into layer 0 are used")
        if self.thresholds:
            kept = ", ".join(f"t_{layer} = {threshold}" for layer, threshold in enumerate(self.thresholds, start=1))
            parts.append(f"good copies counted on: {kept}")
        parts.append(f"last hidden layer: {self.construction}, {self.served} good neurons")
        return "; ".join(parts)

    def failure(self) -> Bounds:
        """Enclose the bound; the upper end is at most 1."""
        parts = [
            self.first_layer(),
            self.colours.failure(self.served),
            short_of(self.last_width, self.served, self.missing_last),
        ]
        for layer in range(1, len(self.thresholds) + 1):
            copies, threshold = self.factors[layer - 1], self.thresholds[layer - 1]
            for fan_in, count in self.target.layers[layer - 1].fan_in_counts.items():
                low, high = short_of(copies, threshold, self.missing(layer, fan_in))
                parts.append((count * low, count * high))
        low, high = (sum(ends, start=Fraction(0)) for ends in zip(*parts, strict=True))
        return low, min(high, Fraction(1))

    def missing(self, layer: int, fan_in: int) -> Bounds:
        """Enclose the probability that a neuron of this layer that reads so many weights is not good."""
        if layer > 1:
            return missing_link(self.thresholds[layer - 2], self.densities[layer], fan_in)
        if self.layer0 == "matched":
            return missing_link(self.copies, self.densities[1], fan_in)
        if not self.columns:
            return Fraction(0), Fraction(0)
        few = tail_bounds(self.first_width, self.columns, _odds(self.densities[1]))
        taps = self.target.layers[0].entries_per_pair
        return few[0], min(Fraction(1), taps * few[1])

    @cached_property
    def classes(self) -> Classes:
        """Copies in layer 1: coloured ones, or the first t_1 of every target neuron."""
        taps = self.target.layers[0].entries_per_pair
        if not self.thresholds:
            return self.colours.classes(taps)
        return Classes(((self.target.widths[1], Masses(self.thresholds[0], np.ones(1), 0)),), taps)

    @property
    def missing_last(self) -> Bounds:
        """Enclose the probability that a neuron of the last hidden layer is not good."""
        return self.missing(self.target.depth - 1, _all_weights(self.target.layers[-2]))

    def first_layer(self) -> Bounds:
        """Enclose what layer 0 costs."""
        if self.layer0 == "matched":
            return Fraction(0), self.hall
        inputs, taps = self.target.inputs, self.target.layers[0].entries_per_pair
        first, second = self.densities[:2]
        if self.layer0 == "dual":
            return dual_failure(self.colours.used, inputs, self.first_width, (first, second))
        if self.layer0 == "classes":
            return dual_failure(rows_of(self.classes, self.part), inputs, self.first_width, (first, second**self.part))
        if self.first_width < self.columns:
            return Fraction(1), Fraction(1)
        low, high = coding_failure(inputs, self.first_width, first, second, columns=self.columns)
        used = mean_size(self.colours.used)
        if self.thresholds:
            used = (Fraction(self.target.widths[1] * self.thresholds[0]),) * 2
        return low * used[0] * taps, high * used[1] * taps


def first_layer_says(target: Target, layer0: str) -> str:
    """Say how layer 0 is read: ``primal``, ``dual`` or ``classes`` where it is coded, or ``matched``."""
    if layer0 == "matched":
        return reading(target, "matched")
    padding = "; layer 0 is a 1x1 convolution; no zero padding" if target.is_convolutional else ""
    return f"bounded inputs{padding}; layer 0 is masked and carries linear combinations ({layer0})"


def missing_link(sources: int, density: Fraction, fan_in: int) -> Bounds:
    """Enclose 1 - (1 - (1 - p)^t)^k: for one of k weights there is no edge to any of t copies.

    Examples
    --------
    >>> missing_link(1, Fraction(1, 2), 1)[0] <= Fraction(1, 2) <= missing_link(1, Fraction(1, 2), 1)[1]
    True
    """
    if density == 1 or fan_in == 0:
        return Fraction(0), Fraction(0)
    if sources * -log_fraction(1 - density) > 2000 + math.log(fan_in):
        return Fraction(0), Fraction(1, 2**2000)
    return enclose(
        lambda: exp_complement(fan_in * log_some(density, sources)),
        digits=12,
    )


@lru_cache(maxsize=4096)
def short_of(copies: int, threshold: int, missing: Bounds) -> Bounds:
    """Enclose P(Bin(q, g) < t), given bounds of 1 - g.

    Examples
    --------
    >>> low, high = short_of(4, 2, (Fraction(1, 2), Fraction(1, 2)))
    >>> low < Fraction(5, 16) < high
    True
    """
    return (
        tail_bounds(copies, threshold, _odds(1 - missing[0]))[0],
        tail_bounds(copies, threshold, _odds(1 - missing[1]))[1],
    )


def _odds(chance: Fraction) -> float:
    try:
        return float(chance / (1 - chance)) if chance < 1 else math.inf
    except OverflowError:
        return math.inf


def _all_weights(layer: Layer) -> int:
    """Places at which any neuron of a layer may have a weight."""
    read = layer.inputs if layer.column_nonzeros is None else sum(count > 0 for count in layer.column_nonzeros)
    return read * layer.entries_per_pair
