"""A fully connected target inside masks of a source of twice its depth.

>>> from ertheory.networks.target import Target, network_of
>>> target = network_of(Target.from_arrays([[[1.0, -2.0], [0.5, 1.0]]], domain=[(0, 1), (-1, 1)]))
>>> from ertheory.masks import DrawnMask
>>> masks = [DrawnMask((9, 2), Fraction(1, 2), seed=3), DrawnMask((2, 9), Fraction(1, 2), seed=3, layer=1)]
>>> built = embed_factored(target, masks)
>>> built.widths, built.difference_bound < 1e-12
((9, 2), True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from ertheory.builders.factored.boxes import NONNEGATIVE, map_boxes
from ertheory.builders.factored.inner import INNER, InnerLayer, inner_layer, law_of
from ertheory.builders.factored.pairs import Array, MaskPair, Scheme
from ertheory.builders.factored.result import FactoredChain
from ertheory.builders.factored.solve import Factors, factor_map
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.masks import Mask
from ertheory.networks.activations import activation
from ertheory.networks.network import Activation, Affine, Network, Step

__all__ = ["check_chain", "embed_factored"]

_UNIT = 2.0**-52


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
        They are those of source layers 0..2L-1: for each layer of the target the masks of B and A.
    inner
        ``identity``, ``relu`` or ``relu-positive``.
    schemes, fewest
        One for each layer, as for `factor_map`.
    seed
        It is that of the numbers of the drawn factors.
    exact
        Whether to solve in rational arithmetic, so that a checker can prove that nothing differs. Good for some dozens
        of neurons in a layer.
    workers
        They are as for `factor_map`.
    progress
        It is told how many entries of masks are done, layer after layer.

    Raises
    ------
    InvalidInput
        If the target is no chain, or the masks do not fit.
    TheoremNotApplicable
        If inner neurons need bounds that there are not.
    ConstructionFailed
        If an input or output has no matching; layer and number are named.
    """
    known = one_of("inner", inner, INNER)
    check_chain(target)
    layers = target.affine
    if len(masks) != 2 * len(layers):
        raise InvalidInput("masks", f"{2 * len(layers)}, two for each layer of the target", len(masks))
    boxes = None if target.domain is None else map_boxes(target)
    after = [step for step in target.steps if isinstance(step, Activation)]
    made: list[tuple[Factors, InnerLayer]] = []
    error = np.zeros(target.inputs)  # by how much the inputs of a layer differ in source and target
    room = np.zeros(target.inputs)  # the same, as coarsely as anybody may bound it
    for number, step in enumerate(layers):
        name = f"layer {number + 1}"
        pair = MaskPair.read(masks[2 * number], masks[2 * number + 1])
        scheme = None if schemes is None else schemes[number]
        if known == "relu-positive":
            scheme = scheme or "primal"
        nonnegative = (boxes is not None and bool((boxes[number][:, 0] >= 0).all())) or (
            number > 0 and after[number - 1].name in NONNEGATIVE
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
        positive = number > 0 and after[number - 1].name in NONNEGATIVE
        reach = None if box is None else _reach(box, room, positive=positive)
        made.append((factors, inner_layer(step, factors, reach, lifted=lifted, name=name)))
        if box is not None:
            error, room = _difference(step, box, *made[-1], error), _coarse(step, box, *made[-1], room)
            if number < len(after):
                slope = float(activation(after[number].name).lipschitz) * (1 + 4 * _UNIT)
                error, room = error * slope, room * slope
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
        difference_bound=None if boxes is None else float(error.max(initial=0.0)),
        rationals=_rationals(source, [factors for factors, _ in made]) if exact else None,
    )


def check_chain(target: Network) -> None:
    """Refuse a target that is no chain of fully connected layers."""
    if not target.is_chain:
        msg = "two masked layers for each layer are built for chains of fully connected layers; use embed_module"
        raise TheoremNotApplicable(f"{msg} for other architectures")


def _reach(box: Array, room: Array, *, positive: bool) -> Array:
    """Give where the inputs of a layer may lie in the source."""
    reach = np.stack([box[:, 0] - room, box[:, 1] + room], axis=1)
    return np.maximum(reach, 0.0) if positive else reach


def _difference(step: Affine, box: Array, factors: Factors, built: InnerLayer, error: Array) -> Array:
    """Bound |source - target| behind a layer: |A B - W| |z| and lost digits of biases, and what came in."""
    size = float(np.sum(np.abs(box).max(axis=1) + error))
    grown: Array = abs(step.weight) @ error + factors.certificate.bound * size + built.lost
    return np.nextafter(grown * (1 + (step.inputs + 8) * _UNIT), np.inf) if grown.any() else grown


def _coarse(step: Affine, box: Array, factors: Factors, built: InnerLayer, room: Array) -> Array:
    """Bound the same as one does who multiplies A B anew, and counts a rounding for every inner neuron."""
    inner, outer = abs(factors.first), abs(factors.second)
    gamma = (factors.first.shape[0] + 8) * _UNIT
    size = np.abs(box).max(axis=1) + room
    product = factors.certificate.bound * float(size.sum()) + 2 * gamma * (outer @ (inner @ size))
    biases = 8 * gamma * (outer @ np.abs(built.first.bias) + np.abs(step.bias)) if built.shift else 0.0
    grown: Array = 1.01 * (abs(step.weight) @ room + product + biases)
    return grown


def _rationals(source: Network, factors: Sequence[Factors]) -> dict[int, tuple[Fraction, ...]]:
    """Give the rational weights of each source layer that was solved for, in the order of its stored weights."""
    result = {}
    for number, one in enumerate(factors):
        for side, entries in enumerate(one.rational or ()):
            if entries is not None:
                weight = source.affine[2 * number + side].weight
                rows = np.repeat(np.arange(weight.shape[0]), np.diff(weight.indptr)).tolist()
                places = zip(rows, weight.indices.tolist(), strict=True)
                result[2 * number + side] = tuple(entries[place] for place in places)
    return result
