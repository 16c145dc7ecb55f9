"""Networks that are no chains, and chains by three factors, inside a random source: built, checked and written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ertheory.builders.factored.files import write_network
from ertheory.builders.factored.networks import FactoredNetwork, embed_network
from ertheory.builders.factored.triple_chain import embed_triples
from ertheory.check import Check, check_embedding, check_file
from ertheory.check.geometry import leading
from ertheory.commands.arguments import called, refuse_given
from ertheory.commands.checked import CheckFailed
from ertheory.commands.described import outcome
from ertheory.commands.points import FilePath, read_points
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.networks.network import Network, Pool
from ertheory.results import Explained, Step

__all__ = ["BuiltNetwork", "build_network"]


@dataclass(frozen=True, kw_only=True)
class BuiltNetwork(Explained):
    """A source that holds a network by two factors where it is no chain, or a chain by three.

    Parameters
    ----------
    embedding
        The source, its masks, and what every pair rests on.
    check
        What the checker found, which shares nothing with the builder.
    passed
        Whether the source is the target up to the bound that the checker proved.
    seed
        The seed of the masks.
    file
        Where the source was written, or ``None``.
    seconds
        How long building, checking and writing took.
    """

    embedding: FactoredNetwork
    check: Check
    passed: bool
    seed: int
    file: Path | None
    seconds: float

    @property
    def heading(self) -> str:
        """The method, and how layer 0 is read."""
        return "factored, layer 0 factored"

    def steps(self) -> tuple[Step, ...]:
        """Say of each layer which theorem its width is from, and what the checker found."""
        rows = tuple(
            f"{one.name}: {one.scheme}, N = {', '.join(map(str, one.inner))}, fails with probability "
            f"{float(one.failure):.3g} at most, the product is off by {one.error_bound:.2g} at most"
            for one in self.embedding.maps
        )
        bound = self.check.difference_bound
        error = "" if bound is None else f", |source - target| <= {bound:.4g} on the box"
        return (*rows, f"built with seed {self.seed} and checked: on the mask: {self.check.on_mask}{error}")

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it beside what was asked."""
        built = self.embedding
        return {
            **outcome(self),
            **built.to_dict(),
            "error_bound": self.check.difference_bound,
            "factors": None,
            "statement": "factored sources (ours)",
            "variant": "exact",
            "kind": "sufficient",
            "mask_entries": sum(rows * columns for rows, columns in (mask.shape for mask in built.masks)),
        }


def build_network(
    target: Network,
    *,
    densities: Sequence[Any],
    factors: int,
    failure_probability: Any,
    seed: int,
    inputs: FilePath | Any | None,
    inner: str | None,
    outer: str | None,
    split: str | None,
    place: Path | None,
    no_mask: bool,
    force: bool,
    progress: Callable[[int], object] | None,
    checking: Callable[[int], object] | None,
) -> BuiltNetwork:
    """Build a network that is no chain, or three factors of one, check it, and write it where it passes.

    Raises
    ------
    ConstructionFailed
        If a mask lacks a matching; the layer is named.
    InvalidInput
        If an argument is one for chains alone, or points are needed and not given.
    TheoremNotApplicable
        If inner neurons are to have a ReLU but their bounds are too large, or there are three factors.
    """
    if factors == 3:
        refuse_given("two `factors` to go with it", outer=outer)
    elif len(densities) != 1:
        raise InvalidInput("density", "one number, where the target is no chain", f"{len(densities)} numbers")
    if factors == 3 and inner not in (None, "identity"):
        msg = "factored: three factors are built with inner identity here"
        raise TheoremNotApplicable(msg)
    if no_mask:
        raise InvalidInput("no_mask", "two factors of a chain, whose masks can be drawn again from its file", no_mask)
    if target.domain is None:
        raise InvalidInput("domain", "an interval, for weights are rounded", "unbounded")
    if inputs is None and _has_positions(target):
        raise InvalidInput("inputs", "points of shape (n, channels, *positions) for a network with positions", None)
    points = None if inputs is None else read_points(inputs, target.domain)
    started = time.perf_counter()
    if factors == 3:
        built = embed_triples(
            target,
            densities=densities,
            failure_probability=failure_probability,
            seed=seed,
            split=one_of("split", split or "equal", ("equal", "best")),
            progress=progress,
        )
    else:
        built = embed_network(
            target,
            density=densities[0],
            failure_probability=failure_probability,
            seed=seed,
            inner=inner or "identity",
            outer=outer or "solved",
            split=split or "equal",
            progress=progress,
        )
    options: dict[str, Any] = {"points": points, "seed": seed, "progress": checking}
    found: list[Check] = []

    def check(path: Path) -> None:
        found.append(check_file(path, target, **options))
        if not found[0].passed:
            raise CheckFailed

    with called(points="inputs", path="out"), suppress(CheckFailed):
        if place is None:
            found.append(check_embedding(target, built.source, built.masks, **options))
        else:
            write_network(place, built, force=force, check=check)
    passed = found[0].passed
    return BuiltNetwork(
        embedding=built,
        check=found[0],
        passed=passed,
        seed=seed,
        file=place if passed else None,
        seconds=time.perf_counter() - started,
    )


def _has_positions(network: Network) -> bool:
    kernels = any(step.kernel for step in network.affine)
    return kernels or bool(leading(network.steps)) or any(isinstance(step, Pool) for step in network.steps)
