"""From a target, a sparsity and a failure probability to a source that is wide enough for a builder.

A bound gives widths for the target as the builder sees it: written in the units of layer 0, which are one per input, or
more where pairs or constants are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ertheory.bounds import BUILT, find, width
from ertheory.bounds.blocks.laws import LAYER0
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Reading
from ertheory.builders.blocks.build import Construction, embed_target
from ertheory.builders.result import Embedding
from ertheory.builders.sharp.coded import solvable_on, why_not_coded
from ertheory.builders.sharp.coding import Coding, Form, code_inputs, combinations
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.masks import DrawnMask, Mask
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Affine, Network, Residual
from ertheory.networks.source import read_densities
from ertheory.networks.target import Layer, Target, network_of
from ertheory.numbers import Rational

__all__ = ["BUILT", "COPIED", "Plan", "plan"]

COPIED = tuple(name for name in BUILT if find(name).constructions != ("factored",))  # sources one layer deeper


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A source that is wide enough, and how to build in it.

    Parameters
    ----------
    network
        The target, with its box.
    answer
        The widths, and what they rest on; its target is written in the units of layer 0.
    coding
        The units of layer 0. Where it is coded, none is known before the mask is; nor is the error.
    layer0
        How the neurons of layer 0 are shared out.
    construction
        How the source is built.
    copies
        q_0, neurons of layer 0 for each unit, where the answer rests on it.
    shapes
        They are those of the masks of source layers 0..L.
    """

    network: Network
    answer: Width
    coding: Coding
    layer0: Reading
    construction: Construction
    copies: int | None
    shapes: tuple[tuple[int, int], ...]

    @property
    def entries(self) -> int:
        """Entries of all masks."""
        return sum(rows * columns for rows, columns in self.shapes)

    def masks(self, seed: int = 0) -> tuple[DrawnMask, ...]:
        """Draw the masks; they depend on the seed, the widths and the densities alone."""
        pairs = zip(self.shapes, self.answer.densities, strict=True)
        return tuple(DrawnMask(shape, density, seed, layer) for layer, (shape, density) in enumerate(pairs))

    def shapes_at(self, widths: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Give the shapes of the masks for other widths N_0..N_L, of which nothing is promised."""
        return _shapes(self.network, self.coding, tuple(widths))

    def found_in(self, masks: Sequence[Mask]) -> bool:
        """Say whether the builder finds the target in given masks.

        Where layer 0 is coded, matchings decide whether there are weights, for almost all of those of the target; then
        none are computed.
        """
        if self.layer0 == "coded":
            return solvable_on(self.network, tuple(masks), self.construction)
        try:
            self._built(masks, workers=1)
        except ConstructionFailed:
            return False
        return True

    def embed(self, seed: int = 0, **options: object) -> Embedding:
        """Draw the masks and build; `options` are ``workers`` and ``progress`` as for `embed_target`.

        Raises
        ------
        ConstructionFailed
            If the mask lacks an edge, which happens with probability delta at most.
        """
        return self._built(self.masks(seed), **options)

    def _built(self, masks: Sequence[Mask], **options: object) -> Embedding:
        return embed_target(
            self.network,
            masks,
            construction=self.construction,
            layer0=self.layer0,
            copies=self.copies,
            form=None if self.coding.form == "combinations" else self.coding.form,
            **options,  # type: ignore[arg-type]
        )


def plan(
    target: Target | Network,
    *,
    method: str = "exact",
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    failure_probability: Rational,
    layer0: Reading | None = None,
    domain: npt.ArrayLike | None = None,
    form: Form | None = None,
) -> Plan:
    """Compute how wide the source has to be for a builder to succeed with probability 1 - delta.

    Parameters
    ----------
    target
        The network to represent, with weights; no residual blocks.
    method
        ``printed``, ``exact``, ``joint`` or ``drop``; or ``sequential``, ``matching`` or ``sharp``, which colour the
        last hidden layer.
    density, sparsity, failure_probability
        They are as for `ertheory.width`.
    layer0
        It is as for `ertheory.width`; for the last three methods ``coded`` or ``matched``, by default whichever needs
        fewer neurons.
    domain, form
        They are as for `embed_target`.

    Raises
    ------
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the statement does not hold for this source, such as Theorem 2.1 as printed where layer 0 is masked.

    Examples
    --------
    >>> target = Target.from_arrays([[[1.0, -2.0], [0.5, 1.0]], [[3.0, 1.0]]])
    >>> small = plan(target, density="1,1/2,1/2", failure_probability="0.1", domain=(-1, 1))
    >>> small.answer.widths, small.embed(seed=3).widths
    ((18, 10, 1), (18, 10, 1))
    """
    statement = find(method, COPIED)
    network = network_of(target) if isinstance(target, Target) else target
    first = network.affine[0]
    box = network.domain if domain is None else read_box(domain, first.inputs)
    network = Network(network.steps, box)
    name = "relu" if network.activation == "identity" else network.activation
    coding = code_inputs(first, box, name=name, form=form)
    counted = _counted(network, coding)
    if "coded" in statement.readings:
        layer0 = _coded_or_matched(network, coding, layer0)
        # With the places of the zeros, where they can be given, less is asked of the last layer.
        if network.is_chain:
            counted = Target.from_arrays([step.weight.toarray() for step in network.affine])
    else:
        layer0 = _copied(method, first, coding, layer0, read_densities(counted, density=density, sparsity=sparsity)[0])
    answer = width(
        counted,
        method=method,
        density=density,
        sparsity=sparsity,
        failure_probability=failure_probability,
        layer0=layer0,
    )
    if not answer.applies:
        raise TheoremNotApplicable(f"{method}: {answer.reason}")
    assert answer.design is not None  # whatever can be built has one,
    assert answer.design.construction != "factored"
    assert answer.layer0 != "any"  # and is read in one way
    if answer.layer0 == "coded":
        coding = combinations(first, np.empty(0), np.empty(0), None)
    return Plan(
        network=network,
        answer=answer,
        coding=coding,
        layer0=answer.layer0,
        construction=answer.design.construction,
        copies=answer.design.copies or None,
        shapes=_shapes(network, coding, answer.widths),
    )


def _copied(method: str, first: Affine, coding: Coding, layer0: Reading | None, density: Fraction) -> Reading:
    """Choose how a layer 0 that copies inputs is read, given its density."""
    if layer0 == "coded":
        raise InvalidInput("layer0", f"one of {', '.join(LAYER0)} for the method {method}", layer0)
    apart = _why_not_matched(first, coding)
    if layer0 == "matched" and apart:
        raise TheoremNotApplicable(f"{apart}: use dense or preassigned")
    if layer0 is not None:
        return layer0
    if density == 1 or method == "printed":
        return "dense"
    return "preassigned" if apart else "matched"


def _coded_or_matched(network: Network, coding: Coding, layer0: Reading | None) -> Reading | None:
    """Choose how layer 0 is read below a coloured last hidden layer; ``None`` where the widths decide."""
    if layer0 not in (None, "coded", "matched"):
        raise InvalidInput("layer0", "coded or matched for methods that colour the last hidden layer", layer0)
    not_coded = _why_not_coded(network, coding)
    if not_coded and layer0 == "coded":
        raise TheoremNotApplicable(not_coded)
    wanted = "matched" if not_coded else layer0
    if wanted == "matched" and (apart := _why_not_matched(network.affine[0], coding)):
        raise TheoremNotApplicable(f"{apart}: use another method" + (f"; {not_coded}" if not_coded else ""))
    return wanted


def _why_not_coded(network: Network, coding: Coding) -> str:
    if reason := why_not_coded(network):
        return reason
    if coding.form != "shift":
        return f"a coded layer 0 shifts its combinations, so bounded inputs are needed, and not the form {coding.form}"
    return ""


def _why_not_matched(first: Affine, coding: Coding) -> str:
    if first.groups > 1:
        return "with groups in its first layer the neurons of layer 0 fall into parts"
    if coding.units != first.inputs:
        return f"with layer 0 in the form {coding.form} its units share edges"
    return ""


def _counted(network: Network, coding: Coding) -> Target:
    """Give the target as the bounds see it: its counts, with layer 1 written in the units of layer 0."""
    if any(isinstance(step, Residual) for step in network.steps):
        msg = "widths are computed for chains of layers; choose those of residual blocks and give masks to embed_target"
        raise TheoremNotApplicable(msg)
    steps = (coding.first, *network.affine[1:])
    layers = [Layer.from_step(coding.first, channels=coding.units)]
    layers += [Layer.from_step(step, channels=below.outputs) for below, step in pairwise(steps)]
    return Target(tuple(layers))


def _shapes(network: Network, coding: Coding, widths: tuple[int | None, ...]) -> tuple[tuple[int, int], ...]:
    known = [int(width or 0) for width in widths]
    steps = (coding.first, *network.affine[1:])
    channels = [coding.first.inputs, *(step.outputs for step in steps[:-1])]
    shapes = [(known[0], network.affine[0].inputs)]
    for step, below, size, above in zip(steps, known, channels, known[1:], strict=False):
        per_channel = step.inputs // size * step.taps
        shapes.append((above, below // step.groups * per_channel))
    return tuple(shapes)
