"""A chain inside a source of three times its depth: every map as three masked ones.

>>> from ertheory.networks.target import Target, network_of
>>> target = network_of(Target.from_arrays([[[1.0, -2.0], [0.5, 1.0]], [[3.0, 1.0]]], domain=[(0, 1), (-1, 1)]))
>>> built = embed_triples(target, densities=["1/2"], failure_probability="0.1", seed=3, split="equal")
>>> len(built.source.affine), max(one.error_bound for one in built.maps) < 1e-12
(6, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ertheory.bounds.factored.least import Split
from ertheory.bounds.factored.network import shapes_of_target
from ertheory.bounds.factored.one_map import FORMS
from ertheory.bounds.factored.triple import TripleMap
from ertheory.bounds.factored.triple_network import triple_design
from ertheory.builders.factored.answers import MapAnswer
from ertheory.builders.factored.chain import check_chain
from ertheory.builders.factored.networks import FactoredNetwork
from ertheory.builders.factored.triple import TripleFactors, factor_triple
from ertheory.errors import TheoremNotApplicable
from ertheory.masks import DrawnMask
from ertheory.networks.network import Activation, Affine, Network, Step
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import Rational

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["embed_triples"]


def embed_triples(
    target: Network,
    *,
    densities: Sequence[Rational],
    failure_probability: Rational,
    seed: int,
    split: Split,
    progress: Callable[[int], object] | None = None,
) -> FactoredNetwork:
    """Build a chain inside masks that are drawn for three factors of each of its maps.

    Parameters
    ----------
    target
        A chain of fully connected layers.
    densities
        One number, or one per source layer, three times as many as the target has.
    failure_probability
        The number delta.
    seed
        It is that of the masks, and of the factors that are drawn.
    split
        With ``best`` the three densities of a map are chosen, at most at the overall density of those given.
    progress
        It is told how many entries of masks are done, map after map.

    Raises
    ------
    ConstructionFailed
        If the masks of a map do not hold it; the layer is named.
    TheoremNotApplicable
        If the target is no chain, or has a layer without weights.

    Notes
    -----
    The inner neurons are linear.
    """
    check_chain(target)
    counted = Target.from_arrays([step.weight.toarray() for step in target.affine])
    if not min(counted.nonzeros):
        msg = "factored: a layer of the target has no weights; reduce the target first"
        raise TheoremNotApplicable(msg)
    read = read_densities(counted, density=list(densities), sparsity=None, layers=3 * len(target.affine))
    design = triple_design(
        shapes_of_target(counted),
        densities=read,
        failure_probability=failure_probability,
        split=split,
        forms=FORMS,
    )
    after = [step for step in target.steps if isinstance(step, Activation)]
    steps: list[Step] = []
    kept: list[csr_array] = []
    results: list[MapAnswer] = []
    for number, (step, one) in enumerate(zip(target.affine, design.maps, strict=True)):
        shapes = (one.inner[0], step.inputs), one.inner[::-1], (step.outputs, one.inner[1])
        masks = [
            DrawnMask(shape, density, seed, 3 * number + at)
            for at, (shape, density) in enumerate(zip(shapes, one.densities, strict=True))
        ]
        patterns = [mask.to_csr() for mask in masks]
        found = factor_triple(
            step.weight.toarray(),
            patterns,
            theorem=one.theorem,
            classes=one.classes if one.theorem == "colouring" else (1, 1),
            seed=seed,
            name=f"layer {number + 1}",
        )
        kept += patterns
        results.append(_answer(one, step, found, masks, sum(int(pattern.nnz) for pattern in patterns)))
        linear = Activation("identity")
        steps += [_linear(found.first), linear, _linear(found.middle), linear]
        steps += [Affine(weight=found.last, bias=step.bias, inputs=one.inner[1]), *after[number : number + 1]]
        if progress is not None:
            progress(sum(rows * columns for rows, columns in shapes))
    return FactoredNetwork(
        target=target,
        source=Network(tuple(steps), target.domain),
        masks=tuple(kept),
        maps=tuple(results),
        left_dense={},
        success_lower=design.success_lower,
    )


def _linear(weight: csr_array) -> Affine:
    return Affine(weight=weight, bias=np.zeros(weight.shape[0]), inputs=int(weight.shape[1]))


def _answer(one: TripleMap, step: Affine, found: TripleFactors, masks: list[DrawnMask], edges: int) -> MapAnswer:
    full = int(step.weight.nnz) == step.inputs * step.outputs
    return MapAnswer(
        name=one.name,
        form=one.form,
        scheme=one.theorem,
        inner=one.inner,
        densities=one.densities,
        masks=tuple(masks),
        edges=edges,
        nonzeros=int(step.weight.nnz),
        failure=one.failure,
        error_bound=found.bound,
        # Classes that are joined for every weight hold every map; paths were only followed for this one.
        universal=True if one.theorem == "colouring" and full else None,
        condition=found.condition,
    )
