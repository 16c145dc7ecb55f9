"""Chains of layers inside a random source, by every method that has a builder: planned, built, checked, written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ertheory.bounds import Reading
from ertheory.builders import FORMS, Embedding, Form, Plan, plan
from ertheory.builders.factored.planning import FactoredPlan, plan_factored
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check
from ertheory.commands.checked import checked
from ertheory.commands.described import measured, outcome, rests_on
from ertheory.commands.exactly import exact_layer
from ertheory.commands.points import FilePath, read_points
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.networks.network import Network
from ertheory.results import Explained, Step

__all__ = ["Built", "build_chain", "plan_chain"]

_UNBOUNDED_ROUNDING = "which unbounded inputs turn into any error; state a box by `domain`"


@dataclass(frozen=True, kw_only=True)
class Built(Explained):
    """A source that holds the target.

    Parameters
    ----------
    plan
        The widths, and what they rest on.
    embedding
        The source, its masks, and the error bound.
    check
        What the checker found, which shares nothing with the builder.
    passed
        Whether the source is the target, or as close to it as the form of layer 0 claims.
    seed
        The seed of the masks.
    file
        Where the source was written, or ``None``.
    seconds
        How long building, checking and writing took.
    exact_layer
        The layer, 0 or 1, whose weights can be replaced by rational ones on the same mask so that the source is the
        target exactly, as was checked; ``None`` where that is so without, or too large to be looked at.
    """

    plan: Plan | FactoredPlan
    embedding: Embedding | FactoredChain
    check: Check
    passed: bool
    seed: int
    file: Path | None
    seconds: float
    exact_layer: int | None = None

    @property
    def heading(self) -> str:
        """The method and the reading of layer 0."""
        return self.plan.answer.heading

    def steps(self) -> tuple[Step, ...]:
        """Give what the widths were computed from, and what the checker found."""
        found = self.check
        error = "" if found.difference_bound is None else f", |source - target| <= {float(found.difference_bound):.4g}"
        proved = "equal in exact arithmetic" if found.exact else f"on the mask: {found.on_mask}{error}"
        if self.exact_layer is not None:
            proved += f"; equal in exact arithmetic with rational weights of layer {self.exact_layer} on the same mask"
        return (*self.plan.answer.steps(), f"built with seed {self.seed} and checked: {proved}")

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it beside what was asked."""
        return {
            **outcome(self),
            **measured(self.embedding),
            **rests_on(self.plan),
            "exact_layer": self.exact_layer,
        }


def plan_chain(
    network: Network,
    *,
    method: str,
    form: Form | None,
    inner: str | None,
    outer: str | None,
    split: str | None,
    **asked: Any,
) -> Plan | FactoredPlan:
    """Choose the widths and the construction, before anything is drawn.

    Parameters
    ----------
    network
        A chain, with its box.
    method, form, inner, outer, split
        They are as for `ertheory.commands.embed`.
    **asked
        Density or sparsity, failure probability and the reading of layer 0.

    Raises
    ------
    TheoremNotApplicable
        If the statement does not hold for this source, or weights would have to be rounded and inputs are unbounded.
    """
    if method == "factored":
        return _planned_pairs(network, inner=inner or "relu", outer=outer or "solved", split=split or "equal", **asked)
    return _planned(network, method, form, **asked)


def build_chain(
    chosen: Plan | FactoredPlan,
    *,
    seed: int,
    inputs: FilePath | Any | None,
    place: Path | None,
    no_mask: bool,
    force: bool,
    planned: Callable[[Any], object] | None,
    progress: Callable[[int], object] | None,
    checking: Callable[[int], object] | None,
) -> Built:
    """Draw the masks of a plan, build in them, check, and write what passes.

    Raises
    ------
    ConstructionFailed
        If a mask lacks an edge or a matching.
    InvalidInput
        If the points are not of the box, or rounding the weights could cost anything.
    """
    network = chosen.network
    points = None if inputs is None else read_points(inputs, network.domain)
    if planned is not None:
        planned(chosen)
    started = time.perf_counter()
    embedding = _embedded(chosen, seed, progress)
    if embedding.error_bound is None and network.domain is not None:
        allowed = "weights and a box on which rounding costs less than 1e308"
        raise InvalidInput("target", allowed, str(chosen.answer.target))
    options = {"points": points, "seed": seed, "progress": checking}
    found, passed = checked(embedding, place, options, with_masks=not no_mask, force=force)
    return Built(
        plan=chosen,
        embedding=embedding,
        check=found,
        passed=passed,
        seed=seed,
        file=place if passed else None,
        exact_layer=_exact_layer(embedding) if passed and not found.exact else None,
        seconds=time.perf_counter() - started,
    )


def _planned(network: Network, method: str, form: Form | None, **asked: Any) -> Plan:
    chosen = plan(network, method=method, form=None if form is None else one_of("form", form, FORMS), **asked)
    if chosen.coding.error is None and chosen.layer0 != "coded":
        raise TheoremNotApplicable(f"{network.activation}: weights would have to be rounded, {_UNBOUNDED_ROUNDING}")
    return chosen


def _planned_pairs(network: Network, *, layer0: Reading | None, **asked: Any) -> FactoredPlan:
    if layer0 not in (None, "factored"):
        raise InvalidInput("layer0", "factored, as the method factored always reads it", layer0)
    chosen = plan_factored(network, **asked)
    if network.domain is None and not chosen.rational:
        raise TheoremNotApplicable(f"factored: weights are solved for and rounded, {_UNBOUNDED_ROUNDING}")
    return chosen


def _embedded(
    chosen: Plan | FactoredPlan, seed: int, progress: Callable[[int], object] | None
) -> Embedding | FactoredChain:
    if isinstance(chosen, Plan):
        return chosen.embed(seed, progress=progress)
    return chosen.embed(seed, progress=progress, exact=chosen.rational)


def _exact_layer(embedding: Embedding | FactoredChain) -> int | None:
    return exact_layer(embedding) if isinstance(embedding, Embedding) else None
