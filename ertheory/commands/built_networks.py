"""Networks with skips, convolutions or norms inside a random source that has two masked maps for each linear one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders.factored.files import write_network
from ertheory.builders.factored.networks import FactoredNetwork, embed_network
from ertheory.check import Check, check_embedding, check_file
from ertheory.check.geometry import leading
from ertheory.commands.arguments import called
from ertheory.commands.points import FilePath, read_points
from ertheory.errors import InvalidInput, TheoremNotApplicable
from ertheory.networks.network import Network, Pool
from ertheory.results import Explained, Step

__all__ = ["BuiltNetwork", "build_network"]


@dataclass(frozen=True, kw_only=True)
class BuiltNetwork(Explained):
    """A source that holds a network which is no chain of fully connected layers.

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
            f"layer {name}: {one.plan.orientation}, N = {one.groups * one.blocks * one.plan.inner}, fails with "
            f"probability {float(one.plan.failure):.3g} at most, |A B - W| <= {one.error_bound:.2g}"
            for name, one in self.embedding.module.maps.items()
        )
        bound = self.check.difference_bound
        error = "" if bound is None else f", |source - target| <= {bound:.4g} on the box"
        return (*rows, f"built with seed {self.seed} and checked: on the mask: {self.check.on_mask}{error}")

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it beside what was asked."""
        built, content = self.embedding, self.check.to_dict()
        answers = built.module.maps.values()
        return {
            "seed": self.seed,
            "success": self.passed,
            "missing": [],
            "max_abs_error": content.pop("max_abs_error"),
            "max_rel_error": content.pop("max_rel_error"),
            "edges_used": built.edges_used,
            "edges_available": built.edges_available,
            "edges_ratio": built.module.edges_ratio,
            "schemes": [one.scheme for one in answers],
            "universal": [one.universal for one in answers],
            "certificates": [{"bound": one.error_bound, "exact": False} for one in answers],
            "conditions": [one.condition for one in answers],
            "error_bound": self.check.difference_bound,
            "check": content,
            "widths": list(built.widths),
            "factors": None,
            "statement": "factored sources (ours)",
            "variant": "exact",
            "kind": "sufficient",
            "construction": "factored",
            "success_probability_lower": success_text(built.module.success_probability_lower),
            "mask_entries": sum(rows * columns for rows, columns in (mask.shape for mask in built.masks)),
            "densities": [rational_text(one) for answer in answers for one in answer.plan.densities],
            "layers": list(built.module.maps),
            "left_dense": dict(built.module.left_dense),
            "seconds": self.seconds,
            "file": None if self.file is None else str(self.file),
        }


def build_network(
    target: Network,
    *,
    densities: Sequence[Any],
    failure_probability: Any,
    seed: int,
    inputs: FilePath | Any | None,
    inner: str | None,
    outer: str | None,
    split: str | None,
    place: Path | None,
    no_mask: bool,
    force: bool,
    checking: Callable[[int], object] | None,
) -> BuiltNetwork:
    """Build a network that is no chain, check it, and write it where it passes.

    Raises
    ------
    ConstructionFailed
        If a mask lacks a matching; the layer is named.
    InvalidInput
        If an argument is one for chains alone, or points are needed and not given.
    TheoremNotApplicable
        If inner neurons are to have a ReLU.
    """
    if len(densities) != 1:
        raise InvalidInput("density", "one number, where the target is no chain", f"{len(densities)} numbers")
    if inner not in (None, "identity"):
        msg = "factored: a network that is no chain is built with inner identity here; embed_module knows inner relu"
        raise TheoremNotApplicable(msg)
    if no_mask:
        raise InvalidInput("no_mask", "a chain, whose masks can be drawn again from its file", no_mask)
    if target.domain is None:
        raise InvalidInput("domain", "an interval, for weights are rounded", "unbounded")
    if inputs is None and _has_positions(target):
        raise InvalidInput("inputs", "points of shape (n, channels, *positions) for a network with positions", None)
    points = None if inputs is None else read_points(inputs, target.domain)
    started = time.perf_counter()
    built = embed_network(
        target,
        density=densities[0],
        failure_probability=failure_probability,
        seed=seed,
        outer=outer or "solved",
        split=split or "equal",
    )
    options: dict[str, Any] = {"points": points, "seed": seed, "progress": checking}
    found: list[Check] = []
    with called(points="inputs", path="out"):
        if place is None:
            found.append(check_embedding(target, built.source, built.masks, **options))
        else:

            def check(path: Path) -> None:
                found.append(_passing(path, target, options))

            write_network(place, built, force=force, check=check)
    return BuiltNetwork(
        embedding=built,
        check=found[0],
        passed=found[0].passed,
        seed=seed,
        file=place,
        seconds=time.perf_counter() - started,
    )


def _passing(path: Path, target: Network, options: dict[str, Any]) -> Check:
    """Check a file, and leave nothing behind of one that does not pass."""
    found = check_file(path, target, **options)
    if not found.passed:
        msg = f"the source does not pass its check: {found.differs or 'it differs by more than was proved'}"
        raise ArithmeticError(msg)
    return found


def _has_positions(network: Network) -> bool:
    kernels = any(step.kernel for step in network.affine)
    return kernels or bool(leading(network.steps)) or any(isinstance(step, Pool) for step in network.steps)
