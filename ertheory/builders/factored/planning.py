"""From a chain, a sparsity and a failure probability to a source of twice its depth that is wide enough.

>>> from ertheory.networks.target import network_of
>>> target = network_of(Target.from_arrays([[[1.0, -2.0], [0.5, 1.0]], [[3.0, 1.0]]], domain=[(0, 1), (-1, 1)]))
>>> chosen = plan_factored(target, density="1/2", failure_probability="0.1")
>>> built = chosen.embed(seed=3)
>>> len(built.source.affine), built.source.outputs, built.difference_bound < 1e-12
(4, 1, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, TypeAlias, get_args

from ertheory.bounds.factored.network import FactoredDesign, factored_design, shapes_of_target
from ertheory.bounds.factored.one_map import FactoredMap
from ertheory.bounds.factored.statement import FACTORED, answer_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question
from ertheory.builders.factored.chain import check_chain, embed_factored
from ertheory.builders.factored.inner import INNER, Inner
from ertheory.builders.factored.result import FactoredChain
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.masks import DrawnMask
from ertheory.networks.network import Network
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational, probability

__all__ = ["OUTER", "FactoredPlan", "Outer", "plan_factored"]

Outer: TypeAlias = Literal["solved", "random"]
OUTER: tuple[Outer, ...] = get_args(Outer)

_RATIONAL_WORK = 10**7  # products in the elimination of all columns: a few seconds
_RATIONAL_ROWS = 64  # the numbers that are solved for have as many digits as the drawn ones, times this
_PATHS = 2**19  # products of two weights that a checker has to add up


@dataclass(frozen=True, kw_only=True, eq=False)
class FactoredPlan:
    """A source that is wide enough, and how to build in it.

    Parameters
    ----------
    network
        The target, a chain.
    answer
        The widths, and what they rest on.
    design
        The same, map by map.
    asked
        The densities of source layers that were asked for; those of the design have the same overall ones.
    inner
        What the inner neurons do.
    outer
        ``random`` where the second factor of every pair is drawn, and the first one solved.
    layer0, construction
        They are as in every plan.
    """

    network: Network
    answer: Width
    design: FactoredDesign
    asked: tuple[Fraction, ...]
    inner: Inner
    outer: Outer
    layer0: Literal["factored"] = "factored"
    construction: Literal["factored"] = "factored"

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Of the masks of source layers 0..2L-1."""
        maps = self.design.maps
        return tuple(
            shape for one in maps for shape in ((max(1, one.inner), one.inputs), (one.outputs, max(1, one.inner)))
        )

    @property
    def entries(self) -> int:
        """Entries of all masks."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def rational(self) -> bool:
        """Whether the maps are small enough to be solved, and checked, in rational arithmetic."""
        return all(map(_small, self.design.maps))

    def masks(self, seed: int = 0) -> tuple[DrawnMask, ...]:
        """Draw the masks; they depend on the seed, the widths and the densities alone."""
        pairs = zip(self.shapes, self.design.densities, strict=True)
        return tuple(DrawnMask(shape, density, seed, layer) for layer, (shape, density) in enumerate(pairs))

    def embed(self, seed: int = 0, **options: Any) -> FactoredChain:
        """Draw the masks and build; `options` are those of `embed_factored`.

        Raises
        ------
        ConstructionFailed
            If a mask lacks a matching, which happens with probability delta at most.
        """
        schemes = [one.orientation for one in self.design.maps]
        fewest = [one.threshold or None for one in self.design.maps]
        return embed_factored(
            self.network, self.masks(seed), inner=self.inner, schemes=schemes, fewest=fewest, seed=seed, **options
        )


def plan_factored(
    target: Network,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    inner: str = "relu",
    outer: str = "solved",
    **options: Any,
) -> FactoredPlan:
    """Compute inner widths with which a drawn source contains the target with probability 1 - delta.

    Parameters
    ----------
    target
        A chain of fully connected layers, with its box where the inner neurons need one.
    density, sparsity
        One number, or one per source layer, twice as many as the target has.
    failure_probability
        The number delta in (0, 1).
    inner
        ``identity``, ``relu`` or ``relu-positive``.
    outer
        With ``random`` the second factor of every pair is drawn and the first one solved; else whichever needs fewer
        weights.
    **options
        ``split`` and ``objective`` of the widths.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the target is no chain, or inner neurons need a box and there is none.
    """
    known, drawn = one_of("inner", inner, INNER), one_of("outer", outer, OUTER)
    check_chain(target)
    if drawn == "random" and known == "relu-positive":
        raise InvalidInput("outer", "solved, where the first factor has to be positive and drawn", outer)
    if known == "relu" and target.domain is None:
        text = (
            "inner relu needs a box of the inputs, on which its neurons are above 0; state one, or use inner identity"
        )
        raise TheoremNotApplicable(f"factored: {text}")
    # The widths are the same for every activation, so only the weights are counted.
    counted = Target.from_arrays([step.weight.toarray() for step in target.affine])
    read = read_densities(counted, density=density, sparsity=sparsity, layers=2 * len(target.affine))
    if reason := FACTORED.refuses(counted, read, None):
        raise TheoremNotApplicable(f"factored: {reason}")
    if drawn == "random":
        options["orientations"] = ("dual",)
    if known == "relu-positive":
        options["orientations"] = ("primal",)
    delta = probability("delta", failure_probability)
    design = factored_design(shapes_of_target(counted), densities=read, failure_probability=delta, **options)
    question = Question(target=counted, densities=read, failure_probability=Fraction(delta))
    answer = answer_of(question, design)
    return FactoredPlan(network=target, answer=answer, design=design, asked=read, inner=known, outer=drawn)


def _small(one: FactoredMap) -> bool:
    rows, columns, drawn = one.rows, one.columns, float(one.densities[0])
    if "primal" in one.orientation:
        rows, columns, drawn = columns, rows, float(one.densities[1])
    paths = one.inner * one.rows * one.columns * float(one.densities[0] * one.densities[1])
    work = columns * rows**2 * one.inner * drawn
    return rows <= _RATIONAL_ROWS and work <= _RATIONAL_WORK and paths <= _PATHS
