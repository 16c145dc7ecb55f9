"""A fully connected target inside a source of twice its depth.

>>> from ertheory.networks.target import network_of
>>> target = network_of(Target.from_arrays([[[1.0, -2.0], [0.5, 1.0]], [[3.0, 1.0]]], domain=[(0, 1), (-1, 1)]))
>>> chosen = plan_factored(target, density="1/2", failure_probability="0.1")
>>> built = chosen.embed(seed=3)
>>> len(built.source.affine), built.source.outputs, built.difference_bound < 1e-12
(4, 1, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ertheory.bounds.factored.network import FactoredDesign, factored_design, shapes_of_target
from ertheory.builders.factored.boxes import map_boxes
from ertheory.builders.factored.inner import Inner, InnerLayer, checked_inner, inner_layer, law_of
from ertheory.builders.factored.pairs import Array, MaskPair, Scheme
from ertheory.builders.factored.result import FactoredChain
from ertheory.builders.factored.solve import Factors, factor_map
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask, Mask
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Network, Step
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational

__all__ = ["FactoredPlan", "embed_factored", "plan_factored"]

_NONNEGATIVE = ("relu", "relu6", "sigmoid", "softplus", "hardsigmoid")
_UNIT = 2.0**-52


@dataclass(frozen=True, kw_only=True, eq=False)
class FactoredPlan:
    """A source that is wide enough, and how to build in it.

    Parameters
    ----------
    network
        The target, a chain.
    design
        The inner widths, and what they rest on.
    inner
        What the inner neurons do.
    """

    network: Network
    design: FactoredDesign
    inner: Inner

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
        If an argument lies outside its domain, or the target is no chain.
    """
    known = checked_inner(inner)
    _check_chain(target)
    if outer not in ("solved", "random"):
        raise InvalidInput("outer", "solved or random", outer)
    if outer == "random" and known == "relu-positive":
        raise InvalidInput("outer", "solved, where the first factor has to be positive and drawn", outer)
    # The widths are the same for every activation, so only the weights are counted.
    counted = Target.from_arrays([step.weight.toarray() for step in target.affine])
    read = read_densities(counted, density=density, sparsity=sparsity, layers=2 * len(target.affine))
    if outer == "random":
        options["orientations"] = ("dual",)
    if known == "relu-positive":
        options["orientations"] = ("primal",)
    shapes = shapes_of_target(counted)
    design = factored_design(shapes, densities=read, failure_probability=failure_probability, **options)
    return FactoredPlan(network=target, design=design, inner=known)


def embed_factored(
    target: Network,
    masks: Sequence[Mask],
    *,
    inner: str = "identity",
    schemes: Sequence[Scheme | None] | None = None,
    fewest: Sequence[int | None] | None = None,
    seed: int = 0,
    exact: bool = False,
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> FactoredChain:
    """Build a chain inside given masks.

    Parameters
    ----------
    target
        A chain of fully connected layers.
    masks
        Of source layers 0..2L-1: for each layer of the target the masks of B and A.
    inner
        ``identity``, ``relu`` or ``relu-positive``.
    schemes, fewest
        For each layer, as for `factor_map`.
    seed
        Of the numbers of the drawn factors.
    exact
        Whether to solve in rational arithmetic, so that a checker can prove that nothing differs. Good for some dozens
        of neurons in a layer.
    workers
        As for `factor_map`.
    progress
        Told how many entries of masks are done, layer after layer.

    Raises
    ------
    InvalidInput
        If the target is no chain, or the masks do not fit.
    TheoremNotApplicable
        If inner neurons need bounds that there are not.
    ConstructionFailed
        If an input or output has no matching; layer and number are named.
    """
    known = checked_inner(inner)
    _check_chain(target)
    layers = target.affine
    if len(masks) != 2 * len(layers):
        raise InvalidInput("masks", f"{2 * len(layers)}, two for each layer of the target", len(masks))
    boxes = None if target.domain is None else map_boxes(target)
    after = [step for step in target.steps if isinstance(step, Activation)]
    made: list[tuple[Factors, InnerLayer]] = []
    for number, step in enumerate(layers):
        name = f"layer {number + 1}"
        pair = MaskPair.read(masks[2 * number], masks[2 * number + 1])
        scheme = None if schemes is None else schemes[number]
        if known == "relu-positive":
            scheme = scheme or "primal"
        nonnegative = (boxes is not None and bool((boxes[number][:, 0] >= 0).all())) or (
            number > 0 and after[number - 1].name in _NONNEGATIVE
        )
        law = law_of(known, scheme or "", nonnegative=nonnegative, name=name)
        factors = factor_map(
            step.weight.toarray(),
            pair,
            scheme=scheme,
            fewest=None if fewest is None else fewest[number],
            law=law,
            seed=seed,
            stream=number,
            name=name,
            exact=exact,
            workers=workers,
        )
        lifted = known != "identity" and law == "signed"
        box = None if boxes is None else boxes[number]
        made.append((factors, inner_layer(step, factors, box, lifted=lifted, name=name)))
        if progress is not None:
            progress(sum(mask.shape[0] * mask.shape[1] for mask in masks[2 * number : 2 * number + 2]))
    steps: list[Step] = []
    for number, (_, built) in enumerate(made):
        between = Activation("identity" if known == "identity" else "relu")
        steps += [built.first, between, built.second, *after[number : number + 1]]
    source = Network(tuple(steps), target.domain)
    return FactoredChain(
        target=target,
        source=source,
        masks=tuple(masks),
        factors=tuple(factors for factors, _ in made),
        inner=known,
        edges_available=sum(int(mask.to_csr().nnz) for mask in masks),
        difference_bound=None if boxes is None else _difference(target, boxes, made),
        rationals=_rationals(source, [factors for factors, _ in made]) if exact else None,
    )


def _check_chain(target: Network) -> None:
    if not target.is_chain:
        msg = "two masked layers for each layer are built for chains of fully connected layers; use embed_module"
        raise TheoremNotApplicable(f"{msg} for other architectures")


def _difference(target: Network, boxes: list[Array], made: list[tuple[Factors, InnerLayer]]) -> float:
    """Bound |source - target|: each layer adds |A B - W| |z| and lost digits of biases to what came in."""
    error = np.zeros(target.inputs)
    after = [activation(step.name) for step in target.steps if isinstance(step, Activation)]
    for number, (step, box) in enumerate(zip(target.affine, boxes, strict=True)):
        factors, built = made[number]
        size = float(np.sum(np.abs(box).max(axis=1) + error))
        terms = step.inputs + 8
        error = abs(step.weight) @ error + factors.certificate.bound * size + built.lost
        error = error * (1 + terms * _UNIT)
        if number < len(after):
            error = error * (float(after[number].lipschitz) * (1 + 4 * _UNIT))
    return float(np.nextafter(error.max(initial=0.0), np.inf)) if error.any() else 0.0


def _rationals(source: Network, factors: Sequence[Factors]) -> dict[int, tuple[Fraction, ...]]:
    """Give the rational weights of each source layer that was solved for, in the order of its stored weights."""
    result = {}
    for number, one in enumerate(factors):
        assert one.rational is not None
        layer = 2 * number + (0 if one.scheme == "dual" else 1)
        weight = source.affine[layer].weight
        rows = np.repeat(np.arange(weight.shape[0]), np.diff(weight.indptr)).tolist()
        result[layer] = tuple(one.rational[place] for place in zip(rows, weight.indices.tolist(), strict=True))
    return result
